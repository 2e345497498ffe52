//! `systemctl` of a node, called from outside.

use std::fs;

use anyhow::{Result, ensure};
use reprise_tests::environment::HostTools;
use reprise_tests::host::HostLab;
use reprise_tests::tests;
use reprise_tests::trial::Needing;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![
    units_are_enabled_and_every_call_is_recorded,
    services_run_only_on_request,
];

const SERVICE: &str =
    "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'hostname > /var/lib/reprise/ran'\n";
const TIMER: &str = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n";

fn units_are_enabled_and_every_call_is_recorded(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let (host, node) = (lab.host("pve-prod")?, lab.node("pve-prod")?);
    host.run_with("cat > /etc/systemd/system/check.timer", TIMER.as_bytes())?;
    ensure!(host.output("command -v systemctl")? == "/usr/bin/systemctl");
    host.output("systemctl daemon-reload")?;
    let first = host.run("systemctl enable --now check.timer")?;
    ensure!(
        first.code == Some(0) && first.stderr.starts_with("Created symlink "),
        "{first:?}"
    );
    let second = host.run("systemctl enable --now check.timer")?;
    ensure!(
        second.code == Some(0) && second.stderr.is_empty(),
        "{second:?}"
    );
    ensure!(
        host.output("systemctl is-enabled check.timer; systemctl is-active check.timer")?
            == "enabled\nactive"
    );
    ensure!(host.run("systemctl start nothing")?.code == Some(5));
    let calls: Vec<_> = node
        .systemctl_calls()?
        .into_iter()
        .map(|call| (call.arguments.join(" "), call.code))
        .collect();
    let expected = [
        ("daemon-reload", 0),
        ("enable --now check.timer", 0),
        ("enable --now check.timer", 0),
        ("is-enabled check.timer", 0),
        ("is-active check.timer", 0),
        ("start nothing", 5),
    ];
    ensure!(
        calls == expected.map(|(line, code)| (line.to_owned(), code)),
        "{calls:?}"
    );
    ensure!(lab.node("pve-lab")?.systemctl_calls()?.is_empty());
    Ok(())
}

fn services_run_only_on_request(tools: &HostTools) -> Result<()> {
    let lab = HostLab::start(tools)?;
    let (host, node) = (lab.host("pve-prod")?, lab.node("pve-prod")?);
    host.run_with(
        "cat > /etc/systemd/system/check.service",
        SERVICE.as_bytes(),
    )?;
    let ran = node.local("/var/lib/reprise/ran");
    host.output("systemctl start check.service")?;
    ensure!(!ran.exists(), "it ran although nobody asked for it");
    node.run_units()?;
    host.output("systemctl start check.service")?;
    ensure!(fs::read_to_string(&ran)? == "pve-prod\n");
    Ok(())
}
