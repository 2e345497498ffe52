//! `/access/roles`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::access::privileges::{self, Privilege};
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;

/// In the words that PVE puts before what fails inside its lock.
fn failed(action: &str, text: &str) -> Refusal {
    Refusal::failure(format!("{action} role failed: {text}"))
}

fn missing(role: &str) -> String {
    format!("role '{role}' does not exist")
}

fn is_special(role: &str) -> bool {
    privileges::built_in(role).is_some()
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let access = &call.state.access;
    let names = privileges::BUILT_IN
        .iter()
        .map(|name| (*name).to_owned())
        .chain(access.custom_roles.keys().cloned());
    let roles: Vec<Value> = names
        .map(|name| {
            let held: Vec<_> = access.role(&name).unwrap_or_default().into_iter().collect();
            json!({"privs": held.join(","), "special": u8::from(is_special(&name)), "roleid": name})
        })
        .collect();
    Ok(Value::from(roles).into())
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("roleid");
    let held = call.state.access.role(name);
    let held = held.ok_or_else(|| Refusal::failure(missing(name)))?;
    let flags: Map<String, Value> = held.into_iter().map(|name| (name, 1.into())).collect();
    Ok(Value::Object(flags).into())
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("roleid").to_owned();
    if name.to_ascii_uppercase().starts_with("PVE") {
        let text = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(Refusal::parameter("roleid", text));
    }
    if call.state.access.role(&name).is_some() {
        return Err(failed("create", &format!("role '{name}' already exists")));
    }
    let held = named(call, "create")?;
    call.state.access.custom_roles.insert(name, held);
    Ok(Value::Null.into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("roleid").to_owned();
    if is_special(&name) {
        let text = format!("auto-generated role '{name}' cannot be modified");
        return Err(Refusal::failure(text));
    }
    let mut held = named(call, "update")?;
    let adds = call.parameters.flag("append") == Some(true);
    let Some(role) = call.state.access.custom_roles.get_mut(&name) else {
        return Err(failed("update", &missing(&name)));
    };
    if adds {
        held.append(role);
    }
    *role = held;
    Ok(Value::Null.into())
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("roleid").to_owned();
    if is_special(&name) {
        let text = format!("auto-generated role '{name}' cannot be deleted");
        return Err(Refusal::failure(text));
    }
    let access = &mut call.state.access;
    if access.custom_roles.remove(&name).is_none() {
        return Err(failed("delete", &missing(&name)));
    }
    // PVE leaves the entries that give it, and skips them when it next reads its file.
    access.acl.retain(|entry| entry.role != name);
    Ok(Value::Null.into())
}

fn named(call: &Call<'_>, action: &str) -> Result<BTreeSet<Privilege>, Refusal> {
    let known = privileges::all();
    split_list(call.parameters.text("privs").unwrap_or_default())
        .map(|name| {
            let wrong = || failed(action, &format!("invalid privilege '{name}'"));
            known.get(name).cloned().ok_or_else(wrong)
        })
        .collect()
}
