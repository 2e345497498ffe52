//! The names, which never change, and what is written of a result.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::*;
use crate::page::tests::{hostile, small};

/// A name that is missing here breaks dashboards and alerts of users: add, never take away.
const NAMES: &[&str] = &[
    "reprise_build_info{version}",
    "reprise_guest_disks_not_saved{id}",
    "reprise_guest_last_backup_duration_seconds{id}",
    "reprise_guest_last_backup_end_timestamp_seconds{id}",
    "reprise_guest_last_backup_failed{id}",
    "reprise_guest_last_success_size_bytes{id}",
    "reprise_guest_last_success_timestamp_seconds{id}",
    "reprise_guest_newest_archive_verdict{id,verdict}",
    "reprise_guest_next_run_timestamp_seconds{id}",
    "reprise_guest_proof_timestamp_seconds{id}",
    "reprise_guest_rpo_seconds{id}",
    "reprise_guest_state{id,state}",
    "reprise_guests{state}",
    "reprise_verify_archives{verdict}",
    "reprise_verify_cycle_end_timestamp_seconds{}",
    "reprise_verify_last_run_duration_seconds{}",
    "reprise_verify_last_run_read_bytes{}",
    "reprise_verify_last_run_success{}",
    "reprise_verify_last_run_timestamp_seconds{}",
    "reprise_verify_unseen{}",
];

#[test]
fn the_names_stay() {
    let declared: BTreeSet<String> = METRICS
        .iter()
        .map(|metric| format!("{}{{{}}}", metric.name, metric.labels.join(",")))
        .collect();
    assert_eq!(
        declared.iter().map(String::as_str).collect::<Vec<_>>(),
        NAMES
    );
}

#[test]
fn what_is_written_is_what_is_known() {
    let text = text(&small(), 0, &TimeZone::UTC);
    // Golden but for the version of the day.
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("small.prom", text);
}

#[test]
fn every_line_is_of_a_declared_metric_with_its_labels_and_comes_once() {
    for report in [small(), hostile()] {
        let text = text(&report, 0, &TimeZone::UTC);
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(seen.insert(series.to_owned()), "twice: {line}");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
            let named: Vec<&str> = labels
                .trim_end_matches('}')
                .split(',')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap().0)
                .collect();
            assert_eq!(named, metric.labels, "{line}");
        }
    }
}

#[test]
fn all_of_them_are_written_when_all_is_known() {
    let text = text(&small(), 0, &TimeZone::UTC);
    for metric in METRICS.iter().filter(|metric| **metric != TOOK) {
        assert!(
            text.contains(&format!("# TYPE {} gauge", metric.name)),
            "{}",
            metric.name
        );
    }
}

#[test]
fn an_archive_on_a_storage_that_is_not_told_is_a_success_all_the_same() {
    let mut report = small();
    let guest = &mut report.guests[2];
    guest.newest = Some("other:backup/vzdump-lxc-102-2026_01_15-09_40_00.tar.zst".to_owned());
    guest.newest_at = Some(1_768_470_000);
    let text = text(&report, 0, &TimeZone::UTC);
    let line = format!("{}{{id=\"lxc/102\"}} 1768470000\n", LAST_SUCCESS.name);
    assert!(text.contains(&line), "{text}");
    assert!(
        !text.contains(&format!("{}{{id=\"lxc/102\"}}", SIZE.name)),
        "{text}"
    );
}

#[test]
fn a_small_archive_is_no_success() {
    let text = text(&small(), u64::MAX, &TimeZone::UTC);
    assert!(!text.contains(LAST_SUCCESS.name), "{text}");
}
