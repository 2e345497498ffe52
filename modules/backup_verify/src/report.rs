//! The result.

use module_kit::{Exit, Failure, Verdict as RunVerdict};
use pve_types::{LocalStamp, Vmid};
use schemars::JsonSchema;
use serde::Serialize;
use vzdump_archive::folder::{Candidate, Leftover};
use vzdump_archive::{
    Codec, ConfigFile, Disk, Examination, Finding, Format, Integrity, Reason, Verdict,
};

use crate::judge::{self, Sound};
use crate::observe::Observed;
use crate::spec::Spec;

/// So many archives are named when a run fails.
const NAMED: usize = 5;

/// What `backup_verify` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Every archive and dump, and what unfinished backups left.
    #[schemars(extend("returned" = "success"))]
    pub archives: Vec<ArchiveResult>,
    /// How many there are of each verdict.
    #[schemars(extend("returned" = "success"))]
    pub summary: Summary,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) fail_on: Vec<Verdict>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) warnings: Vec<String>,
}

/// One archive.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArchiveResult {
    /// Where it is.
    #[schemars(extend("examples" = ["/var/lib/vz/dump/vzdump-qemu-100-2026_01_02-04_00_01.vma.zst"]))]
    pub path: String,
    /// The number of the guest; null when the name does not tell.
    #[schemars(extend("examples" = [100]))]
    pub vmid: Option<u32>,
    /// When the backup began, in the local time of the node that made it; null when the name does
    /// not tell.
    #[schemars(extend("examples" = ["2026_01_02-04_00_01"]))]
    pub time: Option<String>,
    /// What follows for a restore.
    pub verdict: Verdict,
    /// Why. An archive that is `ok` may have remarks.
    pub reasons: Vec<ReasonResult>,
    /// How many more reasons there are than are listed.
    pub reasons_left_out: u64,
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

/// How many there are of each verdict.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// All of them.
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
    /// Not read again, because of what the ledger says of them.
    pub trusted: u64,
    /// When all of them have been read again if a run comes every day, in Unix seconds; null
    /// without a ledger.
    pub cycle_end: Option<i64>,
    /// How many bytes were read.
    pub bytes_read: u64,
    /// How long that took, in seconds.
    pub seconds: f64,
}

pub(crate) fn report(spec: &Spec, observed: &Observed) -> Report {
    let sound = judge::sound(&observed.archives);
    let mut archives: Vec<ArchiveResult> = observed
        .archives
        .iter()
        .map(|(candidate, examination)| archive(candidate, examination, &sound))
        .collect();
    let running: Vec<(Vmid, LocalStamp)> = observed
        .leftovers
        .iter()
        .filter(|left| observed.running.contains(&left.path))
        .map(|left| (left.vmid, left.stamp))
        .collect();
    // The work folder of a backup that runs is not left over either.
    archives.extend(observed.leftovers.iter().map(|left| {
        let is_running = running.contains(&(left.vmid, left.stamp));
        leftover(left, is_running, &sound)
    }));
    let summary = summary(&archives, observed);
    Report {
        archives,
        summary,
        fail_on: spec.fail_on.clone(),
        warnings: observed.warnings.clone(),
    }
}

fn archive(candidate: &Candidate, examination: &Examination, sound: &[Sound<'_>]) -> ArchiveResult {
    let standard = candidate.name.standard.as_ref();
    let vmid = candidate.name.vmid;
    let stamp = standard.map(pve_types::ArchiveName::stamp);
    let older = vmid
        .zip(stamp)
        .and_then(|(vmid, stamp)| judge::older(sound, vmid, stamp))
        .map(|sound| sound.name.to_owned());
    let guest = vmid.map(Vmid::get);
    ArchiveResult {
        path: candidate.path.display().to_string(),
        vmid: guest,
        time: stamp.map(|stamp| stamp.to_string()),
        verdict: examination.verdict,
        reasons: examination
            .reasons
            .iter()
            .map(|reason| ReasonResult {
                reason: reason.clone(),
                guest,
                older_sound: older.clone(),
            })
            .collect(),
        reasons_left_out: examination.reasons_left_out,
        integrity: examination.integrity,
        format: examination.format,
        codec: examination.codec,
        size: examination.bytes.max(candidate.size),
        content_size: examination.content_bytes,
        sha256: examination.sha256.clone(),
        disks: examination.disks.clone(),
        configs: examination.configs.clone(),
        members: examination.members,
        protected: candidate.protected,
        notes: candidate.notes.clone(),
        older_sound: older,
    }
}

fn leftover(left: &Leftover, is_running: bool, sound: &[Sound<'_>]) -> ArchiveResult {
    let newest = judge::newest(sound, left.vmid).map(|sound| sound.stamp);
    let reason = left.judge(is_running, newest);
    let older = judge::older(sound, left.vmid, left.stamp).map(|sound| sound.name.to_owned());
    let guest = Some(left.vmid.get());
    ArchiveResult {
        path: left.path.display().to_string(),
        vmid: guest,
        time: Some(left.stamp.to_string()),
        verdict: reason.verdict,
        reasons: vec![ReasonResult {
            reason,
            guest,
            older_sound: older.clone(),
        }],
        reasons_left_out: 0,
        integrity: Integrity::Unknown,
        format: None,
        codec: Codec::None,
        size: left.size,
        content_size: 0,
        sha256: None,
        disks: Vec::new(),
        configs: Vec::new(),
        members: None,
        protected: false,
        notes: None,
        older_sound: older,
    }
}

fn summary(archives: &[ArchiveResult], observed: &Observed) -> Summary {
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
        trusted: u64::try_from(observed.trusted).unwrap_or(u64::MAX),
        cycle_end: observed.cycle_end,
        bytes_read: observed.bytes_read,
        seconds: (observed.seconds * 1000.0).round() / 1000.0,
    }
}

/// Whether the run counts as failed, and what the user should know all the same.
pub(crate) fn verdict(report: &Report) -> RunVerdict {
    let bad: Vec<&ArchiveResult> = report
        .archives
        .iter()
        .filter(|archive| report.fail_on.contains(&archive.verdict))
        .collect();
    let remarks = report
        .archives
        .iter()
        .filter(|archive| archive.verdict == Verdict::Ok)
        .filter_map(|archive| {
            // Written without checksums although its compression has them: that is worth a word.
            let remark = archive.reasons.iter().find(|reason| {
                matches!(
                    reason.reason.id,
                    Finding::ZstdNoChecksum | Finding::LzopNoChecksum
                )
            })?;
            Some(format!("`{}`: {}", archive.path, remark.reason.text))
        });
    let warnings = report.warnings.iter().cloned().chain(remarks).collect();
    RunVerdict {
        failure: (!bad.is_empty()).then(|| failure(report, &bad)),
        warnings,
    }
}

fn failure(report: &Report, bad: &[&ArchiveResult]) -> Failure {
    let named: Vec<String> = bad
        .iter()
        .take(NAMED)
        .map(|archive| {
            let why = archive
                .reasons
                .iter()
                .max_by_key(|reason| reason.reason.verdict)
                .map_or_else(String::new, |reason| format!(" ({})", reason.reason));
            format!("`{}` is {}{why}", archive.path, archive.verdict)
        })
        .collect();
    let more = bad.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let hint = if bad.iter().any(|archive| archive.older_sound.is_some()) {
        "`older_sound` names an archive to restore from instead. Back the guest up again."
    } else {
        "No older archive of these guests is sound here. Back them up again before they are needed."
    };
    Failure::new(
        Exit::BelowThreshold,
        format!(
            "{} of {} archives fail: {}{more}",
            bad.len(),
            report.summary.total,
            named.join("; ")
        ),
    )
    .hint(hint)
}
