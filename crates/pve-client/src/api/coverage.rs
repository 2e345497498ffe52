//! Which guests and disks are in a backup job.

use pve_types::{Vmid, lenient};
use serde::{Deserialize, Serialize};

use super::backup::job_path;
use crate::{ApiPath, Client, Error, Params};

/// A guest that a job saves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncludedGuest {
    /// Its number.
    #[serde(rename(deserialize = "id"))]
    pub vmid: Vmid,
    /// `qemu`, `lxc`, or `unknown` for a number without a guest.
    #[serde(
        rename(deserialize = "type"),
        default,
        deserialize_with = "lenient::optional_text"
    )]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
    /// Its volumes, saved or not.
    #[serde(rename(deserialize = "children"), default)]
    pub volumes: Vec<IncludedVolume>,
}

impl IncludedGuest {
    /// Is there a guest with this number?
    pub fn exists(&self) -> bool {
        self.kind.as_deref() != Some("unknown")
    }
}

/// A volume of a guest that a job saves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncludedVolume {
    /// The key in the guest's configuration, for example `scsi0`.
    #[serde(rename(deserialize = "id"), deserialize_with = "key")]
    pub key: String,
    /// The volume.
    #[serde(
        rename(deserialize = "name"),
        default,
        deserialize_with = "lenient::optional_text"
    )]
    pub volume: Option<String>,
    /// Is it saved?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub included: bool,
    /// Why or why not.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub reason: Option<String>,
}

/// `110:scsi0` without the guest.
fn key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = lenient::text(deserializer)?;
    Ok(match text.split_once(':') {
        Some((_, key)) => key.to_owned(),
        None => text,
    })
}

/// A guest that no job saves. A disabled job counts as saving its guests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncoveredGuest {
    /// Its number.
    pub vmid: Vmid,
    /// `qemu` or `lxc`.
    #[serde(
        rename(deserialize = "type"),
        default,
        deserialize_with = "lenient::optional_text"
    )]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    children: Vec<IncludedGuest>,
}

impl Client {
    /// The guests a job saves with their volumes, by number; `None` when there is no such job.
    ///
    /// Only guests on which the caller has `VM.Audit`:
    /// [`crate::api::Permissions::gap_for_guests`] says whether some may be hidden.
    pub fn included_volumes(&self, id: &str) -> Result<Option<Vec<IncludedGuest>>, Error> {
        let path = job_path(id).join("included_volumes");
        let action = format!("read the guests and volumes of backup job `{id}`");
        match self.get::<Tree>(&path, &Params::new(), action) {
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
            Ok(Tree { mut children }) => {
                // PVE gives them in any order.
                children.sort_by_key(|guest| guest.vmid);
                for guest in &mut children {
                    guest.volumes.sort_by(|a, b| a.key.cmp(&b.key));
                }
                Ok(Some(children))
            }
        }
    }

    /// The guests that are in no job at all, by number. Only those on which the caller has
    /// `VM.Audit`.
    pub fn not_backed_up(&self) -> Result<Vec<UncoveredGuest>, Error> {
        let path = ApiPath::new("cluster/backup-info/not-backed-up");
        let mut guests: Vec<UncoveredGuest> = self.get(
            &path,
            &Params::new(),
            "list the guests that are in no backup job",
        )?;
        guests.sort_by_key(|guest| guest.vmid);
        Ok(guests)
    }
}
