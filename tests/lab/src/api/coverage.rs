//! What jobs cover: `included_volumes` and `not-backed-up`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::jobs;
use crate::call::Call;
use crate::guest::Guest;
use crate::http::envelope::Reply;
use crate::job::Job;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn index(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(json!([{"subdir": "not-backed-up"}]).into())
}

pub(super) fn included_volumes(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let vmids = selection(jobs::find(call)?, call.state);
    let children: Vec<Value> = vmids
        .into_iter()
        .filter(|vmid| call.holds_any(&format!("/vms/{vmid}"), &["VM.Audit"]))
        .map(|vmid| match call.state.guests.get(&vmid) {
            Some(guest) => describe(vmid, guest),
            None => json!({"id": vmid, "type": "unknown", "leaf": 1}),
        })
        .collect();
    Ok(json!({ "children": children }).into())
}

fn describe(vmid: u32, guest: &Guest) -> Value {
    let volumes: Vec<Value> = guest
        .volumes()
        .iter()
        .map(|volume| {
            json!({
                "id": format!("{vmid}:{}", volume.key),
                "name": volume.id,
                "included": u8::from(volume.included),
                "reason": volume.reason,
                "leaf": 1,
            })
        })
        .collect();
    json!({
        "id": vmid,
        "type": guest.kind.as_str(),
        "name": guest.name(),
        "leaf": u8::from(volumes.is_empty()),
        "children": volumes,
    })
}

pub(super) fn not_backed_up(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    // A job that is switched off covers its guests all the same.
    let covered: BTreeSet<u32> = call
        .state
        .jobs
        .readable()
        .flat_map(|job| selection(job, call.state))
        .collect();
    let guests: Vec<Value> = call
        .state
        .guests
        .iter()
        .filter(|(vmid, _)| !covered.contains(vmid))
        .filter(|(vmid, _)| call.holds_any(&format!("/vms/{vmid}"), &["VM.Audit"]))
        .map(|(vmid, guest)| {
            let mut object = Map::new();
            object.insert("vmid".to_owned(), (*vmid).into());
            object.insert("type".to_owned(), guest.kind.as_str().into());
            if let Some(name) = guest.name() {
                object.insert("name".to_owned(), name.into());
            }
            Value::Object(object)
        })
        .collect();
    Ok(Value::from(guests).into())
}

// The guests that a job names, in order of their numbers, missing ones included. Those on another
// node than the job's are passed over, and only `all` knows exceptions.
fn selection(job: &Job, state: &State) -> BTreeSet<u32> {
    let numbers = |name: &str| -> BTreeSet<u32> {
        let text = job.text(name).unwrap_or_default();
        split_list(text)
            .filter_map(|vmid| vmid.parse().ok())
            .collect()
    };
    let mut selected = match job.text("pool").map(|name| state.pools.get(name)) {
        Some(pool) => pool.map(|pool| pool.guests.clone()).unwrap_or_default(),
        None if !numbers("vmid").is_empty() => numbers("vmid"),
        None if job.is_set("all") => {
            let all: BTreeSet<u32> = state.guests.keys().copied().collect();
            all.difference(&numbers("exclude")).copied().collect()
        }
        None => BTreeSet::new(),
    };
    selected.retain(|vmid| {
        let home = state.home(*vmid);
        job.text("node")
            .is_none_or(|node| home.is_none_or(|home| home == node))
    });
    selected
}
