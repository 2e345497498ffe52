//! The lab's program as it is called by its hosts: by commands of its own, and on a node by the
//! names of programs that a node has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::{enter, mountpoint, node_init, outer, pveversion, supervisor, systemctl};

/// Commands that the lab's own processes give to each other.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Make namespaces for the hosts of a plan.
    HostOuter {
        /// The plan.
        plan: PathBuf,
    },
    /// Start the hosts of a plan.
    HostSupervisor {
        /// The plan.
        plan: PathBuf,
    },
    /// Make namespaces for a node.
    HostNode {
        /// The node's folder.
        folder: PathBuf,
    },
    /// Be the first process of a node.
    HostInit {
        /// The node's folder.
        folder: PathBuf,
    },
    /// Log in to a node.
    HostEnter {
        /// The node's folder.
        folder: PathBuf,
    },
}

impl HostCommand {
    /// Does it.
    ///
    /// # Errors
    /// When the machine refuses something.
    pub fn run(&self) -> Result<ExitCode> {
        let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
        match self {
            Self::HostOuter { plan } => done(outer::run(plan)),
            Self::HostSupervisor { plan } => done(supervisor::run(plan)),
            Self::HostNode { folder } => done(outer::hold(folder)),
            Self::HostInit { folder } => done(node_init::run(folder)),
            Self::HostEnter { folder } => enter::run(folder),
        }
    }
}

/// A program of a node.
type NodeProgram = fn(&[String]) -> ExitCode;

/// The programs that a node has from the lab.
pub(crate) const PROGRAMS: [(&str, NodeProgram); 5] = [
    ("mountpoint", mountpoint::main),
    ("ping", crate::ping::run),
    ("pvesh", |words| crate::pvesh::run(words.to_vec())),
    ("pveversion", pveversion::main),
    ("systemctl", systemctl::main),
];

/// Runs the program of a node that we are called as, if it is one of the lab's.
pub fn called_as(arguments: &[OsString]) -> Option<ExitCode> {
    // The processes of tasks have titles instead of names.
    if let Some(code) = crate::programs::run(arguments.iter().cloned()) {
        return Some(code);
    }
    let name = Path::new(arguments.first()?).file_name()?.to_str()?;
    let (_, program) = PROGRAMS.iter().find(|(known, _)| *known == name)?;
    let rest: Vec<_> = arguments
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    Some(program(&rest))
}
