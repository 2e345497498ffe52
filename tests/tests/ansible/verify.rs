//! `backup_verify` as a task on a node: what was saved is read there, and guests are judged by it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{GuestKind, Node};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::{HostTools, Tools};
use reprise_tests::host::{HostLab, NODES};
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![a_node_verifies_its_archives_and_judges_its_guests];

fn guests(node: &Node) -> Result<()> {
    for (vmid, kind, name, disk) in [
        (100, GuestKind::Qemu, "name", "scsi0"),
        (110, GuestKind::Lxc, "hostname", "rootfs"),
    ] {
        let volume = format!("local:{vmid}/vm-{vmid}-disk-0.raw,size=1M");
        node.add_guest(vmid, kind, &[(name, "saved"), (disk, &volume)])?;
    }
    node.add_guest(111, GuestKind::Lxc, &[("hostname", "new"), ("tags", "new")])
}

fn a_node_verifies_its_archives_and_judges_its_guests(tools: &Tools) -> Result<()> {
    let lab = HostLab::start(&HostTools::find()?.context("REPRISE_SFTP_SERVER is not set")?)?;
    let controller = Controller::new(tools)?;
    let node = lab.node(NODES[0])?;
    guests(node)?;
    let base = Play::new().host(NODES[0], lab.host(NODES[0])?.variables());
    let job = json!({"id": "nightly", "schedule": "03:00", "vmid": [100, 110], "storage": "local", "keep_daily": 7});
    let run = json!({"id": "nightly", "state": "run"});
    base.clone()
        .module("job", "vzdump_job", job)
        .module("run", "vzdump_job", run)
        .run(&controller)?
        .succeeded()?;

    let verify = |more: Value| {
        let options = json!({"ledger": "/var/lib/reprise/ledger"});
        let options = reprise_tests::server::merged(reprise_tests::server::map(options), more);
        base.clone().module("verify", "backup_verify", options)
    };
    let failed = verify(json!({})).run(&controller)?;
    let result = failed.result("verify")?;
    ensure!(
        result.kind == "failed" && result.result["exit_code"] == 5,
        "{}",
        result.result
    );
    ensure!(
        result
            .message()
            .contains("111 `new` is unprotected (in no backup job)"),
        "{}",
        result.message()
    );
    ensure!(result.result["archives"][0]["verdict"] == "ok");

    // The policy of an inventory, and nothing is read twice.
    let policy = json!({"no_backup_expected": ["tag:new"], "rpo": {"100": 1}});
    let check = verify(policy.clone())
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    let done = verify(policy).run(&controller)?.succeeded()?;
    for played in [&check, &done] {
        let result = played.result("verify")?;
        ensure!(!result.changed());
        let summary = &result.result["summary"];
        ensure!(
            summary["trusted"] == 2
                && summary["guests"]["protected"] == 2
                && summary["guests"]["excluded"] == 1,
            "{}",
            result.result
        );
        ensure!(result.result["guests"][0]["rpo_hours"] == 1);
    }

    // A byte that changes without a trace is found at the next full reading.
    let archive = done.result("verify")?.result["archives"][0]["path"]
        .as_str()
        .context("an archive without a path")?
        .to_owned();
    let file = node.local(&archive);
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("an empty archive")? ^= 0x40;
    fs::write(&file, bytes)?;
    let damaged = verify(json!({"fail_on": ["corrupt"]})).run(&controller)?;
    let result = damaged.result("verify")?;
    ensure!(
        result.kind == "failed"
            && result.message().contains("is corrupt")
            && result.result["summary"]["guests"]["corrupt"] == 1,
        "{}",
        result.result
    );
    Ok(())
}
