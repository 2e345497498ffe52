//! Whether a run counts as failed, and what the user should know all the same.

use module_kit::{Exit, Failure, Verdict as RunVerdict};
use pve_coverage::GuestCoverage;
use vzdump_archive::{Finding, Verdict};

use crate::fail_on::FailOn;
use crate::report::{ArchiveResult, ReasonResult, Report};

/// So many archives, guests and things unseen are named when a run fails.
const NAMED: usize = 5;

pub(crate) fn verdict(report: &Report) -> RunVerdict {
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
            Some(format!("`{}`: {}", archive.name(), remark.reason.text))
        });
    RunVerdict {
        warnings: report.warnings.iter().cloned().chain(remarks).collect(),
        failure: failure(report),
    }
}

fn failure(report: &Report) -> Option<Failure> {
    let fails = |is: &dyn Fn(FailOn) -> bool| report.fail_on.iter().any(|fail_on| is(*fail_on));
    let archives: Vec<&ArchiveResult> = report
        .archives
        .iter()
        .filter(|archive| fails(&|fail_on| fail_on.is_of_archive(archive.verdict)))
        .collect();
    let guests: Vec<&GuestCoverage> = report
        .guests
        .iter()
        .filter(|guest| fails(&|fail_on| fail_on.is_of_guest(guest.state)))
        .collect();
    let unseen = fails(&|fail_on| fail_on == FailOn::Unknown) && !report.unknown.is_empty();
    let mut sentences = Vec::new();
    if !archives.is_empty() {
        sentences.push(format!(
            "{} of {} archives fail: {}",
            archives.len(),
            report.summary.total,
            listed(archives.iter().map(|archive| of_archive(archive)))
        ));
    }
    if !guests.is_empty() {
        sentences.push(format!(
            "{} of {} guests fail: {}",
            guests.len(),
            report.guests.len(),
            listed(guests.iter().map(|guest| of_guest(guest)))
        ));
    }
    if unseen {
        sentences.push(format!(
            "not everything can be seen: {}",
            listed(report.unknown.iter().cloned())
        ));
    }
    let hint = if archives.iter().any(|archive| archive.older_sound.is_some()) {
        "`older_sound` names an archive to restore from instead. Back the guest up again."
    } else if !archives.is_empty() {
        "No older archive of these guests is sound here. Back them up again before they are needed."
    } else if !guests.is_empty() {
        "`why` says of each guest what is missing. `fail_on` says what counts as failed."
    } else {
        "Grant the privileges, or leave `unknown` out of `fail_on`."
    };
    (!sentences.is_empty())
        .then(|| Failure::new(Exit::BelowThreshold, sentences.join(". ")).hint(hint))
}

/// The first of them, and how many more there are.
fn listed(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.collect();
    let more = texts.len().saturating_sub(NAMED);
    let mut text = texts.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str("; and ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text
}

fn of_archive(archive: &ArchiveResult) -> String {
    sentence(archive.name(), archive.verdict, &archive.reasons)
}

/// What is said of an archive: its verdict, and the worst reason for it.
pub fn sentence(name: &str, verdict: Verdict, reasons: &[ReasonResult]) -> String {
    let why = reasons
        .iter()
        .max_by_key(|reason| reason.reason.verdict)
        .map_or_else(String::new, |reason| format!(" ({})", reason.reason));
    format!("`{name}` is {verdict}{why}")
}

fn of_guest(guest: &GuestCoverage) -> String {
    let name = guest
        .name
        .as_deref()
        .map_or_else(String::new, |name| format!(" `{name}`"));
    format!(
        "{}{name} is {} ({})",
        guest.vmid,
        guest.state.as_str(),
        guest.why
    )
}
