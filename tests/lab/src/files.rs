//! The files of a storage: its folders, and whether they are there.

use std::path::PathBuf;

use crate::node::NodeCore;
use crate::refusal::Refusal;
use crate::storage::Storage;

/// Folders by the kind of content.
const FOLDERS: [(&str, &str); 6] = [
    ("backup", "dump"),
    ("images", "images"),
    ("iso", "template/iso"),
    ("rootdir", "private"),
    ("snippets", "snippets"),
    ("vztmpl", "template/cache"),
];

/// The file whose presence says that a folder is mounted. The lab mounts nothing.
const MOUNTED: &str = ".mounted";

/// The folder of one kind of content; PBS and unknown kinds have none.
pub(crate) fn folder(node: &NodeCore, storage: &Storage, content: &str) -> Option<PathBuf> {
    let (_, folder) = FOLDERS.iter().find(|(name, _)| *name == content)?;
    Some(node.local(storage.path()?).join(folder))
}

/// Makes a storage ready as PVE does before each use: the folders of its content appear.
///
/// # Errors
/// When a mount point is not mounted, or the folders cannot be made.
pub(crate) fn activate(node: &NodeCore, storage: &Storage) -> Result<(), Refusal> {
    let Some(path) = storage.path() else {
        return Ok(());
    };
    check_mounted(node, storage, path)?;
    for (content, _) in FOLDERS.iter().filter(|(content, _)| storage.holds(content)) {
        if let Some(folder) = folder(node, storage, content) {
            std::fs::create_dir_all(&folder).map_err(|error| {
                Refusal::failure(format!("mkdir {path}: {error} at {}", folder.display()))
            })?;
        }
    }
    Ok(())
}

fn check_mounted(node: &NodeCore, storage: &Storage, path: &str) -> Result<(), Refusal> {
    let point = match storage.option("is_mountpoint") {
        None | Some("no" | "0" | "off" | "false") => return Ok(()),
        Some(other) if other.starts_with('/') => other,
        Some(_) => path,
    };
    if node.local(point).join(MOUNTED).exists() {
        return Ok(());
    }
    Err(Refusal::failure(format!(
        "unable to activate storage '{}' - directory is expected to be a mount point but is not mounted: '{point}'",
        storage.id
    )))
}
