//! Guests: their configuration as PVE keeps it, and what follows from it.

use std::collections::BTreeMap;

/// A virtual machine or a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
}

impl GuestKind {
    /// The word of PVE for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// The folder of the configuration files.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-server",
            Self::Lxc => "lxc",
        }
    }
}

/// One guest.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) kind: GuestKind,
    /// The configuration, key by key, values as text.
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) running: bool,
    /// Unix time of the start, when it was started by a task.
    pub(crate) started: i64,
    /// Unix time at which a task made it; the status daemon reports it a little later.
    pub(crate) created: i64,
    /// Oldest first.
    pub(crate) snapshots: Vec<Snapshot>,
}

/// A snapshot of a guest: its configuration of then. The lab keeps no old data of disks.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    /// Unix time.
    pub(crate) time: i64,
    pub(crate) description: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) config: BTreeMap<String, String>,
}

/// How often the status daemon looks, in seconds.
const STATUS_PERIOD: i64 = 10;

/// A disk or mount point of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume<'config> {
    /// `scsi0`, `rootfs`, `mp0`.
    pub(crate) key: &'config str,
    /// The volume id or the path of a bind mount.
    pub(crate) id: &'config str,
    /// Whether a backup takes it along.
    pub(crate) included: bool,
    /// PVE's word for why.
    pub(crate) reason: &'static str,
}

impl Guest {
    /// A guest that does not run.
    pub(crate) fn new(kind: GuestKind, config: BTreeMap<String, String>) -> Self {
        Self {
            kind,
            config,
            running: false,
            started: 0,
            created: 0,
            snapshots: Vec::new(),
        }
    }

    /// Whether the status daemon has told the cluster about it.
    pub(crate) fn is_reported(&self, now: i64) -> bool {
        now - self.created >= STATUS_PERIOD
    }

    /// Seconds since a task started it.
    pub(crate) fn uptime(&self, now: i64) -> i64 {
        if self.running && self.started > 0 {
            (now - self.started).max(1)
        } else {
            0
        }
    }

    /// Whether a key of the configuration is 1.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.config.get(key).is_some_and(|value| value == "1")
    }

    /// Whether the configuration names a guest agent.
    pub(crate) fn has_agent(&self) -> bool {
        let agent = self.config.get("agent").map_or("", String::as_str);
        agent.starts_with('1') || agent.contains("enabled=1")
    }

    /// The lock, such as `backup`.
    pub(crate) fn lock(&self) -> Option<&str> {
        self.config.get("lock").map(String::as_str)
    }

    /// The name or host name, when there is one.
    pub(crate) fn name(&self) -> Option<&str> {
        let key = match self.kind {
            GuestKind::Qemu => "name",
            GuestKind::Lxc => "hostname",
        };
        self.config.get(key).map(String::as_str)
    }

    /// The name that lists show: a VM without one is called after its id, a container `CT<id>`.
    pub(crate) fn display_name(&self, vmid: u32) -> String {
        match (self.name(), self.kind) {
            (Some(name), _) => name.to_owned(),
            (None, GuestKind::Qemu) => format!("VM {vmid}"),
            (None, GuestKind::Lxc) => format!("CT{vmid}"),
        }
    }

    /// A whole number of the configuration.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.config.get(key).and_then(|text| text.parse().ok())
    }

    /// The disks and mount points in PVE's order, without CD drives.
    pub(crate) fn volumes(&self) -> Vec<Volume<'_>> {
        let mut volumes: Vec<_> = self
            .config
            .iter()
            .filter_map(|(key, value)| self.volume(key, value))
            .collect();
        volumes.sort_by_key(|volume| disk_order(volume.key));
        volumes
    }

    fn volume<'config>(&self, key: &'config str, value: &'config str) -> Option<Volume<'config>> {
        let (bus, _) = disk_order(key);
        if bus == usize::MAX {
            return None;
        }
        let id = value.split(',').next().unwrap_or(value);
        let id = id
            .strip_prefix("file=")
            .or_else(|| id.strip_prefix("volume="))
            .unwrap_or(id);
        let option = |name: &str| {
            value
                .split(',')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let (included, reason) = match self.kind {
            GuestKind::Qemu => {
                if option("media") == Some("cdrom") || id == "none" {
                    return None;
                }
                let bios = self.config.get("bios").map(String::as_str);
                match option("backup") {
                    _ if key.starts_with("efidisk") && bios != Some("ovmf") => {
                        (false, "efidisk but no OMVF BIOS")
                    }
                    Some("0") => (false, "backup=no"),
                    // Whoever says it at all gets this word, also with `backup=1`.
                    Some(_) => (true, "backup=no"),
                    None => (true, "backup=yes"),
                }
            }
            GuestKind::Lxc if key == "rootfs" => (true, "rootfs"),
            GuestKind::Lxc if id.starts_with('/') => (false, "not a volume"),
            GuestKind::Lxc => match option("backup") {
                Some("1") => (true, "enabled"),
                _ => (false, "disabled"),
            },
        };
        Some(Volume {
            key,
            id,
            included,
            reason,
        })
    }

    /// The ids of all volumes that bear the guest's number, unused ones included.
    pub(crate) fn owned_volumes(&self, vmid: u32) -> Vec<String> {
        let own = |id: &str| {
            let file = id.split_once(':').map(|(_, file)| file);
            file.is_some_and(|file| file.starts_with(&format!("{vmid}/")))
        };
        self.config
            .iter()
            .filter(|(key, _)| disk_order(key).0 != usize::MAX || key.starts_with("unused"))
            .map(|(_, value)| crate::volumes::id_of(value).to_owned())
            .filter(|id| own(id))
            .collect()
    }

    /// The first `unusedN` that is free.
    pub(crate) fn free_unused(&self) -> String {
        let free = (0..256).map(|number| format!("unused{number}"));
        let mut free = free.filter(|key| !self.config.contains_key(key));
        free.next().unwrap_or_else(|| "unused255".to_owned())
    }

    /// Volume ids and sizes in bytes of all disks, bind mounts left out.
    pub(crate) fn disks(&self) -> Vec<(&str, u64)> {
        self.volumes()
            .iter()
            .filter(|volume| !volume.id.starts_with('/'))
            .map(|volume| (volume.id, self.size_of(volume.key)))
            .collect()
    }

    fn size_of(&self, key: &str) -> u64 {
        self.config
            .get(key)
            .and_then(|value| value.split(',').find_map(|part| part.strip_prefix("size=")))
            .map_or(0, parse_size)
    }

    /// The size of the first disk in bytes, as the resource list shows it.
    pub(crate) fn disk_size(&self) -> u64 {
        let boot = self
            .config
            .get("boot")
            .and_then(|text| text.split("order=").nth(1))
            .and_then(|order| order.split([';', ',']).next());
        let volumes = self.volumes();
        let first = volumes
            .iter()
            .find(|volume| Some(volume.key) == boot)
            .or_else(|| {
                volumes
                    .first()
                    .filter(|_| self.kind == GuestKind::Lxc || boot.is_none())
            });
        let size = first.map_or(0, |volume| self.size_of(volume.key));
        match self.kind {
            // A container on a folder without a size counts as 4 GiB.
            GuestKind::Lxc if size == 0 => 4 << 30,
            _ => size,
        }
    }
}

/// Whether a key names a disk or mount point.
pub(crate) fn is_volume_key(key: &str) -> bool {
    disk_order(key).0 != usize::MAX
}

// Buses in PVE's order of disks, then the number on the bus.
fn disk_order(key: &str) -> (usize, u32) {
    let at = key
        .find(|next: char| next.is_ascii_digit())
        .unwrap_or(key.len());
    let (bus, number) = key.split_at_checked(at).unwrap_or((key, ""));
    let buses = [
        "ide", "scsi", "virtio", "sata", "efidisk", "tpmstate", "rootfs", "mp",
    ];
    match buses.iter().position(|name| *name == bus) {
        Some(position) if bus == "rootfs" && number.is_empty() => (position, 0),
        Some(position) => number
            .parse()
            .map_or((usize::MAX, 0), |number| (position, number)),
        None => (usize::MAX, 0),
    }
}

/// `1G` in bytes.
pub(crate) fn parse_size(text: &str) -> u64 {
    let shift = match text.chars().last() {
        Some('K') => 10,
        Some('M') => 20,
        Some('G') => 30,
        Some('T') => 40,
        _ => 0,
    };
    let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
    digits.parse::<u64>().unwrap_or(0) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(kind: GuestKind, pairs: &[(&str, &str)]) -> Guest {
        let config = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Guest::new(kind, config)
    }

    #[test]
    fn volumes_say_whether_a_backup_takes_them() {
        let vm = guest(
            GuestKind::Qemu,
            &[
                ("scsi10", "local:1/b.raw,size=1G"),
                ("scsi2", "local:1/a.raw,backup=0,size=1G"),
                ("ide2", "local:iso/x.iso,media=cdrom"),
                ("efidisk0", "local:1/e.raw,size=4M"),
                ("virtio0", "local:1/d.raw,backup=1,size=1G"),
                ("scsihw", "virtio-scsi-single"),
                ("unused0", "local:1/c.raw"),
            ],
        );
        let found: Vec<_> = vm
            .volumes()
            .iter()
            .map(|volume| (volume.key, volume.included, volume.reason))
            .collect();
        assert_eq!(
            found,
            [
                ("scsi2", false, "backup=no"),
                ("scsi10", true, "backup=yes"),
                ("virtio0", true, "backup=no"),
                ("efidisk0", false, "efidisk but no OMVF BIOS"),
            ]
        );

        let container = guest(
            GuestKind::Lxc,
            &[
                ("rootfs", "local:2/r.raw,size=4G"),
                ("mp0", "local:2/m.raw,mp=/a,backup=1"),
                ("mp1", "local:2/n.raw,mp=/b"),
                ("mp2", "/srv,mp=/c"),
            ],
        );
        let found: Vec<_> = container
            .volumes()
            .iter()
            .map(|volume| (volume.key, volume.reason))
            .collect();
        assert_eq!(
            found,
            [
                ("rootfs", "rootfs"),
                ("mp0", "enabled"),
                ("mp1", "disabled"),
                ("mp2", "not a volume")
            ]
        );
        assert_eq!(container.disk_size(), 4 << 30);
    }
}
