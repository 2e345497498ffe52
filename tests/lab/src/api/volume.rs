//! Names of volumes, where they lie, and who may see them.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::archive::{self, ArchiveName};
use crate::call::Call;
use crate::files;
use crate::guest::GuestKind;
use crate::node::NodeCore;
use crate::refusal::Refusal;
use crate::storage::Storage;

/// A parsed volume id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeId {
    pub(crate) storage: String,
    /// `backup`, `iso`, `snippets`, `vztmpl`, `images`.
    pub(crate) content: &'static str,
    /// The name in its folder; for images with the folder of the guest.
    pub(crate) file: String,
}

impl VolumeId {
    /// The volume that the path of a request names.
    ///
    /// # Errors
    /// 400 when it belongs to another storage, 500 when PVE cannot read the name.
    pub(crate) fn of_call(call: &Call<'_>) -> Result<Self, Refusal> {
        Self::parse(call.required("volume"), call.required("storage"))
    }

    /// Reads `storage:kind/name` or `kind/name`.
    ///
    /// # Errors
    /// 400 when it belongs to another storage, 500 when PVE cannot read the name.
    pub(crate) fn parse(text: &str, storage: &str) -> Result<Self, Refusal> {
        let name = match text.split_once(':') {
            Some((other, _)) if other != storage => {
                let text = format!("storage ID mismatch ({other} != {storage})\n");
                return Err(Refusal::parameter("volume", text));
            }
            Some((_, name)) => name,
            None => text,
        };
        let unreadable =
            || Refusal::failure(format!("unable to parse directory volume name '{name}'"));
        let (kind, file) = name.split_once('/').ok_or_else(unreadable)?;
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| file.ends_with(suffix));
        let plain = !file.is_empty() && !file.contains('/');
        let content = match kind {
            "backup" if plain && ArchiveName::parse(file).is_some() => "backup",
            "iso" if plain && ends(&[".iso", ".img"]) => "iso",
            "snippets" if plain => "snippets",
            "vztmpl" if plain && ends(&[".tar.gz", ".tar.xz", ".tar.zst", ".tar"]) => "vztmpl",
            vmid if plain && vmid.parse::<u32>().is_ok() => "images",
            _ => return Err(unreadable()),
        };
        let file = if content == "images" { name } else { file }.to_owned();
        Ok(Self {
            storage: storage.to_owned(),
            content,
            file,
        })
    }

    /// Whether it is an archive.
    pub(crate) fn is_backup(&self) -> bool {
        self.content == "backup"
    }

    /// The whole id.
    pub(crate) fn full(&self) -> String {
        match self.content {
            "images" => format!("{}:{}", self.storage, self.file),
            content => format!("{}:{content}/{}", self.storage, self.file),
        }
    }

    /// The guest that it belongs to.
    pub(crate) fn owner(&self) -> Option<u32> {
        match self.content {
            "backup" => archive::owner(&self.file),
            "images" => self
                .file
                .split('/')
                .next()
                .and_then(|vmid| vmid.parse().ok()),
            _ => None,
        }
    }

    /// Where it lies on this machine.
    pub(crate) fn path(&self, node: &NodeCore, storage: &Storage) -> Option<PathBuf> {
        Some(files::folder(node, storage, self.content)?.join(&self.file))
    }

    /// Where it lies as the node sees it.
    pub(crate) fn node_path(&self, storage: &Storage) -> Option<String> {
        let folder = match self.content {
            "backup" => "dump",
            "vztmpl" => "template/cache",
            "iso" => "template/iso",
            other => other,
        };
        Some(format!("{}/{folder}/{}", storage.path()?, self.file))
    }
}

/// Checks whether the sender may read a volume.
///
/// # Errors
/// 403 with what is missing.
pub(crate) fn check_access(call: &Call<'_>, volume: &VolumeId) -> Result<(), Refusal> {
    let path = format!("/storage/{}", volume.storage);
    match volume.content {
        "iso" | "vztmpl" | "snippets" => {
            call.check_any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"])
        }
        _ if call.holds_any(&path, &["Datastore.Allocate"]) => Ok(()),
        "backup" => {
            call.check(&path, &["Datastore.AllocateSpace"])?;
            match volume.owner() {
                Some(vmid) => call.check(&format!("/vms/{vmid}"), &["VM.Backup"]),
                None => Ok(()),
            }
        }
        _ => {
            call.check(&path, &["Datastore.Audit"])?;
            match volume.owner() {
                Some(vmid) => call.check(&format!("/vms/{vmid}"), &["VM.Config.Disk"]),
                None => Err(Refusal::forbidden(&format!("{path}, Datastore.Allocate"))),
            }
        }
    }
}

/// The disks of guests on a storage.
pub(crate) fn images(call: &Call<'_>, storage: &Storage) -> Vec<Value> {
    let Some(folder) = files::folder(call.node, storage, "images") else {
        return Vec::new();
    };
    let Ok(guests) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut images = Vec::new();
    for guest in guests.flatten() {
        let Some(vmid) = guest
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let kind = call.state.guests.get(&vmid).map(|guest| guest.kind);
        let content = if kind == Some(GuestKind::Lxc) {
            "rootdir"
        } else {
            "images"
        };
        for file in files::files_of(&guest.path()) {
            let format = file.name.rsplit('.').next().unwrap_or("raw");
            images.push(json!({
                "volid": format!("{}:{vmid}/{}", storage.id, file.name),
                "content": content,
                "format": format,
                "size": file.size,
                "used": file.used,
                "parent": Value::Null,
                "ctime": file.changed,
                "vmid": vmid,
            }));
        }
        for (name, changed) in trees_of(&guest.path()) {
            images.push(json!({
                "volid": format!("{}:{vmid}/{name}", storage.id),
                "content": content,
                "format": "subvol",
                "size": 0,
                "used": 0,
                "parent": Value::Null,
                "ctime": changed,
                "vmid": vmid,
            }));
        }
    }
    images
}

// The volumes of a container that are folders, and when they were last changed.
fn trees_of(folder: &std::path::Path) -> Vec<(String, i64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let trees = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let metadata = entry.metadata().ok()?;
        let changed = std::os::unix::fs::MetadataExt::ctime(&metadata);
        (metadata.is_dir() && crate::trees::is_tree(&name)).then_some((name, changed))
    });
    trees.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_names_are_read_with_and_without_their_storage() {
        let name = "backup/vzdump-qemu-100-2026_11_20-21_00_00.vma.zst";
        let volume = VolumeId::parse(&format!("b1:{name}"), "b1").unwrap();
        assert_eq!(volume, VolumeId::parse(name, "b1").unwrap());
        assert_eq!(volume.owner(), Some(100));
        assert_eq!(volume.full(), format!("b1:{name}"));
        let refusal = VolumeId::parse("a1:x", "b1").unwrap_err();
        assert_eq!(
            refusal.errors()["volume"],
            "storage ID mismatch (a1 != b1)\n"
        );
        let refusal = VolumeId::parse("b1:backup/foo.bar", "b1").unwrap_err();
        assert_eq!(
            refusal.reason(),
            "unable to parse directory volume name 'backup/foo.bar'"
        );
        assert!(VolumeId::parse("b1:backup/../../x.tar", "b1").is_err());
    }
}
