//! What the page says, worked out once for every way of writing it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pve_coverage::{DiskCoverage, GuestCoverage, GuestState, Mark};
use vzdump_archive::Verdict;

use super::headline::{self, Headline};
use super::matrix::{self, Matrix};
use super::words;
use crate::reading::size;
use crate::report::{ArchiveResult, Report};

/// When and by what the page is made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// The present time, in Unix seconds.
    pub(crate) at: i64,
    /// The zone of the node's clock.
    pub(crate) zone: TimeZone,
    /// The node it is made on.
    pub(crate) node: Option<String>,
    /// The version of this program.
    pub(crate) version: &'static str,
}

/// A disk that no backup has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MissingDisk<'a> {
    pub(crate) guest: &'a GuestCoverage,
    pub(crate) disk: &'a DiskCoverage,
}

/// Everything that stands on the page, in its order.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) headline: Headline,
    /// How many guests there are of each state that occurs, what needs a hand first.
    pub(crate) states: Vec<(GuestState, usize)>,
    pub(crate) matrix: Matrix<'a>,
    pub(crate) missing_disks: Vec<MissingDisk<'a>>,
    /// What cannot be relied on, the worst first.
    pub(crate) damaged: Vec<&'a ArchiveResult>,
    /// What can be restored and is unusual.
    pub(crate) remarked: Vec<&'a ArchiveResult>,
    /// Where archives are that were not read, and how many.
    pub(crate) unread: Vec<(String, usize)>,
    /// What the next prune removes.
    pub(crate) pruned: Vec<&'a ArchiveResult>,
    /// How many archives the next prune looks at and leaves.
    pub(crate) kept: usize,
    /// Files that belong to no guest.
    pub(crate) others: Vec<&'a ArchiveResult>,
    /// What cannot be seen, and the privilege that would show it.
    pub(crate) unknown: &'a [String],
    pub(crate) warnings: &'a [String],
    /// What was done, as pairs of a name and a value.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) made: &'a Made,
}

pub(crate) fn view<'a>(report: &'a Report, made: &'a Made) -> View<'a> {
    let matrix = matrix::matrix(&report.guests, &report.archives, made.at, &made.zone);
    let of = |wanted: &dyn Fn(&ArchiveResult) -> bool| -> Vec<&'a ArchiveResult> {
        report
            .archives
            .iter()
            .filter(|archive| wanted(archive))
            .collect()
    };
    let mut damaged = of(&|archive| is_bad(archive.verdict));
    damaged.sort_by_key(|archive| std::cmp::Reverse(archive.verdict));
    View {
        headline: headline::headline(report),
        states: states(&report.guests),
        missing_disks: report
            .guests
            .iter()
            .flat_map(|guest| {
                let missing = guest.disks.iter().filter(|disk| !disk.saved);
                missing.map(move |disk| MissingDisk { guest, disk })
            })
            .collect(),
        damaged,
        remarked: of(&|archive| archive.verdict == Verdict::Warn),
        unread: unread(&report.archives),
        pruned: of(&|archive| archive.next_prune == Some(Mark::Remove)),
        kept: of(&|archive| archive.next_prune.is_some_and(|mark| mark != Mark::Remove)).len(),
        others: of(&|archive| archive.vmid.is_none()),
        unknown: &report.unknown,
        warnings: &report.warnings,
        facts: facts(report, made),
        matrix,
        made,
    }
}

/// Nobody can rely on an archive with this verdict.
pub(crate) const fn is_bad(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Corrupt | Verdict::Unreadable | Verdict::Incomplete
    )
}

fn states(guests: &[GuestCoverage]) -> Vec<(GuestState, usize)> {
    let mut states = GuestState::ALL;
    states.sort_by_key(|state| matrix::urgency(*state));
    states
        .into_iter()
        .map(|state| {
            let count = guests.iter().filter(|guest| guest.state == state).count();
            (state, count)
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn unread(archives: &[ArchiveResult]) -> Vec<(String, usize)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for archive in archives
        .iter()
        .filter(|archive| archive.verdict == Verdict::NotVerified)
    {
        let place = match (&archive.storage, &archive.node) {
            (Some(storage), Some(node)) => format!("storage `{storage}` of node `{node}`"),
            (Some(storage), None) => format!("storage `{storage}`"),
            (None, _) => "elsewhere".to_owned(),
        };
        let why = archive.reasons.first().map(|reason| &reason.reason.text);
        let line = why.map_or_else(|| place.clone(), |why| format!("{place}: {why}"));
        let count = places.entry(line).or_default();
        *count = count.saturating_add(1);
    }
    places.into_iter().collect()
}

fn facts(report: &Report, made: &Made) -> Vec<(&'static str, String)> {
    let summary = &report.summary;
    let mut facts = vec![("Made", words::time(made.at, &made.zone))];
    if let Some(node) = &made.node {
        facts.push(("On", node.clone()));
    }
    facts.push(("By", format!("reprise {}", made.version)));
    let verdicts = [
        ("ok", summary.ok),
        ("warn", summary.warn),
        ("corrupt", summary.corrupt),
        ("unreadable", summary.unreadable),
        ("incomplete", summary.incomplete),
        ("in progress", summary.in_progress),
        ("not verified", summary.not_verified),
    ];
    let verdicts: Vec<String> = verdicts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let archives = if verdicts.is_empty() {
        "none".to_owned()
    } else {
        format!("{}: {}", summary.total, verdicts.join(", "))
    };
    facts.push(("Archives", archives));
    facts.push((
        "Read now",
        format!("{} in {:.1} s", size(summary.bytes_read), summary.seconds),
    ));
    facts.push((
        "Known from the ledger",
        match summary.cycle_end {
            Some(_) => words::count(
                usize::try_from(summary.trusted).unwrap_or(usize::MAX),
                "archive, read before and unchanged",
                "archives, read before and unchanged",
            ),
            None => "no ledger: everything is read in each run".to_owned(),
        },
    ));
    if let Some(end) = summary.cycle_end {
        facts.push(("All read again by", words::time(end, &made.zone)));
    }
    facts
}
