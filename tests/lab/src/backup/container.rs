//! Backups of containers.

use std::path::{Path, PathBuf};

use super::{GuestRun, write_archive};
use crate::format::tarball::{self, Extra, StandardExcludes};
use crate::guest_text;
use crate::task::worker::Failure;
use crate::trees;

pub(super) fn save(
    run: &mut GuestRun<'_>,
    file: &Path,
    shown: &str,
    mode: &str,
) -> Result<(), Failure> {
    let vmid = run.vmid;
    let name = run.guest.display_name(vmid);
    run.info(&format!("CT Name: {name}"))?;
    let guest = run.guest.clone();
    let mut roots: Vec<(String, PathBuf)> = Vec::new();
    for volume in guest.volumes() {
        let key = volume.key;
        let mount = mount_path(guest.config.get(key), key);
        if !volume.included {
            let (kind, why) = if volume.id.starts_with('/') {
                ("bind", "not a volume")
            } else {
                ("volume", "disabled")
            };
            run.info(&format!(
                "excluding {kind} mount point {key} ('{mount}') from backup ({why})"
            ))?;
            continue;
        }
        run.info(&format!(
            "including mount point {key} ('{mount}') in backup"
        ))?;
        let tree = trees::of(&run.worker.node, &run.worker.state().storages, volume.id);
        let tree = tree.ok_or_else(|| Failure::new(format!("no such volume '{}'", volume.id)))?;
        if key == "rootfs" {
            trees::furnish(&tree, &name)?;
        } else {
            std::fs::create_dir_all(&tree)?;
        }
        roots.push((mount, tree));
    }
    let mounted = roots.iter().map(|(mount, tree)| {
        let mount = PathBuf::from(mount.trim_matches('/'));
        (mount, tree.clone())
    });
    trees::make_mount_points(&mounted.collect())?;
    if guest.running && mode == "stop" {
        run.info("stopping guest")?;
    }
    run.info(&format!("creating vzdump archive '{shown}'"))?;
    let text = guest_text::print(&guest);
    let extras = [
        Extra {
            name: "etc/vzdump/pct.conf",
            data: text.as_bytes(),
        },
        Extra {
            name: "etc/vzdump/pct.fw",
            data: b"",
        },
    ];
    let trees: Vec<(&str, &Path)> = roots
        .iter()
        .map(|(mount, tree)| (mount.as_str(), tree.as_path()))
        .collect();
    let now = run.worker.node.clock.now();
    let excludes = if run.options.standard_excludes {
        StandardExcludes::Yes
    } else {
        StandardExcludes::No
    };
    let total = write_archive(run, file, |out| {
        tarball::write(out, &extras, &trees, now, excludes)
    })?;
    run.info(&format!("Total bytes written: {}", totals(total)))?;
    if guest.running && mode == "stop" {
        run.info("restarting vm")?;
    }
    Ok(())
}

/// Where a volume is mounted.
pub(crate) fn mount_path(value: Option<&String>, key: &str) -> String {
    if key == "rootfs" {
        return "/".to_owned();
    }
    let mut parts = value.map(String::as_str).unwrap_or_default().split(',');
    let mount = parts.find_map(|part| part.strip_prefix("mp="));
    mount.unwrap_or_default().to_owned()
}

/// What `tar --totals` says.
pub(crate) fn totals(bytes: u64) -> String {
    // One digit behind the point below ten, rounded up as GNU programs do.
    let tenths = (bytes * 10).div_ceil(1 << 20);
    let size = if bytes < 1 << 20 {
        format!("{}KiB", bytes >> 10)
    } else if tenths < 100 {
        format!("{}.{}MiB", tenths / 10, tenths % 10)
    } else {
        format!("{}MiB", bytes.div_ceil(1 << 20))
    };
    format!("{bytes} ({size}, 50MiB/s)")
}
