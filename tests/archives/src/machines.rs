//! Sound archives of virtual machines of every kind that the format allows, and the content that a
//! restore must give.

use std::collections::BTreeMap;
use std::num::TryFromIntError;

use crate::make::{Header, sign_extent};

const UUID: [u8; 16] = *b"reprise-machines";
const CLUSTER: u64 = 65_536;
const BLOCK: u64 = 4096;

/// In which order the clusters come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Disk by disk.
    Forward,
    /// From the end.
    Backward,
    /// The first cluster of each disk, then the second.
    InTurn,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What it is a case of.
    pub what: &'static str,
    /// Names and texts of its configuration files.
    pub configs: Vec<(&'static str, String)>,
    /// Names and contents of its disks; a content of zeros is not stored.
    pub disks: Vec<(String, Vec<u8>)>,
    /// The order of clusters.
    pub order: Order,
    /// How many clusters an extent holds.
    pub per_extent: usize,
    /// Whether a slot without a meaning stands between any two.
    pub gaps: bool,
    /// How many zero bytes follow the blobs.
    pub room: usize,
}

impl Machine {
    /// One with these disks, which its configuration maps.
    pub fn with(what: &'static str, disks: Vec<(&str, Vec<u8>)>) -> Self {
        let mut config = String::from("cores: 2\nmemory: 512\n");
        for (key, _) in disks.iter().filter(|(key, _)| *key != "vmstate") {
            config = config + key + ": local:100/vm-100-" + key + ".raw,size=1G\n";
        }
        for (key, _) in disks.iter().filter(|(key, _)| *key != "vmstate") {
            let name = device(key);
            config = config + "#qmdump#map:" + key + ":" + &name + ":local:raw:\n";
        }
        let disks = disks.into_iter();
        Self {
            what,
            configs: vec![("qemu-server.conf", config)],
            disks: disks.map(|(key, data)| (device(key), data)).collect(),
            order: Order::Forward,
            per_extent: 58,
            gaps: false,
            room: 0,
        }
    }

    /// The bytes of its archive.
    ///
    /// # Errors
    /// When a number is too large for its field.
    pub fn archive(&self) -> Result<Vec<u8>, TryFromIntError> {
        let mut bytes = self.header()?;
        let mut slots: Vec<(u64, Vec<u8>)> = Vec::new();
        for (device, cluster) in self.clusters()? {
            let data = self.disk(device);
            slots.push(slot(device, cluster, data)?);
            if slots.len() == self.per_extent {
                self.extent(&mut bytes, &mut slots)?;
            }
        }
        if !slots.is_empty() || self.disks.is_empty() {
            self.extent(&mut bytes, &mut slots)?;
        }
        Ok(bytes)
    }

    fn disk(&self, device: u64) -> &[u8] {
        let index = usize::try_from(device).unwrap_or(0).saturating_sub(1);
        self.disks.get(index).map_or(&[], |(_, data)| data)
    }

    fn header(&self) -> Result<Vec<u8>, TryFromIntError> {
        let configs: Vec<(&str, &str)> = self
            .configs
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let disks = self
            .disks
            .iter()
            .map(|(name, data)| Ok((name.as_str(), u64::try_from(data.len())?)))
            .collect::<Result<Vec<(&str, u64)>, TryFromIntError>>()?;
        Header {
            uuid: UUID,
            configs: &configs,
            disks: &disks,
            created: 1_767_225_600,
            room: self.room,
        }
        .bytes()
    }

    fn clusters(&self) -> Result<Vec<(u64, u64)>, TryFromIntError> {
        let mut clusters = Vec::new();
        for (device, (_, data)) in (1_u64..).zip(&self.disks) {
            let count = u64::try_from(data.len())?.div_ceil(CLUSTER);
            clusters.extend((0..count).map(|cluster| (device, cluster)));
        }
        match self.order {
            Order::Forward => {}
            Order::Backward => clusters.reverse(),
            Order::InTurn => clusters.sort_by_key(|(device, cluster)| (*cluster, *device)),
        }
        Ok(clusters)
    }

    fn extent(
        &self,
        bytes: &mut Vec<u8>,
        slots: &mut Vec<(u64, Vec<u8>)>,
    ) -> Result<(), TryFromIntError> {
        let at = bytes.len();
        let blocks: usize = slots.iter().map(|(_, data)| data.len() / 4096).sum();
        let mut head = vec![0; 512];
        put(&mut head, 0, b"VMAE");
        put(&mut head, 6, &u16::try_from(blocks)?.to_be_bytes());
        put(&mut head, 8, &UUID);
        for (index, (info, _)) in slots.iter().enumerate() {
            let place = if self.gaps { 2 * index } else { index };
            put(&mut head, 40 + 8 * place, &info.to_be_bytes());
        }
        bytes.extend(head);
        for (_, data) in slots.drain(..) {
            bytes.extend(data);
        }
        sign_extent(bytes, at);
        Ok(())
    }
}

/// What the device of a drive is called.
fn device(key: &str) -> String {
    match key {
        "vmstate" => key.to_owned(),
        "tpmstate0" => "drive-tpmstate0-backup".to_owned(),
        _ => format!("drive-{key}"),
    }
}

fn slot(device: u64, cluster: u64, data: &[u8]) -> Result<(u64, Vec<u8>), TryFromIntError> {
    let mut mask = 0_u64;
    let mut stored = Vec::new();
    for block in 0..16 {
        let start = usize::try_from(cluster * CLUSTER + block * BLOCK)?;
        let end = data.len().min(start + 4096);
        let Some(part) = data.get(start..end) else {
            continue;
        };
        if part.iter().all(|byte| *byte == 0) {
            continue;
        }
        mask |= 1 << block;
        stored.extend(part);
        stored.resize(stored.len().next_multiple_of(4096), 0);
    }
    Ok((mask << 48 | device << 32 | cluster, stored))
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + data.len()) {
        place.copy_from_slice(data);
    }
}

/// Bytes that a compression can do something with, and none that repeat for long.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [high, ..] = state.to_be_bytes();
            if at % 64 < 16 {
                high
            } else {
                b'a' + (high & 7)
            }
        })
        .collect()
}

/// A disk of this size with noise in these ranges and zeros elsewhere.
pub fn disk(size: usize, parts: &[(usize, usize)]) -> Vec<u8> {
    let mut data = vec![0; size];
    for (at, length) in parts {
        let seed = u32::try_from(*at).unwrap_or(7).wrapping_add(3);
        put(&mut data, *at, &noise(seed, *length));
    }
    data
}

/// One of each kind.
pub fn every_kind() -> Vec<Machine> {
    let mut machines = vec![
        Machine::with("one block", vec![("scsi0", disk(4096, &[(0, 4096)]))]),
        Machine::with("one sector", vec![("scsi0", disk(512, &[(0, 512)]))]),
        Machine::with("all zero", vec![("scsi0", disk(300_000 / 512 * 512, &[]))]),
        Machine::with("no disks", vec![]),
        Machine::with(
            "EFI disk, TPM state, and a disk that ends in its first sector",
            vec![
                ("efidisk0", disk(540_672, &[(100, 4000), (500_000, 9000)])),
                ("tpmstate0", disk(4 << 20, &[(0, 6000)])),
                ("scsi0", disk(65_536 + 512, &[(65_536, 512)])),
            ],
        ),
        Machine::with(
            "memory image beside a disk",
            vec![
                ("vmstate", disk(200_000, &[(0, 200_000)])),
                ("ide0", disk(131_072, &[(70_000, 100)])),
            ],
        ),
        Machine::with(
            "data that looks like an extent",
            vec![("virtio0", b"VMAE\0\0\0\x10VMA\0".repeat(1024))],
        ),
    ];
    let pair = vec![
        (
            "scsi0",
            disk(700_000 / 512 * 512, &[(0, 5000), (400_000, 90_000)]),
        ),
        (
            "sata1",
            disk(400_000 / 512 * 512, &[(66_000, 3), (399_000, 800)]),
        ),
    ];
    for (what, order, per_extent, gaps) in [
        ("clusters from the end", Order::Backward, 58, false),
        ("clusters in turn", Order::InTurn, 5, false),
        ("every slot used", Order::InTurn, 59, false),
        ("gaps between slots", Order::Forward, 20, true),
        ("one cluster in each extent", Order::Backward, 1, false),
    ] {
        machines.push(Machine {
            order,
            per_extent,
            gaps,
            ..Machine::with(what, pair.clone())
        });
    }
    machines.push(Machine {
        room: 9000,
        ..Machine::with("a header with room", pair.clone())
    });
    machines.push(many_disks());
    machines.extend(configured());
    machines
}

/// As many devices as there can be.
fn many_disks() -> Machine {
    let keys: Vec<String> = (0..254).map(|index| format!("x{index}")).collect();
    let disks = keys.iter().enumerate();
    let disks = disks
        .map(|(index, key)| (key.as_str(), disk(512 * (1 + index), &[(0, 1 + index)])))
        .collect();
    Machine {
        order: Order::InTurn,
        ..Machine::with("254 disks", disks)
    }
}

/// Configurations as they are found.
fn configured() -> Vec<Machine> {
    let with = |what, text: &str, more: Vec<(&'static str, String)>| {
        let mut machine = Machine::with(what, vec![("scsi0", disk(8192, &[(0, 5000)]))]);
        if let Some((_, config)) = machine.configs.first_mut() {
            *config = format!("{text}{config}");
            // Sections follow the lines of the machine itself.
            if let Some((lines, sections)) = text.split_once("\n[") {
                let map = config.rsplit("size=1G\n").next().unwrap_or_default();
                *config = format!(
                    "{lines}\nscsi0: local:100/vm-100-scsi0.raw,size=1G\n{map}\n[{sections}"
                );
            }
        }
        machine.configs.extend(more);
        machine
    };
    let long = format!("#{}\n", "ä long description %0A ".repeat(2300));
    let unsaved = "ide2: none,media=cdrom\nide0: local:iso/a.iso,media=cdrom,size=4M\nide1: local:100/vm-100-cloudinit.qcow2,media=cdrom\nsata3: /dev/disk/by-id/x,backup=0,size=1G\nscsi5: a:b,backup=no\nunused0: local:100/vm-100-disk-9.raw\nunused10: local:x\n";
    let odd = "agent: 1,fstrim_cloned_disks=1\nargs: -device 'x,y=[z]' -fw_cfg name=opt/a,string=\"a: b\"\nboot: order=scsi0;ide2;net0\nhostpci0: 0000:01:00,pcie=1,x-vga=1\nipconfig0: ip=dhcp,ip6=auto\nnet0: virtio=AA:BB:CC:DD:EE:FF,bridge=vmbr0,firewall=1\nname: db-1.example.org\nserial0: socket\nsmbios1: uuid=0b1c2d3e-0000-4000-8000-000000000000,base64=1,serial=QUJD\nsshkeys: ssh-ed25519%20AAAA%0A\ntags: a;b_c;prod\nusb0: host=1-2,usb3=1\nvmgenid: 0b1c2d3e-0000-4000-8000-000000000001\n";
    let sections = "cores: 4\n\n[before_upgrade]\n#ü\ncores: 2\nscsi0: local:100/vm-100-disk-0.raw,size=1G\nsnaptime: 1767225600\nvmstate: local:100/vm-100-state-a.raw\n\n[PENDING]\ncores: 8\n\n[special:cloudinit]\nname: x\n";
    vec![
        with("a description of unicode, near the longest", &long, vec![]),
        with("drives that are not saved", unsaved, vec![]),
        with("every other kind of line", odd, vec![]),
        with("snapshots and pending changes", sections, vec![]),
        with(
            "a firewall",
            "#x\n",
            vec![(
                "qemu-server.fw",
                "[OPTIONS]\n\nenable: 1\n\n[RULES]\n\nIN SSH(ACCEPT) -i net0 # ü\n".to_owned(),
            )],
        ),
        with(
            "an empty firewall",
            "",
            vec![("qemu-server.fw", String::new())],
        ),
    ]
}

/// What a restore must give, by the name of the disk.
pub fn truth(machine: &Machine) -> BTreeMap<String, &[u8]> {
    let disks = machine.disks.iter();
    disks
        .map(|(name, data)| (name.clone(), data.as_slice()))
        .collect()
}
