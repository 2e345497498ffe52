//! The result.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pve_coverage::{ArchiveCoverage, Coverage, CoverageSummary, GuestCoverage, Mark, evaluate};
use pve_types::{LocalStamp, Vmid};
use schemars::JsonSchema;
use serde::Serialize;
use vzdump_archive::{Codec, ConfigFile, Disk, Format, Integrity, Reason, Verdict};

use crate::archive_result;
use crate::fail_on::FailOn;
use crate::judge;
use crate::observe::Observed;
use crate::spec::Spec;

/// What `backup_verify` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Every archive and dump, and what unfinished backups left.
    #[schemars(extend("returned" = "success"))]
    pub archives: Vec<ArchiveResult>,
    /// How well each guest is protected; empty when Proxmox VE was not asked.
    #[schemars(extend("returned" = "success"))]
    pub guests: Vec<GuestCoverage>,
    /// How many there are of each verdict and each state.
    #[schemars(extend("returned" = "success"))]
    pub summary: Summary,
    /// What cannot be seen, with the privilege and the path that would show it.
    #[schemars(extend("returned" = "success", "examples" = [["guests may be hidden (missing: `VM.Audit` on `/vms`)"]]))]
    pub unknown: Vec<String>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) fail_on: Vec<FailOn>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) warnings: Vec<String>,
    /// When it was looked, in Unix seconds.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) now: i64,
    /// The local time of the node; for the table.
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) zone: TimeZone,
}

/// One archive.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArchiveResult {
    /// Where its file is; null when it cannot be reached from here.
    #[schemars(extend("examples" = ["/var/lib/vz/dump/vzdump-qemu-100-2026_01_02-04_00_01.vma.zst"]))]
    pub path: Option<String>,
    /// Its volume; null when Proxmox VE was not asked or does not list it.
    #[schemars(extend("examples" = ["local:backup/vzdump-qemu-100-2026_01_02-04_00_01.vma.zst"]))]
    pub volid: Option<String>,
    /// The storage it is on; null when Proxmox VE was not asked.
    #[schemars(extend("examples" = ["local"]))]
    pub storage: Option<String>,
    /// The node that listed it; null when Proxmox VE was not asked.
    #[schemars(extend("examples" = ["pve1"]))]
    pub node: Option<String>,
    /// The number of the guest; null when the name does not tell.
    #[schemars(extend("examples" = [100]))]
    pub vmid: Option<u32>,
    /// When the backup began, in the local time of the node that made it; null when the name does
    /// not tell.
    #[schemars(extend("examples" = ["2026_01_02-04_00_01"]))]
    pub time: Option<String>,
    /// When it was made by Proxmox VE's account, in Unix seconds; null when Proxmox VE was not
    /// asked.
    #[schemars(extend("examples" = [1_767_322_801]))]
    pub at: Option<i64>,
    /// What follows for a restore.
    pub verdict: Verdict,
    /// Why. An archive that is `ok` may have remarks.
    pub reasons: Vec<ReasonResult>,
    /// How many more reasons there are than are listed.
    pub reasons_left_out: u64,
    /// When it was read, in Unix seconds; null when nobody read it, or nobody could.
    #[schemars(extend("examples" = [1_767_330_000]))]
    pub proof_at: Option<i64>,
    /// When reading it failed, in Unix seconds; null unless it is `unreadable`.
    pub tried_at: Option<i64>,
    /// Whose proof it is, when it is not a reading by this node of a file that it is to read:
    /// another node's, this one's of what it made on a storage that another node reads, the backup
    /// server's, or that of a file of the same name and size.
    pub proof_by: Option<String>,
    /// What the next prune does with it; null when no enabled job prunes its storage.
    pub next_prune: Option<Mark>,
    /// Why.
    #[schemars(extend("examples" = ["kept by keep-daily"]))]
    pub next_prune_why: Option<String>,
    /// Whether it is a copy made before a restore. It protects nobody.
    pub safety_copy: bool,
    /// Whether damage inside the data of disks and files would have been seen.
    pub integrity: Integrity,
    /// What it holds; null when nobody knows.
    pub format: Option<Format>,
    /// How it is compressed.
    pub codec: Codec,
    /// How many bytes the file has.
    #[schemars(extend("examples" = [254_052]))]
    pub size: u64,
    /// How many bytes there are in it once decompressed.
    #[schemars(extend("examples" = [8_401_920]))]
    pub content_size: u64,
    /// The SHA-256 of the file; null when it was not read to its end.
    pub sha256: Option<String>,
    /// The disks of a virtual machine.
    pub disks: Vec<Disk>,
    /// The configuration files in it.
    pub configs: Vec<ConfigFile>,
    /// How many members the archive of a container has; null of others.
    pub members: Option<u64>,
    /// Whether pruning must not remove it.
    pub protected: bool,
    /// The first line of its notes; null when it has none.
    pub notes: Option<String>,
    /// The newest older archive of the same guest that is sound; null when there is none.
    #[schemars(extend("examples" = ["vzdump-qemu-100-2026_01_01-04_00_02.vma.zst"]))]
    pub older_sound: Option<String>,
}

impl ArchiveResult {
    /// What it is called in messages: its file, or its volume.
    pub fn name(&self) -> &str {
        self.path
            .as_deref()
            .or(self.volid.as_deref())
            .unwrap_or_default()
    }
}

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReasonResult {
    /// What was found, where, and what a restore would do.
    #[serde(flatten)]
    pub reason: Reason,
    /// The number of the guest; null when the name does not tell.
    pub guest: Option<u32>,
    /// The newest older archive of the same guest that is sound; null when there is none.
    pub older_sound: Option<String>,
}

/// How many there are of each verdict and each state.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// All archives.
    pub total: u64,
    /// Read to the last byte, and nothing is wrong.
    pub ok: u64,
    /// Something is unusual or hints at damage.
    pub warn: u64,
    /// A restore would fail or lose data.
    pub corrupt: u64,
    /// They could not be read.
    pub unreadable: u64,
    /// Left by interrupted or failed backups.
    pub incomplete: u64,
    /// Being written now.
    pub in_progress: u64,
    /// Listed, and not read: their files cannot be reached from here.
    pub not_verified: u64,
    /// Not read again, because of what the ledger says of them.
    pub trusted: u64,
    /// Trusted, although what is known of them is older than it may be: the budget was used up, or
    /// `renew` is false. Another run reads them.
    pub postponed: u64,
    /// When all of them have been read again if a run comes every day, in Unix seconds; null
    /// without a ledger.
    pub cycle_end: Option<i64>,
    /// How many bytes were read.
    pub bytes_read: u64,
    /// How long that took, in seconds.
    pub seconds: f64,
    /// How many guests there are of each state; null when Proxmox VE was not asked.
    pub guests: Option<CoverageSummary>,
}

pub(crate) fn report(spec: &Spec, observed: &Observed) -> Report {
    let coverage = coverage(spec, observed);
    let pruned: BTreeMap<(&str, &str), &ArchiveCoverage> = coverage
        .iter()
        .flat_map(|coverage| &coverage.archives)
        .map(|archive| ((archive.volid.as_str(), archive.node.as_str()), archive))
        .collect();
    let zone = observed
        .asked
        .as_ref()
        .map_or_else(TimeZone::system, |asked| asked.evidence.zone.clone());
    let sound = judge::sound(&observed.archives, &observed.listed, &zone);
    let read = observed
        .archives
        .iter()
        .map(|verified| archive_result::read(verified, &sound));
    let listed = observed
        .listed
        .iter()
        .map(|listed| archive_result::listed(listed, &sound));
    let running: Vec<(Vmid, LocalStamp)> = observed
        .leftovers
        .iter()
        .filter(|left| observed.running.contains(&left.path))
        .map(|left| (left.vmid, left.stamp))
        .collect();
    // The work folder of a backup that runs is not left over either.
    let leftovers = observed.leftovers.iter().map(|left| {
        let is_running = running.contains(&(left.vmid, left.stamp));
        archive_result::leftover(left, is_running, &sound)
    });
    let mut archives: Vec<ArchiveResult> = read.chain(listed).chain(leftovers).collect();
    for archive in &mut archives {
        let place = archive.volid.as_deref().zip(archive.node.as_deref());
        if let Some(pruned) = place.and_then(|place| pruned.get(&place)) {
            archive.next_prune = pruned.next_prune;
            archive.next_prune_why = Some(pruned.next_prune_why.clone());
        }
    }
    let mut warnings = observed.warnings.clone();
    let mut unknown = Vec::new();
    let (guests, states) = match coverage {
        None => (Vec::new(), None),
        Some(coverage) => {
            warnings.extend(coverage.warnings);
            unknown = coverage.unknown;
            (coverage.guests, Some(coverage.summary))
        }
    };
    unknown.extend(
        observed
            .asked
            .iter()
            .flat_map(|asked| asked.unseen.iter().cloned()),
    );
    unknown.dedup();
    Report {
        summary: summary(&archives, states, observed),
        archives,
        guests,
        unknown,
        fail_on: spec.fail_on.clone(),
        warnings,
        now: observed.now,
        zone,
    }
}

/// Worked out from what was seen, and cut to what was asked for.
fn coverage(spec: &Spec, observed: &Observed) -> Option<Coverage> {
    let asked = observed.asked.as_ref()?;
    let ask = spec.ask.as_ref()?;
    ask.coverage
        .then(|| evaluate(&asked.evidence, &spec.policies))
}

fn summary(
    archives: &[ArchiveResult],
    guests: Option<CoverageSummary>,
    observed: &Observed,
) -> Summary {
    let count = |verdict: Verdict| {
        let of_it = archives.iter().filter(|archive| archive.verdict == verdict);
        u64::try_from(of_it.count()).unwrap_or(u64::MAX)
    };
    Summary {
        total: u64::try_from(archives.len()).unwrap_or(u64::MAX),
        ok: count(Verdict::Ok),
        warn: count(Verdict::Warn),
        corrupt: count(Verdict::Corrupt),
        unreadable: count(Verdict::Unreadable),
        incomplete: count(Verdict::Incomplete),
        in_progress: count(Verdict::InProgress),
        not_verified: count(Verdict::NotVerified),
        trusted: u64::try_from(observed.trusted).unwrap_or(u64::MAX),
        postponed: u64::try_from(observed.postponed).unwrap_or(u64::MAX),
        cycle_end: observed.cycle_end,
        bytes_read: observed.bytes_read,
        seconds: (observed.seconds * 1000.0).round() / 1000.0,
        guests,
    }
}
