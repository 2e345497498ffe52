//! Holes, and what is none.

use super::*;
use crate::page::sample::{archive, guest};

/// 2026-01-15 12:00 UTC.
const NOW: i64 = 1_768_478_400;

/// The symbols of a guest, the newest day first.
fn drawn(guests: &[GuestCoverage], archives: &[ArchiveResult]) -> Vec<String> {
    matrix(guests, archives, NOW, &TimeZone::UTC)
        .rows
        .iter()
        .map(|row| {
            let cells: String = row.cells.iter().map(|cell| cell.kind.symbol()).collect();
            format!("{} {cells}", row.id)
        })
        .collect()
}

fn on(days: &[u8]) -> Vec<ArchiveResult> {
    days.iter()
        .map(|day| {
            archive(
                "qemu",
                100,
                &format!("2026_01_{day:02}-04_00_00"),
                Verdict::Ok,
            )
        })
        .collect()
}

#[test]
fn a_missing_night_is_a_hole() {
    let guests = [guest("qemu", 100, GuestState::Protected)];
    let archives = on(&[15, 14, 12, 11, 8]);
    assert_eq!(drawn(&guests, &archives), ["qemu/100 ✓✓▢✓✓▢▢✓"]);
}

#[test]
fn a_week_between_is_none_when_a_week_is_allowed() {
    let mut weekly = guest("qemu", 100, GuestState::Protected);
    weekly.rpo_hours = Some(170);
    let archives = on(&[15, 8, 1]);
    assert_eq!(drawn(&[weekly], &archives), ["qemu/100 ✓······✓······✓"]);
}

#[test]
fn what_a_prune_thinned_out_is_no_hole() {
    let guests = [guest("qemu", 100, GuestState::Protected)];
    let mut archives = on(&[15, 14, 13, 10, 3]);
    for archive in archives.iter_mut().skip(3) {
        archive.next_prune = Some(Mark::Keep);
        archive.next_prune_why = Some("kept by keep-weekly".to_owned());
    }
    assert_eq!(drawn(&guests, &archives), ["qemu/100 ✓✓✓··✓······✓"]);
}

#[test]
fn the_time_since_the_newest_archive_is_never_thinned_out() {
    let guests = [guest("qemu", 100, GuestState::Stale)];
    let mut archives = on(&[12]);
    archives[0].protected = true;
    assert_eq!(drawn(&guests, &archives), ["qemu/100 ▢▢▢✓···"]);
}

#[test]
fn a_day_is_what_its_archives_are() {
    let guests = [guest("qemu", 100, GuestState::Corrupt)];
    let at = |day: u8, hour: u8, verdict| {
        archive(
            "qemu",
            100,
            &format!("2026_01_{day:02}-{hour:02}_00_00"),
            verdict,
        )
    };
    let mut copy = at(9, 4, Verdict::Ok);
    copy.safety_copy = true;
    let archives = [
        at(15, 4, Verdict::InProgress),
        at(14, 4, Verdict::Corrupt),
        at(14, 5, Verdict::Ok),
        at(13, 4, Verdict::Incomplete),
        at(12, 4, Verdict::NotVerified),
        at(11, 4, Verdict::Warn),
        at(11, 5, Verdict::Ok),
        at(10, 4, Verdict::Unreadable),
        copy,
    ];
    assert_eq!(drawn(&guests, &archives), ["qemu/100 …◐✗○!✗·"]);
}

#[test]
fn rows_are_sorted_by_need_and_tell_what_is_not_known() {
    let guests = [
        guest("qemu", 100, GuestState::Protected),
        guest("qemu", 101, GuestState::Unknown),
        guest("lxc", 102, GuestState::Excluded),
        guest("lxc", 103, GuestState::Unprotected),
    ];
    let mut archives = on(&[15]);
    archives.push(archive("lxc", 100, "2026_01_15-04_00_00", Verdict::Ok));
    assert_eq!(
        drawn(&guests, &archives),
        [
            "lxc/103 ▢▢▢▢▢▢▢",
            "qemu/101 ???????",
            "qemu/100 ✓······",
            "lxc/102 ·······",
            "lxc/100 ✓······",
        ]
    );
}

#[test]
fn a_guest_that_nobody_spoke_of_is_measured_by_its_habit() {
    assert_eq!(drawn(&[], &on(&[15, 14, 12, 11])), ["qemu/100 ✓✓▢✓✓··"]);
    assert_eq!(drawn(&[], &on(&[15, 11])), ["qemu/100 ✓···✓··"]);
}

#[test]
fn what_is_older_than_the_matrix_is_counted() {
    let mut archives = on(&[15]);
    archives.push(archive("qemu", 100, "2024_01_15-04_00_00", Verdict::Ok));
    let matrix = matrix(&[], &archives, NOW, &TimeZone::UTC);
    assert_eq!(matrix.days.len(), MOST_DAYS);
    assert_eq!(matrix.rows[0].older, 1);
}

#[test]
fn an_unreadable_clock_shows_no_days() {
    assert!(matrix(&[], &[], i64::MAX, &TimeZone::UTC).days.is_empty());
}
