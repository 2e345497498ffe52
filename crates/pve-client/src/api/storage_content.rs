//! Archives on a storage, and what a prune would do with them.

use pve_types::{NodeName, Retention, StorageId, Vmid, VolumeId, lenient};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ApiPath, Client, Error, Params};

/// An archive on a storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its volume.
    pub volid: VolumeId,
    /// The guest it was made of; from the name, so renamed archives may have none.
    #[serde(default, deserialize_with = "vmid")]
    pub vmid: Option<Vmid>,
    /// Size in bytes.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub size: Option<u64>,
    /// When it was made, in Unix seconds: from a standard name, else when the file's inode last
    /// changed, so that even a rename makes it younger.
    #[serde(default, deserialize_with = "lenient::optional_i64")]
    pub ctime: Option<i64>,
    /// The first line of its notes.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub notes: Option<String>,
    /// Is it protected?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub protected: bool,
    /// For example `vma.zst`.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub format: Option<String>,
    /// `qemu`, `lxc`, `openvz` or `unknown`.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub subtype: Option<String>,
    /// How the last verification by a Proxmox Backup Server ended; absent elsewhere, and before
    /// the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// A verification of a snapshot by the Proxmox Backup Server that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// `ok` or `failed`.
    #[serde(deserialize_with = "lenient::text")]
    pub state: String,
    /// The task of the backup server.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub upid: Option<String>,
}

impl Verification {
    /// When its task began, in Unix seconds. Ids of tasks of a backup server have one number more
    /// than those of Proxmox VE: `UPID:node:pid:pstart:task:starttime:…`.
    pub fn started(&self) -> Option<i64> {
        let text = self.upid.as_deref()?.strip_prefix("UPID:")?;
        i64::from_str_radix(text.split(':').nth(4)?, 16).ok()
    }
}

/// A guest number that may be nonsense in a name that people gave.
fn vmid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vmid>, D::Error> {
    Ok(lenient::optional_text(deserializer)?.and_then(|text| text.parse().ok()))
}

/// What a prune would do with an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneEntry {
    /// The archive.
    pub volid: VolumeId,
    /// The guest it was made of.
    #[serde(default, deserialize_with = "vmid")]
    pub vmid: Option<Vmid>,
    /// `qemu`, `lxc` or `unknown`; archives of `qemu/100` and `lxc/100` are counted apart.
    #[serde(default, rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// When it was made, in Unix seconds.
    #[serde(default, deserialize_with = "lenient::optional_i64")]
    pub ctime: Option<i64>,
    /// What would happen.
    pub mark: PruneMark,
}

/// What a prune does with one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PruneMark {
    /// It is kept.
    Keep,
    /// It is removed.
    Remove,
    /// It is protected: kept, and not counted.
    Protected,
    /// Its name is not a standard one: kept, and not counted.
    Renamed,
    /// A word that is not known here.
    #[serde(other)]
    Other,
}

impl Client {
    /// The archives on a storage, of one guest or all, as far as the caller may see them:
    /// [`crate::api::Permissions::gap_for_archives`] says whether some may be hidden.
    pub fn archives(
        &self,
        node: &NodeName,
        storage: &StorageId,
        guest: Option<Vmid>,
    ) -> Result<Vec<Archive>, Error> {
        let mut params = Params::new().with("content", "backup");
        if let Some(vmid) = guest {
            params.set("vmid", vmid);
        }
        let path = ApiPath::new("nodes")
            .join(node)
            .join("storage")
            .join(storage)
            .join("content");
        self.get(
            &path,
            &params,
            format_args!("list the archives on storage `{storage}` of node `{node}`"),
        )
    }

    /// What a prune with `retention` (or with the storage's own, for `None`) would do. Changes
    /// nothing, and shows every archive to who has `Datastore.Audit`.
    pub fn prune_dry_run(
        &self,
        node: &NodeName,
        storage: &StorageId,
        retention: Option<Retention>,
        guest: Option<Vmid>,
    ) -> Result<Vec<PruneEntry>, Error> {
        let mut params = Params::new();
        if let Some(retention) = retention {
            params.set("prune-backups", retention);
        }
        if let Some(vmid) = guest {
            params.set("vmid", vmid);
        }
        let path = ApiPath::new("nodes")
            .join(node)
            .join("storage")
            .join(storage)
            .join("prunebackups");
        self.get(
            &path,
            &params,
            format_args!("try a prune of storage `{storage}` on node `{node}`"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_server_says_how_and_when_it_verified() {
        let archive: Archive = serde_json::from_str(
            r#"{"volid": "pbs:backup/vm/100/2026-01-01T00:00:00Z", "vmid": 100, "ctime": 1767225600,
                "size": "5", "subtype": "qemu", "format": "pbs-vm", "verification": {"state": "ok",
                "upid": "UPID:pbs:000002A7:00000A9E:00000001:6955B900:verificationjob:store:root@pam:"}}"#,
        )
        .unwrap();
        let verification = archive.verification.unwrap();
        assert_eq!(verification.state, "ok");
        assert_eq!(verification.started(), Some(0x6955_B900));
        let bare: Verification = serde_json::from_str(r#"{"state": "failed"}"#).unwrap();
        assert_eq!(bare.started(), None);
    }
}
