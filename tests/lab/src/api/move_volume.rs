//! Volumes from one guest to another of the same node: they are renamed, nothing is copied.

use std::fs;

use crate::call::Call;
use crate::guest::{Guest, GuestKind, is_volume_key};
use crate::guest_change::drop_from_boot_order;
use crate::http::envelope::Reply;
use crate::node::NodeCore;
use crate::refusal::Refusal;
use crate::storage::StorageTable;
use crate::task::worker::{Failure, Worker};
use crate::{trees, volumes};

use super::guests;

struct Move {
    kind: GuestKind,
    from: u32,
    key: String,
    to: u32,
    target_key: String,
}

pub(super) fn qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let plan = Move::of_call(call, GuestKind::Qemu, "disk", "target-disk")?;
    let (_, guest) = guests::find(call, GuestKind::Qemu)?;
    let id = guest
        .config
        .get(&plan.key)
        .map(|value| volumes::id_of(value));
    let in_snapshot = guest
        .snapshots
        .iter()
        .flat_map(|snapshot| snapshot.config.values())
        .any(|value| Some(volumes::id_of(value)) == id);
    if in_snapshot {
        let text = "Can't move disk used by a snapshot to another VM";
        return Err(Refusal::failure(text));
    }
    let task_id = plan.task_id();
    Ok(call.start_task("qmmove", &task_id, move |worker| {
        let Move {
            from,
            key,
            to,
            target_key,
            ..
        } = &plan;
        worker.say(format!("moving disk '{key}' from VM '{from}' to '{to}'"))?;
        let (boots, value) = plan.rename(worker)?;
        if boots {
            worker.say(format!("removing disk '{key}' from boot order config"))?;
        }
        worker.say(format!("removing disk '{key}' from VM '{from}' config"))?;
        worker.say(format!("update VM {to}: -{target_key} {value}"))
    }))
}

pub(super) fn lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let plan = Move::of_call(call, GuestKind::Lxc, "volume", "target-volume")?;
    if plan.key == "rootfs" || plan.target_key == "rootfs" {
        return Err(Refusal::failure("Cannot move to/from 'rootfs'"));
    }
    if plan.key.starts_with("unused") && !plan.target_key.starts_with("unused") {
        let text = "Moving an unused volume to a used one is not possible";
        return Err(Refusal::failure(text));
    }
    let task_id = plan.task_id();
    Ok(call.start_task("move_volume", &task_id, move |worker| {
        let Move {
            from,
            key,
            to,
            target_key,
            ..
        } = &plan;
        worker.say(format!(
            "moving volume '{key}' from container '{from}' to '{to}'"
        ))?;
        plan.rename(worker)?;
        worker.say(format!(
            "removing volume '{key}' from container '{from}' config"
        ))?;
        worker.say(format!(
            "target container '{to}' updated with '{target_key}'"
        ))
    }))
}

impl Move {
    fn of_call(call: &Call<'_>, kind: GuestKind, key: &str, target: &str) -> Result<Self, Refusal> {
        let (from, guest) = guests::find(call, kind)?;
        let key = call.required(key).to_owned();
        let to = call.parameters.integer("target-vmid");
        let to = to.and_then(|vmid| u32::try_from(vmid).ok());
        let to = to.ok_or_else(|| {
            Refusal::failure("the lab moves volumes between guests only, not between storages")
        })?;
        let target_key = call.parameters.text(target).unwrap_or(&key).to_owned();
        call.check(&format!("/vms/{to}"), &["VM.Config.Disk"])?;
        let missing = || Refusal::failure(guests::missing(&call.node.name, kind, to));
        let other = call
            .state
            .guests
            .get(&to)
            .filter(|guest| guest.kind == kind);
        let other = other.ok_or_else(missing)?;
        let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
        for (vmid, guest) in [(from, guest), (to, other)] {
            if let Some(lock) = guest.lock() {
                return Err(Refusal::failure(format!("{word} is locked ({lock})")));
            }
            if guest.running {
                let text = format!("cannot move volumes of {word} {vmid} while it is running");
                return Err(Refusal::failure(text));
            }
        }
        if key != "rootfs" {
            let value = guest.config.get(&key);
            let value =
                value.ok_or_else(|| Refusal::failure(format!("disk '{key}' does not exist")))?;
            let storage = volumes::id_of(value).split(':').next().unwrap_or_default();
            call.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        }
        if other.config.contains_key(&target_key) && target_key != "rootfs" {
            let text =
                format!("Target volume key '{target_key}' is already in use for guest '{to}'");
            return Err(Refusal::parameter(target, text));
        }
        Ok(Self {
            kind,
            from,
            key,
            to,
            target_key,
        })
    }

    fn task_id(&self) -> String {
        format!("{}-{}>{}-{}", self.from, self.key, self.to, self.target_key)
    }

    // Gives back whether the disk was booted from, and its value in the other configuration.
    fn rename(&self, worker: &Worker) -> Result<(bool, String), Failure> {
        let mut state = worker.state();
        let storages = state.storages.clone();
        let gone = || Failure::new(format!("disk '{}' does not exist", self.key));
        let guest = state.guests.get_mut(&self.from).ok_or_else(gone)?;
        let value = guest.config.remove(&self.key).ok_or_else(gone)?;
        let boots = drop_from_boot_order(guest, &self.key);
        let old = volumes::id_of(&value).to_owned();
        let new = rename_volume(&worker.node, &storages, &old, self.to)?;
        let value = if is_volume_key(&self.target_key) {
            value.replacen(&old, &new, 1)
        } else {
            new
        };
        let other: &mut Guest = state
            .guests
            .get_mut(&self.to)
            .ok_or_else(|| Failure::new(guests::missing(&worker.node.name, self.kind, self.to)))?;
        other.config.insert(self.target_key.clone(), value.clone());
        Ok((boots, value))
    }
}

fn rename_volume(
    node: &NodeCore,
    storages: &StorageTable,
    old: &str,
    vmid: u32,
) -> Result<String, Failure> {
    let odd = || Failure::new(format!("unable to rename volume '{old}'"));
    let (storage, file) = old.split_once(':').ok_or_else(odd)?;
    let name = file.rsplit('/').next().unwrap_or(file);
    let (_, ending) = name.rsplit_once('.').ok_or_else(odd)?;
    let stem = name.split('-').next().ok_or_else(odd)?;
    let number = volumes::free_number(node, storages, storage, vmid);
    let new = format!("{storage}:{vmid}/{stem}-{vmid}-disk-{number}.{ending}");
    let places = [
        (
            trees::volume_file(node, storages, old),
            trees::volume_file(node, storages, &new),
        ),
        (
            trees::of(node, storages, old),
            trees::of(node, storages, &new),
        ),
    ];
    for (source, target) in places {
        let (source, target) = (source.ok_or_else(odd)?, target.ok_or_else(odd)?);
        if !source.exists() {
            continue;
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(source, target)?;
    }
    Ok(new)
}
