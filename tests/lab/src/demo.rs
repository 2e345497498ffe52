//! The environment of the demo: what an operator would find on three small servers.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::guest::GuestKind;
use crate::host::SshLogin;
use crate::lab::Lab;
use crate::node::Node;
use crate::seed::Separation;
use crate::seed_content::Power;

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
    node.add_role("BkRun", "VM.Audit,VM.Backup");
    node.add_role(
        "BkJobs",
        "Sys.Audit,Sys.Modify,VM.Audit,Datastore.Audit,Pool.Audit",
    );
    node.add_role(
        "BkStoreFull",
        "Datastore.Audit,Datastore.AllocateSpace,Datastore.Allocate",
    );
    node.grant("/", "backup@pve", "BkJobs");
    node.grant("/vms", "backup@pve", "BkRun");
    node.grant("/storage", "backup@pve", "BkStoreFull");
    node.add_token(BACKUP_TOKEN, Separation::Shared)?;
    GUESTS
        .iter()
        .filter(|row| row.node == node.name())
        .try_for_each(|row| seed_guest(node, row))
}

/// A guest of the demo.
struct Row {
    node: &'static str,
    vmid: u32,
    kind: GuestKind,
    name: &'static str,
    tags: &'static str,
    pool: &'static str,
    /// Disks without their first, which every guest has.
    more: &'static [(&'static str, &'static str)],
}

const GUESTS: [Row; 11] = [
    row(
        "pve-prod",
        100,
        GuestKind::Qemu,
        "gitlab",
        "critical;web",
        "services",
        &[],
    ),
    // A scratch disk that nobody wants in the backup.
    row(
        "pve-prod",
        101,
        GuestKind::Qemu,
        "database",
        "critical;db",
        "services",
        &[("scsi1", "local:101/vm-101-disk-1.raw,backup=0,size=64M")],
    ),
    row(
        "pve-prod",
        102,
        GuestKind::Qemu,
        "windows-ad",
        "critical",
        "",
        &[],
    ),
    row(
        "pve-prod",
        110,
        GuestKind::Lxc,
        "proxy",
        "web",
        "services",
        &[],
    ),
    // A mount point that backups leave out unless told otherwise.
    row(
        "pve-prod",
        111,
        GuestKind::Lxc,
        "files",
        "data",
        "",
        &[("mp0", "local:111/vm-111-disk-1.raw,mp=/srv,size=64M")],
    ),
    row("pve-lab", 200, GuestKind::Qemu, "runner", "ci", "", &[]),
    row("pve-lab", 201, GuestKind::Qemu, "k8s-test", "test", "", &[]),
    row("pve-lab", 210, GuestKind::Lxc, "sandbox", "test", "", &[]),
    row(
        "pve-mon",
        300,
        GuestKind::Lxc,
        "prometheus",
        "monitoring",
        "monitoring",
        &[],
    ),
    row(
        "pve-mon",
        301,
        GuestKind::Lxc,
        "grafana",
        "monitoring",
        "monitoring",
        &[],
    ),
    row(
        "pve-mon",
        302,
        GuestKind::Qemu,
        "siem",
        "critical;monitoring",
        "",
        &[],
    ),
];

const fn row(
    node: &'static str,
    vmid: u32,
    kind: GuestKind,
    name: &'static str,
    tags: &'static str,
    pool: &'static str,
    more: &'static [(&'static str, &'static str)],
) -> Row {
    Row {
        node,
        vmid,
        kind,
        name,
        tags,
        pool,
        more,
    }
}

fn seed_guest(node: &Node, row: &Row) -> anyhow::Result<()> {
    let vmid = row.vmid;
    let disk = format!("local:{vmid}/vm-{vmid}-disk-0.raw,size=64M");
    let mac = format!("BC:24:11:00:{:02X}:{:02X}", vmid >> 8, vmid & 0xff);
    let net = match row.kind {
        GuestKind::Qemu => format!("virtio={mac},bridge=vmbr0"),
        GuestKind::Lxc => format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip=dhcp,type=veth"),
    };
    let mut config = vec![
        ("cores", "2"),
        ("memory", "2048"),
        ("onboot", "1"),
        ("tags", row.tags),
        ("net0", &net),
    ];
    match row.kind {
        GuestKind::Qemu => {
            config.extend([
                ("name", row.name),
                ("scsi0", &disk),
                ("boot", "order=scsi0"),
                ("ostype", "l26"),
            ]);
        }
        GuestKind::Lxc => {
            config.extend([
                ("hostname", row.name),
                ("rootfs", &disk),
                ("ostype", "debian"),
                ("unprivileged", "1"),
            ]);
        }
    }
    config.extend(row.more);
    node.add_guest(vmid, row.kind, &config)?;
    node.set_running(vmid, Power::Running);
    if !row.pool.is_empty() {
        node.add_pool(row.pool, &[vmid]);
    }
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
    /// The folder that stands for `/`, as seen from this machine.
    root: String,
    /// Where programs of the node, and `reprise-lab fault`, reach the lab.
    socket: String,
    /// Where guests answer while they run.
    guests: BTreeMap<u32, String>,
    /// How to log in; absent when the lab has no hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh: Option<&'node SshLogin>,
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
        root: node.root().display().to_string(),
        socket: node.socket().display().to_string(),
        guests: node
            .guest_endpoints()
            .into_iter()
            .map(|(vmid, endpoint)| (vmid, endpoint.to_string()))
            .collect(),
        ssh: node.ssh(),
    }
}
