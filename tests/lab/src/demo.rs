//! The environment of the demo: what an operator would find on three small servers.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::lab::Lab;
use crate::node::Node;
use crate::seed::Separation;

/// The token with all rights.
pub const ADMIN_TOKEN: &str = "root@pam!reprise";
/// The token that may manage jobs and backups and nothing else.
pub const BACKUP_TOKEN: &str = "backup@pve!cli";

/// Fills every node of a lab.
///
/// # Errors
/// When a folder of a storage cannot be made.
pub fn seed(lab: &Lab) -> anyhow::Result<()> {
    lab.nodes().iter().try_for_each(seed_node)
}

fn seed_node(node: &Node) -> anyhow::Result<()> {
    node.add_token(ADMIN_TOKEN, Separation::Shared)?;
    node.add_user("backup@pve", node.password());
    node.add_role("BkVerify", "Sys.Audit,VM.Audit,Datastore.Audit,Pool.Audit");
    node.add_role(
        "BkJobs",
        "Sys.Audit,Sys.Modify,VM.Audit,Datastore.Audit,Pool.Audit",
    );
    node.add_role("BkRun", "VM.Audit,VM.Backup");
    node.add_role(
        "BkStoreFull",
        "Datastore.Audit,Datastore.AllocateSpace,Datastore.Allocate",
    );
    node.grant("/", "backup@pve", "BkJobs");
    node.grant("/vms", "backup@pve", "BkRun");
    node.grant("/storage", "backup@pve", "BkStoreFull");
    node.add_token(BACKUP_TOKEN, Separation::Shared)?;
    Ok(())
}

/// What `lab.json` says about one node.
#[derive(Debug, Serialize)]
struct NodeDescription<'node> {
    name: &'node str,
    url: String,
    port: u16,
    ca_path: String,
    fingerprint: &'node str,
    tokens: BTreeMap<String, String>,
    user: &'static str,
    password: &'node str,
    /// Storages and their folders as seen from this machine.
    storages: BTreeMap<String, String>,
}

/// Writes the addresses and secrets of a lab into a file that only its owner reads.
///
/// # Errors
/// When the file cannot be written.
pub fn describe(lab: &Lab, path: &Path) -> anyhow::Result<()> {
    let nodes: Vec<_> = lab.nodes().iter().map(describe_node).collect();
    let text = serde_json::to_string_pretty(&serde_json::json!({ "nodes": nodes }))?;
    // Others must never see half a file, nor an old one with wider rights.
    let next = path.with_extension("json.new");
    let write = || -> std::io::Result<()> {
        if next.exists() {
            std::fs::remove_file(&next)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&next)?;
        writeln!(file, "{text}")?;
        std::fs::rename(&next, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn describe_node(node: &Node) -> NodeDescription<'_> {
    let storages = node.storage_folders().into_iter();
    NodeDescription {
        name: node.name(),
        url: node.url(),
        port: node.port(),
        ca_path: node.ca_path().display().to_string(),
        fingerprint: node.fingerprint(),
        tokens: node.tokens(),
        user: "root@pam",
        password: node.password(),
        storages: storages
            .map(|(name, path)| (name, path.display().to_string()))
            .collect(),
    }
}
