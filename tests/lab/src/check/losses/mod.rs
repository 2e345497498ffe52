//! What restores destroy, replayed: the calls of a recording with the answers, the ends and logs
//! of their tasks, and the configurations and volumes before and after.

mod stage;
mod varying;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::player::{self, form};
use super::{Report, read, text_of};
use crate::http::envelope::Answer;
use crate::node::Node;
use crate::request::RawRequest;
use crate::task::Task;
use crate::{Clock, Lab, LabConfig, NodeConfig, load_initial_state};
use stage::Stage;
use varying::Varying;

/// Of a hundred comparisons, so many must fit: modules promise what a restore loses.
const BAR: usize = 95;

/// How long a task may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who asks.
const TOKEN: &str = "root@pam!full";

/// Replays the recording on a fresh lab. `fixtures` is the folder of the initial state.
///
/// # Errors
/// When a file cannot be read, the lab does not start, or what the recording started with cannot
/// be laid down.
pub fn losses(file: &Path, fixtures: &Path) -> anyhow::Result<Report> {
    let records: Vec<Value> = read(file)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is no list of calls", file.display()))?;
    let folder = tempfile::tempdir().context("no folder for the lab")?;
    let clock = Clock::fixed(records.iter().find_map(start_of_task).unwrap_or(0));
    let config = LabConfig::new(folder.path())
        .with_clock(clock.clone())
        .with_nodes(vec![NodeConfig::new("pve1")]);
    let lab = Lab::start(&config)?;
    let node = lab.node("pve1")?;
    let initial = super::beside(file, fixtures, "initial-state.json");
    let files = initial.with_file_name("files");
    load_initial_state(node, &initial, &files, player::PASSWORD)?;
    let stage = Stage::new(node, &records);
    stage.lay_storages();
    stage.lay_guests()?;
    let mut varying = Varying::default();
    let mut report = Report::with_bar(BAR);
    for (index, record) in records.iter().enumerate() {
        if let Some(start) = start_of_task(record) {
            clock.set(start);
        }
        stage.lay_archive(record)?;
        let name = text_of(record, "name");
        let mut count = |what: &str, difference: Option<String>| {
            let label = |text: String| format!("{index} {name}: {what}: {text}");
            report.count(name, difference.map(label));
        };
        let request = record.get("request").unwrap_or(&Value::Null);
        let answer = ask(node, &varying.fill_value(request))?;
        let ended = task_of(node, &answer);
        let Some(response) = record.get("response").filter(|value| !value.is_null()) else {
            continue;
        };
        let recorded = record.get("task");
        if let (Some(recorded), Some(task)) = (recorded, &ended) {
            varying.learn_archive(recorded, &task.log);
        }
        count("answer", difference(response, &answer, &mut varying));
        if let Some(recorded) = recorded {
            let status = ended.as_ref().and_then(|task| task.end.as_ref());
            let status = status.map_or("no task", |end| end.status.as_str());
            let wanted = text_of(recorded, "exitstatus");
            count("end of the task", varying.text_difference(wanted, status));
            let log = ended.as_ref().map(|task| task.log.as_slice());
            count("log", varying.log_difference(recorded, log.unwrap_or(&[])));
        }
    }
    Ok(report)
}

fn difference(response: &Value, answer: &Answer, varying: &mut Varying) -> Option<String> {
    if response.get("status").and_then(Value::as_u64) != Some(answer.status.into()) {
        return Some(format!(
            "status {} {}, wanted {response}",
            answer.status, answer.reason
        ));
    }
    let reason = varying.text_difference(text_of(response, "reason"), &answer.reason);
    let got = serde_json::from_str(&answer.body).unwrap_or_else(|_| answer.body.clone().into());
    let want = response.get("body").unwrap_or(&Value::Null);
    reason.or_else(|| varying.difference(want, &got))
}

// The name of a task tells when it was started.
fn start_of_task(record: &Value) -> Option<i64> {
    let data = record.get("response")?.get("body")?.get("data")?;
    let upid = data.as_str().filter(|text| text.starts_with("UPID:"))?;
    i64::from_str_radix(upid.split(':').nth(4)?, 16).ok()
}

/// Sends a request with all rights.
fn ask(node: &Node, request: &Value) -> anyhow::Result<Answer> {
    let tokens = node.tokens();
    let secret = tokens
        .get(TOKEN)
        .with_context(|| format!("the initial state has no token {TOKEN}"))?;
    let method = text_of(request, "method").to_owned();
    let parameters = form(request.get("params").unwrap_or(&Value::Null));
    let has_body = ["POST", "PUT"].contains(&method.as_str());
    let (query, body) = if has_body {
        (String::new(), parameters.into_bytes())
    } else {
        (parameters, Vec::new())
    };
    let raw = RawRequest {
        path: format!("/api2/json{}", text_of(request, "path")),
        query,
        authorization: Some(format!("PVEAPIToken={TOKEN}={secret}")),
        cookie: None,
        csrf: None,
        content_type: has_body.then(|| "application/x-www-form-urlencoded".to_owned()),
        body,
        method,
    };
    Ok(raw.answer(&node.core))
}

/// The task that an answer names, when it has ended.
fn task_of(node: &Node, answer: &Answer) -> Option<Task> {
    let body: Value = serde_json::from_str(&answer.body).ok()?;
    let upid = body.get("data")?.as_str()?;
    node.core.tasks.wait(upid, PATIENCE)?;
    node.core.tasks.find(upid)
}
