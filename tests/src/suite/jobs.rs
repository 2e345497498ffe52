//! Each option of a backup job set, set again, changed and cleared, and what the server then has.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{PREFIX, Suite, literal};
use crate::ansible::Play;
use crate::job_rows::{self, Step};
use crate::server::{map, merged};

/// One job for each option, so that one play takes every option one step further.
pub(super) fn run(suite: &mut Suite<'_>) -> Result<()> {
    let rows = job_rows::rows(suite.server, &suite.api)?;
    for option in job_rows::untried(&rows) {
        suite.left_out.push(format!(
            "vzdump_job {option}: the server has no guest, pool or tag for it"
        ));
    }
    let mut columns: Vec<(String, std::vec::IntoIter<Step>)> = Vec::new();
    for row in &rows {
        if !row.has_second() && row.option != "all" {
            suite.left_out.push(format!(
                "vzdump_job {}: not changed, only set and cleared; the server has one value for it",
                row.option
            ));
        }
        let id = format!("{PREFIX}{}", row.option.replace('_', "-"));
        let base = job_rows::base(suite.server, &id)?;
        columns.push((id, row.steps(&base).into_iter()));
    }
    for number in 0.. {
        let round: Vec<(&str, Step)> = columns
            .iter_mut()
            .filter_map(|(id, steps)| Some((id.as_str(), steps.next()?)))
            .collect();
        if round.is_empty() {
            break;
        }
        one_round(suite, number, &round)?;
    }
    removed(
        suite,
        &columns
            .iter()
            .map(|(id, _)| id.as_str())
            .collect::<Vec<_>>(),
    )
}

/// Check mode is asked before the jobs are made and before they are changed; to ask before they are
/// put back too would show nothing new, and takes its time.
fn one_round(suite: &Suite<'_>, number: usize, round: &[(&str, Step)]) -> Result<()> {
    let play = round.iter().try_fold(suite.play()?, |play, (_, step)| {
        let options = literal(Value::Object(step.options.clone()));
        Ok::<Play, anyhow::Error>(play.module(&step.name, "vzdump_job", options))
    })?;
    let done = if round.iter().all(|(_, step)| !step.changes) {
        suite.unchanged(&play)?
    } else if number <= 2 {
        suite.predicted(&play)?
    } else {
        play.run(suite.controller)?.succeeded()?
    };
    let mut wrong = Vec::new();
    for (id, step) in round {
        let changed = done.result(&step.name)?.changed();
        let job = suite
            .api
            .job(id)?
            .with_context(|| format!("{id} is not there"))?;
        let found = job.get(step.parameter).cloned().unwrap_or_default();
        if found != step.expected {
            wrong.push(format!(
                "{}: {} is {found}, not {}",
                step.name, step.parameter, step.expected
            ));
        }
        if changed != step.changes {
            wrong.push(format!("{}: changed={changed}", step.name));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// All jobs at once by a loop, and none of them a second time.
fn removed(suite: &Suite<'_>, ids: &[&str]) -> Result<()> {
    let task = json!({
        "name": "remove",
        "reprise.pve.vzdump_job": {"id": "{{ item }}", "state": "absent"},
        "loop": ids,
    });
    let play = suite.play()?.task(task);
    let done = suite.predicted(&play)?;
    let removed = done
        .tasks
        .iter()
        .filter(|task| task.kind == "item_ok" && task.changed());
    ensure!(removed.count() == ids.len(), "not every job was removed");
    for id in ids {
        ensure!(suite.api.job(id)?.is_none(), "{id} is still there");
    }
    suite.unchanged(&play).map(drop)
}

/// The other way to log in and to trust.
pub(super) fn by_password(suite: &mut Suite<'_>) -> Result<()> {
    let id = format!("{PREFIX}password");
    let job = job_rows::base(suite.server, &id)?;
    let play = Play::new().connected(&suite.server.by_password()?);
    let made = play.clone().module("make", "vzdump_job", job.clone());
    suite.predicted(&made)?;
    let done = suite.unchanged(&made)?;
    let result = &done.result("make")?.result;
    // Its id may be masked: the password may be a part of it.
    ensure!(
        result.get("guests_unknown") == Some(&Value::Null),
        "guests are hidden: {result}"
    );
    let guests = result.get("guests").and_then(Value::as_array);
    let saved = |vmid: u32| {
        let guests = guests.into_iter().flatten();
        guests
            .filter_map(|guest| guest.get("vmid"))
            .any(|found| *found == json!(vmid))
    };
    ensure!(
        saved(suite.server.vm) && saved(suite.server.ct),
        "a job of all guests does not name {} and {}: {result}",
        suite.server.vm,
        suite.server.ct
    );
    ensure!(
        result.get("next_run").and_then(Value::as_i64).is_some(),
        "no next run: {result}"
    );
    let absent = merged(map(json!({"id": id})), json!({"state": "absent"}));
    suite.predicted(&play.module("remove", "vzdump_job", absent))?;
    ensure!(suite.api.job(&id)?.is_none(), "{id} is still there");
    Ok(())
}
