//! Volumes of guests: making them, naming them, finding out whose they are.

use std::collections::BTreeSet;
use std::fs::{self, File};

use crate::backup::short_size;
use crate::files;
use crate::http::tls;
use crate::node::NodeCore;
use crate::storage::StorageTable;
use crate::task::worker::Failure;
use crate::trees;

/// What a volume is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A disk of a virtual machine.
    Disk,
    /// A file system of a container.
    FileSystem,
}

/// A volume to be made.
#[derive(Clone, Debug)]
pub(crate) struct Wish<'wish> {
    pub(crate) storage: &'wish str,
    /// In bytes; a container's volume of no size is a folder.
    pub(crate) size: u64,
    /// `raw` or `qcow2`.
    pub(crate) format: &'wish str,
    pub(crate) purpose: Purpose,
}

/// Where volumes are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'place> {
    pub(crate) node: &'place NodeCore,
    pub(crate) storages: &'place StorageTable,
    pub(crate) vmid: u32,
    /// Whether nothing more fits.
    pub(crate) is_full: bool,
}

/// Where the lines of a log go.
pub(crate) type Say<'say> = dyn FnMut(&str) -> Result<(), Failure> + 'say;

/// Makes a volume and gives back its id.
///
/// # Errors
/// When the storage does not do or the disk is full.
pub(crate) fn allocate(
    place: &Place<'_>,
    wish: &Wish<'_>,
    say: &mut Say<'_>,
) -> Result<String, Failure> {
    let storage = place.storages.get(wish.storage)?;
    files::activate(place.node, storage)?;
    let content = match wish.purpose {
        Purpose::Disk => "images",
        Purpose::FileSystem => "rootdir",
    };
    let name = &storage.id;
    if !storage.holds(content) {
        let text = format!("Content type '{content}' is not available on storage '{name}'");
        return Err(Failure::new(text));
    }
    let folder = files::folder(place.node, storage, "images")
        .ok_or_else(|| Failure::new(format!("the lab has no disks on '{name}'")))?;
    let number = free_number(place.node, place.storages, wish.storage, place.vmid);
    let file = if wish.purpose == Purpose::FileSystem && wish.size == 0 {
        format!("{0}/subvol-{0}-disk-{number}.subvol", place.vmid)
    } else {
        format!("{0}/vm-{0}-disk-{number}.{1}", place.vmid, wish.format)
    };
    let shown = format!("{}/images/{file}", storage.path().unwrap_or_default());
    let id = format!("{name}:{file}");
    let path = folder.join(&file);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    if place.is_full {
        return Err(Failure::new(format!(
            "unable to create image: qemu-img: {shown}: No space left on device"
        )));
    }
    if trees::is_tree(&id) {
        fs::create_dir_all(&path)?;
        return Ok(id);
    }
    File::create(&path)?.set_len(wish.size)?;
    let size = wish.size;
    say(&match wish.format {
        "qcow2" => format!(
            "Formatting '{shown}', fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size={size} lazy_refcounts=off refcount_bits=16"
        ),
        format => format!("Formatting '{shown}', fmt={format} size={size} preallocation=off"),
    })?;
    if wish.purpose == Purpose::FileSystem {
        make_file_system(size, say)?;
        if let Some(tree) = trees::of(place.node, place.storages, &id) {
            fs::create_dir_all(tree)?;
        }
    }
    Ok(id)
}

// What mkfs.ext4 says: small file systems have blocks of 1 KiB.
fn make_file_system(size: u64, say: &mut Say<'_>) -> Result<(), Failure> {
    let small = size < 512 << 20;
    let (block, per_inode) = if small { (1, 4096) } else { (4, 16_384) };
    let blocks = size / (block << 10);
    let inodes = size / per_inode;
    say(&format!(
        "Creating filesystem with {blocks} {block}k blocks and {inodes} inodes"
    ))?;
    let uuid = tls::random_uuid().map_err(|error| Failure::new(error.to_string()))?;
    say(&format!("Filesystem UUID: {uuid}"))?;
    say("Superblock backups stored on blocks: ")?;
    let mut groups: BTreeSet<u64> = BTreeSet::from([1]);
    for base in [3_u64, 5, 7] {
        let powers = std::iter::successors(Some(base), |power| power.checked_mul(base));
        groups.extend(powers.take_while(|power| power * 32_768 < blocks));
    }
    let places: Vec<String> = groups
        .into_iter()
        .map(|group| group * 32_768)
        .filter(|place| *place < blocks && !small)
        .map(|place| place.to_string())
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    say(&format!("\t{}", places.join(", ")))
}

/// The size of a volume that is there.
pub(crate) fn size_of(place: &Place<'_>, id: &str) -> Option<u64> {
    let path = trees::volume_file(place.node, place.storages, id)?;
    let metadata = fs::metadata(path).ok()?;
    Some(if metadata.is_dir() { 0 } else { metadata.len() })
}

/// The lowest number that no disk of a guest on a storage has.
pub(crate) fn free_number(
    node: &NodeCore,
    storages: &StorageTable,
    storage: &str,
    vmid: u32,
) -> usize {
    let taken: BTreeSet<usize> = of_guest(node, storages, storage, vmid)
        .iter()
        .filter_map(|id| id.rsplit("-disk-").next()?.split('.').next()?.parse().ok())
        .collect();
    // One of so many numbers is not taken.
    let mut numbers = 0..=taken.len();
    numbers.find(|number| !taken.contains(number)).unwrap_or(0)
}

/// The ids of all volumes of a guest on a storage, whether its configuration names them or not.
pub(crate) fn of_guest(
    node: &NodeCore,
    storages: &StorageTable,
    storage: &str,
    vmid: u32,
) -> Vec<String> {
    let folder = storages
        .find(storage)
        .and_then(|storage| files::folder(node, storage, "images"));
    let entries = folder.and_then(|folder| fs::read_dir(folder.join(vmid.to_string())).ok());
    let mut ids: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| format!("{storage}:{vmid}/{name}"))
        .collect();
    ids.sort();
    ids
}

/// `,size=…` for a value of the configuration that lacks it.
pub(crate) fn with_size(value: &str, size: u64) -> String {
    let rest: Vec<&str> = value
        .split(',')
        .filter(|part| !part.starts_with("size=") && !part.starts_with("format="))
        .collect();
    let size = if size == 0 {
        "0T".to_owned()
    } else {
        short_size(size)
    };
    format!("{},size={size}", rest.join(","))
}

/// `local:4` as storage and bytes: a wish for a new volume in GiB.
pub(crate) fn wished_size(id: &str) -> Option<(&str, u64)> {
    let (storage, size) = id.split_once(':')?;
    let gib: f64 = size.parse().ok()?;
    // PVE drops what is less than a MiB.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size is positive and far below 2^63"
    )]
    let mib = (gib.max(0.0) * 1024.0) as u64;
    Some((storage, mib << 20))
}

/// The volume id in front of the options of a value.
pub(crate) fn id_of(value: &str) -> &str {
    let id = value.split(',').next().unwrap_or(value);
    id.strip_prefix("file=")
        .or_else(|| id.strip_prefix("volume="))
        .unwrap_or(id)
}

/// An option of a value.
pub(crate) fn option<'value>(value: &'value str, name: &str) -> Option<&'value str> {
    let mut parts = value.split(',');
    parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_wished_in_gib() {
        assert_eq!(wished_size("local:1"), Some(("local", 1 << 30)));
        assert_eq!(wished_size("local:0.01"), Some(("local", 10 << 20)));
        assert_eq!(wished_size("local:100/vm-100-disk-0.raw"), None);
    }

    #[test]
    fn values_get_their_size_at_the_end() {
        assert_eq!(
            with_size("local:1/a.qcow2,backup=0", 1 << 30),
            "local:1/a.qcow2,backup=0,size=1G"
        );
        assert_eq!(with_size("local:1/a.subvol", 0), "local:1/a.subvol,size=0T");
    }
}
