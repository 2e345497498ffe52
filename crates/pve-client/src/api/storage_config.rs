//! A storage as it is defined for the whole cluster.

use std::collections::BTreeMap;

use pve_types::{Retention, StorageId, lenient};
use serde::{Deserialize, Serialize};

use super::other::other_texts;

/// A storage as it is defined for the whole cluster: what was never set is `None`.
///
/// Serializes with PVE's names, without what is not set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Storage {
    /// The id.
    pub storage: StorageId,
    /// `dir`, `nfs`, `cifs`, `pbs`, …
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: String,
    /// What may be stored; without a backup word in it, no archives.
    #[serde(
        default,
        deserialize_with = "lenient::optional_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub content: Option<Vec<String>>,
    /// How many archives are kept when a job does not say it.
    #[serde(
        default,
        deserialize_with = "lenient::optional_retention",
        skip_serializing_if = "Option::is_none"
    )]
    pub prune_backups: Option<Retention>,
    /// How many archives of one guest may be protected; -1 is no limit.
    #[serde(
        default,
        deserialize_with = "lenient::optional_i64",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_protected_backups: Option<i64>,
    /// The nodes that have it; absent means all.
    #[serde(
        default,
        deserialize_with = "lenient::optional_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub nodes: Option<Vec<String>>,
    /// Is it switched off?
    #[serde(
        default,
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub disable: Option<bool>,
    /// Do all nodes see the same content?
    #[serde(
        default,
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub shared: Option<bool>,
    /// The folder (dir), or where it is mounted (nfs, cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub path: Option<String>,
    /// The host of a network storage.
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub server: Option<String>,
    /// Its port.
    #[serde(
        default,
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub port: Option<u64>,
    /// The exported folder (nfs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub export: Option<String>,
    /// Mount options (nfs, cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub options: Option<String>,
    /// The share (cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub share: Option<String>,
    /// The folder in the share (cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub subdir: Option<String>,
    /// The domain of the user (cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub domain: Option<String>,
    /// The version of the protocol (cifs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub smbversion: Option<String>,
    /// The user (cifs, pbs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub username: Option<String>,
    /// The datastore (pbs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub datastore: Option<String>,
    /// The namespace in the datastore (pbs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub namespace: Option<String>,
    /// The fingerprint of the certificate (pbs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub fingerprint: Option<String>,
    /// The key's fingerprint, never the key (pbs).
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub encryption_key: Option<String>,
    /// Is the folder made when it is missing? Replaced by the next two.
    #[serde(
        default,
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub mkdir: Option<bool>,
    /// Is the folder made when it is missing?
    #[serde(
        default,
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub create_base_path: Option<bool>,
    /// Are the folders below it made?
    #[serde(
        default,
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub create_subdirs: Option<bool>,
    /// `yes`, `no`, or the path that must be mounted.
    #[serde(rename = "is_mountpoint")]
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub is_mountpoint: Option<String>,
    /// How new disk images are allocated.
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub preallocation: Option<String>,
    /// The checksum of the whole storage configuration; changes with every storage.
    #[serde(
        default,
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub digest: Option<String>,
    /// Every key that is not known here, as text.
    #[serde(flatten, deserialize_with = "other_texts")]
    pub other: BTreeMap<String, String>,
}

impl Storage {
    /// May archives be stored there?
    pub fn takes_backups(&self) -> bool {
        self.kind == "pbs" || self.holds("backup")
    }

    /// Is this kind of content in its list? PVE gives the list in any order.
    pub fn holds(&self, content: &str) -> bool {
        self.content
            .as_deref()
            .unwrap_or_default()
            .iter()
            .any(|known| known == content)
    }

    /// Is it switched off?
    pub fn is_disabled(&self) -> bool {
        self.disable.unwrap_or(false)
    }
}
