//! Simulated Proxmox VE nodes over https, for tests and the demo. Loopback only.
//!
//! A [`Lab`] starts several nodes that know nothing of each other, each with its own port,
//! certificate, folder and state. They answer as PVE 8.4 does, also where that is ugly.
//!
//! A request goes through `http` (TLS, bodies, envelope) and `request` (the order of PVE's own
//! checks) into `schema` (what PVE accepts), `permission` and `access` (who may), and ends in a
//! handler of `api`. `state` holds what the API changes; archives are real files below the
//! node's root. What takes time runs as a `task` in a thread of its own: `backup` writes archives in
//! the formats of `format`, `restore` reads them. [`Node`] is the handle for seeding, faults and
//! the journal; [`check`] compares all of it with recordings.
//!
//! Programs of a node (`programs`: `pvesh`, `ping`) and `reprise-lab fault` (`control`) come through
//! the node's `socket`. `pvesh` ends at the same handlers, as root@pam; its tasks have processes,
//! and end with them. A guest that runs is on the `network`.
#![doc = include_str!("../NOT_YET.md")]

mod access;
mod api;
mod archive;
mod archive_config;
mod background;
mod backup;
mod calendar;
mod call;
pub mod check;
pub mod cli;
mod clock;
mod cluster;
mod config;
mod config_rights;
mod control;
pub mod demo;
mod dispatch;
mod fault;
mod files;
mod format;
mod guest;
mod guest_change;
mod guest_text;
pub mod host;
mod http;
mod initial;
mod inventory;
mod job;
mod journal;
mod lab;
mod network;
mod node;
mod parameters;
mod permission;
mod ping;
pub mod programs;
mod prune;
mod pvesh;
mod refusal;
mod request;
mod restore;
mod schema;
mod seed;
mod seed_content;
mod socket;
mod state;
mod storage;
mod supply;
mod task;
mod template;
mod trees;
mod volumes;

pub use clock::{Clock, FixedClock};
pub use config::{LabConfig, NodeConfig, Release};
pub use fault::{Fault, FaultRule};
pub use guest::GuestKind;
pub use host::{HostsConfig, SshLogin};
pub use initial::load_initial_state;
pub use journal::JournalEntry;
pub use lab::Lab;
pub use network::Service;
pub use node::Node;
pub use parameters::{Parameter, Parameters};
pub use seed::Separation;
pub use seed_content::{ArchiveSeed, Power};
pub use socket::{SOCKET, VARIABLE};
pub use state::HostKind;
pub use task::fault::{TaskFault, TaskFaultRule};
