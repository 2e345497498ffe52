//! `cargo xtask check`: what we are compared with, each by a program of its own.

use anyhow::{Result, bail};

use crate::lab;
use crate::program::Program;
use crate::workspace::Workspace;

/// The archives that are committed.
const ARCHIVES: &str = "tests/fixtures/archives";

/// What the full sweep counted.
const FIGURES: &str = "tests/archives/figures/sweep.json";

/// What the lab compares itself with.
const OF_THE_LAB: [&str; 4] = ["scenario", "prune", "pvesh", "losses"];

/// Runs one comparison.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [what] | [what, _] if OF_THE_LAB.contains(what) => {
            Program::new(lab::binary(workspace)?).arg("check").args(words)
        }
        ["corpus"] => archives(workspace)?.arg("corpus").arg(workspace.path(ARCHIVES)),
        ["corpus", folder] => archives(workspace)?.args(["corpus", folder]),
        ["sweep"] => archives(workspace)?.arg("sweep").arg(workspace.path(FIGURES)),
        ["sweep", "--write"] => archives(workspace)?
            .arg("sweep")
            .arg(workspace.path(FIGURES))
            .arg("--write"),
        _ => bail!(
            "`cargo xtask check` takes `scenario`, `prune`, `pvesh`, `losses` or `corpus`, and a file or folder if it is not the committed one, or `sweep`"
        ),
    }
    .next("the lines above name what differs")
    .run()
}

/// The program that makes and reads archives, compiled. Byte by byte it is slow without optimization, so the
/// crates through which they flow have it in every profile.
pub(crate) fn archives(workspace: &Workspace) -> Result<Program> {
    Program::cargo(workspace.root())
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "reprise-archives",
        ])
        .next("the compiler's messages stand above")
        .run()?;
    Ok(Program::new(workspace.target("debug/reprise-archives")))
}
