//! The same for somebody who is not root: in a user namespace.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::{LabProcess, NODES};
use reprise_tests::process::{self, Watch};
use reprise_tests::tests;
use reprise_tests::trial::{self, Needing};

use crate::{isolation, login};

pub(crate) const TESTS: &[Needing<HostTools>] = tests![a_user_who_is_not_root_has_hosts_too];

/// The ids of `nobody`, as everywhere.
const NOBODY: u32 = 65534;

fn a_user_who_is_not_root_has_hosts_too(tools: &HostTools) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("reprise-nobody-")
        .tempdir()?;
    let mut command = if fs::metadata("/proc/self")?.uid() == 0 {
        if !reaches(&tools.sshd)? || !reaches(&tools.sftp_server)? {
            trial::say(&format!(
                "a_user_who_is_not_root_has_hosts_too did not run: {} cannot be reached by nobody",
                tools.sshd.display()
            ));
            return Ok(());
        }
        let mut command = process::command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        let program = folder.path().join("reprise-lab");
        fs::copy(&tools.lab, &program).context("cannot copy the lab's program")?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        command.arg(program);
        command
    } else {
        // Whoever runs the tests is not root already.
        process::command(&tools.lab)
    };
    command.current_dir(folder.path());
    let lab = LabProcess::start(command, tools, folder.path())?;
    let host = lab.host(NODES[0])?;
    ensure!(host.output("id -u; id -un; hostname")? == "0\nroot\npve-prod");
    host.output("systemctl daemon-reload")?;
    login::copy_files(&host)?;
    let neighbor = lab.host(NODES[1])?;
    isolation::attack(&host, &neighbor, folder.path())
}

fn reaches(path: &Path) -> Result<bool> {
    let mut command = process::command("setpriv");
    command
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "test",
            "-x",
        ])
        .arg(path)
        .current_dir("/");
    Ok(process::run(command, b"", Watch::Nothing)?.code == Some(0))
}
