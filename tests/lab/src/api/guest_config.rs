//! Changing configurations: PUT and POST `…/config`.

use std::sync::Arc;

use serde_json::Value;

use super::guests;
use crate::call::Call;
use crate::config_rights::Editor;
use crate::guest::GuestKind;
use crate::guest_change::{Changes, Place};
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::task::worker::{Failure, Worker};

/// Parameters that are no keys of a configuration.
const NOT_KEYS: [&str; 10] = [
    "background_delay",
    "delete",
    "digest",
    "force",
    "node",
    "revert",
    "skiplock",
    "vmid",
    "import-working-storage",
    "skip_cloud_init",
];

pub(super) fn put_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, changes) = prepare(call, GuestKind::Qemu)?;
    apply_now(call, vmid, &changes)
}

pub(super) fn put_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, changes) = prepare(call, GuestKind::Lxc)?;
    apply_now(call, vmid, &changes)
}

pub(super) fn post_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (vmid, changes) = prepare(call, GuestKind::Qemu)?;
    Ok(
        call.start_task("qmconfig", &vmid.to_string(), move |worker| {
            let mut words: Vec<String> = Vec::new();
            for (key, value) in &changes.set {
                words.push(format!("-{key} {value}"));
            }
            if !changes.delete.is_empty() {
                words.push(format!("-delete {}", changes.delete.join(",")));
            }
            worker.say(format!("update VM {vmid}: {}", words.join(" ")))?;
            apply(worker, vmid, &changes)
        }),
    )
}

fn prepare(call: &Call<'_>, kind: GuestKind) -> Result<(u32, Changes), Refusal> {
    let parameters = &call.parameters;
    let skips = parameters.flag("skiplock") == Some(true);
    if skips && !call.identity.is_root() {
        return Err(Refusal::parameter(
            "skiplock",
            "Only root may use this option.",
        ));
    }
    let mut changes = Changes::default();
    for (name, value) in parameters.iter() {
        if let Some(text) = value.as_text().filter(|_| !NOT_KEYS.contains(&name)) {
            changes.set.insert(name.to_owned(), text.to_owned());
        }
    }
    let delete = parameters.text("delete").unwrap_or_default();
    changes.delete = split_list(delete).map(str::to_owned).collect();
    if changes.set.is_empty() && changes.delete.is_empty() {
        return Err(Refusal::failure("no options specified"));
    }
    for name in &changes.delete {
        if changes.set.contains_key(name) {
            let text = "you can't use '-$opt' and -delete $opt' at the same time";
            return Err(Refusal::parameter("delete", text.replace("$opt", name)));
        }
    }
    let vmid = super::power::vmid(call);
    let editor = Editor {
        state: call.state,
        identity: call.identity,
        kind,
        vmid,
        pool: None,
    };
    let present = call.state.guests.get(&vmid);
    for name in &changes.delete {
        editor.check_key(name, None)?;
        let bridge = present.and_then(|guest| guest.config.get(name));
        if let Some(device) = bridge.filter(|_| name.starts_with("net")) {
            editor.check_bridge(device)?;
        }
    }
    for (name, value) in &changes.set {
        editor.check_key(name, Some(value))?;
        let old = present.and_then(|guest| guest.config.get(name));
        if let Some(old) = old.filter(|_| name.starts_with("net")) {
            editor.check_bridge(old)?;
        }
    }
    let (_, guest) = guests::find(call, kind)?;
    if let Some(wanted) = parameters.text("digest")
        && wanted != guests::digest(guest)
    {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(Refusal::failure(text));
    }
    let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
    if let Some(lock) = guest.lock().filter(|_| !skips) {
        return Err(Refusal::failure(format!("{word} is locked ({lock})")));
    }
    Ok((vmid, changes))
}

fn apply_now(call: &mut Call<'_>, vmid: u32, changes: &Changes) -> Result<Reply, Refusal> {
    let Some(mut guest) = call.state.guests.get(&vmid).cloned() else {
        return Ok(Value::Null.into());
    };
    let place = Place {
        node: call.node,
        storages: &call.state.storages,
        vmid,
        is_full: false,
    };
    changes
        .apply(&mut guest, &place, &mut |_| Ok(()))
        .map_err(|failure| Refusal::failure(failure.text()))?;
    call.state.guests.insert(vmid, guest);
    Ok(Value::Null.into())
}

fn apply(worker: &mut Worker, vmid: u32, changes: &Changes) -> Result<(), Failure> {
    let (guest, storages) = {
        let state = worker.state();
        (state.guests.get(&vmid).cloned(), state.storages.clone())
    };
    let Some(mut guest) = guest else {
        return Ok(());
    };
    let node = Arc::clone(&worker.node);
    let place = Place {
        node: &node,
        storages: &storages,
        vmid,
        is_full: worker.is_disk_full(),
    };
    changes.apply(&mut guest, &place, &mut |line| worker.say(line))?;
    worker.state().guests.insert(vmid, guest);
    Ok(())
}
