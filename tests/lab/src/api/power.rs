//! Starting and stopping guests, and what their agents say.

use super::guests;
use crate::backup::NO_BUS;
use crate::call::Call;
use crate::guest::GuestKind;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;
use crate::state::HostKind;
use crate::task::worker::{Failure, Worker};

/// The id in the path.
pub(super) fn vmid(call: &Call<'_>) -> u32 {
    let vmid = call.parameters.integer("vmid");
    vmid.and_then(|vmid| u32::try_from(vmid).ok()).unwrap_or(0)
}

fn is_running(call: &Call<'_>) -> bool {
    let guest = call.state.guests.get(&vmid(call));
    guest.is_some_and(|guest| guest.running)
}

fn check_skiplock(call: &Call<'_>) -> Result<(), Refusal> {
    if call.parameters.flag("skiplock") == Some(true) && !call.identity.is_root() {
        return Err(Refusal::parameter(
            "skiplock",
            "Only root may use this option.",
        ));
    }
    Ok(())
}

/// What starts a guest inside a task.
///
/// # Errors
/// When it is not there, locked, or runs.
pub(crate) fn boot(worker: &mut Worker, kind: GuestKind, vmid: u32) -> Result<(), Failure> {
    let host = {
        let state = worker.state();
        let guest = state.guests.get(&vmid).filter(|guest| guest.kind == kind);
        let missing = || Failure::new(guests::missing(&worker.node.name, kind, vmid));
        let guest = guest.ok_or_else(missing)?;
        let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
        if let Some(lock) = guest.lock() {
            return Err(Failure::new(format!("{word} is locked ({lock})")));
        }
        if guest.running {
            return Err(Failure::new(format!("{word} {vmid} already running")));
        }
        if guest.is_set("template") {
            let text = "you can't start a vm if it's a template";
            return Err(Failure::new(text));
        }
        state.host
    };
    match (host, kind) {
        (HostKind::Sandbox, GuestKind::Qemu) => return Err(Failure::new(NO_BUS)),
        (HostKind::Sandbox, GuestKind::Lxc) => {
            return worker.say("failed to connect to monitor socket: Connection refused");
        }
        (HostKind::Machine, _) => {}
    }
    let now = worker.node.clock.now();
    if let Some(guest) = worker.state().guests.get_mut(&vmid) {
        guest.running = true;
        guest.started = now;
    }
    Ok(())
}

fn halt(worker: &Worker, kind: GuestKind, vmid: u32) -> Result<(), Failure> {
    let mut state = worker.state();
    let guest = state
        .guests
        .get_mut(&vmid)
        .filter(|guest| guest.kind == kind);
    let missing = || Failure::new(guests::missing(&worker.node.name, kind, vmid));
    guest.ok_or_else(missing)?.running = false;
    Ok(())
}

pub(super) fn start_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_skiplock(call)?;
    let vmid = vmid(call);
    Ok(
        call.start_task("qmstart", &vmid.to_string(), move |worker| {
            boot(worker, GuestKind::Qemu, vmid)
        }),
    )
}

pub(super) fn start_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    check_skiplock(call)?;
    let vmid = vmid(call);
    if is_running(call) {
        return Err(Refusal::failure(format!("CT {vmid} already running")));
    }
    Ok(
        call.start_task("vzstart", &vmid.to_string(), move |worker| {
            boot(worker, GuestKind::Lxc, vmid)
        }),
    )
}

fn end(call: &Call<'_>, kind: GuestKind, task: &str) -> Result<Reply, Refusal> {
    check_skiplock(call)?;
    let vmid = vmid(call);
    if kind == GuestKind::Lxc && !is_running(call) {
        return Err(Refusal::failure(format!("CT {vmid} not running")));
    }
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        halt(worker, kind, vmid)
    }))
}

pub(super) fn stop_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    end(call, GuestKind::Qemu, "qmstop")
}

pub(super) fn stop_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    end(call, GuestKind::Lxc, "vzstop")
}

pub(super) fn shutdown_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    end(call, GuestKind::Qemu, "qmshutdown")
}

pub(super) fn shutdown_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    end(call, GuestKind::Lxc, "vzshutdown")
}

fn reboot(call: &Call<'_>, kind: GuestKind) -> Result<Reply, Refusal> {
    let vmid = vmid(call);
    let (word, task) = match kind {
        GuestKind::Qemu => ("VM", "qmreboot"),
        GuestKind::Lxc => ("CT", "vzreboot"),
    };
    if !is_running(call) {
        return Err(Refusal::failure(format!("{word} {vmid} not running")));
    }
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        halt(worker, kind, vmid)?;
        boot(worker, kind, vmid)
    }))
}

pub(super) fn reboot_qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    reboot(call, GuestKind::Qemu)
}

pub(super) fn reboot_lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    reboot(call, GuestKind::Lxc)
}
