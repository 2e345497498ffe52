//! Guests as the cluster's list shows them.

use pve_types::{GuestKind, NodeName, PoolId, Vmid, lenient};
use serde::{Deserialize, Serialize};

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Its number.
    pub vmid: Vmid,
    /// Virtual machine or container.
    #[serde(rename = "type")]
    pub kind: GuestKind,
    /// The node it is on.
    pub node: NodeName,
    /// Its name. `VM 100` for a VM that has none; absent until the node has reported.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
    /// Whether it runs.
    #[serde(default)]
    pub status: GuestStatus,
    /// Is it a template?
    #[serde(default, deserialize_with = "lenient::flag")]
    pub template: bool,
    /// Its pool; only shown with `Pool.Audit`.
    #[serde(default)]
    pub pool: Option<PoolId>,
    /// Its tags.
    #[serde(default, deserialize_with = "tags")]
    pub tags: Vec<String>,
    /// The lock that is on it, for example `backup`.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub lock: Option<String>,
    /// Size of its (root) disk in bytes; absent until the node has reported.
    #[serde(default, deserialize_with = "lenient::optional_u64")]
    pub maxdisk: Option<u64>,
}

fn tags<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    lenient::optional_list(deserializer).map(Option::unwrap_or_default)
}

/// Whether a guest runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", from = "String")]
pub enum GuestStatus {
    /// It runs.
    Running,
    /// It does not.
    Stopped,
    /// The node has not reported (yet), or says something else.
    #[default]
    Unknown,
}

impl From<String> for GuestStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            _ => Self::Unknown,
        }
    }
}
