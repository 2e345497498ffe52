//! The binary where a node is: `pvesh` in its path, the node's list of tasks, state folder and
//! storage for backups at their places, the node's name as the machine's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use reprise_lab::{Node, VARIABLE, programs};
use tempfile::TempDir;

use crate::process;
use crate::program::Program;

/// What of a node's root is seen, and where a mount can be made that hides the machine's own.
const SEEN: [(&str, &str); 3] = [
    ("/var/log", "pve"),
    ("/var/lib", "reprise"),
    ("/srv", "backups"),
];

/// A node that programs run on.
#[derive(Debug)]
pub struct OnNode {
    programs: TempDir,
    socket: String,
    words: Vec<String>,
}

impl OnNode {
    /// `program` is the lab's, under whatever name.
    ///
    /// # Errors
    /// When a folder cannot be made, or the machine makes no namespaces.
    pub fn new(node: &Node, program: &Path) -> Result<Self> {
        let programs = tempfile::Builder::new().prefix("reprise-node-").tempdir()?;
        for name in programs::NAMES {
            symlink(program, programs.path().join(name))?;
        }
        let mut script = "set -e; hostname \"$1\"; shift; ".to_owned();
        for (folder, name) in SEEN {
            let source = node.local(&format!("{folder}/{name}"));
            fs::create_dir_all(&source)?;
            // Inside it is the same folder by another way: the root lies outside of both.
            let source = source.display();
            script = format!(
                "{script}mount -t tmpfs none {folder}; mkdir {folder}/{name}; mount --bind {source} {folder}/{name}; "
            );
        }
        script.push_str("exec \"$@\"");
        let words = [
            "unshare",
            "--mount",
            "--uts",
            "--map-root-user",
            "sh",
            "-c",
            &script,
            "sh",
            node.name(),
        ];
        let words: Vec<String> = words.map(str::to_owned).into();
        let on_node = Self {
            programs,
            socket: node.socket().display().to_string(),
            words,
        };
        let tried = on_node.command("true")?.stdout(Stdio::null()).output()?;
        anyhow::ensure!(
            tried.status.success(),
            "this machine makes no namespaces: {}",
            String::from_utf8_lossy(&tried.stderr)
        );
        Ok(on_node)
    }

    /// A command on the node.
    ///
    /// # Errors
    /// Never, unless the words are none.
    pub fn command(&self, program: &str) -> Result<std::process::Command> {
        let (first, rest) = self.words.split_first().context("no words")?;
        let mut command = process::command(first);
        command
            .args(rest)
            .arg(program)
            .env("PATH", self.path())
            .env(VARIABLE, &self.socket);
        Ok(command)
    }

    /// The binary under test on the node.
    ///
    /// # Errors
    /// When it is not there.
    pub fn program(&self) -> Result<Program> {
        Ok(Program::under_test()?
            .run_by(self.words.clone())
            // The node has its own, in the usual place.
            .with("REPRISE_STATE_DIR", "")
            .with("PATH", self.path())
            .with(VARIABLE, self.socket.as_str()))
    }

    fn path(&self) -> String {
        format!(
            "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            self.programs.path().display()
        )
    }
}
