//! `state: run`: the stored job makes real archives, and what came of each guest is told.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::{JOB, World, fails, succeeds, text};

/// Runs the stored job.
fn run(world: &World, more: Value) -> Result<Value> {
    let mut options = world.server.by_token()?;
    options.insert("id".to_owned(), json!(JOB));
    options.insert("state".to_owned(), json!("run"));
    let options = reprise_tests::server::merged(options, more);
    world.program.module("vzdump_job", &options)
}

#[test]
fn archives_are_made_and_named() -> Result<()> {
    let world = World::start()?;
    let ct = world.server.ct;
    succeeds(&world.job(json!({"all": null, "vmid": [ct]}))?, true);
    let predicted = run(&world, json!({"_ansible_check_mode": true}))?;
    succeeds(&predicted, true);
    assert_eq!(predicted.get("runs"), None, "check mode ran the job");

    let ran = run(&world, json!({}))?;
    succeeds(&ran, true);
    let guest = &ran["runs"][0];
    assert_eq!(guest["vmid"], json!(ct));
    assert_eq!(guest["error"], Value::Null);
    assert!(guest["size"].as_u64().is_some_and(|size| size > 0), "{ran}");
    // The API shows no files: nothing is called sound from here, and nothing fails for it.
    assert_eq!(guest["verdict"], "not_verified", "{ran}");
    assert_eq!(guest["sha256"], Value::Null);
    assert_eq!(guest["reasons"][0]["id"], "file-elsewhere", "{ran}");
    let archive = text(guest, "archive");
    let content = format!(
        "/nodes/{}/storage/backups/content?content=backup",
        world.server.node
    );
    let listed = world.api.get(&content)?;
    assert!(
        listed
            .as_array()
            .into_iter()
            .flatten()
            .any(|entry| text(entry, "volid") == archive),
        "`{archive}` is not in {listed}"
    );
    // It is always a change: each run makes archives.
    succeeds(&run(&world, json!({}))?, true);
    Ok(())
}

#[test]
fn a_guest_that_is_not_there_does_not_hide_the_others() -> Result<()> {
    let world = World::start()?;
    let ct = world.server.ct;
    succeeds(&world.job(json!({"all": null, "vmid": [ct, 998]}))?, true);
    let ran = run(&world, json!({}))?;
    assert_eq!(ran["failed"], json!(true), "{ran}");
    assert_eq!(ran["exit_code"], json!(7), "{ran}");
    assert_eq!(ran["changed"], json!(true), "{ran}");
    assert!(text(&ran, "msg").contains("guest 998"), "{ran}");
    let saved = ran["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|guest| guest["vmid"] == json!(ct));
    assert!(saved.is_some_and(|guest| guest["error"].is_null()), "{ran}");
    Ok(())
}

#[test]
fn a_job_that_is_not_there_cannot_run() -> Result<()> {
    let world = World::start()?;
    fails(&run(&world, json!({}))?, 4, &[JOB, "does not exist"]);
    Ok(())
}
