//! A login: goes into the namespaces of a node and runs there what sshd was asked for.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use signal_hook::consts::{SIGINT, SIGQUIT};

use super::config::HostPlan;
use super::{capabilities, namespaces, process};

const SHELL: &str = "/bin/bash";

/// What of the login's environment the node sees.
const KEPT: [&str; 6] = [
    "LANG",
    "LANGUAGE",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_ORIGINAL_COMMAND",
    "TERM",
];

/// Runs the login on the node of this folder, and ends as it ended.
///
/// # Errors
/// When the node is not there.
pub(crate) fn run(folder: &Path) -> Result<ExitCode> {
    let host = HostPlan::read(folder)?;
    join(&host).with_context(|| format!("node {} cannot be entered", host.name))?;
    capabilities::give_up()?;
    let mut command = shell();
    // A terminal sends these to all in the foreground, and we have to see how the other ended. A
    // handler, unlike ignoring, is not inherited.
    for signal in [SIGINT, SIGQUIT] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .context("cannot handle signals")?;
    }
    let status = command
        .status()
        .with_context(|| format!("cannot start {SHELL}"))?;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255),
    ))
}

fn join(host: &HostPlan) -> Result<()> {
    let id = fs::read_to_string(host.init_pid()).context("it does not run")?;
    let mut kinds = vec![
        ("ipc", LinkNameSpaceType::InterProcessCommunication),
        ("uts", LinkNameSpaceType::HostNameAndNISDomainName),
        ("pid", LinkNameSpaceType::ProcessID),
        ("mnt", LinkNameSpaceType::Mount),
    ];
    if !namespaces::is_root() {
        // First: it gives the right to the others.
        kinds.insert(0, ("user", LinkNameSpaceType::User));
    }
    let folder = Path::new("/proc").join(id.trim()).join("ns");
    let opened: Vec<_> = kinds
        .into_iter()
        .map(|(name, kind)| File::open(folder.join(name)).map(|file| (file, kind)))
        .collect::<Result<_, _>>()
        .context("its first process has ended")?;
    for (file, kind) in &opened {
        move_into_link_name_space(file.as_fd(), Some(*kind))
            .with_context(|| format!("the machine refuses its {kind:?} namespace"))?;
    }
    Ok(())
}

fn shell() -> Command {
    let mut command = process::command(SHELL);
    command
        .env("HOME", "/root")
        .env("LOGNAME", "root")
        .env("USER", "root")
        .env("SHELL", SHELL)
        .current_dir("/root");
    #[expect(
        clippy::disallowed_methods,
        reason = "sshd says what it was asked for in the environment"
    )]
    let told = |name: &str| std::env::var_os(name);
    for name in KEPT {
        if let Some(value) = told(name) {
            command.env(name, value);
        }
    }
    for (name, value) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LC_") {
            command.env(name, value);
        }
    }
    match told("SSH_ORIGINAL_COMMAND") {
        Some(line) => command
            .env_remove("SSH_ORIGINAL_COMMAND")
            .arg("-c")
            .arg(line),
        // The dash is how a shell learns that somebody logs in.
        None => command.arg0("-bash"),
    };
    command
}
