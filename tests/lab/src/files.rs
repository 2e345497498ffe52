//! The files of a storage: its folders, archives, notes and protection, and how full it is.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::archive::{self, ArchiveName};
use crate::node::NodeCore;
use crate::refusal::Refusal;
use crate::state::State;
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
pub(crate) const MOUNTED: &str = ".mounted";

/// The size that a storage has when nobody said another.
const CAPACITY: u64 = 100 << 30;

/// The folder of one kind of content; PBS and unknown kinds have none.
pub(crate) fn folder(node: &NodeCore, storage: &Storage, content: &str) -> Option<PathBuf> {
    let (_, folder) = FOLDERS.iter().find(|(name, _)| *name == content)?;
    Some(node.local(storage.path()?).join(folder))
}

/// Makes a storage ready as PVE does before each use: the folders of its content appear.
///
/// # Errors
/// When it is switched off, not for this node, not mounted, or a folder cannot be made.
pub(crate) fn activate(node: &NodeCore, storage: &Storage) -> Result<(), Refusal> {
    let id = &storage.id;
    if storage.is_disabled() {
        return Err(Refusal::failure(format!("storage '{id}' is disabled")));
    }
    if !storage.serves(&node.name) {
        let text = format!("storage '{id}' is not available on node '{}'", node.name);
        return Err(Refusal::failure(text));
    }
    let Some(path) = storage.path() else {
        return Ok(());
    };
    if let Some(point) = missing_mount(node, storage) {
        return Err(Refusal::failure(format!(
            "unable to activate storage '{id}' - directory is expected to be a mount point but is not mounted: '{point}'"
        )));
    }
    for (content, _) in FOLDERS.iter().filter(|(content, _)| storage.holds(content)) {
        if let Some(folder) = folder(node, storage, content) {
            fs::create_dir_all(&folder).map_err(|error| {
                Refusal::failure(format!("mkdir {path}: {error} at {}", folder.display()))
            })?;
        }
    }
    Ok(())
}

fn missing_mount<'storage>(node: &NodeCore, storage: &'storage Storage) -> Option<&'storage str> {
    let point = match storage.option("is_mountpoint") {
        None | Some("no" | "0" | "off" | "false") => return None,
        Some(other) if other.starts_with('/') => other,
        Some(_) => storage.path()?,
    };
    (!node.local(point).join(MOUNTED).exists()).then_some(point)
}

/// How full a storage is; absent when it cannot be used.
pub(crate) fn usage(node: &NodeCore, state: &State, storage: &Storage) -> Option<(u64, u64)> {
    activate(node, storage).ok()?;
    if let Some(usage) = state.capacities.get(&storage.id) {
        return Some(*usage);
    }
    let used = storage
        .path()
        .map_or(0, |path| size_of(&node.local(path), 8));
    Some((CAPACITY, used))
}

// Folders deeper than `depth` are no PVE layout any more.
fn size_of(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let mut sum = 0;
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() && depth > 0 {
            sum += size_of(&entry.path(), depth - 1);
        } else if metadata.is_file() {
            sum += metadata.blocks() * 512;
        }
    }
    sum
}

/// A file of a storage.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    /// The name in its folder.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// What it takes on the disk.
    pub(crate) used: u64,
    /// When the file or its name was last changed, in Unix seconds.
    pub(crate) changed: i64,
}

/// The plain files of a folder by name; a folder that is not there has none.
pub(crate) fn files_of(folder: &Path) -> Vec<StoredFile> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some(StoredFile {
                name: entry.file_name().into_string().ok()?,
                path: entry.path(),
                size: metadata.len(),
                used: metadata.blocks() * 512,
                changed: metadata.ctime(),
            })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// A backup that a storage lists.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    pub(crate) file: StoredFile,
    pub(crate) name: ArchiveName,
    /// Unix time of the backup.
    pub(crate) created: i64,
    pub(crate) protected: bool,
}

/// The backups of a storage by file name.
pub(crate) fn archives(node: &NodeCore, storage: &Storage, zone: &TimeZone) -> Vec<Archive> {
    let Some(folder) = folder(node, storage, "backup") else {
        return Vec::new();
    };
    files_of(&folder)
        .into_iter()
        .filter_map(|file| {
            let name = ArchiveName::parse(&file.name)?;
            Some(Archive {
                created: name.created(zone).unwrap_or(file.changed),
                protected: is_protected(&file.path),
                name,
                file,
            })
        })
        .collect()
}

/// Removes a volume; an archive with its log and notes.
///
/// # Errors
/// When it is protected or the file cannot be removed.
pub(crate) fn remove_volume(path: &Path, volume: &str, storage: &str) -> Result<(), String> {
    if volume.starts_with("backup/") {
        return remove_archive(path, volume, storage);
    }
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|error| format!("unlink '{}' failed - {error}", path.display()))
}

/// Removes an archive with its log and notes.
///
/// # Errors
/// When it is protected or the file cannot be removed.
pub(crate) fn remove_archive(path: &Path, volume: &str, storage: &str) -> Result<(), String> {
    if is_protected(path) {
        return Err(format!(
            "cannot remove protected volume '{volume}' on '{storage}'"
        ));
    }
    fs::remove_file(path).map_err(|error| format!("removing archive {volume} failed: {error}"))?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let log = path.with_file_name(format!("{}.log", archive::stem(name)));
    for file in [log, companion(path, ".notes")] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("removing {} failed: {error}", file.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether an archive may not be removed.
pub(crate) fn is_protected(path: &Path) -> bool {
    companion(path, ".protected").exists()
}

/// Protects an archive, or takes the protection away.
///
/// # Errors
/// When the file beside it cannot be made or removed.
pub(crate) fn set_protected(path: &Path, protected: Protection) -> Result<(), Refusal> {
    let file = companion(path, ".protected");
    let result = match protected {
        Protection::On => fs::write(&file, ""),
        Protection::Off if file.exists() => fs::remove_file(&file),
        Protection::Off => Ok(()),
    };
    result.map_err(|error| failed(&file, &error))
}

/// Whether an archive is to be kept from removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    On,
    Off,
}

/// The notes of an archive; empty when there are none.
pub(crate) fn notes(path: &Path) -> String {
    fs::read_to_string(companion(path, ".notes")).unwrap_or_default()
}

/// Writes notes; empty ones remove the file. Whether the archive is there does not matter.
///
/// # Errors
/// When the file beside it cannot be written or removed.
pub(crate) fn set_notes(path: &Path, notes: &str) -> Result<(), Refusal> {
    let file = companion(path, ".notes");
    let result = match notes {
        "" if file.exists() => fs::remove_file(&file),
        "" => Ok(()),
        notes => fs::write(&file, notes),
    };
    result.map_err(|error| failed(&file, &error))
}

fn failed(file: &Path, error: &std::io::Error) -> Refusal {
    Refusal::failure(format!(
        "unable to open file '{}' - {error}",
        file.display()
    ))
}
