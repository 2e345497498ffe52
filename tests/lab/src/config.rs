//! What a lab is started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::host::HostsConfig;

/// A lab: a folder, its nodes, their clock.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Everything that the lab writes lies under this folder.
    pub directory: PathBuf,
    /// The nodes; each stands alone, as installations that share nothing, unless they are a cluster.
    pub nodes: Vec<NodeConfig>,
    /// Whether the nodes are one cluster.
    pub is_cluster: bool,
    /// Folders of the nodes, such as `/mnt/pve/nas`, that are the same on all of them.
    pub shared: Vec<PathBuf>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long a 401 takes; PVE takes three seconds.
    pub delay_of_401: Duration,
    /// Hosts for the nodes; without, they are an API and folders.
    pub hosts: Option<HostsConfig>,
    /// The port of all guests, each at its own address; a free one when absent. 22 needs root.
    pub guest_port: Option<u16>,
    /// How long a call of `pvesh` takes; on a real node 0.6 seconds.
    pub delay_of_pvesh: Duration,
    /// How long a new storage is `unknown` in `/cluster/resources`, in whole seconds; on a real node
    /// until the status daemon's next round, which comes every 10 seconds.
    pub storage_report: Duration,
}

impl LabConfig {
    /// The three nodes of the project, under this folder, with the machine's clock.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            nodes: ["pve-prod", "pve-lab", "pve-mon"]
                .map(NodeConfig::new)
                .into(),
            is_cluster: false,
            shared: Vec::new(),
            clock: Clock::Real,
            delay_of_401: Duration::ZERO,
            hosts: None,
            delay_of_pvesh: Duration::ZERO,
            storage_report: Duration::ZERO,
            guest_port: None,
        }
    }

    /// Only these nodes.
    #[must_use]
    pub fn with_nodes(mut self, nodes: Vec<NodeConfig>) -> Self {
        self.nodes = nodes;
        self
    }

    /// With nodes that are one cluster.
    #[must_use]
    pub const fn as_cluster(mut self) -> Self {
        self.is_cluster = true;
        self
    }

    /// With a folder that is the same on all nodes, as if each had mounted the same server.
    #[must_use]
    pub fn sharing(mut self, path: impl Into<PathBuf>) -> Self {
        self.shared.push(path.into());
        self
    }

    /// With nodes that can be logged in to.
    #[must_use]
    pub fn with_hosts(mut self, hosts: HostsConfig) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// With storages that are reported so long after they were made.
    #[must_use]
    pub const fn with_storage_report(mut self, after: Duration) -> Self {
        self.storage_report = after;
        self
    }

    /// With this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// The release of Proxmox VE that a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// 8.4, whose behavior was recorded.
    #[default]
    Eight,
    /// 9, by its schema: parameters and version are those of 9, the rest is as in 8.4.
    Nine,
}

/// What pve-manager was built from.
pub(crate) const REPOSITORY: &str = "0123456789abcdef";
/// The release of the kernel.
pub(crate) const KERNEL: &str = "6.8.12-9-pve";
/// How that kernel was built.
pub(crate) const KERNEL_VERSION: &str = "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9";

impl Release {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Eight, Self::Nine];

    /// Name, version and source of pve-manager.
    pub(crate) fn manager(self) -> String {
        format!("pve-manager/{}/{REPOSITORY}", self.version())
    }

    /// The version of pve-manager.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Eight => "8.4.21",
            Self::Nine => "9.2.11",
        }
    }

    /// The version without its last number.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Eight => "8.4",
            Self::Nine => "9.2",
        }
    }
}

/// One node of a lab.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Its name, also in paths.
    pub name: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
    /// The password of root@pam.
    pub password: String,
    /// Which Proxmox VE it is.
    pub release: Release,
}

impl NodeConfig {
    /// A node in UTC.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            time_zone: "UTC".to_owned(),
            password: "lab-password".to_owned(),
            release: Release::default(),
        }
    }

    /// Of this release.
    #[must_use]
    pub const fn of_release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// In this time zone.
    #[must_use]
    pub fn in_zone(mut self, time_zone: &str) -> Self {
        time_zone.clone_into(&mut self.time_zone);
        self
    }
}
