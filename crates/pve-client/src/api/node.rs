//! Nodes of the cluster.

use pve_types::{NodeName, lenient};
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

#[derive(Deserialize)]
struct TimeAnswer {
    #[serde(deserialize_with = "lenient::text")]
    timezone: String,
}

impl Client {
    /// The name of a node's time zone, such as `Europe/Vienna`. Needs `Sys.Audit` on the node.
    pub fn time_zone(&self, node: &NodeName) -> Result<String, Error> {
        let path = ApiPath::new("nodes").join(node).join("time");
        let answer: TimeAnswer = self.get(
            &path,
            &Params::new(),
            format_args!("read the time zone of node `{node}`"),
        )?;
        Ok(answer.timezone)
    }

    /// The nodes of the cluster, by name. Needs no right.
    pub fn nodes(&self) -> Result<Vec<Node>, Error> {
        let mut nodes: Vec<Node> =
            self.get(&ApiPath::new("nodes"), &Params::new(), "list the nodes")?;
        nodes.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(nodes)
    }
}
