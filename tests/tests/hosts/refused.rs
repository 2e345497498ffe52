//! A machine that gives no namespaces: a user namespace that may have none is one.

use anyhow::{Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::process::{self, Ended, Watch};
use reprise_tests::tests;
use reprise_tests::trial::Needing;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![
    a_machine_that_refuses_namespaces_is_told_so,
    without_hosts_the_lab_starts_there_all_the_same,
];

/// Starts the lab where no mount namespace can be made, with its input closed.
fn start(tools: &HostTools, options: &[&str]) -> Result<Ended> {
    let folder = tempfile::tempdir()?;
    let mut command = process::command("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$0\" \"$@\"")
        .arg(&tools.lab)
        .args(["up", "--until-stdin-closes", "--nodes", "pve-prod", "--dir"])
        .arg(folder.path().join("lab"))
        .args(options);
    process::run(command, b"", Watch::Nothing)
}

fn a_machine_that_refuses_namespaces_is_told_so(tools: &HostTools) -> Result<()> {
    let (sshd, sftp) = (
        tools.sshd.display().to_string(),
        tools.sftp_server.display().to_string(),
    );
    let ended = start(tools, &["--hosts", "--sshd", &sshd, "--sftp-server", &sftp])?;
    ensure!(ended.code == Some(1), "{}", ended.output());
    for part in [
        "the lab's nodes cannot be hosts",
        "this machine refuses mount and process namespaces",
        "user.max_user_namespaces",
        "cargo xtask lab up --no-hosts",
    ] {
        ensure!(
            ended.stderr.contains(part),
            "no `{part}` in: {}",
            ended.stderr
        );
    }
    Ok(())
}

fn without_hosts_the_lab_starts_there_all_the_same(tools: &HostTools) -> Result<()> {
    let ended = start(tools, &[])?;
    ensure!(
        ended.code == Some(0) && ended.stdout.starts_with("lab ready: 1 nodes"),
        "{}",
        ended.output()
    );
    Ok(())
}
