//! The result for a person: guests first, then archives, then what cannot be seen.

mod guests;

use std::fmt::Write as _;

use pve_coverage::Mark;
use vzdump_archive::Verdict;

use crate::reading::size;
use crate::report::{ArchiveResult, Report, Summary};

/// Everything.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    if report.summary.guests.is_some() {
        guests::render(report, &mut text);
        text.push('\n');
    }
    archives(report, &mut text);
    if !report.unknown.is_empty() {
        text.push_str("\nNot seen:\n");
        for unknown in &report.unknown {
            let _ = writeln!(text, "  {unknown}");
        }
    }
    text
}

/// A table, worst first, with the reasons below each line.
fn archives(report: &Report, text: &mut String) {
    let mut archives: Vec<&ArchiveResult> = report.archives.iter().collect();
    archives.sort_by(|a, b| {
        b.verdict
            .cmp(&a.verdict)
            .then_with(|| a.name().cmp(b.name()))
    });
    let pruned = archives
        .iter()
        .any(|archive| archive.next_prune_why.is_some());
    let column = |mark: &str| {
        if pruned {
            format!("  {mark:<10}")
        } else {
            String::new()
        }
    };
    let _ = writeln!(
        text,
        "{:<12} {:>9} {:>10}{}  FILE",
        "VERDICT",
        "GUEST",
        "SIZE",
        column("NEXT PRUNE")
    );
    for archive in archives {
        let guest = archive
            .vmid
            .map_or_else(|| "-".to_owned(), |vmid| vmid.to_string());
        let _ = writeln!(
            text,
            "{:<12} {guest:>9} {:>10}{}  {}",
            archive.verdict.as_str(),
            size(archive.size),
            column(archive.next_prune.map_or("-", Mark::as_str)),
            short(archive.name()),
        );
        below(archive, text);
    }
    summary(&report.summary, text);
}

/// A file without its folder; a snapshot of a backup server as it is.
fn short(name: &str) -> &str {
    if name.starts_with('/') || name.contains(":backup/vzdump-") {
        name.rsplit('/').next().unwrap_or(name)
    } else {
        name
    }
}

fn below(archive: &ArchiveResult, text: &mut String) {
    for reason in &archive.reasons {
        let _ = writeln!(text, "             {}", reason.reason);
        if reason.reason.verdict > Verdict::NotVerified {
            let _ = writeln!(text, "               restore: {}", reason.reason.restore);
        }
    }
    if archive.reasons_left_out > 0 {
        let _ = writeln!(text, "             and {} more", archive.reasons_left_out);
    }
    if archive.verdict > Verdict::NotVerified
        && let Some(older) = &archive.older_sound
    {
        let _ = writeln!(text, "             older and sound: {older}");
    }
    if archive.next_prune == Some(Mark::Remove)
        && let Some(why) = &archive.next_prune_why
    {
        let _ = writeln!(text, "             next prune: removed, {why}");
    }
    if let Some(by) = &archive.proof_by {
        let _ = writeln!(text, "             verified by {by}");
    }
}

fn summary(summary: &Summary, text: &mut String) {
    let _ = writeln!(
        text,
        "{} files: {} ok, {} warn, {} corrupt, {} unreadable, {} incomplete, {} in progress, {} not verified; {} read in {:.1} s",
        summary.total,
        summary.ok,
        summary.warn,
        summary.corrupt,
        summary.unreadable,
        summary.incomplete,
        summary.in_progress,
        summary.not_verified,
        size(summary.bytes_read),
        summary.seconds
    );
}

#[cfg(test)]
mod tests;
