//! `cargo xtask lab`: the simulated cluster in the background, known by its process id.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::program::Program;
use crate::workspace::Workspace;
use crate::{files, unpacked};

/// How long a lab that is already compiled may take to answer.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs `up`, `down` or `status`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let folder = workspace.target("lab");
    let lab = |command: &str| -> Result<Program> {
        Ok(Program::new(launcher(workspace)?)
            .args([command, "--dir"])
            .arg(&folder))
    };
    match words.as_slice() {
        ["up"] => {
            empty(workspace, &folder)?;
            lab("up")?
                .args(["--background", "--hosts"])
                .next("without logins the lab runs by `cargo xtask lab up --no-hosts`")
                .run()
        }
        ["up", "--no-hosts"] => {
            empty(workspace, &folder)?;
            lab("up")?.arg("--background").run()
        }
        ["down"] => lab("down")?.run(),
        ["status"] => {
            // That it does not run is an answer here, and no failure.
            let said = lab("status")?.finished()?;
            print!("{}", String::from_utf8_lossy(&said.stdout));
            Ok(())
        }
        _ => bail!("`cargo xtask lab` takes one of: up, up --no-hosts, down, status"),
    }
}

/// A lab starts with nothing of a former one, and a running one keeps what it has.
fn empty(workspace: &Workspace, folder: &Path) -> Result<()> {
    if Program::new(launcher(workspace)?)
        .args(["status", "--dir"])
        .arg(folder)
        .succeeds()
    {
        bail!(
            "the lab runs already; `cargo xtask lab status` says where, `cargo xtask lab down` stops it"
        );
    }
    files::make_empty_folder(folder)
}

/// The lab's program with the servers of ssh and sftp that it needs, as a script: for who starts
/// it without us, as the scenarios of molecule do.
pub(crate) fn launcher(workspace: &Workspace) -> Result<PathBuf> {
    let program = binary(workspace)?;
    let script = workspace.target("tools/bin/reprise-lab");
    let text = launcher_text(
        &program,
        &unpacked::sshd(workspace)?,
        &unpacked::sftp_server(workspace)?,
    );
    if files::read_text(&script).ok().as_ref() != Some(&text) {
        files::write(&script, text)?;
        files::set_mode(&script, 0o755)?;
    }
    Ok(script)
}

fn launcher_text(program: &Path, sshd: &Path, sftp_server: &Path) -> String {
    format!(
        "#!/bin/sh\n# Made by `cargo xtask lab`.\n\
         : \"${{REPRISE_SSHD:={}}}\" \"${{REPRISE_SFTP_SERVER:={}}}\"\n\
         export REPRISE_SSHD REPRISE_SFTP_SERVER\n\
         exec \"{}\" \"$@\"\n",
        sshd.display(),
        sftp_server.display(),
        program.display(),
    )
}

/// The lab's program, compiled.
pub(crate) fn binary(workspace: &Workspace) -> Result<PathBuf> {
    Program::cargo(workspace.root())
        .args(["build", "--quiet", "--locked", "--package", "reprise-lab"])
        .next("the compiler's messages stand above")
        .run()?;
    Ok(workspace.target("debug/reprise-lab"))
}

/// Waits until a starting lab has written its addresses; `alive` says whether it still may.
pub(crate) fn wait_until_up(addresses: &Path, mut alive: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !addresses.exists() {
        if !alive() {
            bail!("the lab ended before it was up; what it wrote says why");
        }
        if start.elapsed() > PATIENCE {
            bail!(
                "the lab has not written {} after {} s",
                addresses.display(),
                PATIENCE.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::launcher_text;

    #[test]
    fn the_launcher_names_all_three_programs() {
        let text = launcher_text(
            Path::new("/a b/lab"),
            Path::new("/s/sshd"),
            Path::new("/s/sftp"),
        );
        assert!(text.starts_with("#!/bin/sh\n"));
        assert!(text.contains("REPRISE_SSHD:=/s/sshd}"), "{text}");
        assert!(text.contains("REPRISE_SFTP_SERVER:=/s/sftp}"), "{text}");
        assert!(text.ends_with("exec \"/a b/lab\" \"$@\"\n"), "{text}");
    }
}
