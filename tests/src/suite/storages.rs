//! Storages of every kind: made, made again, changed, taken away.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::{PREFIX, Suite};
use crate::server::{map, merged};

/// A kind of storage.
struct Kind {
    name: &'static str,
    made: Value,
    made_as: Value,
    changed: Value,
    changed_as: Value,
}

pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    suite.left_out.push(
        "storages of type nfs, cifs and pbs are declared with `enabled: false`: no such server is part of the test".to_owned(),
    );
    let kinds = kinds();
    let options = |kind: &Kind, more: &Value| -> Map<String, Value> {
        let own = json!({"storage": format!("{PREFIX}{}", kind.name), "type": kind.name});
        merged(map(own), more.clone())
    };
    let play = |which: fn(&Kind) -> Value| {
        kinds.iter().try_fold(suite.play()?, |play, kind| {
            Ok::<_, anyhow::Error>(play.module(
                kind.name,
                "pve_storage",
                options(kind, &which(kind)),
            ))
        })
    };
    let made = play(|kind| kind.made.clone())?;
    let done = suite.predicted(&made)?;
    ensure!(done.changes()? == 4, "not every storage was made");
    expect(suite, &kinds, |kind| &kind.made_as)?;
    suite.unchanged(&made)?;

    let changed = play(|kind| kind.changed.clone())?;
    let done = suite.predicted(&changed)?;
    ensure!(done.changes()? == 4, "not every storage was changed");
    expect(suite, &kinds, |kind| &kind.changed_as)?;
    suite.unchanged(&changed)?;

    // What Proxmox VE cannot change is refused, in check mode too, and stays.
    let moved = merged(
        options(&kinds[0], &kinds[0].changed),
        json!({"dir_options": {"path": "/var/tmp/reprise-test-elsewhere"}}),
    );
    let moved = suite.play()?.module("move", "pve_storage", moved);
    for play in [moved.clone().argument("--check"), moved] {
        let refused = play.run(suite.controller)?;
        let result = refused.result("move")?;
        ensure!(
            result.kind == "failed"
                && result
                    .message()
                    .contains("path is `/var/tmp/reprise-test-dir`"),
            "{}",
            result.message()
        );
        ensure!(
            result.result.get("exit_code") == Some(&json!(3)),
            "{}",
            result.result
        );
    }
    expect(suite, &kinds, |kind| &kind.changed_as)?;

    let gone = play(|_| json!({"type": null, "state": "absent"}))?;
    suite.predicted(&gone)?;
    for kind in &kinds {
        let name = format!("{PREFIX}{}", kind.name);
        ensure!(suite.api.storage(&name)?.is_none(), "{name} is still there");
    }
    suite.unchanged(&gone).map(drop)?;
    remove_folder(suite, "/var/tmp/reprise-test-dir")
}

/// The folder that PVE made for a storage: empty, but still ours to take away.
pub(super) fn remove_folder(suite: &mut Suite<'_>, folder: &str) -> Result<()> {
    let Some((program, arguments)) = suite.server.exec.split_first() else {
        suite.left_out.push(format!(
            "the empty folder {folder} stays on the node: `exec` is not set"
        ));
        return Ok(());
    };
    let mut command = crate::process::command(program);
    command
        .args(arguments)
        .args(["find", folder, "-type", "d", "-empty", "-delete"]);
    let ended = crate::process::run(command, b"", crate::process::Watch::Nothing)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    Ok(())
}

fn expect(suite: &Suite<'_>, kinds: &[Kind; 4], which: fn(&Kind) -> &Value) -> Result<()> {
    for kind in kinds {
        let name = format!("{PREFIX}{}", kind.name);
        let found = suite
            .api
            .storage(&name)?
            .with_context(|| format!("{name} is not there"))?;
        for (key, expected) in map(which(kind).clone()) {
            let is = sorted(found.get(&key).cloned().unwrap_or_default());
            ensure!(is == expected, "{name}: {key} is {is}, not {expected}");
        }
    }
    Ok(())
}

/// Lists stand in any order on the server.
fn sorted(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(',') => {
            let mut parts: Vec<&str> = text.split(',').collect();
            parts.sort_unstable();
            Value::String(parts.join(","))
        }
        other => other,
    }
}

fn kinds() -> [Kind; 4] {
    [
        Kind {
            name: "dir",
            made: json!({"dir_options": {"path": "/var/tmp/reprise-test-dir"}, "keep_daily": 7, "keep_last": 2}),
            made_as: json!({"type": "dir", "path": "/var/tmp/reprise-test-dir", "content": "backup", "prune-backups": "keep-daily=7,keep-last=2", "disable": null}),
            changed: json!({"dir_options": {"path": "/var/tmp/reprise-test-dir"}, "content": ["backup", "iso"], "max_protected_backups": -1}),
            changed_as: json!({"content": "backup,iso", "prune-backups": null, "max-protected-backups": "-1"}),
        },
        Kind {
            name: "nfs",
            made: json!({"nfs_options": {"server": "192.0.2.1", "export": "/export"}, "enabled": false}),
            made_as: json!({"type": "nfs", "server": "192.0.2.1", "export": "/export", "disable": "1", "options": null}),
            changed: json!({"nfs_options": {"server": "192.0.2.1", "export": "/export", "options": "vers=4.2"}, "enabled": false, "keep_weekly": 4}),
            changed_as: json!({"options": "vers=4.2", "prune-backups": "keep-weekly=4"}),
        },
        Kind {
            name: "cifs",
            made: json!({"cifs_options": {"server": "192.0.2.1", "share": "backup", "username": "pve", "password": "not-to-be-seen-1"}, "enabled": false}),
            made_as: json!({"type": "cifs", "share": "backup", "username": "pve", "password": null}),
            changed: json!({"cifs_options": {"server": "192.0.2.1", "share": "backup", "username": "other", "password": "not-to-be-seen-2", "domain": "example"}, "enabled": false}),
            changed_as: json!({"username": "other", "domain": "example", "password": null}),
        },
        Kind {
            name: "pbs",
            made: json!({"pbs_options": {"server": "192.0.2.1", "datastore": "pve", "username": "pve@pbs", "password": "not-to-be-seen-3"}, "enabled": false}),
            made_as: json!({"type": "pbs", "datastore": "pve", "username": "pve@pbs", "namespace": null, "password": null}),
            changed: json!({"pbs_options": {"server": "192.0.2.1", "datastore": "pve", "username": "pve@pbs", "password": "not-to-be-seen-4", "namespace": "prod", "port": 8008}, "enabled": false}),
            changed_as: json!({"namespace": "prod", "port": "8008"}),
        },
    ]
}
