//! The result for a person.

use std::fmt::Write as _;

use vzdump_archive::Verdict;

use crate::reading::size;
use crate::report::{ArchiveResult, Report};

/// A table, worst first, with the reasons below each line.
pub(crate) fn render(report: &Report) -> String {
    let mut archives: Vec<&ArchiveResult> = report.archives.iter().collect();
    archives.sort_by(|a, b| {
        b.verdict
            .cmp(&a.verdict)
            .then_with(|| a.name().cmp(b.name()))
    });
    let mut text = format!("{:<11} {:>9} {:>10}  FILE\n", "VERDICT", "GUEST", "SIZE");
    for archive in archives {
        let guest = archive
            .vmid
            .map_or_else(|| "-".to_owned(), |vmid| vmid.to_string());
        let name = archive.name().rsplit('/').next().unwrap_or_default();
        let size = size(archive.size);
        let _ = writeln!(
            text,
            "{:<11} {guest:>9} {size:>10}  {name}",
            archive.verdict.as_str()
        );
        for reason in &archive.reasons {
            let _ = writeln!(text, "            {}", reason.reason);
            if reason.reason.verdict > Verdict::Warn {
                let _ = writeln!(text, "              restore: {}", reason.reason.restore);
            }
        }
        if archive.reasons_left_out > 0 {
            let _ = writeln!(text, "            and {} more", archive.reasons_left_out);
        }
        if archive.verdict > Verdict::Warn
            && let Some(older) = &archive.older_sound
        {
            let _ = writeln!(text, "            older and sound: {older}");
        }
    }
    let summary = &report.summary;
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
    text
}
