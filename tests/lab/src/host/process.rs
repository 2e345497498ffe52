//! The one seam through which the hosts start programs.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What a login has as its search path, and what we look for our own helpers in.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command with nothing in its environment but a search path.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the seam through which the lab starts programs"
    )]
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH);
    command
}

/// Runs a helper to its end.
///
/// # Errors
/// When it cannot be started or fails; the text has what it said.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}; is it installed?"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{name} ended with {}: {}",
        output.status,
        said.trim_end()
    );
    Ok(())
}
