//! The answer in one line: is everything protected?

use pve_coverage::CoverageSummary;

use super::view::is_bad;
use super::words::count;
use crate::report::Report;

/// How the answer feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    /// Something is not known, or wrong and not urgent.
    Unsure,
    Bad,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    /// What belongs to it.
    pub(crate) sentences: Vec<String>,
}

pub(crate) fn headline(report: &Report) -> Headline {
    report
        .summary
        .guests
        .as_ref()
        .map_or_else(|| of_archives(report), |guests| of_guests(report, guests))
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// How many archives nobody can rely on.
fn bad_archives(report: &Report) -> usize {
    let bad = |archive: &&crate::report::ArchiveResult| is_bad(archive.verdict);
    report.archives.iter().filter(bad).count()
}

fn of_guests(report: &Report, guests: &CoverageSummary) -> Headline {
    let damaged = bad_archives(report);
    let mut sentences = Vec::new();
    for (number, one, many) in [
        (
            guests.unprotected,
            "guest has no job or no archive",
            "guests have no job or no archive",
        ),
        (
            guests.corrupt,
            "guest has a damaged newest archive",
            "guests have a damaged newest archive",
        ),
        (
            guests.stale,
            "guest has too old an archive",
            "guests have too old an archive",
        ),
        (
            guests.unknown,
            "guest is not known to be protected",
            "guests are not known to be protected",
        ),
        (
            guests.unverified,
            "guest has a newest archive that was not read",
            "guests have a newest archive that was not read",
        ),
        (
            guests.disks_not_saved,
            "disk is in no backup",
            "disks are in no backup",
        ),
        (
            guests.excluded,
            "guest is left out on purpose",
            "guests are left out on purpose",
        ),
    ] {
        if number > 0 {
            sentences.push(count(self::number(number), one, many));
        }
    }
    if damaged > 0 {
        sentences.push(count(
            damaged,
            "archive cannot be relied on",
            "archives cannot be relied on",
        ));
    }
    if !report.unknown.is_empty() {
        sentences.push(count(
            report.unknown.len(),
            "thing cannot be seen",
            "things cannot be seen",
        ));
    }
    let (tone, title) = answer(report, guests, damaged);
    Headline {
        tone,
        title,
        sentences,
    }
}

/// The answer itself.
fn answer(report: &Report, guests: &CoverageSummary, damaged: usize) -> (Tone, String) {
    let bad = number(
        guests
            .unprotected
            .saturating_add(guests.stale)
            .saturating_add(guests.corrupt),
    );
    let wanted = number(guests.guests.saturating_sub(guests.excluded));
    let unsure = number(guests.unknown.saturating_add(guests.unverified));
    if bad > 0 {
        let are = if bad == 1 { "is" } else { "are" };
        (
            Tone::Bad,
            format!(
                "{bad} of {} {are} not protected",
                count(wanted, "guest", "guests")
            ),
        )
    } else if unsure > 0 || !report.unknown.is_empty() {
        (
            Tone::Unsure,
            "It is not known whether everything is protected".to_owned(),
        )
    } else if guests.guests == 0 {
        (Tone::Unsure, "There are no guests".to_owned())
    } else if damaged > 0 {
        (
            Tone::Unsure,
            "Every guest is protected, but not every archive is sound".to_owned(),
        )
    } else if guests.disks_not_saved > 0 {
        (
            Tone::Unsure,
            "Every guest is protected, but not every disk".to_owned(),
        )
    } else if wanted == 0 {
        (
            Tone::Unsure,
            "Every guest is left out on purpose".to_owned(),
        )
    } else {
        (
            Tone::Good,
            format!(
                "Everything is protected: {}",
                count(wanted, "guest", "guests")
            ),
        )
    }
}

fn of_archives(report: &Report) -> Headline {
    let bad = bad_archives(report);
    let total = report.archives.len();
    let summary = &report.summary;
    let (tone, title) = if total == 0 {
        (Tone::Unsure, "There is no archive".to_owned())
    } else if bad > 0 {
        (
            Tone::Bad,
            format!(
                "{bad} of {} cannot be relied on",
                count(total, "archive", "archives")
            ),
        )
    } else if summary.not_verified > 0 {
        (
            Tone::Unsure,
            "It is not known whether every archive is sound".to_owned(),
        )
    } else if summary.in_progress > 0 {
        (Tone::Unsure, "Every finished archive is sound".to_owned())
    } else {
        (
            Tone::Good,
            format!("Every archive is sound: {total} of {total}"),
        )
    };
    let mut sentences = vec!["How well guests are protected was not looked at".to_owned()];
    for (number, one, many) in [
        (
            summary.not_verified,
            "archive was not read",
            "archives were not read",
        ),
        (summary.in_progress, "backup runs now", "backups run now"),
        (
            summary.warn,
            "archive has a remark",
            "archives have a remark",
        ),
    ] {
        if number > 0 {
            sentences.push(count(self::number(number), one, many));
        }
    }
    Headline {
        tone,
        title,
        sentences,
    }
}
