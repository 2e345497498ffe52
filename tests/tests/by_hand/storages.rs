//! `pve_storage` where it differs from a job: fixed settings, passwords, users of a storage.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reprise_lab::{LabConfig, Release};
use reprise_tests::server::{map, merged};
use reprise_tests::site::Site;
use serde_json::{Value, json};

use crate::support::{JOB, World, fails, succeeds, text, warnings};

fn nas(more: Value) -> Value {
    let base = json!({
        "storage": "nas",
        "type": "cifs",
        "enabled": false,
        "cifs_options": {"server": "192.0.2.1", "share": "pve", "username": "pve", "password": "first"},
    });
    Value::Object(merged(map(base), more))
}

#[test]
fn a_password_is_written_when_it_is_made_or_each_time() -> Result<()> {
    let world = World::start()?;
    succeeds(&world.storage(nas(json!({})))?, true);
    succeeds(&world.storage(nas(json!({})))?, false);
    let always = json!({"update_password": "always"});
    let result = world.storage(nas(always.clone()))?;
    succeeds(&result, true);
    assert_eq!(
        result["actions"],
        json!(["change storage `nas`: write the password"])
    );
    succeeds(&world.storage(nas(always))?, true);
    let journal = world.site.node()?.journal();
    let passwords: Vec<_> = journal
        .iter()
        .filter_map(|entry| entry.parameters.text("password"))
        .collect();
    assert_eq!(passwords, ["first"; 3]);
    Ok(())
}

#[test]
fn what_cannot_be_changed_is_refused() -> Result<()> {
    let world = World::start()?;
    succeeds(&world.storage(nas(json!({})))?, true);
    let cases = [
        (
            json!({"cifs_options": {"server": "192.0.2.2", "share": "pve"}}),
            "server is `192.0.2.1`",
        ),
        (
            json!({"cifs_options": {"server": "192.0.2.1", "share": "x"}}),
            "share is `pve`",
        ),
        (
            json!({"type": "nfs", "cifs_options": null, "nfs_options": {"server": "192.0.2.1", "export": "/x"}}),
            "type is cifs",
        ),
    ];
    let before = world.api.storage("nas")?;
    for (more, says) in cases {
        fails(
            &world.storage(nas(more))?,
            3,
            &[says, "Proxmox VE cannot change that"],
        );
    }
    assert_eq!(world.api.storage("nas")?, before);
    Ok(())
}

#[test]
fn a_storage_that_jobs_use_goes_only_with_consent() -> Result<()> {
    let world = World::start()?;
    succeeds(&world.job(json!({}))?, true);
    let absent = json!({"storage": "backups", "state": "absent"});
    fails(&world.storage(absent.clone())?, 3, &[JOB, "confirmed"]);
    assert!(world.api.storage("backups")?.is_some());
    // A job that an earlier task removes is there only in check mode.
    let removed = merged(map(absent.clone()), json!({"jobs_removed": [JOB]}));
    let check = json!({"_ansible_check_mode": true});
    let predicted = world.storage(Value::Object(merged(removed.clone(), check.clone())))?;
    succeeds(&predicted, true);
    let others = merged(removed.clone(), json!({"jobs_removed": ["other"]}));
    let refused = world.storage(Value::Object(merged(others, check)))?;
    fails(&refused, 3, &[JOB, "confirmed"]);
    fails(
        &world.storage(Value::Object(removed))?,
        3,
        &[JOB, "confirmed"],
    );
    assert!(world.api.storage("backups")?.is_some());
    let folder = world.site.node()?.local("/srv/backups");
    let archive = folder.join("kept");
    std::fs::write(&archive, "content")?;
    let confirmed = Value::Object(merged(map(absent), json!({"confirmed": true})));
    let result = world.storage(confirmed)?;
    succeeds(&result, true);
    assert!(warnings(&result).contains(JOB), "{result}");
    assert_eq!(world.api.storage("backups")?, None);
    assert!(archive.exists(), "what lay on the storage is gone");
    Ok(())
}

#[test]
fn wrong_usage_is_said_before_anything_is_sent() -> Result<()> {
    let world = World::start()?;
    let cases = [
        (
            json!({"storage": "1x", "type": "dir", "dir_options": {"path": "/x"}}),
            "storage",
        ),
        (json!({"storage": "x1", "type": "dir"}), "dir_options"),
        (
            json!({"storage": "x1", "type": "dir", "dir_options": {"path": "x"}}),
            "dir_options.path",
        ),
        (
            json!({"storage": "x1", "type": "dir", "dir_options": {"path": "/x", "paht": "/y"}}),
            "paht",
        ),
        (
            json!({"storage": "x1", "type": "nfs", "shared": true, "nfs_options": {"server": "a", "export": "/x"}}),
            "shared",
        ),
        (
            json!({"storage": "x1", "type": "dir", "content": ["backups"], "dir_options": {"path": "/x"}}),
            "content",
        ),
        (
            json!({"storage": "x1", "type": "dir", "keep_last": 0, "dir_options": {"path": "/x"}}),
            "keep_*",
        ),
    ];
    for (options, says) in cases {
        fails(&world.storage(options)?, 2, &[says]);
    }
    assert_eq!(world.site.calls()?.0, 0, "the node was asked");
    Ok(())
}

#[test]
fn the_diff_shows_no_password() -> Result<()> {
    let world = World::start()?;
    let result = world.storage(nas(json!({})))?;
    succeeds(&result, true);
    assert!(!result.to_string().contains("first"), "{result}");
    assert_eq!(
        text(
            &result["invocation"]["module_args"]["cifs_options"],
            "share"
        ),
        "pve"
    );
    Ok(())
}

// Proxmox VE reports it up to 10 seconds later.
#[test]
fn nobody_takes_a_new_storage_for_a_missing_one() -> Result<()> {
    let slow = |config: LabConfig| config.with_storage_report(Duration::from_hours(1));
    let world = World::of(Site::with(Release::default(), slow)?)?;
    let new = json!({
        "storage": "fresh", "type": "dir", "content": ["backup"], "keep_last": 3,
        "dir_options": {"path": "/srv/fresh"},
    });
    succeeds(&world.storage(new.clone())?, true);
    succeeds(&world.storage(new)?, false);

    let job = world.job(json!({"storage": "fresh", "keep_last": 3}))?;
    succeeds(&job, true);
    let said = warnings(&job);
    assert!(!said.contains("storage `fresh`"), "{said}");
    succeeds(
        &world.job(json!({"storage": "fresh", "keep_last": 3}))?,
        false,
    );

    let info = world
        .program
        .module("pve_info", &world.server.by_token()?)?;
    let storages = info["storages"].as_array().context("no storages")?;
    let fresh = storages.iter().find(|entry| entry["storage"] == "fresh");
    let fresh = fresh.context("the new storage is not told")?;
    assert_eq!(
        (&fresh["available"], &fresh["free"]),
        (&json!(false), &Value::Null)
    );

    // An empty storage has no archives; it is neither missing nor unknown.
    let options = merged(world.server.by_token()?, json!({"storage": ["fresh"]}));
    let verified = world.program.module("backup_verify", &options)?;
    assert_eq!(verified["archives"], json!([]), "{verified}");
    assert!(
        !verified["unknown"].to_string().contains("fresh"),
        "{verified}"
    );
    let states = verified["guests"].as_array().context("no guests")?;
    assert!(
        states.iter().all(|guest| guest["state"] != "unknown"),
        "{verified}"
    );
    Ok(())
}
