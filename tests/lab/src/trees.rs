//! Where volumes of guests lie, and the files of containers.
//!
//! A container's volume that is a folder on a real node is one here. One that is a disk image
//! there is an empty image here, and its files lie in a folder outside the node's root.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files;
use crate::node::NodeCore;
use crate::storage::StorageTable;

/// Whether a volume is a folder.
pub(crate) fn is_tree(volume: &str) -> bool {
    volume.ends_with(".subvol")
}

/// The file of a volume.
pub(crate) fn volume_file(
    node: &NodeCore,
    storages: &StorageTable,
    volume: &str,
) -> Option<PathBuf> {
    let (storage, file) = volume.split_once(':')?;
    let folder = files::folder(node, storages.find(storage)?, "images")?;
    Some(folder.join(file))
}

/// The folder with the files of a container's volume.
pub(crate) fn of(node: &NodeCore, storages: &StorageTable, volume: &str) -> Option<PathBuf> {
    if is_tree(volume) {
        return volume_file(node, storages, volume);
    }
    let (storage, file) = volume.split_once(':')?;
    let beside = node.root.parent()?.join("trees").join(storage);
    Some(beside.join(file))
}

/// Lays a small system into a folder that has none, for containers that no template made.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn furnish(tree: &Path, host_name: &str) -> io::Result<()> {
    fs::create_dir_all(tree)?;
    if fs::read_dir(tree)?.next().is_some() {
        return Ok(());
    }
    for folder in [
        "bin", "dev", "etc", "proc", "root", "sbin", "sys", "tmp", "usr/bin", "var/log",
    ] {
        fs::create_dir_all(tree.join(folder))?;
    }
    fs::write(tree.join("etc/hostname"), format!("{host_name}\n"))?;
    fs::write(
        tree.join("etc/os-release"),
        "ID=debian\nVERSION_ID=\"12\"\n",
    )?;
    fs::write(tree.join("sbin/init"), "#!/bin/sh\n")
}

/// Makes the folders on which volumes are mounted in one another: a container that was mounted
/// once has them. `roots` are the mount paths without their leading slash, and the trees.
///
/// # Errors
/// When a folder cannot be made.
pub(crate) fn make_mount_points(roots: &BTreeMap<PathBuf, PathBuf>) -> io::Result<()> {
    for mount in roots.keys() {
        let outer = roots
            .iter()
            .filter(|(other, _)| *other != mount && mount.starts_with(other))
            .max_by_key(|(other, _)| other.components().count());
        if let Some((other, tree)) = outer {
            let inside = mount.strip_prefix(other).unwrap_or(mount);
            fs::create_dir_all(tree.join(inside))?;
        }
    }
    Ok(())
}

/// Removes a volume and the files behind it.
///
/// # Errors
/// When something cannot be removed.
pub(crate) fn remove(node: &NodeCore, storages: &StorageTable, volume: &str) -> io::Result<()> {
    let gone = |path: Option<PathBuf>| match path {
        Some(path) if path.is_dir() => fs::remove_dir_all(path),
        Some(path) if path.exists() => fs::remove_file(path),
        _ => Ok(()),
    };
    gone(of(node, storages, volume))?;
    gone(volume_file(node, storages, volume))
}
