//! Pages as a whole: small, large, empty, and with hostile names.

use std::fs;
use std::path::Path;

use jiff::tz::TimeZone;
use pve_coverage::{CoverageSummary, DiskCoverage, GuestCoverage, GuestState, JobCoverage, Mark};
use vzdump_archive::{Finding, Reason, Verdict};

use super::sample::{archive, guest};
use super::*;
use crate::report::{ArchiveResult, ReasonResult, Summary};

/// 2026-01-15 12:00 UTC.
const NOW: i64 = 1_768_478_400;
const DAY: i64 = 86_400;

pub(crate) fn made() -> Made {
    Made {
        at: NOW,
        zone: TimeZone::UTC,
        node: Some("pve1".to_owned()),
        storages: Vec::new(),
        version: "1.2.3",
    }
}

pub(crate) fn report(
    guests: Vec<GuestCoverage>,
    archives: Vec<ArchiveResult>,
    asked: Option<()>,
) -> Report {
    let of = |verdict: Verdict| {
        archives
            .iter()
            .filter(|archive| archive.verdict == verdict)
            .count() as u64
    };
    let in_state = |state| guests.iter().filter(|guest| guest.state == state).count() as u64;
    let summary = Summary {
        total: archives.len() as u64,
        ok: of(Verdict::Ok),
        warn: of(Verdict::Warn),
        corrupt: of(Verdict::Corrupt),
        unreadable: of(Verdict::Unreadable),
        incomplete: of(Verdict::Incomplete),
        in_progress: of(Verdict::InProgress),
        not_verified: of(Verdict::NotVerified),
        trusted: 3,
        postponed: 0,
        cycle_end: asked.map(|()| NOW + 9 * DAY),
        bytes_read: 5 << 30,
        seconds: 12.3,
        guests: asked.map(|()| CoverageSummary {
            guests: guests.len() as u64,
            protected: in_state(GuestState::Protected),
            excluded: in_state(GuestState::Excluded),
            unverified: in_state(GuestState::Unverified),
            stale: in_state(GuestState::Stale),
            corrupt: in_state(GuestState::Corrupt),
            unprotected: in_state(GuestState::Unprotected),
            unknown: in_state(GuestState::Unknown),
            disks_not_saved: guests
                .iter()
                .flat_map(|guest| &guest.disks)
                .filter(|disk| !disk.saved)
                .count() as u64,
        }),
    };
    Report {
        archives,
        guests,
        summary,
        unknown: Vec::new(),
        fail_on: Vec::new(),
        warnings: Vec::new(),
        now: NOW,
        zone: TimeZone::UTC,
    }
}

fn damage(archive: &mut ArchiveResult, verdict: Verdict, finding: Finding, text: &str) {
    archive.verdict = verdict;
    archive.older_sound = Some("vzdump-qemu-100-2026_01_12-04_00_00.vma.zst".to_owned());
    archive.reasons.push(ReasonResult {
        reason: Reason::new(finding, text).on("scsi0"),
        guest: archive.vmid,
        older_sound: archive.older_sound.clone(),
    });
}

/// A few guests with everything that a page can say.
pub(crate) fn small() -> Report {
    let mut web = guest("qemu", 100, GuestState::Corrupt);
    web.name = Some("web".to_owned());
    web.why = "`local:backup/vzdump-qemu-100-2026_01_15-04_00_00.vma.zst` is damaged".to_owned();
    web.newest_at = Some(NOW - 8 * 3600);
    web.next_run = Some(NOW + 16 * 3600);
    web.jobs = vec![
        JobCoverage {
            id: "reprise-prod".to_owned(),
            enabled: true,
        },
        JobCoverage {
            id: "old".to_owned(),
            enabled: false,
        },
    ];
    web.disks = vec![
        DiskCoverage {
            key: "scsi0".to_owned(),
            volume: Some("local-lvm:vm-100-disk-0".to_owned()),
            saved: true,
            why: "enabled".to_owned(),
        },
        DiskCoverage {
            key: "scsi1".to_owned(),
            volume: Some("local-lvm:vm-100-disk-1".to_owned()),
            saved: false,
            why: "`backup=0` in the configuration of the guest".to_owned(),
        },
    ];
    let mut mail = guest("lxc", 101, GuestState::Unprotected);
    mail.why = "no job saves it".to_owned();
    mail.last_error = Some("no space left on device".to_owned());
    mail.last_backup_at = Some(NOW - 3 * DAY);
    let mut db = guest("lxc", 102, GuestState::Protected);
    db.proof_at = Some(NOW - 3600);
    db.proof_by = Some("pve2".to_owned());
    let mut archives = Vec::new();
    for day in [15, 14, 12, 11] {
        archives.push(archive(
            "qemu",
            100,
            &format!("2026_01_{day}-04_00_00"),
            Verdict::Ok,
        ));
        archives.push(archive(
            "lxc",
            102,
            &format!("2026_01_{day}-05_00_00"),
            Verdict::Ok,
        ));
    }
    archives.push(archive("lxc", 102, "2026_01_13-05_00_00", Verdict::Ok));
    archives.push(archive(
        "lxc",
        999,
        "2026_01_13-05_00_00",
        Verdict::NotVerified,
    ));
    damage(
        &mut archives[0],
        Verdict::Corrupt,
        Finding::ZstdTruncated,
        "the file ends in the middle of a block",
    );
    for archive in &mut archives {
        archive.next_prune = Some(Mark::Keep);
        archive.next_prune_why = Some("kept by keep-daily".to_owned());
        archive.proof_at = Some(NOW - 3600);
    }
    archives[6].next_prune = Some(Mark::Remove);
    archives[6].next_prune_why = Some("older than all that the retention keeps".to_owned());
    archives[7].protected = true;
    archives[7].notes = Some("before the upgrade".to_owned());
    let mut dump = archive("qemu", 1, "", Verdict::Warn);
    dump.vmid = None;
    dump.volid = None;
    dump.path = Some("/srv/dumps/app.sql.gz".to_owned());
    archives.push(dump);
    let mut report = report(vec![web, mail, db], archives, Some(()));
    report.unknown = vec!["guests may be hidden (missing: `VM.Audit` on `/vms`)".to_owned()];
    report.warnings =
        vec!["the next prune removes `local:x`, the last one that is sound.".to_owned()];
    report
}

/// Thirty guests and sixty days with some of everything.
fn large() -> Report {
    let mut guests = Vec::new();
    let mut archives = Vec::new();
    for index in 0..30_u32 {
        let vmid = 100 + index;
        let kind = if index % 3 == 0 { "lxc" } else { "qemu" };
        let state = match index {
            4 => GuestState::Stale,
            7 => GuestState::Corrupt,
            12 => GuestState::Unprotected,
            20 => GuestState::Unknown,
            22 => GuestState::Unverified,
            25 | 26 => GuestState::Excluded,
            _ => GuestState::Protected,
        };
        let mut of_guest = guest(kind, vmid, state);
        of_guest.name = Some(match index {
            3 => "a-guest-with-quite-a-long-name-of-a-department.example.com".to_owned(),
            _ => format!(
                "{}-{index:02}",
                ["web", "db", "mail", "files", "ci"][index as usize % 5]
            ),
        });
        of_guest.newest_at = Some(NOW - 8 * 3600);
        of_guest.next_run = Some(NOW + 16 * 3600);
        guests.push(of_guest);
        for age in 0..60_i64 {
            let skip = match index {
                4 => age < 3,
                12 | 25 | 26 => true,
                20 => age % 2 == 0,
                9 => (17..21).contains(&age),
                15 => age > 30,
                _ => (age * 7 + i64::from(index) * 13) % 97 == 0,
            };
            if skip {
                continue;
            }
            let time = jiff::Timestamp::from_second(NOW - 8 * 3600 - age * DAY).unwrap();
            let stamp = time.strftime("%Y_%m_%d-%H_%M_%S").to_string();
            let mut one = archive(kind, vmid, &stamp, Verdict::Ok);
            match (index, age) {
                (7, 0 | 5) | (18, 12) => {
                    damage(
                        &mut one,
                        Verdict::Corrupt,
                        Finding::ZstdTruncated,
                        "it was cut",
                    );
                }
                (10, 8) => one.verdict = Verdict::Warn,
                (22, _) if age < 10 => one.verdict = Verdict::NotVerified,
                (1, 0) => one.verdict = Verdict::InProgress,
                _ => {}
            }
            if age > 50 {
                one.next_prune = Some(Mark::Remove);
                one.next_prune_why = Some("older than all that the retention keeps".to_owned());
            } else {
                one.next_prune = Some(Mark::Keep);
                one.next_prune_why = Some("kept by keep-daily".to_owned());
            }
            archives.push(one);
        }
    }
    let mut report = report(guests, archives, Some(()));
    report.unknown = vec!["guests may be hidden (missing: `VM.Audit` on `/vms`)".to_owned()];
    report
}

const HOSTILE: &str = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)> &lt; `|` [a](javascript:alert(3)) \u{202e}gpj.exe\0\n# x";

/// Names that want to be more than names, everywhere.
pub(crate) fn hostile() -> Report {
    let mut report = small();
    let bad = || HOSTILE.to_owned();
    for guest in &mut report.guests {
        guest.name = Some(bad());
        guest.why = bad();
        guest.node = bad();
        guest.proof_by = Some(bad());
        guest.newest_sound = Some(bad());
        guest.newest = Some("x".to_owned());
        guest.last_error = Some(bad());
        for job in &mut guest.jobs {
            job.id = bad();
        }
        for disk in &mut guest.disks {
            disk.key = bad();
            disk.volume = Some(bad());
            disk.why = bad();
        }
    }
    for archive in &mut report.archives {
        archive.path = Some(format!("/x/{HOSTILE}"));
        archive.volid = Some(bad());
        archive.notes = Some(bad());
        archive.older_sound = Some(bad());
        archive.next_prune_why = Some(bad());
        archive.storage = Some(bad());
        archive.node = Some(bad());
        for reason in &mut archive.reasons {
            reason.reason.text = bad();
            reason.reason.restore = bad();
            reason.reason.disk = Some(bad());
        }
    }
    report.unknown = vec![bad()];
    report.warnings = vec![bad()];
    report
}

#[test]
fn a_small_page_says_everything() {
    insta::assert_snapshot!("small.html", page(&small(), &made(), Format::Html));
    insta::assert_snapshot!("small.md", page(&small(), &made(), Format::Markdown));
}

/// The tags that a page is written with, without what is between them.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split(['>', ' ']).next())
        .collect()
}

#[test]
fn hostile_names_stay_text() {
    let html = page(&hostile(), &made(), Format::Html);
    assert!(html.contains("&lt;script&gt;"), "the names are there");
    for tag in tags(&html) {
        let known = [
            "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "header", "main",
            "footer", "section", "article", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd",
            "div", "span", "bdi", "code", "strong", "br", "a", "table", "thead", "tbody", "tr",
            "th", "td", "details", "summary",
        ];
        assert!(known.contains(&tag.trim_start_matches('/')), "<{tag}>");
    }
    for (at, _) in html.match_indices("href=\"") {
        assert!(
            html[at..].starts_with("href=\"#g-"),
            "{}",
            &html[at..at + 40]
        );
    }
    for never in ['\u{202e}', '\0'] {
        assert!(!html.contains(never), "{never:?}");
    }
    // Inside tags no name ends its attribute: what is not between quotes is ours.
    for tag in html
        .split('<')
        .skip(1)
        .filter_map(|part| part.split('>').next())
    {
        let ours: String = tag.split('"').step_by(2).collect();
        assert!(!ours.contains("onerror"), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(ours.matches(" class=").count() < 2, "{tag}");
    }

    let markdown = page(&hostile(), &made(), Format::Markdown);
    for never in ["<script", "<img", "](", "\u{202e}", "\0", "\n# x"] {
        let mut found = markdown.match_indices(never);
        // A backslash before it takes its meaning away.
        let bare = found.find(|(at, _)| !markdown[..*at].ends_with('\\'));
        assert_eq!(bare, None, "{never:?}");
    }
    for line in markdown.lines().filter(|line| line.starts_with("| ")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!(bars == 5 || bars == 10, "{line}");
    }
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let html = page(&large(), &made(), Format::Html);
    for never in [
        "http:", "https:", "url(", "@import", "src=", "<link", "<script", "style=\"",
    ] {
        assert!(!html.contains(never), "{never}");
    }
}

#[test]
fn the_headline_answers() {
    let titled = |report: &Report| headline::headline(report).title;
    let ok = || vec![archive("qemu", 100, "2026_01_15-04_00_00", Verdict::Ok)];
    let one = |state| vec![guest("qemu", 100, state)];
    let asked = |state| report(one(state), ok(), Some(()));
    assert_eq!(
        titled(&asked(GuestState::Protected)),
        "Everything is protected: 1 guest"
    );
    assert_eq!(
        titled(&asked(GuestState::Stale)),
        "1 of 1 guest is not protected"
    );
    assert_eq!(
        titled(&asked(GuestState::Unverified)),
        "It is not known whether everything is protected"
    );
    assert_eq!(
        titled(&asked(GuestState::Excluded)),
        "Every guest is left out on purpose"
    );
    let mut hidden = asked(GuestState::Protected);
    hidden.unknown.push("guests may be hidden".to_owned());
    assert_eq!(
        titled(&hidden),
        "It is not known whether everything is protected"
    );
    let mut bad = ok();
    bad.push(archive(
        "qemu",
        100,
        "2026_01_14-04_00_00",
        Verdict::Corrupt,
    ));
    assert_eq!(
        titled(&report(one(GuestState::Protected), bad.clone(), Some(()))),
        "Every guest is protected, but not every archive is sound"
    );
    assert_eq!(
        titled(&report(vec![], bad, None)),
        "1 of 2 archives cannot be relied on"
    );
    assert_eq!(
        titled(&report(vec![], ok(), None)),
        "Every archive is sound: 1 of 1"
    );
    assert_eq!(titled(&report(vec![], vec![], None)), "There is no archive");
    assert_eq!(
        titled(&report(vec![], vec![], Some(()))),
        "There are no guests"
    );
    assert_eq!(titled(&small()), "2 of 3 guests are not protected");
}

#[test]
fn the_ending_of_the_name_decides() {
    let of = |name: &str| Format::of(Path::new(name));
    assert_eq!(of("/x/a.HTML"), Some(Format::Html));
    assert_eq!(of("a.md"), Some(Format::Markdown));
    assert_eq!(of("a.pdf"), None);
    assert_eq!(of("html"), None);
}

#[test]
#[ignore = "writes pages into target/pages, to look at them in a browser"]
fn pages_to_look_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages");
    fs::create_dir_all(&folder).unwrap();
    for (name, report) in [
        ("small", small()),
        ("large", large()),
        ("hostile", hostile()),
        ("empty", report(vec![], vec![], Some(()))),
        ("files", report(vec![], large().archives, None)),
    ] {
        for (ending, format) in [("html", Format::Html), ("md", Format::Markdown)] {
            let text = page(&report, &made(), format);
            fs::write(folder.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
}
