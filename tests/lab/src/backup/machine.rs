//! Backups of virtual machines.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{GuestRun, write_archive};
use crate::format::vma::{self, Device};
use crate::guest_text;
use crate::http::tls;
use crate::state::HostKind;
use crate::task::worker::Failure;
use crate::trees;

/// What a start says where there is no message bus.
pub(crate) const NO_BUS: &str = "org.freedesktop.DBus.Error.FileNotFound: Failed to connect to socket /run/dbus/system_bus_socket: No such file or directory";

pub(super) fn save(run: &mut GuestRun<'_>, file: &Path, shown: &str) -> Result<(), Failure> {
    let vmid = run.vmid;
    let name = run.guest.display_name(vmid);
    run.info(&format!("VM Name: {name}"))?;
    let guest = run.guest.clone();
    let mut maps = String::new();
    let mut devices = Vec::new();
    for volume in guest.volumes() {
        let (key, id) = (volume.key, volume.id);
        if !volume.included {
            run.info(&format!("exclude disk '{key}' '{id}' (backup=no)"))?;
            continue;
        }
        let path = trees::volume_file(&run.worker.node, &run.worker.state().storages, id);
        let metadata = path.as_ref().and_then(|path| std::fs::metadata(path).ok());
        let (Some(path), Some(metadata)) = (path, metadata) else {
            return Err(Failure::new(format!("no such volume '{id}'")));
        };
        run.info(&format!(
            "include disk '{key}' '{id}' {}",
            short_size(metadata.len())
        ))?;
        let storage = id.split(':').next().unwrap_or_default();
        let format = id.rsplit('.').next().unwrap_or("raw");
        maps = format!("{maps}#qmdump#map:{key}:drive-{key}:{storage}:{format}:\n");
        devices.push(Device {
            name: format!("drive-{key}"),
            size: metadata.len(),
            data: Box::new(File::open(path)?) as Box<dyn Read>,
        });
    }
    if !guest.snapshots.is_empty() {
        run.info("snapshots found (not included into backup)")?;
    }
    run.info(&format!("creating vzdump archive '{shown}'"))?;
    if !guest.running {
        run.info("starting kvm to execute backup task")?;
        if run.host == HostKind::Sandbox {
            run.worker.note(format!("ERROR: {NO_BUS}"));
            run.info("aborting backup job")?;
            run.worker.note(format!("ERROR: VM {vmid} not running"));
            run.worker.note(format!("VM {vmid} not running"));
            return Err(Failure::new(NO_BUS));
        }
    }
    let uuid = tls::random_uuid().map_err(|error| Failure::new(error.to_string()))?;
    run.info(&format!("started backup task '{uuid}'"))?;
    let text = format!("{}{maps}", guest_text::print(&guest));
    let configs: [(&str, &[u8]); 1] = [("qemu-server.conf", text.as_bytes())];
    let id = tls::random().map_err(|error| Failure::new(error.to_string()))?;
    let now = run.worker.node.clock.now();
    let written = write_archive(run, file, |out| {
        vma::write(out, id, now, &configs, &mut devices)
    })?;
    let (total, zero) = (human(written.total), human(written.zero));
    run.info(&format!(
        "100% ({total} of {total}) in 1s, read: {total}/s, write: {}/s",
        human(written.total - written.zero)
    ))?;
    if let Some(percent) = (written.zero * 100)
        .checked_div(written.total)
        .filter(|_| written.zero > 0)
    {
        run.info(&format!(
            "backup is sparse: {zero} ({percent}%) total zero data"
        ))?;
    }
    run.info(&format!("transferred {total} in 1 seconds ({total}/s)"))?;
    if !guest.running {
        run.info("stopping kvm after backup task")?;
    }
    Ok(())
}

// `1G`, `528K`: the largest unit that divides.
pub(crate) fn short_size(bytes: u64) -> String {
    for (shift, unit) in [(40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')] {
        if bytes > 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

fn human(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift {
            let hundredths = u128::from(bytes) * 100 / (1 << shift);
            return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
        }
    }
    format!("{bytes} B")
}
