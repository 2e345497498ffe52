//! `backup_verify` on what the server's own vzdump made: listed and judged with all rights and with
//! those of an auditor, read where the files can be seen from here, and the next prune as the
//! server would do it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{PREFIX, Suite};
use crate::ansible::Play;
use crate::process;
use crate::server::{Server, map, merged};

pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    let storage = suite.server.storage()?.to_owned();
    let name = format!("{PREFIX}coverage");
    let before = suite.api.backups(&suite.server.node, &storage)?;
    let held = judged(suite, &storage, &name);
    for volume in suite.api.backups(&suite.server.node, &storage)? {
        if !before.contains(&volume) {
            suite.remove_backup(&storage, &volume)?;
        }
    }
    held
}

fn judged(suite: &mut Suite<'_>, storage: &str, name: &str) -> Result<()> {
    let ct = suite.server.ct;
    let volume = saved_twice(suite, storage, name)?;

    // With all rights: a job saves it, its archive is there, and nobody has read that yet.
    let all = verify(suite, suite.server, json!({"vmid": [ct], "fail_on": []}))?;
    let archive = archive(&all, &volume)?;
    ensure!(
        archive.get("verdict") == Some(&json!("not_verified")),
        "what was not read is {archive}"
    );
    let guest = guest(&all, ct)?;
    ensure!(
        guest.get("state") == Some(&json!("unverified"))
            && guest.get("newest").and_then(Value::as_str) == Some(&volume)
            && guest.get("next_run").is_some_and(Value::is_i64),
        "{guest}"
    );
    as_the_server_prunes(suite, storage, &all)?;
    by_an_auditor(suite, &volume)?;
    read_here(suite, storage, &volume)
}

/// Two archives, of which the next prune would take one: the job keeps all while it runs, for the
/// container may have archives of its own here, and fewer once it does not run any more.
fn saved_twice(suite: &Suite<'_>, storage: &str, name: &str) -> Result<String> {
    let job = |retention: Value| {
        let job = json!({
            "id": name, "schedule": "sat 04:00", "vmid": [suite.server.ct], "storage": storage,
            "mode": "stop", "compress": "zstd",
        });
        merged(map(job), retention)
    };
    let run = json!({"id": name, "state": "run"});
    // Archives are named by the second.
    let later = json!({"name": "later", "ansible.builtin.pause": {"seconds": 2}});
    let made = suite
        .play()?
        .module("job", "vzdump_job", job(json!({"keep_all": true})))
        .module("first run", "vzdump_job", run.clone())
        .task(later)
        .module("last run", "vzdump_job", run)
        .module("keep", "vzdump_job", job(json!({"keep_last": 1})))
        .run(suite.controller)?
        .succeeded()?;
    let archive = |run: &str| -> Result<String> {
        let result = &made.result(run)?.result;
        let archive = result.pointer("/runs/0/archive").and_then(Value::as_str);
        Ok(archive.context("no archive was made")?.to_owned())
    };
    let last = archive("last run")?;
    ensure!(archive("first run")? != last, "both runs made {last}");
    Ok(last)
}

fn verify(suite: &Suite<'_>, server: &Server, options: Value) -> Result<Value> {
    let played = Play::new()
        .connected(&server.by_token()?)
        .module("verify", "backup_verify", options)
        .run(suite.controller)?
        .succeeded()?;
    let result = played.result("verify")?;
    ensure!(!result.changed(), "looking is no change");
    Ok(result.result.clone())
}

fn archive<'a>(result: &'a Value, volume: &str) -> Result<&'a Value> {
    let archives = result.get("archives").and_then(Value::as_array);
    let mut archives = archives.into_iter().flatten();
    let found = archives.find(|archive| archive.get("volid") == Some(&json!(volume)));
    found.with_context(|| format!("{volume} is not told: {result}"))
}

fn guest(result: &Value, vmid: u32) -> Result<&Value> {
    let guests = result.get("guests").and_then(Value::as_array);
    let mut guests = guests.into_iter().flatten();
    let found = guests.find(|guest| guest.get("vmid") == Some(&json!(vmid)));
    found.with_context(|| format!("{vmid} is not told: {result}"))
}

/// The server's own dry run, with the retention of the job.
fn as_the_server_prunes(suite: &Suite<'_>, storage: &str, told: &Value) -> Result<()> {
    let marks = suite.api.get(&format!(
        "/nodes/{}/storage/{storage}/prunebackups?vmid={}&type=lxc&prune-backups=keep-last%3D1",
        suite.server.node, suite.server.ct
    ))?;
    let text = |value: &Value, key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.map(str::to_owned).unwrap_or_default()
    };
    let theirs: BTreeMap<String, String> = marks
        .as_array()
        .into_iter()
        .flatten()
        .map(|mark| (text(mark, "volid"), text(mark, "mark")))
        .collect();
    let archives = told.get("archives").and_then(Value::as_array);
    let ours: BTreeMap<String, String> = archives
        .into_iter()
        .flatten()
        .filter(|archive| archive.get("storage") == Some(&json!(storage)))
        .map(|archive| (text(archive, "volid"), text(archive, "next_prune")))
        .collect();
    let marked = |mark: &str| theirs.values().any(|found| found == mark);
    ensure!(
        marked("keep") && marked("remove") && ours == theirs,
        "the next prune is {theirs:?}, and told is {ours:?}"
    );
    Ok(())
}

/// An auditor sees guests and jobs, and no archive: that is unknown with the missing right, and
/// never fine.
fn by_an_auditor(suite: &mut Suite<'_>, volume: &str) -> Result<()> {
    let user = suite.server.token_id.split('!').next().unwrap_or_default();
    let token = format!("{user}!{PREFIX}audit");
    let path = format!("/access/users/{user}/token/{PREFIX}audit");
    suite.api.delete(&path).ok();
    let made = suite.api.post(&path, &[("privsep", "1")])?;
    let secret = made.get("value").and_then(Value::as_str);
    let auditor = Server {
        token_id: token.clone(),
        token_secret: secret.context("a token without a secret")?.to_owned(),
        ..suite.server.clone()
    };
    let audited = suite
        .api
        .put(
            "/access/acl",
            &[("path", "/"), ("tokens", &token), ("roles", "PVEAuditor")],
        )
        .and_then(|_| {
            verify(
                suite,
                &auditor,
                json!({"vmid": [suite.server.ct], "fail_on": []}),
            )
        });
    suite.api.delete(&path)?;
    let told = audited?;
    let guest = guest(&told, suite.server.ct)?;
    let said = told
        .get("unknown")
        .map(Value::to_string)
        .unwrap_or_default();
    ensure!(
        guest.get("state") == Some(&json!("unknown"))
            && said.contains("Datastore.AllocateSpace")
            && archive(&told, volume).is_err(),
        "an auditor is told {guest}, unknown: {said}"
    );
    Ok(())
}

/// The archive that vzdump made is sound: read where its file can be seen from here, else read out
/// of the node.
fn read_here(suite: &mut Suite<'_>, storage: &str, volume: &str) -> Result<()> {
    let folder = suite.server.storages.get(storage);
    let folder = folder.cloned().unwrap_or_default();
    let (_, name) = volume.rsplit_once('/').context("the volume has no file")?;
    let seen = Path::new(&folder).join("dump").join(name);
    if seen.is_file() {
        return read(suite, &seen);
    }
    if suite.server.exec.is_empty() {
        suite.left_out.push(format!(
            "reading an archive: the folder of {storage} cannot be seen from here, and `exec` is \
             not set"
        ));
        return Ok(());
    }
    // Its name is a part of what is judged.
    let copies = tempfile::tempdir()?;
    let copy = copies.path().join(name);
    read_out(suite, volume, &copy)?;
    read(suite, &copy)
}

fn read_out(suite: &Suite<'_>, volume: &str, copy: &Path) -> Result<()> {
    let (node, storage) = (&suite.server.node, volume.split(':').next());
    let path = format!(
        "/nodes/{node}/storage/{}/content/{volume}",
        storage.unwrap_or_default()
    );
    let entry = suite.api.get(&path)?;
    let there = entry.get("path").and_then(Value::as_str);
    let there = there.with_context(|| format!("{volume} has no path: {entry}"))?;
    let exec = suite.server.exec.split_first();
    let (program, arguments) = exec.context("`exec` is not set")?;
    let ended = process::command(program)
        .args(arguments)
        .args(["cat", there])
        .stdout(File::create(copy)?)
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(ended.success(), "`cat {there}` on the node: {ended}");
    Ok(())
}

fn read(suite: &Suite<'_>, file: &Path) -> Result<()> {
    let played = Play::new()
        .module("verify", "backup_verify", json!({"path": file}))
        .run(suite.controller)?
        .succeeded()?;
    let result = &played.result("verify")?.result;
    let read = result.pointer("/archives/0").context("nothing was read")?;
    ensure!(
        read.get("verdict") == Some(&json!("ok"))
            && read.get("vmid") == Some(&json!(suite.server.ct))
            && read.get("members").and_then(Value::as_u64) > Some(0),
        "{read}"
    );
    Ok(())
}
