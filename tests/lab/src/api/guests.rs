//! Guests: lists, configurations, status, the next free id.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::guest::{Guest, GuestKind};
use crate::http::envelope::Reply;
use crate::job::typed;
use crate::refusal::Refusal;
use crate::schema::Schema;
use crate::storage::short_digest;

/// Processors of a node, for containers without a limit.
pub(super) const PROCESSORS: u64 = 2;

pub(super) fn list_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(list(call, GuestKind::Qemu).into())
}

pub(super) fn list_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(list(call, GuestKind::Lxc).into())
}

fn list(call: &Call<'_>, kind: GuestKind) -> Value {
    let guests: Vec<Value> = call
        .state
        .guests
        .iter()
        .filter(|(vmid, guest)| guest.kind == kind && call.state.is_on(**vmid, &call.node.name))
        .filter(|(vmid, _)| call.holds_any(&format!("/vms/{vmid}"), &["VM.Audit"]))
        .map(|(vmid, guest)| Value::Object(brief(*vmid, guest, call.now)))
        .collect();
    guests.into()
}

fn brief(vmid: u32, guest: &Guest, now: i64) -> Map<String, Value> {
    let entry = json!({
        "vmid": vmid,
        "name": guest.display_name(vmid),
        "status": status_word(guest),
        "cpus": processors(guest),
        "maxmem": memory(guest),
        "maxdisk": guest.disk_size(),
        "cpu": 0,
        "mem": 0,
        "disk": 0,
        "netin": 0,
        "netout": 0,
        "uptime": guest.uptime(now),
    });
    let mut object = entry.as_object().cloned().unwrap_or_default();
    if guest.kind == GuestKind::Lxc {
        object.insert("type".to_owned(), "lxc".into());
        object.insert("swap".to_owned(), 0.into());
        object.insert(
            "maxswap".to_owned(),
            (guest.number("swap").unwrap_or(512) << 20).into(),
        );
        object.insert("diskread".to_owned(), 0.into());
        object.insert("diskwrite".to_owned(), 0.into());
    }
    for name in ["tags", "lock"] {
        if let Some(text) = guest.config.get(name) {
            object.insert(name.to_owned(), text.clone().into());
        }
    }
    if guest.running && guest.kind == GuestKind::Qemu {
        object.insert("pid".to_owned(), (vmid + 10_000).into());
    }
    if guest.number("template") == Some(1) {
        object.insert("template".to_owned(), 1.into());
    }
    object
}

/// running or stopped.
pub(super) fn status_word(guest: &Guest) -> &'static str {
    if guest.running { "running" } else { "stopped" }
}

/// The processors that a guest sees.
pub(super) fn processors(guest: &Guest) -> u64 {
    let cores = guest.number("cores");
    match guest.kind {
        GuestKind::Qemu => cores.unwrap_or(1) * guest.number("sockets").unwrap_or(1),
        GuestKind::Lxc => cores.unwrap_or(PROCESSORS),
    }
}

/// The memory of a guest in bytes.
pub(super) fn memory(guest: &Guest) -> u64 {
    guest.number("memory").unwrap_or(512) << 20
}

pub(super) fn find<'call>(
    call: &'call Call<'_>,
    kind: GuestKind,
) -> Result<(u32, &'call Guest), Refusal> {
    let vmid = call
        .parameters
        .integer("vmid")
        .and_then(|vmid| u32::try_from(vmid).ok())
        .unwrap_or(0);
    let guest = call
        .state
        .guests
        .get(&vmid)
        .filter(|guest| guest.kind == kind);
    let missing = || Refusal::failure(missing(&call.node.name, kind, vmid));
    guest.map(|guest| (vmid, guest)).ok_or_else(missing)
}

pub(super) fn config_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    config(call, GuestKind::Qemu, "POST /nodes/{node}/qemu")
}

pub(super) fn config_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    config(call, GuestKind::Lxc, "POST /nodes/{node}/lxc")
}

fn config(call: &Call<'_>, kind: GuestKind, create: &str) -> Result<Reply, Refusal> {
    let (_, guest) = find(call, kind)?;
    let mut object = typed_config(call.node.schema, &guest.config, create);
    object.insert("digest".to_owned(), digest(guest).into());
    Ok(Value::Object(object).into())
}

pub(super) fn pending_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    pending(call, GuestKind::Qemu, "POST /nodes/{node}/qemu")
}

pub(super) fn pending_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    pending(call, GuestKind::Lxc, "POST /nodes/{node}/lxc")
}

// Changes are made at once, so that nothing ever waits.
fn pending(call: &Call<'_>, kind: GuestKind, create: &str) -> Result<Reply, Refusal> {
    let reply = config(call, kind, create)?;
    let entries = reply.data().as_object().into_iter().flatten();
    let entries: Vec<Value> = entries
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    Ok(Value::from(entries).into())
}

/// A configuration with the types of the schema under which it was made.
pub(super) fn typed_config(
    schema: &Schema,
    config: &BTreeMap<String, String>,
    create: &str,
) -> Map<String, Value> {
    let endpoint = schema.endpoint(create);
    let mut object = Map::new();
    for (name, text) in config {
        let property = endpoint.and_then(|endpoint| endpoint.property(name));
        let kind = property.and_then(|property| property.kind.as_deref());
        object.insert(name.clone(), typed(kind, text));
    }
    object
}

/// Changes with every change of the configuration.
pub(super) fn digest(guest: &Guest) -> String {
    short_digest(&format!("{:?}", guest.config))
}

/// The text of a missing configuration.
pub(crate) fn missing(node: &str, kind: GuestKind, vmid: u32) -> String {
    format!(
        "Configuration file 'nodes/{node}/{}/{vmid}.conf' does not exist",
        kind.folder()
    )
}

pub(super) fn status_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, guest) = find(call, GuestKind::Qemu)?;
    let mut object = brief(vmid, guest, call.now);
    object.insert("qmpstatus".to_owned(), status_word(guest).into());
    object.insert("ha".to_owned(), json!({"managed": 0}));
    if guest.has_agent() {
        object.insert("agent".to_owned(), 1.into());
    }
    Ok(Value::Object(object).into())
}

pub(super) fn status_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, guest) = find(call, GuestKind::Lxc)?;
    let mut object = brief(vmid, guest, call.now);
    object.insert("ha".to_owned(), json!({"managed": 0}));
    Ok(Value::Object(object).into())
}

pub(super) fn next_id(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if let Some(vmid) = call.parameters.integer("vmid") {
        let taken = u32::try_from(vmid).is_ok_and(|vmid| call.state.guests.contains_key(&vmid));
        if taken {
            return Err(Refusal::parameter(
                "vmid",
                format!("VM {vmid} already exists"),
            ));
        }
        return Ok(Value::from(vmid.to_string()).into());
    }
    let free = (100..1_000_000).find(|vmid| !call.state.guests.contains_key(vmid));
    let full = || Refusal::failure("unable to get any free VMID in range [100, 1000000]");
    Ok(Value::from(free.ok_or_else(full)?.to_string()).into())
}
