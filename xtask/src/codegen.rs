//! `cargo xtask codegen`: the generated files, written by the crate `codegen`.

use anyhow::Result;

use crate::program::Program;
use crate::workspace::Workspace;

/// Runs the generator with these arguments.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    Program::cargo(workspace.root())
        .args(["run", "--quiet", "--locked", "--package", "codegen", "--"])
        .args(arguments)
        .next("when files are out of date, run `cargo xtask codegen` and commit them")
        .run()
}
