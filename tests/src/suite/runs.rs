//! `state: run`: real archives, each told with its size and time, and the guest that failed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{PREFIX, Suite};
use crate::ansible::Play;

pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    let storage = suite.server.storage()?.to_owned();
    let before = suite.api.backups(&suite.server.node, &storage)?;
    let ran = of_jobs(suite, &storage);
    for volume in suite.api.backups(&suite.server.node, &storage)? {
        if !before.contains(&volume) {
            suite.remove_backup(&storage, &volume)?;
        }
    }
    ran
}

fn of_jobs(suite: &Suite<'_>, storage: &str) -> Result<()> {
    let (ct, missing) = (suite.server.ct, suite.server.free_ids[1]);
    let id = format!("{PREFIX}run");
    let job = |guests: &[u32]| {
        json!({
            "id": id, "schedule": "sat 04:00", "vmid": guests, "storage": storage, "mode": "stop",
            "compress": "zstd", "notes_template": "{% raw %}{{guestname}}{% endraw %} of a test",
            "enabled": false, "keep_all": true,
        })
    };
    let run = json!({"id": id, "state": "run"});
    let play = |guests: &[u32]| -> Result<Play> {
        let play = suite.play()?.module("job", "vzdump_job", job(guests));
        Ok(play.module("run", "vzdump_job", run.clone()))
    };
    let asked = suite
        .play()?
        .module("job", "vzdump_job", job(&[ct]))
        .run(suite.controller)?
        .succeeded()?;
    ensure!(asked.changes()? == 1, "the job was not made");
    let before = suite.api.backups(&suite.server.node, storage)?;
    let asked = suite.play()?.module("run", "vzdump_job", run.clone());
    let asked = asked.argument("--check").run(suite.controller)?;
    ensure!(
        asked.succeeded()?.result("run")?.changed(),
        "check mode predicts no change"
    );
    ensure!(
        suite.api.backups(&suite.server.node, storage)? == before,
        "check mode saved something"
    );

    let done = play(&[ct])?.run(suite.controller)?.succeeded()?;
    ensure!(done.result("run")?.changed(), "a run is a change");
    saved(suite, storage, &done.result("run")?.result)?;

    // One that is not there does not hide the other.
    let done = play(&[ct, missing])?.run(suite.controller)?;
    let result = done.result("run")?;
    ensure!(
        result.kind == "failed" && result.changed(),
        "{}",
        result.result
    );
    ensure!(
        result.result.get("exit_code") == Some(&json!(7))
            && result.message().contains(&missing.to_string()),
        "{}",
        result.result
    );
    saved(suite, storage, &result.result)?;
    let lost = guest(&result.result, missing)?;
    let error = lost.get("error").and_then(Value::as_str);
    ensure!(
        error.is_some_and(|error| error.contains(&format!("unable to find VM '{missing}'"))),
        "the guest that is not there: {lost}"
    );
    Ok(())
}

fn guest(result: &Value, vmid: u32) -> Result<&Value> {
    let runs = result.get("runs").and_then(Value::as_array);
    let mut runs = runs.into_iter().flatten();
    let found = runs.find(|guest| guest.get("vmid") == Some(&json!(vmid)));
    found.with_context(|| format!("nothing is told of {vmid}: {result}"))
}

/// What is told of the container is what the storage has.
pub(super) fn saved(suite: &Suite<'_>, storage: &str, result: &Value) -> Result<()> {
    let told = guest(result, suite.server.ct)?;
    let archive = told.get("archive").and_then(Value::as_str);
    let archive = archive.with_context(|| format!("no archive: {told}"))?;
    let node = &suite.server.node;
    let listed = suite.api.get(&format!(
        "/nodes/{node}/storage/{storage}/content?content=backup&vmid={}",
        suite.server.ct
    ))?;
    let mut entries = listed.as_array().into_iter().flatten();
    let entry = entries
        .find(|entry| entry.get("volid").and_then(Value::as_str) == Some(archive))
        .with_context(|| format!("{archive} is not on {storage}: {listed}"))?;
    ensure!(
        told.get("error") == Some(&Value::Null)
            && told.get("size").and_then(Value::as_u64).is_some()
            && told.get("size") == entry.get("size"),
        "{told} is told of {entry}"
    );
    let seconds = told.get("duration").and_then(Value::as_f64);
    ensure!(
        seconds.is_some_and(|seconds| (0.0..120.0).contains(&seconds)),
        "how long it took: {told}"
    );
    let notes = entry.get("notes").and_then(Value::as_str);
    ensure!(
        notes.is_some_and(|notes| notes.ends_with(" of a test")),
        "the notes of {entry}"
    );
    Ok(())
}
