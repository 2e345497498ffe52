//! Nodes of the cluster.

use pve_types::NodeName;
use serde::{Deserialize, Serialize};

use crate::{ApiPath, Client, Error, Params};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub node: NodeName,
    /// Is it there?
    #[serde(default)]
    pub status: NodeStatus,
}

/// Is a node there?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", from = "String")]
pub enum NodeStatus {
    /// Yes.
    Online,
    /// No.
    Offline,
    /// The cluster has not heard of it (yet).
    #[default]
    Unknown,
}

impl From<String> for NodeStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "online" => Self::Online,
            "offline" => Self::Offline,
            _ => Self::Unknown,
        }
    }
}

impl Client {
    /// The nodes of the cluster, by name. Needs no right.
    pub fn nodes(&self) -> Result<Vec<Node>, Error> {
        let mut nodes: Vec<Node> =
            self.get(&ApiPath::new("nodes"), &Params::new(), "list the nodes")?;
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(nodes)
    }
}
