//! What a node knows: everything that the API changes, and nothing that lies in files.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Access;
use crate::guest::Guest;
use crate::job::JobTable;
use crate::storage::StorageTable;

/// A resource pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    pub(crate) guests: BTreeSet<u32>,
    pub(crate) storages: BTreeSet<String>,
}

/// The state of one node.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) access: Access,
    pub(crate) jobs: JobTable,
    pub(crate) storages: StorageTable,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) pools: BTreeMap<String, Pool>,
    /// Total and used bytes of storages, where a test has said them.
    pub(crate) capacities: BTreeMap<String, (u64, u64)>,
}

impl State {
    /// The pool that a guest is in.
    pub(crate) fn pool_of_guest(&self, vmid: u32) -> Option<&str> {
        self.pools
            .iter()
            .find(|(_, pool)| pool.guests.contains(&vmid))
            .map(|(name, _)| name.as_str())
    }

    /// The pool of `/vms/<id>` or `/storage/<id>`.
    pub(crate) fn pool_of_path(&self, path: &str) -> Option<&str> {
        if let Some(vmid) = path.strip_prefix("/vms/") {
            return self.pool_of_guest(vmid.parse().ok()?);
        }
        let storage = path.strip_prefix("/storage/")?;
        self.pools
            .iter()
            .find(|(_, pool)| pool.storages.contains(storage))
            .map(|(name, _)| name.as_str())
    }
}
