//! `/cluster/resources`, `/nodes` and `/nodes/{node}/status`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::guests::{PROCESSORS, memory, processors, status_word};
use crate::call::Call;
use crate::config::{KERNEL, KERNEL_VERSION};
use crate::files;
use crate::guest::Guest;
use crate::http::envelope::Reply;
use crate::node::NodeCore;
use crate::refusal::Refusal;

/// Memory and root disk of a node: the sizes of a small server.
const MEMORY: u64 = 32 << 30;
const MEMORY_USED: u64 = 6 << 30;
const ROOT_DISK: u64 = 100 << 30;
const ROOT_DISK_USED: u64 = 9 << 30;

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let wanted = call.parameters.text("type");
    let asked = |kind: &str| wanted.is_none_or(|wanted| wanted == kind);
    let mut entries = Vec::new();
    if wanted.is_none() {
        entries.extend(pools(call));
    }
    if asked("vm") {
        entries.extend(guests(call));
    }
    if asked("node") {
        entries.extend(members(call).map(|member| node(call, &member)));
    }
    if asked("storage") {
        entries.extend(storages(call));
    }
    if asked("sdn") && call.holds_any("/sdn/zones/localnetwork", &["SDN.Audit"]) {
        let node = &call.node.name;
        entries.push(json!({
            "id": format!("sdn/{node}/localnetwork"),
            "node": node,
            "sdn": "localnetwork",
            "status": "ok",
            "type": "sdn",
        }));
    }
    Ok(Value::from(entries).into())
}

fn pools(call: &Call<'_>) -> Vec<Value> {
    call.state
        .pools
        .keys()
        .filter(|pool| call.holds_any(&format!("/pool/{pool}"), &["Pool.Audit"]))
        .map(|pool| json!({"id": format!("/pool/{pool}"), "pool": pool, "type": "pool"}))
        .collect()
}

fn guests(call: &Call<'_>) -> Vec<Value> {
    call.state
        .guests
        .iter()
        .filter(|(vmid, _)| call.holds_any(&format!("/vms/{vmid}"), &["VM.Audit"]))
        .map(|(vmid, found)| {
            let mut object = guest(call, *vmid, found);
            let pool = call.state.pool_of_guest(*vmid);
            let sees = |pool: &&str| call.holds_any(&format!("/pool/{pool}"), &["Pool.Audit"]);
            if let Some(pool) = pool.filter(sees) {
                object.insert("pool".to_owned(), pool.into());
            }
            Value::Object(object)
        })
        .collect()
}

/// A guest as resource lists and pools show it.
pub(super) fn guest(call: &Call<'_>, vmid: u32, guest: &Guest) -> Map<String, Value> {
    let kind = guest.kind.as_str();
    let node = call.state.home(vmid).unwrap_or(&call.node.name);
    if !guest.is_reported(call.now) || !call.node.cluster.has_online(node) {
        let entry = json!({"id": format!("{kind}/{vmid}"), "type": kind, "vmid": vmid, "node": node, "status": "unknown"});
        return entry.as_object().cloned().unwrap_or_default();
    }
    let entry = json!({
        "id": format!("{kind}/{vmid}"),
        "type": kind,
        "vmid": vmid,
        "name": guest.display_name(vmid),
        "node": node,
        "status": status_word(guest),
        "template": guest.number("template").unwrap_or(0),
        "maxcpu": processors(guest),
        "maxmem": memory(guest),
        "maxdisk": guest.disk_size(),
        "cpu": 0,
        "mem": 0,
        "disk": 0,
        "diskread": 0,
        "diskwrite": 0,
        "netin": 0,
        "netout": 0,
        "uptime": guest.uptime(call.now),
    });
    let mut object = entry.as_object().cloned().unwrap_or_default();
    for name in ["tags", "lock"] {
        if let Some(text) = guest.config.get(name) {
            object.insert(name.to_owned(), text.clone().into());
        }
    }
    object
}

fn storages(call: &Call<'_>) -> Vec<Value> {
    members(call)
        .flat_map(|member| storages_of(call, &member))
        .collect()
}

fn storages_of(call: &Call<'_>, member: &NodeCore) -> Vec<Value> {
    let node = &member.name;
    call.state
        .storages
        .iter()
        .filter(|storage| !storage.is_disabled() && storage.serves(node))
        .filter(|storage| call.holds_any(&format!("/storage/{}", storage.id), &["Datastore.Audit"]))
        .map(|storage| {
            let mut entry = json!({
                "id": format!("storage/{node}/{}", storage.id),
                "node": node,
                "storage": storage.id,
                "type": "storage",
                "plugintype": storage.kind,
                "content": storage.content(),
                "shared": u8::from(storage.is_shared()),
                "status": "unknown",
            });
            // Asked itself, `/nodes/{node}/storage/{storage}/status`, a node knows it at once.
            let is_reported = member.is_online() && storage.is_reported(call.now);
            let usage = is_reported
                .then(|| files::usage(member, call.state, storage))
                .flatten();
            if let (Some((total, used)), Some(object)) = (usage, entry.as_object_mut()) {
                object.insert("status".to_owned(), "available".into());
                object.insert("maxdisk".to_owned(), total.into());
                object.insert("disk".to_owned(), used.into());
            }
            entry
        })
        .collect()
}

/// The nodes of the cluster.
fn members(call: &Call<'_>) -> impl Iterator<Item = Arc<NodeCore>> + use<> {
    let members: Vec<_> = call.node.cluster.members().collect();
    members.into_iter()
}

fn node(call: &Call<'_>, member: &NodeCore) -> Value {
    let name = &member.name;
    let mut entry = json!({
        "id": format!("node/{name}"),
        "node": name,
        "type": "node",
        "status": if member.is_online() { "online" } else { "offline" },
        "level": "",
    });
    let sees = member.is_online() && call.holds_any(&format!("/nodes/{name}"), &["Sys.Audit"]);
    if let Some(object) = entry.as_object_mut().filter(|_| sees) {
        let details = json!({
            "cpu": 0.05,
            "maxcpu": PROCESSORS,
            "mem": MEMORY_USED,
            "maxmem": MEMORY,
            "disk": ROOT_DISK_USED,
            "maxdisk": ROOT_DISK,
            "uptime": uptime(call, member),
        });
        object.extend(details.as_object().cloned().unwrap_or_default());
    }
    entry
}

fn uptime(call: &Call<'_>, member: &NodeCore) -> i64 {
    (call.now - member.started).max(0) + 1
}

pub(super) fn nodes(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let entries = members(call).map(|member| {
        let mut entry = node(call, &member);
        if let Some(object) = entry.as_object_mut() {
            let fingerprint = member.fingerprint.clone();
            object.insert("ssl_fingerprint".to_owned(), fingerprint.into());
        }
        entry
    });
    Ok(Value::from(entries.collect::<Vec<_>>()).into())
}

pub(super) fn status(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(json!({
        "uptime": uptime(call, call.node),
        "loadavg": ["0.12", "0.10", "0.08"],
        "cpu": 0.05,
        "wait": 0,
        "idle": 0,
        "kversion": format!("Linux {KERNEL} {KERNEL_VERSION}"),
        "pveversion": call.node.release.manager(),
        "cpuinfo": {"cpus": PROCESSORS, "cores": PROCESSORS, "sockets": 1, "model": "Simulated processor", "mhz": "2400.000", "hvm": "1", "user_hz": 100, "flags": "fpu vme de pse tsc msr pae mce cx8 apic sep vmx"},
        "boot-info": {"mode": "legacy-bios"},
        "current-kernel": {"sysname": "Linux", "machine": "x86_64", "release": KERNEL, "version": KERNEL_VERSION},
        "memory": {"total": MEMORY, "used": MEMORY_USED, "free": MEMORY - MEMORY_USED},
        "swap": {"total": 0, "used": 0, "free": 0},
        "rootfs": {"total": ROOT_DISK, "used": ROOT_DISK_USED, "free": ROOT_DISK - ROOT_DISK_USED, "avail": ROOT_DISK - ROOT_DISK_USED},
        "ksm": {"shared": 0},
    })
    .into())
}

/// To reboot or shut down a node.
pub(super) fn command(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let command = call.required("command");
    Err(Refusal::failure(format!(
        "the lab does not {command} its nodes: `reprise-lab fault down` takes one down"
    )))
}
