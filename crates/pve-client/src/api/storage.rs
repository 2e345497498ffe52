//! Storages: their definitions, and how they are on a node.

use pve_types::{NodeName, StorageId, lenient};
use serde::{Deserialize, Serialize};

use super::Storage;
use crate::{ApiPath, Client, Error, Method, Params, Seen, StorageParams};

/// How a storage is on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageStatus {
    /// Its id.
    pub storage: StorageId,
    /// Its type, for example `dir`.
    #[serde(default, rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// Is it switched on?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub enabled: bool,
    /// Can it be used now?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub active: bool,
    /// Do all nodes see the same content?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub shared: bool,
    /// What it may store.
    #[serde(default, deserialize_with = "lenient::optional_list")]
    pub content: Option<Vec<String>>,
    /// Bytes in all; 0 when it is not active.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub total: Option<u64>,
    /// Bytes in use.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub used: Option<u64>,
    /// Bytes that are free for us; can be less than `total - used`.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub avail: Option<u64>,
}

fn storages_path() -> ApiPath {
    ApiPath::new("storage")
}

impl Client {
    /// The storages of the cluster, by name, with what may be hidden. PVE never refuses this call:
    /// without rights the list is simply empty.
    pub fn storages(&self) -> Result<Seen<Storage>, Error> {
        let (mut visible, permissions) =
            self.get_with_rights::<Vec<Storage>>(&storages_path(), "list the storages")?;
        visible.sort_by(|a, b| a.storage.cmp(&b.storage));
        let gaps = permissions.gap_for_storages().into_iter().collect();
        Ok(Seen { visible, gaps })
    }

    /// The storages of a node that hold this kind of content (`backup`, or `None` for all), by
    /// name.
    pub fn storages_on(
        &self,
        node: &NodeName,
        content: Option<&str>,
    ) -> Result<Vec<StorageStatus>, Error> {
        let mut params = Params::new();
        if let Some(content) = content {
            params.set("content", content);
        }
        let path = ApiPath::new("nodes").join(node).join("storage");
        let mut storages: Vec<StorageStatus> = self.get(
            &path,
            &params,
            format_args!("list the storages of node `{node}`"),
        )?;
        storages.sort_by(|a, b| a.storage.cmp(&b.storage));
        Ok(storages)
    }

    /// How a storage is on a node; `None` when there is no such storage.
    pub fn storage_status(
        &self,
        node: &NodeName,
        storage: &StorageId,
    ) -> Result<Option<StorageStatus>, Error> {
        let path = ApiPath::new("nodes")
            .join(node)
            .join("storage")
            .join(storage)
            .join("status");
        let action = format!("read the state of storage `{storage}` on node `{node}`");
        match self.get::<Unnamed>(&path, &Params::new(), action) {
            Ok(status) => Ok(Some(status.named(storage))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fails when a storage's password could not be sent.
    pub fn accepts_storage_password(&self, storage: &StorageId) -> Result<(), Error> {
        self.accepts_secret(
            &storages_path(),
            "password",
            format_args!("send the password of storage `{storage}`"),
        )
    }

    /// Defines a storage.
    pub fn create_storage(
        &self,
        storage: &StorageId,
        kind: &str,
        params: &StorageParams,
    ) -> Result<(), Error> {
        let mut sent = Params::new().with("storage", storage).with("type", kind);
        for (name, value) in params.set.iter() {
            sent.set(name, value.clone());
        }
        self.change(
            Method::Post,
            &storages_path(),
            &sent,
            format_args!("create storage `{storage}`"),
        )
    }

    /// Changes the definition of a storage; without a change nothing is sent.
    pub fn update_storage(&self, storage: &StorageId, params: &StorageParams) -> Result<(), Error> {
        if params.is_empty() {
            return Ok(());
        }
        self.change(
            Method::Put,
            &storages_path().join(storage),
            &params.for_update(),
            format_args!("change storage `{storage}`"),
        )
    }

    /// Removes the definition of a storage. Its data stays.
    pub fn delete_storage(&self, storage: &StorageId) -> Result<(), Error> {
        self.change(
            Method::Delete,
            &storages_path().join(storage),
            &Params::new(),
            format_args!("remove the definition of storage `{storage}`"),
        )
    }
}

/// The answer for one storage, which does not repeat its name.
#[derive(Deserialize)]
struct Unnamed {
    #[serde(default, rename = "type", deserialize_with = "lenient::optional_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    enabled: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    active: bool,
    #[serde(default, deserialize_with = "lenient::flag")]
    shared: bool,
    #[serde(default, deserialize_with = "lenient::optional_list")]
    content: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    total: Option<u64>,
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    used: Option<u64>,
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    avail: Option<u64>,
}

impl Unnamed {
    fn named(self, storage: &StorageId) -> StorageStatus {
        StorageStatus {
            storage: storage.clone(),
            kind: self.kind,
            enabled: self.enabled,
            active: self.active,
            shared: self.shared,
            content: self.content,
            total: self.total,
            used: self.used,
            avail: self.avail,
        }
    }
}
