//! `manifest.json` beside the archives: what each of them is, and what real programs say of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The manifest.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// The archives.
    pub entries: Vec<Entry>,
}

/// One archive.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// Its name in the folder.
    pub file: String,
    /// The SHA-256 of the file.
    pub sha256: String,
    /// A word for what was done to it.
    pub kind: String,
    /// The same in a sentence.
    pub description: String,
    /// Whether its bytes are not what was backed up.
    pub damaged: bool,
    /// The verdict of an ideal checker.
    pub expected: String,
    /// The verdicts that count as right.
    pub acceptable: Vec<String>,
    /// What a restore must give, where the archive is sound.
    #[serde(default)]
    pub truth: Option<Truth>,
    /// What the real programs said.
    #[serde(default)]
    pub real_tools: BTreeMap<String, Value>,
}

/// What a restore must give.
#[derive(Debug, Clone, Deserialize)]
pub struct Truth {
    /// Configuration files of a virtual machine.
    #[serde(default)]
    pub configs: BTreeMap<String, Option<Content>>,
    /// Its disks.
    #[serde(default)]
    pub disks: Vec<DiskTruth>,
    /// How many members a tar archive has.
    #[serde(default)]
    pub tar_members: Option<u64>,
    /// How long a tar archive is.
    #[serde(default)]
    pub tar_bytes: Option<u64>,
    /// Some files of a tar archive; none for one that is not there.
    #[serde(default)]
    pub file_sha256: BTreeMap<String, Option<Content>>,
}

/// Length and digest of something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// In bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: String,
}

/// Length and digest of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DiskTruth {
    /// Its name in the archive.
    pub devname: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: String,
}
