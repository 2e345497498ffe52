//! What coverage is worked out from: what Proxmox VE said, what may not be seen, and the proofs.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pve_client::api::{Archive, Guest, IncludedVolume, Job, Permissions};
use pve_client::{Gap, Known, Seen};
use pve_types::{NodeName, Retention, StorageId, Vmid, VolumeId};

/// Everything that is known.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The time, in Unix seconds.
    pub now: i64,
    /// When archives were listed last, in Unix seconds; later than `now` where a storage was listed
    /// again.
    pub until: i64,
    /// The time zone of the node: retention goes by local time.
    pub zone: TimeZone,
    /// The guests, and what may hide others.
    pub guests: Seen<Guest>,
    /// The jobs, or why they cannot be seen.
    pub jobs: Known<Vec<Job>>,
    /// Why the pools of guests may be hidden.
    pub hidden_pool: Option<Gap>,
    /// The disks of guests and whether they are saved, from `included_volumes` of the jobs that
    /// [`crate::jobs_to_ask`] names.
    pub disks: BTreeMap<Vmid, Vec<IncludedVolume>>,
    /// The storages that archives may be on.
    pub storages: Vec<StorageContent>,
    /// Where jobs can write to: every storage that can be seen, whatever it is for.
    pub targets: Vec<Target>,
    /// Why storages may be hidden.
    pub hidden_storage: Option<Gap>,
    /// The caller's rights: they prove that an archive that is not listed is not there.
    pub permissions: Permissions,
    /// What is known of archives from reading them.
    pub proofs: BTreeMap<VolumeId, Proof>,
    /// How the last backup of each guest ended; without an entry nothing is known.
    pub last_backups: BTreeMap<Vmid, LastBackup>,
}

/// A storage as a job meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The storage.
    pub storage: StorageId,
    /// Does it take backups?
    pub takes_backups: bool,
    /// Is it switched off?
    pub is_disabled: bool,
    /// The nodes that have it; all when nothing is said.
    pub nodes: Option<Vec<String>>,
}

/// What is on a storage.
#[derive(Debug, Clone)]
pub struct StorageContent {
    /// The storage.
    pub storage: StorageId,
    /// The node that listed it.
    pub node: NodeName,
    /// Is it a Proxmox Backup Server, which verifies itself?
    pub is_pbs: bool,
    /// Do all nodes see the same on it? Else only the guests of its node are saved there.
    pub is_shared: bool,
    /// Its own retention.
    pub retention: Option<Retention>,
    /// Its archives, or why they could not be listed.
    pub archives: Sight,
}

/// A list, or why there is none.
#[derive(Debug, Clone)]
pub enum Sight {
    /// What the server listed; [`Permissions::gap_for_archives`] says what may be hidden in it.
    Listed(Vec<Archive>),
    /// It could not be listed.
    Failed(String),
}

/// What a full reading of an archive came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What was found.
    pub state: ProofState,
    /// When it was read, in Unix seconds.
    pub read_at: i64,
    /// Who read it, when it was not this run or node: another node, or the backup server.
    pub by: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofState {
    /// A restore gets back what was saved.
    Sound,
    /// A restore fails or loses data.
    Corrupt,
    /// It could not be read.
    Unreadable,
}

/// How the last backup of a guest ended, from the log of its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBackup {
    /// When the task ended, in Unix seconds.
    pub at: i64,
    /// Why it failed; `None` when it did not.
    pub error: Option<String>,
    /// How long it took, in seconds; `None` when it failed.
    pub seconds: Option<u64>,
}
