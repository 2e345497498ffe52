//! Resource pools.

use pve_types::{NodeName, PoolId, StorageId, Vmid, lenient};
use serde::{Deserialize, Serialize};

use crate::{ApiPath, Client, Error, Params};

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its id.
    pub poolid: PoolId,
    /// What people are told.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub comment: Option<String>,
}

/// A member of a pool: a guest or a storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolMember {
    /// `qemu`, `lxc` or `storage`.
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: String,
    /// The number of a guest.
    #[serde(default)]
    pub vmid: Option<Vmid>,
    /// The id of a storage.
    #[serde(default)]
    pub storage: Option<StorageId>,
    /// Where it is.
    #[serde(default)]
    pub node: Option<NodeName>,
}

#[derive(Deserialize)]
struct PoolAnswer {
    #[serde(default)]
    members: Vec<PoolMember>,
}

impl Client {
    /// The pools the caller may see (`Pool.Audit`), by id.
    pub fn pools(&self) -> Result<Vec<Pool>, Error> {
        let mut pools: Vec<Pool> =
            self.get(&ApiPath::new("pools"), &Params::new(), "list the pools")?;
        pools.sort_by(|a, b| a.poolid.cmp(&b.poolid));
        Ok(pools)
    }

    /// The members of a pool; `None` when there is no such pool.
    pub fn pool_members(&self, pool: &PoolId) -> Result<Option<Vec<PoolMember>>, Error> {
        let path = ApiPath::new("pools").join(pool);
        let action = format!("read the members of pool `{pool}`");
        match self.get::<PoolAnswer>(&path, &Params::new(), action) {
            Ok(answer) => Ok(Some(answer.members)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
