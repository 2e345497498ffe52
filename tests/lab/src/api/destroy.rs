//! Destroying guests.

use super::guests;
use crate::call::Call;
use crate::guest::GuestKind;
use crate::http::envelope::Reply;
use crate::parameters::{Parameter, split_list};
use crate::refusal::Refusal;
use crate::state::State;
use crate::task::worker::{Failure, Worker};
use crate::{trees, volumes};

pub(super) fn qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if call.parameters.flag("skiplock") == Some(true) && !call.identity.is_root() {
        return Err(Refusal::parameter(
            "skiplock",
            "Only root may use this option.",
        ));
    }
    let (vmid, guest) = guests::find(call, GuestKind::Qemu)?;
    if guest.is_set("protection") {
        let text = format!("can't remove VM {vmid} - protection mode enabled");
        return Err(Refusal::failure(text));
    }
    if guest.running {
        let text = format!("VM {vmid} is running - destroy failed");
        return Err(Refusal::failure(text));
    }
    Ok(destroy(call, GuestKind::Qemu, "qmdestroy", vmid))
}

pub(super) fn lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, guest) = guests::find(call, GuestKind::Lxc)?;
    if guest.is_set("protection") {
        let text = format!("can't remove CT {vmid} - protection mode enabled");
        return Err(Refusal::failure(text));
    }
    if guest.running && call.parameters.flag("force") != Some(true) {
        let text = format!("unable to destroy CT {vmid} - container is running");
        return Err(Refusal::failure(text));
    }
    Ok(destroy(call, GuestKind::Lxc, "vzdestroy", vmid))
}

fn destroy(call: &Call<'_>, kind: GuestKind, task: &str, vmid: u32) -> Reply {
    let purge = call.parameters.flag("purge") == Some(true);
    let unreferenced = call.parameters.flag("destroy-unreferenced-disks") == Some(true);
    call.start_task(task, &vmid.to_string(), move |worker| {
        let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
        let lock = {
            let state = worker.state();
            let guest = state.guests.get(&vmid);
            guest.and_then(|guest| guest.lock().map(str::to_owned))
        };
        if let Some(lock) = lock {
            return Err(Failure::new(format!("{word} is locked ({lock})")));
        }
        remove_volumes(worker, vmid, unreferenced)?;
        forget(&mut worker.state(), vmid);
        if purge {
            worker.say(format!(
                "purging {word} {vmid} from related configurations.."
            ))?;
            purge_jobs(&mut worker.state(), vmid);
        }
        Ok(())
    })
}

/// Removes what the configuration names, and with `all` what only bears its number.
fn remove_volumes(worker: &Worker, vmid: u32, all: bool) -> Result<(), Failure> {
    let state = worker.state();
    let Some(guest) = state.guests.get(&vmid) else {
        return Ok(());
    };
    let mut ids: Vec<String> = guest.owned_volumes(vmid);
    let snapshots = guest.snapshots.iter();
    ids.extend(snapshots.flat_map(|snapshot| {
        crate::guest::Guest::new(guest.kind, snapshot.config.clone()).owned_volumes(vmid)
    }));
    if all {
        let storages = state.storages.iter();
        ids.extend(storages.flat_map(|storage| {
            volumes::of_guest(&worker.node, &state.storages, &storage.id, vmid)
        }));
    }
    for id in ids {
        trees::remove(&worker.node, &state.storages, &id)?;
    }
    Ok(())
}

/// Takes a guest out of the state with everything that hangs on its id.
pub(crate) fn forget(state: &mut State, vmid: u32) {
    state.guests.remove(&vmid);
    for pool in state.pools.values_mut() {
        pool.guests.remove(&vmid);
    }
    let path = format!("/vms/{vmid}");
    state.access.acl.retain(|entry| entry.path != path);
}

// A job that named only this guest goes with it.
fn purge_jobs(state: &mut State, vmid: u32) {
    let jobs: Vec<_> = state.jobs.readable().cloned().collect();
    for mut job in jobs {
        for key in ["vmid", "exclude"] {
            let Some(text) = job.text(key) else { continue };
            let all = split_list(text).count();
            let rest: Vec<&str> = split_list(text)
                .filter(|part| part.parse() != Ok(vmid))
                .collect();
            if rest.len() == all {
                continue;
            }
            let rest = rest.join(",");
            if rest.is_empty() && key == "vmid" {
                state.jobs.remove(&job.id);
                break;
            }
            if rest.is_empty() {
                job.options.remove(key);
            } else {
                job.options.insert(key.to_owned(), Parameter::Text(rest));
            }
            state.jobs.put(job.clone());
        }
    }
}
