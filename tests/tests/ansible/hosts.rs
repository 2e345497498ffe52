//! The lab's nodes as Ansible reaches them: by ssh, with its own modules.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::{HostTools, Tools};
use reprise_tests::host::{HostLab, NODES};
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::json;

pub(crate) const TESTS: &[WithTools] = tests![
    files_and_units_are_laid_down_once,
    every_way_to_transfer_files_ends_on_the_node,
];

const UNIT: &str = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n";

fn lab() -> Result<HostLab> {
    HostLab::start(&HostTools::find()?.context("REPRISE_SFTP_SERVER is not set")?)
}

fn play(lab: &HostLab) -> Result<Play> {
    let mut play = Play::new();
    for name in NODES {
        play = play.host(name, lab.host(name)?.variables());
    }
    Ok(play)
}

fn files_and_units_are_laid_down_once(tools: &Tools) -> Result<()> {
    let lab = lab()?;
    let controller = Controller::new(tools)?;
    let play = play(&lab)?
        .key("gather_facts", true)
        .task(json!({
            "name": "copy",
            "ansible.builtin.copy": {"dest": "/etc/systemd/system/check.timer", "content": UNIT, "mode": "0644"},
        }))
        .task(json!({
            "name": "units",
            "ansible.builtin.systemd_service": {
                "name": "check.timer", "enabled": true, "state": "started", "daemon_reload": true,
            },
        }))
        .task(json!({
            "name": "service",
            "ansible.builtin.service": {"name": "check.timer", "state": "started", "enabled": true},
        }))
        .task(json!({
            "name": "facts",
            "ansible.builtin.debug": {"msg": "{{ ansible_facts.hostname }} {{ ansible_facts.service_mgr }}"},
        }));
    let first = play.clone().run(&controller)?.succeeded()?;
    // The copy and the unit, on both nodes; what `service` finds is done already.
    ensure!(first.changes()? == 4, "{}", first.ended.output());
    ensure!(!first.result("service")?.changed());
    let facts: Vec<_> = first
        .tasks
        .iter()
        .filter(|task| task.task == "facts")
        .map(|task| task.message().to_owned())
        .collect();
    ensure!(
        NODES
            .iter()
            .all(|name| facts.contains(&format!("{name} systemd"))),
        "{facts:?}"
    );
    for name in NODES {
        let node = lab.node(name)?;
        let link = node.local("/etc/systemd/system/timers.target.wants/check.timer");
        ensure!(link.is_symlink());
        let calls = node.systemctl_calls()?;
        let called = |line: &str| calls.iter().any(|call| call.arguments.join(" ") == line);
        ensure!(
            called("daemon-reload") && called("enable check.timer") && called("start check.timer"),
            "{calls:?}"
        );
    }
    let second = play.run(&controller)?.succeeded()?;
    ensure!(second.changes()? == 0, "{}", second.ended.output());
    Ok(())
}

fn every_way_to_transfer_files_ends_on_the_node(tools: &Tools) -> Result<()> {
    let lab = lab()?;
    let controller = Controller::new(tools)?;
    let host = lab.host(NODES[0])?;
    // One play for all: each way is a host of its own, and all of them are the same node.
    let mut play = Play::new().task(json!({
        "name": "copy",
        "ansible.builtin.copy": {
            "dest": "/usr/local/bin/{{ inventory_hostname }}",
            "content": "{{ inventory_hostname }}",
            "mode": "0755",
        },
    }));
    let ways = ["sftp", "scp", "piped"].map(|way| [(way, false), (way, true)]);
    for (way, pipelining) in ways.as_flattened() {
        let more = json!({
            "ansible_ssh_transfer_method": way,
            "ansible_pipelining": pipelining,
        });
        let variables = reprise_tests::server::map(host.variables());
        let variables = reprise_tests::server::merged(variables, more);
        play = play.host(&format!("{way}-{pipelining}"), variables.into());
    }
    play.run(&controller)?.succeeded()?;
    for (way, pipelining) in ways.as_flattened() {
        let name = format!("{way}-{pipelining}");
        let inside = host.root.join("usr/local/bin").join(&name);
        ensure!(fs::read_to_string(&inside)? == name);
    }
    Ok(())
}
