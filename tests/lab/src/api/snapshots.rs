//! Snapshots. On folders only qcow2 disks have them, and containers never do.

use serde_json::{Map, Value, json};

use super::guests::{self, typed_config};
use super::power::{boot, vmid};
use crate::call::Call;
use crate::guest::{Guest, GuestKind, Snapshot};
use crate::http::envelope::Reply;
use crate::http::tls;
use crate::refusal::Refusal;
use crate::task::worker::{Failure, Worker};

pub(super) fn list_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    list(call, GuestKind::Qemu)
}

pub(super) fn list_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    list(call, GuestKind::Lxc)
}

fn list(call: &Call<'_>, kind: GuestKind) -> Result<Reply, Refusal> {
    let (_, guest) = guests::find(call, kind)?;
    let mut entries: Vec<Value> = guest
        .snapshots
        .iter()
        .map(|snapshot| {
            let mut entry = json!({
                "name": snapshot.name,
                "snaptime": snapshot.time,
                "description": snapshot.description.clone().unwrap_or_default(),
            });
            if let Some(object) = entry.as_object_mut() {
                if kind == GuestKind::Qemu {
                    object.insert("vmstate".to_owned(), 0.into());
                }
                if let Some(parent) = &snapshot.parent {
                    object.insert("parent".to_owned(), parent.clone().into());
                }
            }
            entry
        })
        .collect();
    let mut current = Map::new();
    current.insert("name".to_owned(), "current".into());
    current.insert("description".to_owned(), "You are here!".into());
    current.insert("digest".to_owned(), guests::digest(guest).into());
    current.insert("running".to_owned(), u8::from(guest.running).into());
    if let Some(parent) = guest.config.get("parent") {
        current.insert("parent".to_owned(), parent.clone().into());
    }
    entries.push(Value::Object(current));
    Ok(Value::from(entries).into())
}

pub(super) fn index(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(json!([{"cmd": "rollback"}, {"cmd": "config"}]).into())
}

fn find<'guest>(guest: &'guest Guest, name: &str) -> Result<&'guest Snapshot, String> {
    let found = guest
        .snapshots
        .iter()
        .find(|snapshot| snapshot.name == name);
    found.ok_or_else(|| format!("snapshot '{name}' does not exist"))
}

pub(super) fn config_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    config(call, GuestKind::Qemu, "POST /nodes/{node}/qemu")
}

pub(super) fn config_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    config(call, GuestKind::Lxc, "POST /nodes/{node}/lxc")
}

fn config(call: &Call<'_>, kind: GuestKind, create: &str) -> Result<Reply, Refusal> {
    let (_, guest) = guests::find(call, kind)?;
    let snapshot = find(guest, call.required("snapname")).map_err(Refusal::failure)?;
    let mut object = typed_config(call.node.schema, &snapshot.config, create);
    object.insert("snaptime".to_owned(), snapshot.time.into());
    if let Some(description) = &snapshot.description {
        object.insert("description".to_owned(), description.clone().into());
    }
    if let Some(parent) = &snapshot.parent {
        object.insert("parent".to_owned(), parent.clone().into());
    }
    Ok(Value::Object(object).into())
}

pub(super) fn update_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    update(call, GuestKind::Qemu)
}

pub(super) fn update_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    update(call, GuestKind::Lxc)
}

fn update(call: &mut Call<'_>, kind: GuestKind) -> Result<Reply, Refusal> {
    let name = call.required("snapname").to_owned();
    let description = call.parameters.text("description").map(str::to_owned);
    let (vmid, guest) = guests::find(call, kind)?;
    find(guest, &name).map_err(Refusal::failure)?;
    let guest = call.state.guests.get_mut(&vmid);
    for snapshot in guest.into_iter().flat_map(|guest| &mut guest.snapshots) {
        if snapshot.name == name && description.is_some() {
            snapshot.description.clone_from(&description);
        }
    }
    Ok(Value::Null.into())
}

/// The guest as the task finds it, when it may be changed.
fn unlocked(worker: &Worker, kind: GuestKind, vmid: u32) -> Result<Guest, Failure> {
    let state = worker.state();
    let guest = state.guests.get(&vmid).filter(|guest| guest.kind == kind);
    let missing = || Failure::new(guests::missing(&worker.node.name, kind, vmid));
    let guest = guest.ok_or_else(missing)?.clone();
    let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
    match guest.lock() {
        Some(lock) => Err(Failure::new(format!("{word} is locked ({lock})"))),
        None => Ok(guest),
    }
}

fn change(worker: &Worker, vmid: u32, change: impl FnOnce(&mut Guest)) {
    if let Some(guest) = worker.state().guests.get_mut(&vmid) {
        change(guest);
    }
}

pub(super) fn create_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    create(call, GuestKind::Qemu, "qmsnapshot")
}

pub(super) fn create_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    create(call, GuestKind::Lxc, "vzsnapshot")
}

fn create(call: &Call<'_>, kind: GuestKind, task: &str) -> Result<Reply, Refusal> {
    let name = call.required("snapname").to_owned();
    if name == "current" {
        let text = "unable to use snapshot name 'current' (reserved name)";
        return Err(Refusal::failure(text));
    }
    let description = call.parameters.text("description").map(str::to_owned);
    let vmid = vmid(call);
    if kind == GuestKind::Qemu {
        // A machine's configuration is read before the task, a container's in it.
        guests::find(call, kind)?;
    }
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        let guest = unlocked(worker, kind, vmid)?;
        if find(&guest, &name).is_ok() {
            return Err(Failure::new(format!("snapshot name '{name}' already used")));
        }
        let able = kind == GuestKind::Qemu
            && guest
                .disks()
                .iter()
                .all(|(id, _)| id.rsplit('.').next() == Some("qcow2"));
        if !able {
            return Err(Failure::new("snapshot feature is not available"));
        }
        for volume in guest.volumes() {
            worker.say(format!(
                "snapshotting 'drive-{}' ({})",
                volume.key, volume.id
            ))?;
        }
        let mut config = guest.config.clone();
        let parent = config.remove("parent");
        config.remove("description");
        let snapshot = Snapshot {
            name: name.clone(),
            time: worker.node.clock.now(),
            description,
            parent,
            config,
        };
        change(worker, vmid, |guest| {
            guest.config.insert("parent".to_owned(), name);
            guest.snapshots.push(snapshot);
        });
        Ok(())
    }))
}

pub(super) fn rollback_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    rollback(call, GuestKind::Qemu, "qmrollback")
}

pub(super) fn rollback_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    rollback(call, GuestKind::Lxc, "vzrollback")
}

fn rollback(call: &Call<'_>, kind: GuestKind, task: &str) -> Result<Reply, Refusal> {
    let name = call.required("snapname").to_owned();
    let starts = call.parameters.flag("start") == Some(true);
    let vmid = vmid(call);
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        let guest = unlocked(worker, kind, vmid)?;
        let snapshot = find(&guest, &name).map_err(Failure::new)?.clone();
        let id = tls::random_uuid().map_err(|error| Failure::new(error.to_string()))?;
        change(worker, vmid, |guest| {
            guest.config = snapshot.config;
            guest.config.insert("parent".to_owned(), name);
            if guest.config.contains_key("vmgenid") {
                guest.config.insert("vmgenid".to_owned(), id);
            }
            guest.running = false;
        });
        if starts {
            return boot(worker, kind, vmid);
        }
        Ok(())
    }))
}

pub(super) fn delete_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    delete(call, GuestKind::Qemu, "qmdelsnapshot")
}

pub(super) fn delete_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    delete(call, GuestKind::Lxc, "vzdelsnapshot")
}

fn delete(call: &Call<'_>, kind: GuestKind, task: &str) -> Result<Reply, Refusal> {
    let name = call.required("snapname").to_owned();
    let vmid = vmid(call);
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        let guest = unlocked(worker, kind, vmid)?;
        let parent = find(&guest, &name).map_err(Failure::new)?.parent.clone();
        change(worker, vmid, |guest| {
            guest.snapshots.retain(|snapshot| snapshot.name != name);
            let children = guest.snapshots.iter_mut();
            for child in children.filter(|child| child.parent.as_ref() == Some(&name)) {
                child.parent.clone_from(&parent);
            }
            if guest.config.get("parent") == Some(&name) {
                match parent {
                    Some(parent) => guest.config.insert("parent".to_owned(), parent),
                    None => guest.config.remove("parent"),
                };
            }
        });
        Ok(())
    }))
}
