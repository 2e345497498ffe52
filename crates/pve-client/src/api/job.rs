//! A backup job as PVE has it.

use std::collections::BTreeMap;

use pve_types::{JobId, PropertyString, Retention, VmidList, lenient};
use serde::{Deserialize, Deserializer, Serialize};

use super::other::other_texts;

/// A backup job as PVE has it: what was never set is `None`, for PVE fills in no defaults.
///
/// Serializes with PVE's names, without what is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Job {
    /// The id. Not always one that [`JobId`] allows: PVE itself makes up ids that start with a
    /// digit.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// `vzdump`.
    #[serde(
        rename = "type",
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Does it run? Always there in an answer.
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub enabled: Option<bool>,
    /// Where the archives go; absent means PVE's `local`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub storage: Option<String>,
    /// Every guest is selected, but for `exclude`.
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub all: Option<bool>,
    /// The guests selected by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid: Option<VmidList>,
    /// The guests left out of `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<VmidList>,
    /// The pool whose members are selected.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub pool: Option<String>,
    /// Only guests on this node.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub node: Option<String>,
    /// `snapshot`, `suspend` or `stop`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub mode: Option<String>,
    /// `zstd`, `gzip`, `lzo`, `1` or `0`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub compress: Option<String>,
    /// Threads of zstd; 0 is half of the cores.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub zstd: Option<u64>,
    /// Threads of gzip; 0 is plain gzip.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub pigz: Option<u64>,
    /// How many archives are kept; absent means what the storage says.
    #[serde(
        deserialize_with = "lenient::optional_retention",
        skip_serializing_if = "Option::is_none"
    )]
    pub prune_backups: Option<Retention>,
    /// Does the job prune?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub remove: Option<bool>,
    /// Are its archives protected?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub protected: Option<bool>,
    /// The text for the notes of each archive.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub notes_template: Option<String>,
    /// What people are told.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub comment: Option<String>,
    /// The calendar event.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub schedule: Option<String>,
    /// A time as PVE 6 wrote it; PVE 7 and later turn it into `schedule`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub starttime: Option<String>,
    /// Days of the week as PVE 6 wrote them.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub dow: Option<String>,
    /// Is a missed run made up for?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub repeat_missed: Option<bool>,
    /// Bandwidth limit in KiB/s.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub bwlimit: Option<u64>,
    /// Priority of its reads, 0 to 8.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub ionice: Option<u64>,
    /// Minutes to wait for the lock.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub lockwait: Option<u64>,
    /// Minutes to wait for a guest to stop.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub stopwait: Option<u64>,
    /// Are temporary files of containers left out?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub stdexcludes: Option<bool>,
    /// Patterns of files of containers that are left out.
    #[serde(
        deserialize_with = "lenient::optional_array",
        skip_serializing_if = "Option::is_none"
    )]
    pub exclude_path: Option<Vec<String>>,
    /// Where temporary files go; only root may set it.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub tmpdir: Option<String>,
    /// Where archives go instead of a storage; only root may set it.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub dumpdir: Option<String>,
    /// The hook script; only root may set it.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub script: Option<String>,
    /// Who gets mail.
    #[serde(
        deserialize_with = "lenient::optional_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub mailto: Option<Vec<String>>,
    /// When mail is sent: `always` or `failure`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub mailnotification: Option<String>,
    /// `auto`, `legacy-sendmail` or `notification-system`.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub notification_mode: Option<String>,
    /// Gone in PVE 9.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub notification_policy: Option<String>,
    /// Gone in PVE 9.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub notification_target: Option<String>,
    /// Gone in PVE 9; PVE 8 turns it into `prune-backups`.
    #[serde(
        deserialize_with = "lenient::optional_u64",
        skip_serializing_if = "Option::is_none"
    )]
    pub maxfiles: Option<u64>,
    /// Does the job say little?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub quiet: Option<bool>,
    /// Are running backups stopped first?
    #[serde(
        deserialize_with = "lenient::optional_bool",
        skip_serializing_if = "Option::is_none"
    )]
    pub stop: Option<bool>,
    /// Where changed blocks are kept while a running VM is saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleecing: Option<Fleecing>,
    /// Limits of the work in parallel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<Performance>,
    /// How changed files are found for a backup server.
    #[serde(
        deserialize_with = "lenient::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub pbs_change_detection_mode: Option<String>,
    /// When it runs next, in Unix seconds. Only the list of jobs has it; it is there for disabled jobs too, and absent when the event never comes.
    #[serde(
        deserialize_with = "lenient::optional_i64",
        skip_serializing_if = "Option::is_none"
    )]
    pub next_run: Option<i64>,
    /// Every key that is not known here, as text.
    #[serde(flatten, deserialize_with = "other_texts")]
    pub other: BTreeMap<String, String>,
}

impl Job {
    /// The id when this program may write it.
    pub fn job_id(&self) -> Option<JobId> {
        self.id.parse().ok()
    }

    /// Does it run? What is not said is yes.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

/// Where changed blocks are kept while a running VM is saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FleecingText")]
pub struct Fleecing {
    /// Is it used?
    pub enabled: bool,
    /// The storage for the blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
}

/// Limits of the work in parallel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", from = "PropertyString")]
pub struct Performance {
    /// Parallel reads of a VM, 1 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_workers: Option<u64>,
    /// Entries of a folder kept in memory for a backup server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pbs_entries_max: Option<u64>,
}

/// A property string whose value without a name is `enabled`.
struct FleecingText(PropertyString);

impl<'de> Deserialize<'de> for FleecingText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::optional_properties(deserializer, Some("enabled"))
            .map(Option::unwrap_or_default)
            .map(Self)
    }
}

impl From<FleecingText> for Fleecing {
    fn from(text: FleecingText) -> Self {
        Self {
            enabled: text.0.get("enabled") == Some("1"),
            storage: text.0.get("storage").map(str::to_owned),
        }
    }
}

impl From<PropertyString> for Performance {
    fn from(properties: PropertyString) -> Self {
        let number = |key| properties.get(key).and_then(|text| text.parse().ok());
        Self {
            max_workers: number("max-workers"),
            pbs_entries_max: number("pbs-entries-max"),
        }
    }
}
