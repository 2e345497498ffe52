//! What is said of guests, disks and archives.

use schemars::JsonSchema;
use serde::Serialize;

use crate::prune::Mark;

/// Everything that is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Every guest that can be seen, by number.
    pub guests: Vec<GuestCoverage>,
    /// Every archive that is listed, by storage and name.
    pub archives: Vec<ArchiveCoverage>,
    /// How many guests there are of each state.
    pub summary: CoverageSummary,
    /// What cannot be seen, with the privilege and the path that would show it.
    pub unknown: Vec<String>,
    /// What somebody should know although it is no state of a guest.
    pub warnings: Vec<String>,
}

/// How well a guest is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuestState {
    /// An enabled job saves it; its newest archive is young enough and was found sound.
    Protected,
    /// It is left out by configuration or by policy.
    Excluded,
    /// Its newest archive was not read yet.
    Unverified,
    /// Its newest archive is older than its recovery point objective.
    Stale,
    /// Its newest archive is damaged or cannot be read.
    Corrupt,
    /// No enabled job saves it, or it has no archive.
    Unprotected,
    /// What is needed to tell cannot be seen.
    Unknown,
}

impl GuestState {
    /// All of them, from good to bad.
    pub const ALL: [Self; 7] = [
        Self::Protected,
        Self::Excluded,
        Self::Unverified,
        Self::Stale,
        Self::Corrupt,
        Self::Unprotected,
        Self::Unknown,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Excluded => "excluded",
            Self::Unverified => "unverified",
            Self::Stale => "stale",
            Self::Corrupt => "corrupt",
            Self::Unprotected => "unprotected",
            Self::Unknown => "unknown",
        }
    }
}

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GuestCoverage {
    /// Its number.
    pub vmid: u32,
    /// `qemu` or `lxc`.
    pub kind: String,
    /// Its name; null when its node did not tell.
    pub name: Option<String>,
    /// The node it is on.
    pub node: String,
    /// How well it is protected.
    pub state: GuestState,
    /// Why: where it is configured, which privilege is missing, how old the archive is.
    pub why: String,
    /// The jobs that select it, also disabled ones.
    pub jobs: Vec<JobCoverage>,
    /// When an enabled job saves it next, in Unix seconds.
    pub next_run: Option<i64>,
    /// Its disks or mount points, as far as a job tells them.
    pub disks: Vec<DiskCoverage>,
    /// Its newest archive that counts.
    pub newest: Option<String>,
    /// When that was made, in Unix seconds.
    pub newest_at: Option<i64>,
    /// Its newest archive that was read and found sound.
    pub newest_sound: Option<String>,
    /// When the proof of the newest archive was made, in Unix seconds; null also when it cannot be
    /// read.
    pub proof_at: Option<i64>,
    /// Whose proof that is, as with the archive.
    pub proof_by: Option<String>,
    /// How old the newest archive may be, in hours.
    pub rpo_hours: Option<i64>,
    /// When the last backup in the task log ended, in Unix seconds.
    pub last_backup_at: Option<i64>,
    /// Why the last backup in the task log failed.
    pub last_error: Option<String>,
    /// How long the last backup in the task log took, in seconds; null when it failed.
    pub last_backup_seconds: Option<u64>,
}

/// A job that selects a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobCoverage {
    /// Its id.
    pub id: String,
    /// Does it run?
    pub enabled: bool,
}

/// A disk or mount point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiskCoverage {
    /// Its key in the guest's configuration.
    pub key: String,
    /// Its volume.
    pub volume: Option<String>,
    /// Is it saved?
    pub saved: bool,
    /// What of the configuration decides that.
    pub why: String,
}

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ArchiveCoverage {
    /// Its volume.
    pub volid: String,
    /// The node that listed it: nodes may have volumes of one name.
    pub node: String,
    /// The guest; null when the name does not tell.
    pub vmid: Option<u32>,
    /// When it was made, in Unix seconds.
    pub at: Option<i64>,
    /// Is it a copy made before a restore? It counts for nothing.
    pub safety_copy: bool,
    /// What the next prune does with it; null when no enabled job prunes its storage.
    pub next_prune: Option<Mark>,
    /// Why.
    pub next_prune_why: String,
}

/// How many guests there are of each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoverageSummary {
    /// All that can be seen.
    pub guests: u64,
    /// Protected.
    pub protected: u64,
    /// Left out by configuration or policy.
    pub excluded: u64,
    /// Not read yet.
    pub unverified: u64,
    /// Too old.
    pub stale: u64,
    /// Damaged.
    pub corrupt: u64,
    /// Without job or archive.
    pub unprotected: u64,
    /// Not known.
    pub unknown: u64,
    /// Disks of saved guests that are not saved.
    pub disks_not_saved: u64,
}
