//! What a node knows: everything that the API changes, and nothing that lies in files.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Access;
use crate::access::identity::Identity;
use crate::access::rights::Held;
use crate::guest::Guest;
use crate::job::JobTable;
use crate::refusal::Refusal;
use crate::storage::StorageTable;

/// A resource pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    pub(crate) guests: BTreeSet<u32>,
    pub(crate) storages: BTreeSet<String>,
}

/// What a node runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKind {
    /// A machine: guests run.
    #[default]
    Machine,
    /// The place of the recordings: no message bus, so that no guest can run, and overlay file
    /// systems.
    Sandbox,
}

/// The state of one node.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) access: Access,
    pub(crate) jobs: JobTable,
    pub(crate) storages: StorageTable,
    pub(crate) guests: BTreeMap<u32, Guest>,
    /// The node that each guest is on.
    homes: BTreeMap<u32, String>,
    pub(crate) pools: BTreeMap<String, Pool>,
    pub(crate) host: HostKind,
    /// Total and used bytes of storages, where a test has said them.
    pub(crate) capacities: BTreeMap<String, (u64, u64)>,
}

impl State {
    /// The node that a guest is on.
    pub(crate) fn home(&self, vmid: u32) -> Option<&str> {
        self.homes.get(&vmid).map(String::as_str)
    }

    /// Whether a guest is on this node. One that does not exist is on none.
    pub(crate) fn is_on(&self, vmid: u32, node: &str) -> bool {
        self.home(vmid) == Some(node)
    }

    /// Guests that are new are on this node; those that are gone are nowhere.
    pub(crate) fn settle(&mut self, node: &str) {
        for vmid in self.guests.keys() {
            let home = self.homes.entry(*vmid);
            home.or_insert_with(|| node.to_owned());
        }
        let guests = &self.guests;
        self.homes.retain(|vmid, _| guests.contains_key(vmid));
    }

    /// The pool that a guest is in.
    pub(crate) fn pool_of_guest(&self, vmid: u32) -> Option<&str> {
        self.pools
            .iter()
            .find(|(_, pool)| pool.guests.contains(&vmid))
            .map(|(name, _)| name.as_str())
    }

    /// Puts a guest into a pool and out of any other.
    pub(crate) fn move_to_pool(&mut self, vmid: u32, pool: &str) {
        for (name, members) in &mut self.pools {
            members.guests.remove(&vmid);
            if name == pool {
                members.guests.insert(vmid);
            }
        }
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

    /// The privileges of somebody on a path, those of a pool included.
    pub(crate) fn rights(&self, identity: &Identity, path: &str) -> Held {
        let mut held = self.access.held(identity, path);
        if let Some(pool) = self.pool_of_path(path) {
            for (privilege, propagates) in self.access.held(identity, &format!("/pool/{pool}")) {
                let flag = held.entry(privilege).or_insert(false);
                *flag = *flag || propagates;
            }
        }
        held
    }

    /// Whether somebody has one of these privileges.
    pub(crate) fn holds_any(&self, identity: &Identity, path: &str, privileges: &[&str]) -> bool {
        if identity.is_root() {
            return true;
        }
        let held = self.rights(identity, path);
        privileges
            .iter()
            .any(|privilege| held.contains_key(*privilege))
    }

    /// Asks for all of these privileges.
    ///
    /// # Errors
    /// 403 that names the first missing one.
    pub(crate) fn check(
        &self,
        identity: &Identity,
        path: &str,
        privileges: &[&str],
    ) -> Result<(), Refusal> {
        match privileges
            .iter()
            .find(|privilege| !self.holds_any(identity, path, &[privilege]))
        {
            None => Ok(()),
            Some(missing) => Err(Refusal::forbidden(&format!("{path}, {missing}"))),
        }
    }

    /// Asks for one of these privileges.
    ///
    /// # Errors
    /// 403 that names all of them.
    pub(crate) fn check_any(
        &self,
        identity: &Identity,
        path: &str,
        privileges: &[&str],
    ) -> Result<(), Refusal> {
        if self.holds_any(identity, path, privileges) {
            return Ok(());
        }
        let names = privileges.join("|");
        Err(Refusal::forbidden(&format!("{path}, {names}")))
    }
}
