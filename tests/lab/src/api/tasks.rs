//! Tasks: lists of them, status, log, and how to stop one.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::task::Task;
use crate::task::upid::is_upid;

/// What a node tells the cluster about at most.
const SHOWN_TO_CLUSTER: usize = 25;

pub(super) fn list_of_cluster(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let all = call.holds_any("/", &["Sys.Audit"]);
    let own = call.identity.to_string();
    let mut tasks = Vec::new();
    for node in call.node.cluster.members().filter(|node| node.is_online()) {
        let mut told = node.tasks.running();
        told.extend(node.tasks.ended());
        told.truncate(SHOWN_TO_CLUSTER);
        tasks.extend(told);
    }
    let entries: Vec<Value> = tasks
        .iter()
        // The list knows users only: a token never finds itself in it.
        .filter(|task| all || task.upid.owner.user_id() == own)
        .map(|task| {
            let mut entry = brief(task);
            entry.remove("pid");
            entry.remove("pstart");
            if task.end.is_some() {
                entry.insert("saved".to_owned(), "1".into());
            }
            Value::Object(entry)
        })
        .collect();
    Ok(Value::from(entries).into())
}

pub(super) fn list_of_node(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let source = call.parameters.text("source").unwrap_or("archive");
    let mut tasks = Vec::new();
    if source != "archive" {
        tasks.extend(call.node.tasks.running());
    }
    if source != "active" {
        tasks.extend(call.node.tasks.ended());
    }
    tasks.retain(|task| is_wanted(call, task));
    let number = |name: &str| {
        let number = call.parameters.integer(name);
        number.and_then(|number| usize::try_from(number).ok())
    };
    let limit = number("limit").unwrap_or(50);
    let limit = if limit == 0 { usize::MAX } else { limit };
    let page: Vec<Value> = tasks
        .iter()
        .skip(number("start").unwrap_or(0))
        .take(limit)
        .map(|task| Value::Object(brief(task)))
        .collect();
    Ok(Reply::page(page.into(), tasks.len()))
}

fn is_wanted(call: &Call<'_>, task: &Task) -> bool {
    let text = |name: &str| call.parameters.text(name);
    let upid = &task.upid;
    let node = format!("/nodes/{}", call.node.name);
    let seen = task.belongs_to(call.identity) || call.holds_any(&node, &["Sys.Audit"]);
    let status = task.end.as_ref().map(|end| end.status.as_str());
    let user = upid.owner.user_id().to_lowercase();
    seen && text("userfilter").is_none_or(|wanted| user.contains(&wanted.to_lowercase()))
        && text("typefilter").is_none_or(|wanted| upid.kind == wanted)
        && text("vmid").is_none_or(|wanted| upid.id == wanted)
        && (call.parameters.flag("errors") != Some(true) || status != Some("OK"))
        && call
            .parameters
            .integer("since")
            .is_none_or(|since| upid.start >= since)
        && call
            .parameters
            .integer("until")
            .is_none_or(|until| upid.start <= until)
        && text("statusfilter")
            .is_none_or(|wanted| split_list(wanted).any(|word| word == word_of(status)))
}

fn word_of(status: Option<&str>) -> &'static str {
    match status {
        None | Some("unexpected status") => "unknown",
        Some("OK") => "ok",
        Some(status) if status.starts_with("WARNINGS: ") => "warning",
        Some(_) => "error",
    }
}

fn names(task: &Task) -> Map<String, Value> {
    let upid = &task.upid;
    let entry = json!({
        "upid": upid.to_string(),
        "node": upid.node,
        "pid": upid.pid,
        "pstart": upid.process_start,
        "starttime": upid.start,
        "type": upid.kind,
        "id": upid.id,
        "user": upid.owner.user_id(),
    });
    let mut entry = entry.as_object().cloned().unwrap_or_default();
    if let Some(token) = upid.owner.token_name() {
        entry.insert("tokenid".to_owned(), token.into());
    }
    entry
}

fn brief(task: &Task) -> Map<String, Value> {
    let mut entry = names(task);
    if let Some(end) = &task.end {
        entry.insert("endtime".to_owned(), end.time.into());
        entry.insert("status".to_owned(), end.status.clone().into());
    }
    entry
}

pub(super) fn status(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let task = find(call)?;
    check_sight(call, &task, "Sys.Audit")?;
    let mut entry = names(&task);
    match &task.end {
        None => entry.insert("status".to_owned(), "running".into()),
        Some(end) => {
            entry.insert("exitstatus".to_owned(), end.status.clone().into());
            entry.insert("status".to_owned(), "stopped".into())
        }
    };
    Ok(Value::Object(entry).into())
}

pub(super) fn stop(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let task = find(call)?;
    check_sight(call, &task, "Sys.Modify")?;
    call.node.tasks.stop(&task.upid.to_string());
    Ok(Value::Null.into())
}

pub(super) fn index(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(json!([{"name": "log"}, {"name": "status"}]).into())
}

pub(super) fn log(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let upid = call.required("upid");
    check_upid(upid)?;
    let Some(task) = call.node.tasks.find(upid) else {
        // PVE answers 200 with an object where a list should be.
        let line = json!({"n": 1, "t": "unable to open file - No such file or directory"});
        return Ok(Reply::page(line, 1));
    };
    check_sight(call, &task, "Sys.Audit")?;
    let number = |name: &str, default: usize| {
        let number = call.parameters.integer(name);
        number
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default)
    };
    let start = number("start", 0);
    let limit = match number("limit", 50) {
        0 => usize::MAX,
        limit => limit,
    };
    let lines: Vec<Value> = task
        .log
        .iter()
        .enumerate()
        .skip(start)
        .take(limit)
        .map(|(index, line)| json!({"n": index + 1, "t": line}))
        .collect();
    if task.log.is_empty() {
        return Ok(Reply::page(json!([{"n": 1, "t": "no content"}]), 1));
    }
    Ok(Reply::page(lines.into(), task.log.len()))
}

fn find(call: &Call<'_>) -> Result<Task, Refusal> {
    let upid = call.required("upid");
    check_upid(upid)?;
    let missing = || Refusal::parameter("upid", "no such task");
    call.node.tasks.find(upid).ok_or_else(missing)
}

fn check_sight(call: &Call<'_>, task: &Task, privilege: &str) -> Result<(), Refusal> {
    if task.belongs_to(call.identity) {
        return Ok(());
    }
    call.check(&format!("/nodes/{}", call.node.name), &[privilege])
}

fn check_upid(upid: &str) -> Result<(), Refusal> {
    if is_upid(upid) {
        return Ok(());
    }
    Err(Refusal::parameter("upid", "unable to parse worker upid"))
}
