//! `reprise.pve.site` twice and `reprise.pve.backup` once, through the API: what they declare, what
//! they save, and that all of it goes again.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::storages::remove_folder;
use super::{PREFIX, Suite};
use crate::ansible::Play;

/// A folder on the node for the storage that the play declares.
const FOLDER: &str = "/var/tmp/reprise-test-site";

pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    let name = format!("{PREFIX}site");
    let played = declared_then_saved(suite, &name);
    // Also after a failure: the storage can only go when nothing of ours is on it.
    if suite.api.storage(&name)?.is_some() {
        for volume in suite.api.backups(&suite.server.node, &name)? {
            suite.remove_backup(&name, &volume)?;
        }
    }
    played?;
    let absent = play(suite, "reprise.pve.site", &name)?
        .variable("backup_schedule_state", "absent")
        .variable("backup_schedule_remove_storage", true);
    let gone = absent.clone().run(suite.controller)?.succeeded()?;
    ensure!(gone.changes()? == 2, "{}", gone.ended.output());
    ensure!(
        suite.api.job(&name)?.is_none() && suite.api.storage(&name)?.is_none(),
        "job or storage is still there"
    );
    suite.unchanged(&absent)?;
    remove_folder(suite, FOLDER)
}

fn play(suite: &Suite<'_>, playbook: &str, name: &str) -> Result<Play> {
    let node = &suite.server.node;
    Ok(Play::shipped(playbook)
        .host(node, json!({"reprise_api": suite.server.by_token()?}))
        .group("prod", &[node])
        .variable("backup_schedule_job_id", name)
        .variable("backup_schedule_storage", name)
        .variable("backup_schedule_path", FOLDER)
        .variable("backup_schedule_notify", json!(["system"]))
        .variable(
            "backup_schedule_selection",
            json!({"vmid": [suite.server.ct]}),
        )
        .variable("backup_schedule_job_options", json!({"mode": "stop"})))
}

fn declared_then_saved(suite: &Suite<'_>, name: &str) -> Result<()> {
    let declared = play(suite, "reprise.pve.site", name)?;
    let check = declared
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(suite.controller)?
        .succeeded()?;
    ensure!(check.changes()? == 2, "{}", check.ended.output());
    ensure!(suite.api.job(name)?.is_none(), "check mode made the job");
    let made = declared.clone().run(suite.controller)?.succeeded()?;
    ensure!(made.changes()? == 2, "{}", made.ended.output());
    suite.unchanged(&declared)?;

    let job = suite.api.job(name)?.context("there is no job")?;
    let retention = job.get("prune-backups");
    let kept = |rule: &str| {
        let value = retention.and_then(|retention| retention.get(rule));
        value.map(|value| value.to_string().trim_matches('"').to_owned())
    };
    ensure!(
        job.get("schedule") == Some(&json!("03:00"))
            && kept("keep-daily").as_deref() == Some("7")
            && kept("keep-weekly").as_deref() == Some("4")
            && kept("keep-monthly").as_deref() == Some("3"),
        "the job of prod is {job}"
    );

    let before = suite.api.backups(&suite.server.node, name)?;
    let saved = play(suite, "reprise.pve.backup", name)?
        .run(suite.controller)?
        .succeeded()?;
    let after = suite.api.backups(&suite.server.node, name)?;
    let new: Vec<&String> = after.difference(&before).collect();
    let [volume] = new.as_slice() else {
        anyhow::bail!("these archives are new: {new:?}");
    };
    ensure!(
        volume.contains(&format!("vzdump-lxc-{}-", suite.server.ct)),
        "{volume} is of another guest"
    );
    ensure!(
        saved.ended.stdout.contains(volume.as_str()),
        "the play does not say that it made {volume}: {}",
        saved.ended.stdout
    );
    let entry = suite.api.get(&format!(
        "/nodes/{}/storage/{name}/content?content=backup",
        suite.server.node
    ))?;
    let size = entry.pointer("/0/size").and_then(Value::as_u64);
    ensure!(size.is_some_and(|size| size > 0), "{entry}");
    Ok(())
}
