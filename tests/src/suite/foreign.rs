//! Clients that nobody here wrote, unchanged: four modules of community.proxmox, and the library
//! proxmoxer. What they say must be what the server then has.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::{PREFIX, Suite, literal};
use crate::ansible::{Play, Played};
use crate::process::{self, Watch};

/// What is done with proxmoxer.
const SCRIPT: &str = include_str!("foreign.py");

/// A play with the defaults of the connection for all modules of the collection.
fn play(suite: &Suite<'_>) -> Result<Play> {
    let server = suite.server;
    let foreign = &suite.controller.tools().foreign;
    let (user, token) = user_and_token(suite)?;
    let (host, port) = server.endpoint()?;
    let connection = json!({
        "api_host": host,
        "api_port": port,
        "api_user": user,
        "api_token_id": token,
        "api_token_secret": server.token_secret,
        "validate_certs": true,
    });
    let references: Map<String, Value> = crate::server::map(connection.clone())
        .into_iter()
        .map(|(name, _)| {
            let reference = format!("{{{{ proxmox.{name} }}}}");
            (name, reference.into())
        })
        .collect();
    let defaults = json!({"group/community.proxmox.proxmox": references});
    Ok(Play::new()
        .key("module_defaults", defaults)
        .variable("proxmox", connection)
        .variable(
            "ansible_python_interpreter",
            foreign.python.display().to_string(),
        )
        .environment(
            "ANSIBLE_COLLECTIONS_PATH",
            foreign.collections.display().to_string(),
        )
        .environment("REQUESTS_CA_BUNDLE", &server.ca_path))
}

fn user_and_token<'a>(suite: &Suite<'a>) -> Result<(&'a str, &'a str)> {
    let both = suite.server.token_id.split_once('!');
    both.context("the token id has no `!`")
}

/// A task of the collection; `check` asks only.
fn task(name: &str, module: &str, options: &Value, check: bool) -> Value {
    let mut task = Map::new();
    task.insert("name".to_owned(), name.into());
    task.insert(
        format!("community.proxmox.{module}"),
        literal(options.clone()),
    );
    task.insert("check_mode".to_owned(), check.into());
    Value::Object(task)
}

/// The tasks of one module, one after the other, each with what its result must say.
fn steps(suite: &Suite<'_>, module: &str, steps: &[(&str, Value, bool)]) -> Result<Played> {
    let mut play = play(suite)?;
    for (name, options, _) in steps {
        play = play.task(task(name, module, options, name.starts_with("asked")));
    }
    let played = play.run(suite.controller)?.succeeded()?;
    for (name, _, changed) in steps {
        let result = played.result(name)?;
        ensure!(
            result.changed() == *changed,
            "{module}, {name}: changed={}: {}",
            result.changed(),
            result.result
        );
    }
    Ok(played)
}

pub(super) fn storages(suite: &mut Suite<'_>) -> Result<()> {
    let name = format!("{PREFIX}foreign");
    let node = &suite.server.node;
    let present = json!({
        "name": name, "state": "present", "type": "dir", "nodes": [node],
        "content": ["backup", "iso"],
        "dir_options": {"path": format!("/var/tmp/{name}")},
    });
    let ask = [("asked for it", present.clone(), true)];
    steps(suite, "proxmox_storage", &ask)?;
    ensure!(
        suite.api.storage(&name)?.is_none(),
        "check mode made {name}"
    );
    let made = [
        ("made", present.clone(), true),
        ("made again", present, false),
    ];
    steps(suite, "proxmox_storage", &made)?;
    let storage = suite.api.storage(&name)?.unwrap_or_default();
    let content = storage.get("content").and_then(Value::as_str);
    let content: BTreeSet<&str> = content.unwrap_or_default().split(',').collect();
    ensure!(
        content == BTreeSet::from(["backup", "iso"]) && storage.get("nodes") == Some(&json!(node)),
        "the storage is {storage}"
    );
    let absent = json!({"name": name, "state": "absent", "type": "dir"});
    let removed = [
        ("asked to remove", absent.clone(), true),
        ("removed", absent.clone(), true),
        ("removed again", absent, false),
    ];
    steps(suite, "proxmox_storage", &removed)?;
    ensure!(suite.api.storage(&name)?.is_none(), "{name} is still there");
    Ok(())
}

pub(super) fn schedules(suite: &mut Suite<'_>) -> Result<()> {
    let id = format!("{PREFIX}foreign");
    let (ct, vm) = (suite.server.ct.to_string(), suite.server.vm.to_string());
    let storage = suite.server.storage()?;
    let job = [
        ("id", id.as_str()),
        ("schedule", "sat 03:00"),
        ("vmid", &ct),
        ("storage", storage),
    ];
    suite.api.post("/cluster/backup", &job)?;
    let guests = |suite: &Suite<'_>| -> Result<String> {
        let job = suite.api.job(&id)?.unwrap_or_default();
        let guests = job.get("vmid").and_then(Value::as_str);
        Ok(guests.unwrap_or_default().to_owned())
    };
    let state = |vmid: &str, state: &str| json!({"vm_id": vmid, "backup_id": id, "state": state});
    let added = [
        ("added", state(&vm, "present"), true),
        ("added again", state(&vm, "present"), false),
    ];
    steps(suite, "proxmox_backup_schedule", &added)?;
    ensure!(
        guests(suite)? == format!("{ct},{vm}"),
        "the job has the guests {}",
        guests(suite)?
    );
    let removed = [
        ("removed", state(&ct, "absent"), true),
        ("removed again", state(&ct, "absent"), false),
    ];
    steps(suite, "proxmox_backup_schedule", &removed)?;
    ensure!(
        guests(suite)? == vm,
        "the job has the guests {}",
        guests(suite)?
    );
    suite.api.delete(&format!("/cluster/backup/{id}")).map(drop)
}

pub(super) fn backups(suite: &mut Suite<'_>) -> Result<()> {
    let storage = suite.server.storage()?.to_owned();
    let before = suite.api.backups(&suite.server.node, &storage)?;
    let saved = save(suite, &storage, &before);
    // Also when something does not hold: the archives are not the server's.
    for volume in suite.api.backups(&suite.server.node, &storage)? {
        if !before.contains(&volume) {
            suite.remove_backup(&storage, &volume)?;
        }
    }
    saved
}

fn save(suite: &Suite<'_>, storage: &str, before: &BTreeSet<String>) -> Result<()> {
    let (ct, missing) = (suite.server.ct, suite.server.free_ids[1]);
    let options = |vmids: &[u32]| {
        json!({
            "mode": "include", "vmids": vmids, "storage": storage, "backup_mode": "stop",
            "compress": "zstd", "description": "{{guestname}}, saved by a test",
            // What the server keeps of older ones is not the test's business.
            "retention": "keep-all = 1",
            "node": suite.server.node, "wait": true, "wait_timeout": 120,
        })
    };
    let run = [
        ("asked to save", options(&[ct]), true),
        ("saved", options(&[ct]), true),
    ];
    let played = steps(suite, "proxmox_backup", &run)?;
    let made: Vec<String> = suite
        .api
        .backups(&suite.server.node, storage)?
        .difference(before)
        .cloned()
        .collect();
    let [volume] = made.as_slice() else {
        anyhow::bail!("not one archive more, but {made:?}");
    };
    let result = &played.result("saved")?.result;
    let log = result.pointer("/backups/0/log").and_then(Value::as_str);
    let log = log.unwrap_or_default();
    let file = volume.rsplit('/').next().unwrap_or_default();
    ensure!(
        log.contains(&format!("/{file}'")) && log.contains("TASK OK"),
        "the log does not tell of {file}: {log}"
    );
    let notes = suite
        .api
        .get(&format!(
            "/nodes/{}/storage/{storage}/content/{volume}",
            suite.server.node
        ))?
        .get("notes")
        .cloned()
        .unwrap_or_default();
    ensure!(
        notes
            .as_str()
            .is_some_and(|notes| notes.ends_with(", saved by a test") && notes.len() > 17),
        "the notes are {notes}"
    );
    let refused = play(suite)?
        .task(task(
            "failed",
            "proxmox_backup",
            &options(&[missing]),
            false,
        ))
        .run(suite.controller)?;
    let result = refused.result("failed")?;
    ensure!(
        result.kind == "failed"
            && result
                .message()
                .contains(&format!("unable to find VM '{missing}'")),
        "a guest that is not there: {}",
        result.result
    );
    Ok(())
}

pub(super) fn snapshots(suite: &mut Suite<'_>) -> Result<()> {
    suite.with_machine(|suite, vmid| {
        let state = |name: &str, state: &str, retention: u32| json!({"vmid": vmid, "snapname": name, "state": state, "retention": retention, "description": "made by a test"});
        let names = |suite: &Suite<'_>| suite.snapshots(vmid);
        let made = [
            ("made", state("first", "present", 0), true),
            ("made again", state("first", "present", 0), false),
        ];
        steps(suite, "proxmox_snap", &made)?;
        ensure!(
            names(suite)? == ["first", "current"],
            "{:?}",
            names(suite)?
        );
        // One stays: the older one goes. Snapshots of one second have no order.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let rotated = [("rotated", state("second", "present", 1), true)];
        steps(suite, "proxmox_snap", &rotated)?;
        suite.wait_until(|suite| Ok(names(suite)? == ["second", "current"]))?;
        let back = [
            ("rolled back", state("second", "rollback", 0), true),
            ("removed", state("second", "absent", 0), true),
            ("removed again", state("second", "absent", 0), false),
        ];
        steps(suite, "proxmox_snap", &back)?;
        ensure!(names(suite)? == ["current"], "{:?}", names(suite)?);
        Ok(())
    })
}

/// The library itself, by token and by password.
pub(super) fn library(suite: &mut Suite<'_>) -> Result<()> {
    let storage = suite.server.storage()?.to_owned();
    let before = suite.api.backups(&suite.server.node, &storage)?;
    let result = suite.with_machine(|suite, vmid| {
        let server = suite.server;
        let (user, token) = user_and_token(suite)?;
        let (host, port) = server.endpoint()?;
        let input = json!({
            "host": host, "port": port, "ca": server.ca_path, "node": server.node,
            "token": {"user": user, "token_name": token, "token_value": server.token_secret},
            "password": {"user": server.user, "password": server.password},
            "storage": storage, "ct": server.ct, "vm": vmid, "job": format!("{PREFIX}library"),
        });
        let mut python = process::command(&suite.controller.tools().foreign.python);
        python.args(["-c", SCRIPT]);
        let ended = process::run(python, input.to_string().as_bytes(), Watch::Nothing)?;
        ensure!(ended.code == Some(0), "{}", ended.output());
        for line in ended.stdout.lines() {
            crate::trial::say(&format!("{}: proxmoxer: {line}", server.url));
        }
        let done = ended.stdout.lines().last();
        ensure!(done == Some("all of it holds"), "{}", ended.output());
        Ok(())
    });
    let after = suite.api.backups(&suite.server.node, &storage)?;
    let left: Vec<&String> = after.difference(&before).collect();
    for volume in &left {
        suite.remove_backup(&storage, volume)?;
    }
    result?;
    ensure!(left.is_empty(), "the script left {left:?}");
    Ok(())
}
