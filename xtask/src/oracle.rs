//! `cargo xtask oracle`: asks the argument validator of every supported ansible-core, and keeps
//! what it answers beside the protocol library's tests.

use anyhow::Result;

use crate::python::CORES;
use crate::workspace::Workspace;

/// Where the questions, the script that asks them and the answers are.
const FOLDER: &str = "crates/ansible-module/tests/oracle";

/// Writes `answers-<minor>.json` for every core that a Python of this machine runs. A core
/// without a Python is said at the end and makes the command fail: its answers are old.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.path(FOLDER);
    let mut left_out = Vec::new();
    for core in CORES {
        if let Err(error) = core.python() {
            left_out.push(format!("{error:#}"));
            continue;
        }
        let answers = folder.join(format!("answers-{}.json", core.minor));
        core.venv(workspace)?
            .program("python")
            .arg(folder.join("oracle.py"))
            .arg(folder.join("cases.json"))
            .arg(&answers)
            .run()?;
        println!("wrote {}", answers.display());
    }
    anyhow::ensure!(
        left_out.is_empty(),
        "not all cores were asked:\n{}",
        left_out.join("\n")
    );
    Ok(())
}
