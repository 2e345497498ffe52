//! What a lab is started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;

/// A lab: a folder, its nodes, their clock.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Everything that the lab writes lies under this folder.
    pub directory: PathBuf,
    /// The nodes; each stands alone, as installations that share nothing.
    pub nodes: Vec<NodeConfig>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long a 401 takes; PVE takes three seconds.
    pub delay_of_401: Duration,
    /// How long a call of `pvesh` takes; on a real node 0.6 seconds.
    pub delay_of_pvesh: Duration,
}

impl LabConfig {
    /// The three nodes of the project, under this folder, with the machine's clock.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            nodes: ["pve-prod", "pve-lab", "pve-mon"]
                .map(NodeConfig::new)
                .into(),
            clock: Clock::Real,
            delay_of_401: Duration::ZERO,
            delay_of_pvesh: Duration::ZERO,
        }
    }

    /// Only these nodes.
    #[must_use]
    pub fn with_nodes(mut self, nodes: Vec<NodeConfig>) -> Self {
        self.nodes = nodes;
        self
    }

    /// With this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
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
}

impl NodeConfig {
    /// A node in UTC.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            time_zone: "UTC".to_owned(),
            password: "lab-password".to_owned(),
        }
    }

    /// In this time zone.
    #[must_use]
    pub fn in_zone(mut self, time_zone: &str) -> Self {
        time_zone.clone_into(&mut self.time_zone);
        self
    }
}
