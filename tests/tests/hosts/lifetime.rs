//! What ends when: a login, a detached process, the lab.

use std::process::Stdio;

use anyhow::{Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::{HostLab, LabProcess, processes_with, wait_until};
use reprise_tests::process;
use reprise_tests::tests;
use reprise_tests::trial::Needing;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![
    what_is_detached_outlives_its_login_and_ends_with_the_lab,
    a_killed_lab_leaves_nothing,
    a_node_that_is_down_lets_nobody_in,
];

/// A command line that no other program has.
fn mark(name: &str) -> String {
    format!("{}.{name}", std::process::id())
}

fn what_is_detached_outlives_its_login_and_ends_with_the_lab(tools: &HostTools) -> Result<()> {
    let mut lab = HostLab::start(tools)?;
    let host = lab.host("pve-prod")?;
    let mark = mark("1");
    // A number of seconds with a fraction of its own.
    host.output(&format!(
        "setsid sleep 1{mark} > /dev/null 2>&1 < /dev/null & exit 0"
    ))?;
    ensure!(host.output("pgrep -c sleep")? == "1");
    let mut ssh = host.client("ssh");
    ssh.arg("-tt").arg(&host.name).arg(format!("sleep 2{mark}"));
    let mut attached = ssh
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    wait_until(|| Ok(host.output("pgrep -c sleep || true")? == "2"))?;
    // Somebody who loses the connection loses what runs on its terminal, and no more.
    process::end(&mut attached);
    wait_until(|| Ok(host.output("pgrep -c sleep || true")? == "1"))?;
    ensure!(processes_with(&format!("sleep 1{mark}"))?.len() == 1);
    drop(lab.lab.take());
    wait_until(|| Ok(processes_with(&mark)?.is_empty()))?;
    let folder = lab.folder().display().to_string();
    wait_until(|| Ok(processes_with(&folder)?.is_empty()))
}

fn a_killed_lab_leaves_nothing(tools: &HostTools) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("reprise-killed-")
        .tempdir()?;
    let mut lab = LabProcess::start(process::command(&tools.lab), tools, folder.path())?;
    let host = lab.host("pve-lab")?;
    let mark = mark("2");
    host.output(&format!(
        "setsid sleep 3{mark} > /dev/null 2>&1 < /dev/null & exit 0"
    ))?;
    let mut ssh = host.client("ssh");
    ssh.arg(&host.name).arg(format!("sleep 4{mark}"));
    let mut attached = ssh
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    wait_until(|| Ok(processes_with(&format!("sleep 4{mark}"))?.len() > 1))?;
    lab.child.kill()?;
    attached.wait()?;
    let path = folder.path().display().to_string();
    wait_until(|| Ok(processes_with(&mark)?.is_empty() && processes_with(&path)?.is_empty()))
}

fn a_node_that_is_down_lets_nobody_in(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let (host, node) = (lab.host("pve-prod")?, lab.node("pve-prod")?);
    let mut ssh = host.client("ssh");
    ssh.arg(&host.name).arg("sleep 600");
    let mut attached = ssh
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    wait_until(|| Ok(host.output("pgrep -c sleep || true")? == "1"))?;
    node.down()?;
    ensure!(attached.wait()?.code() == Some(255));
    ensure!(host.run("true")?.code == Some(255));
    ensure!(lab.host("pve-lab")?.output("hostname")? == "pve-lab");
    node.up()?;
    ensure!(host.output("hostname")? == "pve-prod");
    Ok(())
}
