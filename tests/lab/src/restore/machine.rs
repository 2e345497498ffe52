//! Restoring virtual machines.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::digits::significant;
use super::early::{check_early, complain_of_tar};
use super::{Plan, random_mac, random_uuid};
use crate::format::codec::Codec;
use crate::format::vma::{self, Head};
use crate::guest::{Guest, GuestKind, is_volume_key};
use crate::guest_change::keep_unused;
use crate::guest_text::{self, Parsed};
use crate::storage::StorageTable;
use crate::task::worker::{Failure, Worker};
use crate::volumes::{self, Place, Purpose, Wish};
use crate::{task, trees};

/// The whole task.
///
/// # Errors
/// Whatever goes wrong; then an empty or nearly empty configuration stays.
pub(crate) fn run(worker: &mut Worker, plan: &Plan) -> Result<(), Failure> {
    let vmid = plan.vmid;
    if let Err(failure) = restore(worker, plan) {
        let locked = {
            let mut state = worker.state();
            let guest = state.guests.get_mut(&vmid);
            guest.and_then(|guest| guest.config.remove("lock"))
        };
        if locked.is_none() {
            worker.note("no lock found trying to remove 'create'  lock");
        }
        worker.note(format!("error before or during data restore, some or all disks were not completely restored. VM {vmid} state is NOT cleaned up."));
        return Err(failure);
    }
    if plan.start {
        worker.say("Execute autostart")?;
        let id = vmid.to_string();
        task::start(
            &worker.node,
            worker.owner(),
            None,
            "qmstart",
            &id,
            move |worker| crate::api::boot(worker, GuestKind::Qemu, vmid),
        );
    }
    Ok(())
}

fn restore(worker: &mut Worker, plan: &Plan) -> Result<(), Failure> {
    let vmid = plan.vmid;
    let old = worker.state().guests.get(&vmid).cloned();
    if let Some(old) = &old {
        if old.is_set("protection") {
            let text = format!("unable to restore VM {vmid} - - protection mode enabled");
            return Err(Failure::new(text));
        }
        if old.running {
            let text = format!("unable to restore VM {vmid} - vm is running");
            return Err(Failure::new(text));
        }
    }
    check_early(worker, plan)?;
    if plan.live {
        let text =
            "live-restore is only compatible with backup images from a Proxmox Backup Server";
        return Err(Failure::new(text));
    }
    if !plan.shown.contains(".vma") {
        complain_of_tar(worker, plan);
        return Err(Failure::new("ERROR: archive contaions no data"));
    }
    let command = command(worker, plan);
    worker.say(format!("restore vma archive: {command}"))?;
    let failed = |text: &str| {
        Failure::new(format!(
            "command 'set -o pipefail && {command}' failed: {text}"
        ))
    };
    let codec = Codec::of_name(&plan.shown);
    let opened = codec.open(&plan.file);
    let (mut input, head) = opened
        .and_then(|mut input| {
            let head = vma::read_head(&mut input)?;
            Ok((input, head))
        })
        .map_err(|_| failed("got timeout reading VMA header - corrupted?"))?;
    for (name, data) in &head.configs {
        worker.say(format!("CFG: size: {} name: {name}", data.len()))?;
    }
    for device in &head.devices {
        let (id, size, name) = (device.id, device.size, &device.name);
        worker.say(format!("DEV: dev_id={id} size: {size} devname: {name}"))?;
    }
    worker.say(format!("CTIME: {}", c_time(head.created)))?;
    let text = head.config("qemu-server.conf").unwrap_or_default();
    let parsed = guest_text::parse(&String::from_utf8_lossy(text));
    let targets = targets(worker, plan, &parsed, &head).map_err(|text| failed(&text))?;
    replace_old(worker, plan, &parsed)?;
    let made = make_volumes(worker, plan, &targets).map_err(|failure| failed(failure.text()))?;
    if let Err(error) = write_data(worker, &mut input, &head, &made) {
        worker.note(format!("vma: restore failed - {error}"));
        let storages = worker.state().storages.clone();
        for volume in &made {
            trees::remove(&worker.node, &storages, &volume.id)?;
            worker.note(format!(
                "temporary volume '{}' successfully removed",
                volume.id
            ));
        }
        return Err(failed(match codec {
            Codec::None => "got signal 5",
            _ => "exit code 133",
        }));
    }
    worker.say("rescan volumes...")?;
    let config = merge(worker, plan, parsed, &made)?;
    finish(worker, plan, config)
}

fn command(worker: &Worker, plan: &Plan) -> String {
    let work = format!("/var/tmp/vzdumptmp{}", worker.upid.pid);
    match Codec::of_name(&plan.shown).unpacker() {
        None => format!("vma extract -v -r {work}.fifo {} {work}", plan.shown),
        Some(unpacker) => {
            format!(
                "{unpacker} {} | vma extract -v -r {work}.fifo - {work}",
                plan.shown
            )
        }
    }
}

// `Sat Nov 21 11:51:46 2026`
fn c_time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    time.strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// A disk of the archive and where it goes.
#[derive(Debug)]
struct Target {
    device: u8,
    name: String,
    key: String,
    storage: String,
    format: String,
    size: u64,
}

fn targets(
    worker: &Worker,
    plan: &Plan,
    parsed: &Parsed,
    head: &Head,
) -> Result<Vec<Target>, String> {
    let state = worker.state();
    let mut targets = Vec::new();
    for map in &parsed.maps {
        let device = head.devices.iter().find(|device| device.name == map.device);
        let device = device
            .ok_or_else(|| format!("archive does not contain data for drive '{}'", map.device))?;
        let storage = plan.storage.as_deref().unwrap_or(&map.storage);
        let storage = if storage.is_empty() { "local" } else { storage };
        let found = state.storages.find(storage);
        let missing = || format!("storage '{storage}' does not exist");
        let found = found.ok_or_else(missing)?;
        if plan.storage.is_none() {
            let path = format!("/storage/{storage}");
            state
                .check(worker.owner(), &path, &["Datastore.AllocateSpace"])
                .map_err(|refusal| Failure::from(refusal).text().to_owned())?;
        }
        if !found.holds("images") {
            return Err(format!(
                "Content type 'images' is not available on storage '{storage}'"
            ));
        }
        targets.push(Target {
            device: device.id,
            name: device.name.clone(),
            key: map.key.clone(),
            storage: storage.to_owned(),
            format: if map.format == "qcow2" {
                "qcow2"
            } else {
                "raw"
            }
            .to_owned(),
            size: device.size,
        });
    }
    let known = |name: &String| targets.iter().any(|target| target.name == *name);
    if let Some(device) = head.devices.iter().find(|device| !known(&device.name)) {
        let name = &device.name;
        return Err(format!(
            "found no device mapping information for device '{name}'"
        ));
    }
    Ok(targets)
}

// Disks that come back are deleted first; of the old configuration nothing stays.
fn replace_old(worker: &Worker, plan: &Plan, parsed: &Parsed) -> Result<(), Failure> {
    let mut state = worker.state();
    let storages = state.storages.clone();
    let Some(guest) = state.guests.get_mut(&plan.vmid).filter(|_| plan.replaces) else {
        return Ok(());
    };
    for map in &parsed.maps {
        let value = guest.config.get(&map.key);
        let id = value.map(|value| volumes::id_of(value).to_owned());
        if let Some(id) = id.filter(|id| id.contains(&format!(":{}/", plan.vmid))) {
            trees::remove(&worker.node, &storages, &id)?;
        }
    }
    guest.config = BTreeMap::from([("memory".to_owned(), "128".to_owned())]);
    guest.snapshots.clear();
    Ok(())
}

/// A volume that was made for a disk of the archive.
#[derive(Debug)]
struct Made {
    device: u8,
    key: String,
    id: String,
    size: u64,
}

fn make_volumes(
    worker: &mut Worker,
    plan: &Plan,
    targets: &[Target],
) -> Result<Vec<Made>, Failure> {
    let node = Arc::clone(&worker.node);
    let storages: StorageTable = worker.state().storages.clone();
    let place = Place {
        node: &node,
        storages: &storages,
        vmid: plan.vmid,
        is_full: worker.is_disk_full(),
    };
    let mut made = Vec::new();
    for target in targets {
        let wish = Wish {
            storage: &target.storage,
            size: target.size,
            format: &target.format,
            purpose: Purpose::Disk,
        };
        let id = volumes::allocate(&place, &wish, &mut |line| worker.say(line))?;
        worker.say(format!("new volume ID is '{id}'"))?;
        made.push(Made {
            device: target.device,
            key: target.key.clone(),
            id,
            size: target.size,
        });
    }
    for (target, volume) in targets.iter().zip(&made) {
        let file = volume.id.split_once(':').map_or("", |(_, file)| file);
        let path = storages.get(&target.storage)?.path().unwrap_or_default();
        let name = &target.name;
        worker.say(format!(
            "map '{name}' to '{path}/images/{file}' (write zeros = 0)"
        ))?;
    }
    Ok(made)
}

fn write_data(
    worker: &mut Worker,
    input: &mut dyn io::Read,
    head: &Head,
    made: &[Made],
) -> io::Result<()> {
    let storages = worker.state().storages.clone();
    let mut files = BTreeMap::new();
    for volume in made {
        let path = trees::volume_file(&worker.node, &storages, &volume.id);
        let path = path.ok_or_else(|| io::Error::other("the volume has no file"))?;
        files.insert(volume.device, OpenOptions::new().write(true).open(path)?);
    }
    let total: u64 = head
        .devices
        .iter()
        .map(|device| device.size.div_ceil(vma::CLUSTER_SIZE))
        .sum();
    let mut percent = 0;
    let mut lines = |clusters: u64| -> io::Result<()> {
        let now = clusters * 100 / total.max(1);
        if now == percent {
            return Ok(());
        }
        percent = now;
        let bytes = clusters * vma::CLUSTER_SIZE;
        let line = format!("progress {now}% (read {bytes} bytes, duration 0 sec)");
        let said = worker.say(line);
        said.map_err(|failure| io::Error::other(failure.text().to_owned()))
    };
    let read = vma::read_extents(
        input,
        head,
        &mut |device, offset, block| match files.get(&device) {
            Some(file) => file.write_all_at(block, offset),
            None => Ok(()),
        },
        &mut lines,
    )?;
    let all = read.clusters * vma::CLUSTER_SIZE;
    let share = significant(read.zero * 100, all.max(1));
    let line = format!(
        "total bytes read {all}, sparse bytes {} ({share}%)",
        read.zero
    );
    let said = |failure: Failure| io::Error::other(failure.text().to_owned());
    worker.say(line).map_err(said)?;
    let stored = all - read.zero;
    if stored > 0 {
        let share = significant(read.partly_zero * 100, stored);
        let line = format!("space reduction due to 4K zero blocks {share}%");
        worker.say(line).map_err(said)?;
    }
    Ok(())
}

fn merge(
    worker: &Worker,
    plan: &Plan,
    parsed: Parsed,
    made: &[Made],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut config = parsed.config;
    config.retain(|key, value| {
        let image = is_volume_key(key) && !value.contains("media=cdrom");
        let back = made.iter().any(|volume| volume.key == *key);
        (!image || back) && !key.starts_with("unused") && key != "lock" && key != "parent"
    });
    for volume in made {
        if let Some(value) = config.get_mut(&volume.key) {
            let old = volumes::id_of(value).to_owned();
            *value = volumes::with_size(&value.replacen(&old, &volume.id, 1), volume.size);
        }
    }
    if plan.unique {
        for (key, value) in &mut config {
            if key.starts_with("net") {
                *value = with_mac(value, &random_mac()?);
            }
        }
        config.insert("smbios1".to_owned(), format!("uuid={}", random_uuid()?));
    }
    config.insert("vmgenid".to_owned(), random_uuid()?);
    let overrides = crate::guest_change::Changes {
        set: plan.overrides.clone(),
        delete: Vec::new(),
    };
    let mut guest = Guest::new(GuestKind::Qemu, config);
    let storages = worker.state().storages.clone();
    let place = Place {
        node: &worker.node,
        storages: &storages,
        vmid: plan.vmid,
        is_full: false,
    };
    overrides.apply(&mut guest, &place, &mut |_| Ok(()))?;
    Ok(guest.config)
}

// `virtio=AA:…,bridge=vmbr0`: the model carries the address.
fn with_mac(value: &str, mac: &str) -> String {
    let (first, rest) = value.split_once(',').unwrap_or((value, ""));
    let model = first.split('=').next().unwrap_or(first);
    format!("{model}={mac},{rest}")
        .trim_end_matches(',')
        .to_owned()
}

fn finish(
    worker: &mut Worker,
    plan: &Plan,
    config: BTreeMap<String, String>,
) -> Result<(), Failure> {
    let vmid = plan.vmid;
    let mut lines = Vec::new();
    {
        let mut state = worker.state();
        let created = state.guests.get(&vmid).map_or(0, |guest| guest.created);
        let mut guest = Guest::new(GuestKind::Qemu, config);
        guest.created = created;
        let storages = state.storages.iter().map(|storage| storage.id.clone());
        for storage in storages.collect::<Vec<_>>() {
            for id in volumes::of_guest(&worker.node, &state.storages, &storage, vmid) {
                if let Some(key) = keep_unused(&mut guest, vmid, &id) {
                    lines.push(format!(
                        "VM {vmid} add unreferenced volume '{id}' as '{key}' to config"
                    ));
                }
            }
        }
        state.guests.insert(vmid, guest);
        if let Some(pool) = &plan.pool {
            state.move_to_pool(vmid, pool);
        }
    }
    for line in lines {
        worker.say(line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_address_replaces_the_old() {
        assert_eq!(
            with_mac("virtio=AA:BB:CC:DD:EE:FF,bridge=vmbr0", "BC:24:11:00:00:01"),
            "virtio=BC:24:11:00:00:01,bridge=vmbr0"
        );
    }
}
