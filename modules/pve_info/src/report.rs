//! The result.

use std::fmt::Write;

use pve_client::api::{Guest, GuestStatus, Node, NodeStatus, StorageOnNode};
use pve_types::GuestKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::observe::Observed;

/// What `pve_info` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The version of Proxmox VE on the node that answers.
    #[schemars(extend("returned" = "success", "examples" = ["8.4.21"]))]
    pub version: String,
    /// Its first number. Null when it cannot be told.
    #[schemars(extend("returned" = "success", "examples" = [8]))]
    pub major: Option<u32>,
    /// The nodes of the cluster.
    #[schemars(extend("returned" = "success"))]
    pub nodes: Vec<NodeEntry>,
    /// The storages of each node, as far as they can be seen.
    #[schemars(extend("returned" = "success"))]
    pub storages: Vec<StorageEntry>,
    /// The guests, as far as they can be seen.
    #[schemars(extend("returned" = "success"))]
    pub guests: Vec<GuestEntry>,
    /// Why lists may be incomplete. Empty when they are complete.
    #[schemars(extend("returned" = "success", "examples" = [["guests may be hidden (missing: `VM.Audit` on `/vms`)"]]))]
    pub unknown: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeEntry {
    /// Its name.
    #[schemars(extend("examples" = ["pve1"]))]
    pub name: String,
    /// `online`, `offline` or `unknown`.
    #[schemars(extend("examples" = ["online"]))]
    pub status: String,
}

/// A storage as one node sees it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StorageEntry {
    /// Its id.
    #[schemars(extend("examples" = ["local-backup"]))]
    pub storage: String,
    /// The node.
    #[schemars(extend("examples" = ["pve1"]))]
    pub node: String,
    /// Its kind.
    #[serde(rename = "type")]
    #[schemars(extend("examples" = ["dir"]))]
    pub kind: Option<String>,
    /// What it may store.
    #[schemars(extend("examples" = [["backup"]]))]
    pub content: Vec<String>,
    /// Whether all nodes see the same content there.
    pub shared: bool,
    /// Whether the node has reported that it can use it. Nodes report every 10 seconds, so a storage
    /// that has just been made is not available until then.
    pub available: bool,
    /// Bytes in all. Null until the node has reported.
    #[schemars(extend("examples" = [1_000_000_000_000_u64]))]
    pub total: Option<u64>,
    /// Bytes in use. Null until the node has reported.
    #[schemars(extend("examples" = [400_000_000_000_u64]))]
    pub used: Option<u64>,
    /// Bytes that are not in use. Null until the node has reported.
    #[schemars(extend("examples" = [600_000_000_000_u64]))]
    pub free: Option<u64>,
    /// How full it is, rounded up. Null until the node has reported.
    #[schemars(extend("examples" = [40]))]
    pub used_percent: Option<u64>,
}

/// A guest.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GuestEntry {
    /// Its number.
    #[schemars(extend("examples" = [101]))]
    pub vmid: u32,
    /// Its name. Null until the node has reported.
    #[schemars(extend("examples" = ["web"]))]
    pub name: Option<String>,
    /// `qemu` or `lxc`.
    #[serde(rename = "type")]
    #[schemars(extend("examples" = ["qemu"]))]
    pub kind: String,
    /// The node it is on.
    #[schemars(extend("examples" = ["pve1"]))]
    pub node: String,
    /// `running`, `stopped` or `unknown`.
    #[schemars(extend("examples" = ["running"]))]
    pub status: String,
    /// Whether it is a template.
    pub template: bool,
    /// Its tags.
    #[schemars(extend("examples" = [["critical"]]))]
    pub tags: Vec<String>,
    /// Its pool. Null when it is in none, or the pool may not be seen.
    pub pool: Option<String>,
}

pub(crate) fn report(observed: &Observed) -> Report {
    let resources = &observed.resources;
    let gaps = resources.guests.gaps.iter().chain(&resources.storages.gaps);
    Report {
        version: observed.version.version.clone(),
        major: observed.version.major(),
        nodes: resources.nodes.iter().map(node).collect(),
        storages: resources.storages.visible.iter().map(storage).collect(),
        guests: resources.guests.visible.iter().map(guest).collect(),
        unknown: gaps.map(ToString::to_string).collect(),
    }
}

fn node(node: &Node) -> NodeEntry {
    let status = match node.status {
        NodeStatus::Online => "online",
        NodeStatus::Offline => "offline",
        NodeStatus::Unknown => "unknown",
    };
    NodeEntry {
        name: node.node.to_string(),
        status: status.to_owned(),
    }
}

fn storage(storage: &StorageOnNode) -> StorageEntry {
    let total = storage.maxdisk.filter(|total| *total > 0);
    let used = storage.disk.filter(|_| total.is_some());
    let both = total.zip(used);
    StorageEntry {
        storage: storage.storage.to_string(),
        node: storage.node.to_string(),
        kind: storage.kind.clone(),
        content: storage.content.clone().unwrap_or_default(),
        shared: storage.shared,
        available: storage.status.as_deref() == Some("available"),
        total,
        used,
        free: both.map(|(total, used)| total.saturating_sub(used)),
        used_percent: both.map(|(total, used)| percent(used, total)),
    }
}

/// Rounded up: a storage that is a little over a limit is over it.
fn percent(used: u64, total: u64) -> u64 {
    let percent = (u128::from(used) * 100).div_ceil(u128::from(total.max(1)));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

fn guest(guest: &Guest) -> GuestEntry {
    let kind = match guest.kind {
        GuestKind::Qemu => "qemu",
        GuestKind::Lxc => "lxc",
    };
    let status = match guest.status {
        GuestStatus::Running => "running",
        GuestStatus::Stopped => "stopped",
        GuestStatus::Unknown => "unknown",
    };
    GuestEntry {
        vmid: guest.vmid.get(),
        name: guest.name.clone(),
        kind: kind.to_owned(),
        node: guest.node.to_string(),
        status: status.to_owned(),
        template: guest.template,
        tags: guest.tags.clone(),
        pool: guest.pool.as_ref().map(ToString::to_string),
    }
}

pub(crate) fn render(report: &Report) -> String {
    let mut text = format!("Proxmox VE {}\n", report.version);
    let mut line = |line: String| {
        // Writing to a text does not fail.
        let _written = writeln!(text, "{line}");
    };
    for node in &report.nodes {
        line(format!("node {}: {}", node.name, node.status));
    }
    for storage in &report.storages {
        let fill = match (storage.available, storage.used_percent) {
            (false, _) => "not reported: not available, or only just made".to_owned(),
            (true, None) => "not reported yet".to_owned(),
            (true, Some(percent)) => format!("{percent} % in use"),
        };
        line(format!(
            "storage {} on {}: {fill}",
            storage.storage, storage.node
        ));
    }
    for guest in &report.guests {
        line(format!(
            "guest {} ({}) on {}: {}",
            guest.vmid,
            guest.name.as_deref().unwrap_or("no name"),
            guest.node,
            guest.status
        ));
    }
    for gap in &report.unknown {
        line(format!("not known: {gap}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn percents_are_rounded_up_and_never_divide_by_nothing() {
        for (used, total, expected) in [
            (0, 100, 0),
            (1, 1000, 1),
            (80, 100, 80),
            (801, 1000, 81),
            (5, 0, 500),
            (u64::MAX, u64::MAX, 100),
        ] {
            assert_eq!(percent(used, total), expected, "{used} of {total}");
        }
    }
}
