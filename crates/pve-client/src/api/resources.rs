//! Everything in the cluster in one answer: `/cluster/resources`.

use pve_types::{NodeName, StorageId, lenient};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Guest, Node, Permissions};
use crate::client::understand;
use crate::{ApiPath, Client, Error, Seen};

/// What is in the cluster, as far as the caller may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// The guests, by number.
    pub guests: Seen<Guest>,
    /// The nodes, by name; never hidden.
    pub nodes: Vec<Node>,
    /// The storages of each node, by node and name.
    pub storages: Seen<StorageOnNode>,
    /// The caller's rights, read with the same call.
    pub permissions: Permissions,
}

/// A storage as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageOnNode {
    /// Its id.
    pub storage: StorageId,
    /// The node.
    pub node: NodeName,
    /// `available`, `unknown`, …
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub status: Option<String>,
    /// Its type, for example `dir`.
    #[serde(
        default,
        rename = "plugintype",
        deserialize_with = "lenient::optional_text"
    )]
    pub kind: Option<String>,
    /// What it may store.
    #[serde(default, deserialize_with = "lenient::optional_list")]
    pub content: Option<Vec<String>>,
    /// Do all nodes see the same content?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub shared: bool,
    /// Bytes in use; absent until the node has reported.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub disk: Option<u64>,
    /// Bytes in all; absent until the node has reported.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub maxdisk: Option<u64>,
}

impl Client {
    /// Guests, nodes and storages of the whole cluster, with what may be hidden: two reads side by
    /// side, however many guests there are.
    pub fn resources(&self) -> Result<Resources, Error> {
        let action = "list the guests, nodes and storages";
        let (entries, permissions) =
            self.get_with_rights::<Vec<Value>>(&ApiPath::new("cluster/resources"), action)?;
        let mut guests: Vec<Guest> = Vec::new();
        let mut nodes: Vec<Node> = Vec::new();
        let mut storages: Vec<StorageOnNode> = Vec::new();
        for entry in entries {
            let read = match entry.get("type").and_then(Value::as_str) {
                Some("qemu" | "lxc") => understand(entry).map(|guest| guests.push(guest)),
                Some("node") => understand(entry).map(|node| nodes.push(node)),
                Some("storage") => understand(entry).map(|storage| storages.push(storage)),
                // Pools, networks, and what later versions add.
                _ => Ok(()),
            };
            read.map_err(|error| self.about(error, action))?;
        }
        // PVE gives them in any order.
        guests.sort_by_key(|guest| guest.vmid);
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        storages.sort_by(|a, b| (&a.node, &a.storage).cmp(&(&b.node, &b.storage)));
        Ok(Resources {
            guests: Seen {
                visible: guests,
                gaps: permissions.gap_for_guests().into_iter().collect(),
            },
            nodes,
            storages: Seen {
                visible: storages,
                gaps: permissions.gap_for_storages().into_iter().collect(),
            },
            permissions,
        })
    }
}
