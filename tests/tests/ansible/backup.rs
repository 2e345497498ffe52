//! `reprise.pve.backup`: archives of every guest, and what is said when one is missing.

use anyhow::{Result, ensure};
use reprise_tests::ansible::Controller;
use reprise_tests::environment::Tools;
use reprise_tests::nodes::Nodes;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::json;

use crate::site::play;

pub(crate) const TESTS: &[WithTools] = tests![every_guest_and_every_node_is_accounted_for];

fn every_guest_and_every_node_is_accounted_for(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    let way = |environment: &str| nodes.by_api(environment);
    let backup = play("reprise.pve.backup", way)?;

    // Without a job there is nothing to run, and that is an error that says so.
    let none = backup
        .clone()
        .argument("--limit")
        .argument("prod")
        .run(&controller)?;
    ensure!(
        none.ended.code == Some(2) && none.ended.stdout.contains("`reprise-prod` does not exist"),
        "{}",
        none.ended.output()
    );

    // One node's job names a guest that is not there.
    let site = play("reprise.pve.site", way)?;
    site.clone().run(&controller)?.succeeded()?;
    site.argument("--limit")
        .argument("lab")
        .variable("backup_schedule_selection", json!({"vmid": [200, 998]}))
        .run(&controller)?
        .succeeded()?;
    // One guest of a job alone.
    let one = backup
        .clone()
        .variable("env", "prod")
        .variable("vmid", "111")
        .run(&controller)?
        .succeeded()?;
    ensure!(one.changes()? == 1, "{}", one.ended.output());
    let content = "/nodes/pve-prod/storage/local-backup/content?content=backup";
    let archives = nodes.list("prod", content)?;
    ensure!(
        archives.len() == 1 && archives[0]["vmid"] == 111,
        "{archives:?}"
    );
    let other = backup
        .clone()
        .variable("env", "prod")
        .variable("vmid", "302")
        .run(&controller)?;
    ensure!(
        other.ended.code == Some(2) && other.ended.stdout.contains("does not save guest 302"),
        "{}",
        other.ended.output()
    );

    let writes = nodes.writes()?;
    let check = backup
        .clone()
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    ensure!(
        check.changes()? == 3 && nodes.writes()? == writes,
        "check mode ran jobs"
    );
    let ran = backup.run(&controller)?;
    ensure!(ran.ended.code == Some(2), "{}", ran.ended.output());
    for text in [
        "100 on pve-prod: local-backup:backup/vzdump-qemu-100-",
        "111 on pve-prod: local-backup:backup/vzdump-lxc-111-",
        "200 on pve-lab: local-backup:backup/vzdump-qemu-200-",
        "302 on pve-mon: local-backup:backup/vzdump-qemu-302-",
        "FAILED: ",
        "Not done: pve-lab.",
    ] {
        ensure!(
            ran.ended.stdout.contains(text),
            "no `{text}`:\n{}",
            ran.ended.output()
        );
    }
    let archives = nodes.list(
        "mon",
        "/nodes/pve-mon/storage/local-backup/content?content=backup",
    )?;
    ensure!(archives.len() == 3, "{archives:?}");
    Ok(())
}
