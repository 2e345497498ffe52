//! The table of guests.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pve_coverage::{CoverageSummary, GuestCoverage};

use crate::report::Report;

const HOUR: i64 = 3600;

/// Worst first, with what is not saved and what failed below each line.
pub(super) fn render(report: &Report, text: &mut String) {
    let mut guests: Vec<&GuestCoverage> = report.guests.iter().collect();
    guests.sort_by_key(|guest| (std::cmp::Reverse(guest.state), guest.vmid));
    let name = |guest: &GuestCoverage| guest.name.clone().unwrap_or_else(|| "-".to_owned());
    let width = guests
        .iter()
        .map(|guest| name(guest).chars().count())
        .max()
        .unwrap_or(0)
        .clamp(4, 24);
    let _ = writeln!(
        text,
        "{:<12} {:>9}  {:<width$}  {:<16}  {:>13}  {:<16}  WHY",
        "STATE", "GUEST", "NAME", "NEWEST", "AGE/RPO", "NEXT RUN"
    );
    for guest in guests {
        let _ = writeln!(
            text,
            "{:<12} {:>9}  {:<width$}  {:<16}  {:>13}  {:<16}  {}",
            guest.state.as_str(),
            guest.vmid,
            name(guest),
            time(guest.newest_at, &report.zone),
            age(guest, report.now),
            time(guest.next_run, &report.zone),
            guest.why
        );
        for disk in guest.disks.iter().filter(|disk| !disk.saved) {
            let _ = writeln!(
                text,
                "             disk {} is not saved: {}",
                disk.key, disk.why
            );
        }
        if let Some(error) = &guest.last_error {
            let _ = writeln!(
                text,
                "             the last backup failed ({}): {error}",
                time(guest.last_backup_at, &report.zone)
            );
        }
        if let Some(by) = &guest.proof_by {
            let _ = writeln!(text, "             verified by {by}");
        }
    }
    if let Some(summary) = &report.summary.guests {
        totals(summary, text);
    }
}

fn totals(summary: &CoverageSummary, text: &mut String) {
    let _ = writeln!(
        text,
        "{} guests: {} protected, {} excluded, {} unverified, {} stale, {} corrupt, {} unprotected, {} unknown; {} disks not saved",
        summary.guests,
        summary.protected,
        summary.excluded,
        summary.unverified,
        summary.stale,
        summary.corrupt,
        summary.unprotected,
        summary.unknown,
        summary.disks_not_saved
    );
}

/// In the local time of the node.
fn time(at: Option<i64>, zone: &TimeZone) -> String {
    at.and_then(|at| Timestamp::from_second(at).ok())
        .map_or_else(
            || "-".to_owned(),
            |at| {
                at.to_zoned(zone.clone())
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string()
            },
        )
}

fn age(guest: &GuestCoverage, now: i64) -> String {
    let age = guest.newest_at.map_or_else(
        || "-".to_owned(),
        |at| format!("{} h", now.saturating_sub(at) / HOUR),
    );
    let rpo = guest
        .rpo_hours
        .map_or_else(|| "-".to_owned(), |hours| format!("{hours} h"));
    format!("{age}/{rpo}")
}
