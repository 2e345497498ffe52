//! Whatever is found, everybody is told the same: table, JSON, pages, metrics and exit code.

use jiff::tz::TimeZone;
use pve_coverage::GuestState;
use serde_json::json;
use vzdump_archive::{Finding, Reason, Verdict};

use crate::fail_on::FailOn;
use crate::page::sample::{archive, guest};
use crate::page::tests::{made, report};
use crate::page::{Format, page};
use crate::report::{ReasonResult, Report};
use crate::{metrics, table, verdict};

const TIME: &str = "2026_01_15-04_00_00";

/// What everybody says, and whether the run fails when everything that is not good counts.
fn said(report: &mut Report) -> ([String; 3], String, bool) {
    report.fail_on = FailOn::ALL.into();
    let texts = [
        table::render(report),
        page(report, &made(), Format::Html),
        page(report, &made(), Format::Markdown),
    ];
    let metrics = metrics::text(report, 0, &TimeZone::UTC);
    (texts, metrics, verdict::verdict(report).failure.is_some())
}

#[track_caller]
fn has_line(metrics: &str, line: &str) {
    assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
}

#[test]
fn every_state_of_a_guest_is_the_same_everywhere() {
    for state in GuestState::ALL {
        let word = state.as_str();
        let mut report = report(vec![guest("qemu", 100, state)], Vec::new(), Some(()));
        let (texts, metrics, fails) = said(&mut report);
        for text in texts {
            let text = text.to_lowercase();
            assert!(
                text.contains(word) && text.contains("100"),
                "{word}: {text}"
            );
        }
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(value["guests"][0]["state"], word);
        assert_eq!(value["summary"]["guests"][word], 1);
        for other in GuestState::ALL {
            let is = i32::from(other == state);
            let other = other.as_str();
            has_line(
                &metrics,
                &format!("reprise_guests{{state=\"{other}\"}} {is}"),
            );
            has_line(
                &metrics,
                &format!("reprise_guest_state{{id=\"qemu/100\",state=\"{other}\"}} {is}"),
            );
        }
        assert_eq!(fails, state != GuestState::Protected, "{word}");
        let success = i32::from(!fails);
        has_line(
            &metrics,
            &format!("reprise_verify_last_run_success {success}"),
        );
    }
}

#[test]
fn every_verdict_on_an_archive_is_the_same_everywhere() {
    for found in Verdict::ALL {
        let word = found.as_str();
        let mut one = archive("qemu", 100, TIME, found);
        if found != Verdict::Ok {
            one.reasons.push(ReasonResult {
                reason: Reason::new(Finding::EmptyFile, "so it is"),
                guest: Some(100),
                older_sound: None,
            });
        }
        let mut report = report(Vec::new(), vec![one], None);
        let (texts, metrics, fails) = said(&mut report);
        for text in texts {
            let text = text.to_lowercase().replace('_', " ");
            assert!(text.contains(&word.replace('_', " ")), "{word}: {text}");
        }
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(value["archives"][0]["verdict"], word);
        assert_eq!(value["summary"][word], json!(1));
        for other in Verdict::ALL {
            let is = i32::from(other == found);
            let other = other.as_str();
            has_line(
                &metrics,
                &format!("reprise_verify_archives{{verdict=\"{other}\"}} {is}"),
            );
        }
        assert_eq!(fails, found != Verdict::Ok, "{word}");
        has_line(
            &metrics,
            &format!("reprise_verify_last_run_success {}", i32::from(!fails)),
        );
    }
}

#[test]
fn what_a_guest_is_judged_by_is_what_is_measured() {
    let fresh = archive("qemu", 100, TIME, Verdict::Ok);
    let ahead = archive("qemu", 100, "2099_01_01-00_00_00", Verdict::Warn);
    let mut judged = guest("qemu", 100, GuestState::Protected);
    judged.newest.clone_from(&fresh.volid);
    for guests in [vec![judged], Vec::new()] {
        let asked = (!guests.is_empty()).then_some(());
        let report = report(guests, vec![ahead.clone(), fresh.clone()], asked);
        let metrics = metrics::text(&report, 0, &TimeZone::UTC);
        // 2026-01-15 04:00 UTC. One of 2099 would be fresh for ever.
        has_line(
            &metrics,
            "reprise_guest_last_success_timestamp_seconds{id=\"qemu/100\"} 1768449600",
        );
        has_line(
            &metrics,
            "reprise_guest_newest_archive_verdict{id=\"qemu/100\",verdict=\"ok\"} 1",
        );
    }
}
