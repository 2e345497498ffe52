//! What is said of a run: what became of each guest, and of its archive.

use std::fmt::Write as _;

use backup_verify::ReasonResult;
use module_kit::{Exit, Failure, Verdict as RunVerdict};
use schemars::JsonSchema;
use serde::Serialize;
use vzdump_archive::Verdict;

use crate::report::Report;
use crate::run_now::GuestResult;

/// What became of one guest of a job that ran.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunResult {
    /// The number of the guest.
    #[schemars(extend("examples" = [101]))]
    pub vmid: u32,
    /// The node that ran it.
    #[schemars(extend("examples" = ["pve1"]))]
    pub node: String,
    /// The task of the node; null when none was started.
    #[schemars(extend("examples" = ["UPID:pve1:0000A1B2:00C3D4E5:6921F0A0:vzdump:101:root@pam:"]))]
    pub task: Option<String>,
    /// The volume of the archive; null when there is none.
    #[schemars(extend("examples" = ["local-backup:backup/vzdump-qemu-101-2026_11_22-03_00_02.vma.zst"]))]
    pub archive: Option<String>,
    /// The size of the archive in bytes; null when it cannot be seen.
    #[schemars(extend("examples" = [201_326_592]))]
    pub size: Option<u64>,
    /// How long it took, in seconds.
    #[schemars(extend("examples" = [42]))]
    pub duration: Option<u64>,
    /// What reading the archive came to, in the words of `backup_verify`; null when there is no
    /// archive, or `verify` is false.
    pub verdict: Option<Verdict>,
    /// The SHA-256 of the archive; null when it was not read to its end.
    pub sha256: Option<String>,
    /// Why the verdict is what it is. An archive that is `ok` may have remarks.
    pub reasons: Vec<ReasonResult>,
    /// Why there is no archive; null when there is one.
    pub error: Option<String>,
    /// When it failed, the last lines of the log about it.
    pub log_tail: Vec<String>,
    /// How many warnings the task ended with. It succeeded all the same.
    pub warnings: u64,
}

impl RunResult {
    pub(crate) fn new(result: &GuestResult) -> Self {
        let proof = result.proof.as_ref();
        Self {
            vmid: result.vmid.get(),
            node: result.node.to_string(),
            task: result.task.as_ref().map(ToString::to_string),
            archive: result.archive.as_ref().map(ToString::to_string),
            size: result.size,
            duration: result.seconds,
            verdict: proof.map(|proof| proof.verdict),
            sha256: proof.and_then(|proof| proof.sha256.clone()),
            reasons: proof.map_or_else(Vec::new, |proof| proof.reasons.clone()),
            error: result.error.clone(),
            log_tail: result.tail.clone(),
            warnings: result.warnings,
        }
    }

    /// Whether its archive was looked at and is none to rely on.
    fn is_damaged(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Corrupt | Verdict::Unreadable))
    }

    /// What was found in its archive, in a sentence.
    fn found(&self) -> Option<String> {
        let archive = self.archive.as_deref()?;
        Some(backup_verify::sentence(
            archive,
            self.verdict?,
            &self.reasons,
        ))
    }
}

/// A run in which one guest was not saved, or not soundly, has failed, and says which and why.
pub(crate) fn verdict(report: &Report) -> RunVerdict {
    let mut verdict = RunVerdict::default();
    let Some(runs) = &report.runs else {
        return verdict;
    };
    let mut tasks: Vec<&String> = runs
        .iter()
        .filter(|run| run.warnings > 0)
        .filter_map(|run| run.task.as_ref())
        .collect();
    tasks.dedup();
    verdict.warnings = tasks
        .into_iter()
        .map(|task| format!("task `{task}` ended with warnings; its log says which."))
        .chain(report.warnings.iter().cloned())
        .collect();
    verdict.failure = match (not_saved(report, runs), damaged(report, runs)) {
        // What is missing is worse; of what is damaged the same failure tells.
        (Some(mut missing), Some(damaged)) => {
            missing.message = format!("{}. {}", missing.message, damaged.message);
            Some(missing)
        }
        (missing, damaged) => missing.or(damaged),
    };
    verdict
}

fn not_saved(report: &Report, runs: &[RunResult]) -> Option<Failure> {
    let failed: Vec<String> = runs
        .iter()
        .filter_map(|run| {
            run.error
                .as_ref()
                .map(|why| format!("guest {} on {}: {why}", run.vmid, run.node))
        })
        .collect();
    if failed.is_empty() {
        return None;
    }
    // Without a task nothing was started, so nothing has changed.
    let started = runs.iter().any(|run| run.task.is_some());
    let exit = if started {
        Exit::NeedsAHand
    } else {
        Exit::Failed
    };
    let message = format!(
        "backup job `{}` did not save {} of {} guests: {}",
        report.id,
        failed.len(),
        runs.len(),
        failed.join("; ")
    );
    Some(Failure::new(exit, message).hint("`runs` has the last lines of the log of each; the whole log is at the task. Mend the cause and run again."))
}

fn damaged(report: &Report, runs: &[RunResult]) -> Option<Failure> {
    let damaged: Vec<&RunResult> = runs.iter().filter(|run| run.is_damaged()).collect();
    if damaged.is_empty() {
        return None;
    }
    let found: Vec<String> = damaged
        .iter()
        .filter_map(|run| {
            Some(format!(
                "guest {} on {}: {}",
                run.vmid,
                run.node,
                run.found()?
            ))
        })
        .collect();
    let message = format!(
        "{} of the {} archives that backup job `{}` made cannot be relied on: {}",
        damaged.len(),
        runs.iter().filter(|run| run.archive.is_some()).count(),
        report.id,
        found.join("; ")
    );
    let older: Vec<String> = damaged
        .iter()
        .filter_map(|run| {
            let older = run
                .reasons
                .iter()
                .find_map(|reason| reason.older_sound.as_ref())?;
            Some(format!("`{older}` of guest {}", run.vmid))
        })
        .collect();
    let older = if older.is_empty() {
        "No older archive of these guests is known to be sound; `backup_verify` reads those that are there.".to_owned()
    } else {
        format!("Older and sound, and still there: {}.", older.join(", "))
    };
    Some(Failure::new(Exit::BelowThreshold, message).hint(format!(
        "{older} Look for what damages archives (the disk of the storage, the way to it, the memory of the node), then run the job again."
    )))
}

/// The runs for a person.
pub(crate) fn render(runs: &[RunResult], text: &mut String) {
    // Writing to a text cannot fail.
    for run in runs {
        let what = match (&run.archive, &run.error) {
            (_, Some(why)) => format!("FAILED: {why}"),
            (Some(archive), None) => archive.clone(),
            (None, None) => "done".to_owned(),
        };
        writeln!(text, "  {:<8}  {what}", run.vmid).ok();
        if let (Some(size), Some(seconds)) = (run.size, run.duration) {
            writeln!(text, "            {size} bytes in {seconds} s").ok();
        }
        if let Some(verdict) = run.verdict {
            writeln!(text, "            {verdict}").ok();
        }
        for reason in &run.reasons {
            writeln!(text, "            {}", reason.reason).ok();
        }
        if let Some(digest) = &run.sha256 {
            writeln!(text, "            sha256 {digest}").ok();
        }
    }
}

#[cfg(test)]
mod tests;
