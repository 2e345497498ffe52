//! The first process: makes namespaces for all hosts, and waits for the supervisor in them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::UnshareFlags;

use super::config::{HostPlan, HostsPlan};
use super::namespaces::{self, UserInside};
use super::{mounts, process, sshd_view};

/// Starts the supervisor of a plan and waits for it.
///
/// # Errors
/// When the machine refuses namespaces.
pub(crate) fn run(plan: &Path) -> Result<()> {
    let hosts = HostsPlan::read(plan)?;
    if !namespaces::is_root() {
        namespaces::become_user(UserInside::Same)?;
    }
    namespaces::leave(
        UnshareFlags::NEWNS | UnshareFlags::NEWPID,
        "mount and process",
    )?;
    mounts::make_private()?;
    sshd_view::arrange(&hosts)?;
    start(&hosts.program, "host-supervisor", plan)
}

/// Makes the namespaces of one node, and waits for its first process in them.
///
/// # Errors
/// When the machine refuses namespaces.
pub(crate) fn hold(folder: &Path) -> Result<()> {
    let program: PathBuf = HostPlan::read(folder)?.program;
    if !namespaces::is_root() {
        namespaces::become_user(UserInside::Root)?;
    }
    namespaces::leave(
        UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC,
        "mount, process, name and ipc",
    )?;
    start(&program, "host-init", folder)
}

// The first child after NEWPID is process 1 of the new namespace; when it ends, all in it end.
fn start(program: &Path, command: &str, argument: &Path) -> Result<()> {
    let status = process::command(program)
        .arg(command)
        .arg(argument)
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(status.success(), "{command} ended with {status}");
    Ok(())
}
