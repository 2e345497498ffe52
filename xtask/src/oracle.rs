//! `cargo xtask oracle`: asks the argument validator of every supported ansible-core, and keeps
//! what it answers beside the protocol library's tests.

use anyhow::{Result, bail, ensure};

use crate::program::Program;
use crate::python::{CORES, Venv};
use crate::workspace::Workspace;

/// The script that asks; it writes `answers-<minor>.json` beside itself.
const SCRIPT: &str = "crates/ansible-module/tests/oracle/oracle.py";

/// Writes or compares the answers of every core that a Python of this machine runs. A core
/// without a Python is said at the end and makes the command fail: its answers are old.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if let Some(unknown) = arguments.iter().find(|argument| *argument != "--check") {
        bail!("`{unknown}` is not an option of `cargo xtask oracle`, only `--check` is");
    }
    let mut left_out = Vec::new();
    for core in CORES {
        if let Err(error) = core.python() {
            left_out.push(format!("{error:#}"));
            continue;
        }
        script(workspace, &core.venv(workspace)?)
            .args(arguments)
            .run()?;
    }
    ensure!(
        left_out.is_empty(),
        "not all cores were asked:\n{}",
        left_out.join("\n")
    );
    Ok(())
}

/// Compares the answers that are kept with those of one environment's core.
pub(crate) fn check(workspace: &Workspace, venv: &Venv) -> Result<()> {
    script(workspace, venv).arg("--check").run()
}

fn script(workspace: &Workspace, venv: &Venv) -> Program {
    venv.program("python")
        .arg(workspace.path(SCRIPT))
        .next("run `cargo xtask oracle`, look at what changed, and commit it")
}
