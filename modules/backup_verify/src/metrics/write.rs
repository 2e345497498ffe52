//! The metrics of a result, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use pve_coverage::{GuestCoverage, GuestState};
use pve_types::VolumeId;
use vzdump_archive::Verdict;

use super::{
    ARCHIVES, BUILD_INFO, CYCLE_END, DISKS, DURATION, ENDED, FAILED, GUESTS, LAST_RUN,
    LAST_SUCCESS, Metric, NEXT_RUN, PROOF, READ, RPO, SIZE, STATE, SUCCESS, TOOK, UNSEEN, VERDICT,
};
use crate::page::{id, instant};
use crate::report::{ArchiveResult, Report};
use crate::verdict;

/// How far ahead clocks may be of each other, in seconds.
const AHEAD: i64 = 3600;

/// The whole file. Archives below `minimum_size` bytes are no success.
pub(crate) fn text(report: &Report, minimum_size: u64, zone: &TimeZone) -> String {
    let mut file = File(String::new());
    of_the_run(&mut file, report);
    let guests = guests(report, minimum_size, zone);
    if report.summary.guests.is_some() {
        of_states(&mut file, report, &guests);
    }
    of_archives(&mut file, &guests);
    file.0
}

/// What the archives of a guest say, and what is said of it.
struct Guest<'a> {
    id: String,
    said: Option<&'a GuestCoverage>,
    /// The newest archive that is one.
    newest: Option<&'a ArchiveResult>,
    /// When the newest one was begun that counts and is not known to be damaged; nothing is told of
    /// one on a storage that was not looked at.
    success: Option<(i64, Option<&'a ArchiveResult>)>,
}

fn guests<'a>(report: &'a Report, minimum_size: u64, zone: &TimeZone) -> Vec<Guest<'a>> {
    let mut of_guest: BTreeMap<String, Vec<(i64, &ArchiveResult)>> = BTreeMap::new();
    for archive in report.archives.iter().filter(|archive| is_one(archive)) {
        if let (Some(id), Some(at)) = (id(archive), instant(archive, zone)) {
            of_guest.entry(id).or_default().push((at, archive));
        }
    }
    let mut guests: Vec<Guest<'a>> = report
        .guests
        .iter()
        .map(|guest| {
            let id = format!("{}/{}", guest.kind, guest.vmid);
            let archives = of_guest.remove(&id).unwrap_or_default();
            one(id, Some(guest), &archives, minimum_size, report.now)
        })
        .collect();
    // Where guests are judged, archives of one that is gone are no alarm.
    if report.summary.guests.is_none() {
        guests.extend(
            of_guest
                .into_iter()
                .map(|(id, archives)| one(id, None, &archives, minimum_size, report.now)),
        );
    }
    guests
}

/// What an unfinished backup left is no archive, and a copy before a restore no backup.
const fn is_one(archive: &ArchiveResult) -> bool {
    !archive.safety_copy && !matches!(archive.verdict, Verdict::Incomplete | Verdict::InProgress)
}

fn one<'a>(
    id: String,
    said: Option<&'a GuestCoverage>,
    archives: &[(i64, &'a ArchiveResult)],
    minimum_size: u64,
    now: i64,
) -> Guest<'a> {
    let counting = archives
        .iter()
        .filter(|(_, archive)| archive.size >= minimum_size);
    let dated = counting
        .clone()
        .filter(|(at, archive)| is_dated(*at, archive, now));
    let newest = |archives: &mut dyn Iterator<Item = &(i64, &'a ArchiveResult)>| {
        archives.max_by_key(|(at, _)| *at).copied()
    };
    let seen = newest(&mut dated.clone().filter(|(_, archive)| {
        matches!(
            archive.verdict,
            Verdict::Ok | Verdict::Warn | Verdict::NotVerified
        )
    }));
    let seen = seen.map(|(at, archive)| (at, Some(archive)));
    let elsewhere = said.and_then(|guest| elsewhere(guest, archives, now));
    // Where the guest is judged it is by this one.
    let judged = said.and_then(|guest| {
        let newest = guest.newest.as_deref()?;
        let mut archives = archives.iter().copied();
        archives.find(|(_, archive)| archive.volid.as_deref() == Some(newest))
    });
    Guest {
        id,
        said,
        newest: judged
            .or_else(|| newest(&mut dated.clone()))
            .or_else(|| newest(&mut counting.clone()))
            .map(|(_, archive)| archive),
        success: seen
            .into_iter()
            .chain(elsewhere.map(|at| (at, None)))
            .max_by_key(|(at, _)| *at),
    }
}

/// When the newest archive of a guest was begun, when it is none of those that are told.
fn elsewhere(guest: &GuestCoverage, archives: &[(i64, &ArchiveResult)], now: i64) -> Option<i64> {
    let newest = guest.newest.as_deref()?;
    let is_told = archives
        .iter()
        .any(|(_, archive)| archive.volid.as_deref() == Some(newest));
    let is_bad = guest.state == GuestState::Corrupt;
    guest
        .newest_at
        .filter(|at| !is_told && !is_bad && *at <= now.saturating_add(AHEAD))
}

/// Whether its time says when it was made. One of the future would silence every alert that asks
/// how long ago the last success was, and a file that was renamed has the time of that.
fn is_dated(at: i64, archive: &ArchiveResult, now: i64) -> bool {
    let volume = archive.volid.as_deref();
    let volume = volume.and_then(|volid| volid.parse::<VolumeId>().ok());
    let is_snapshot = volume.is_some_and(|volume| volume.backup_file().is_none());
    at <= now.saturating_add(AHEAD) && (is_snapshot || archive.time.is_some())
}

fn of_the_run(file: &mut File, report: &Report) {
    let summary = &report.summary;
    file.family(
        &BUILD_INFO,
        [(vec![env!("CARGO_PKG_VERSION")], 1.to_string())],
    );
    file.single(&LAST_RUN, Some(report.now));
    file.family(&DURATION, [(vec![], summary.seconds.to_string())]);
    let success = verdict::verdict(report).failure.is_none();
    file.single(&SUCCESS, Some(i64::from(success)));
    file.single(&READ, Some(summary.bytes_read));
    file.single(&CYCLE_END, summary.cycle_end);
    file.single(&UNSEEN, Some(report.unknown.len()));
    let count = |verdict: Verdict| {
        let of_it = report.archives.iter();
        of_it.filter(|archive| archive.verdict == verdict).count()
    };
    file.family(
        &ARCHIVES,
        Verdict::ALL.map(|verdict| (vec![verdict.as_str()], count(verdict).to_string())),
    );
}

fn of_states(file: &mut File, report: &Report, guests: &[Guest<'_>]) {
    let count = |state: GuestState| {
        let of_it = report.guests.iter();
        of_it.filter(|guest| guest.state == state).count()
    };
    file.family(
        &GUESTS,
        GuestState::ALL.map(|state| (vec![state.as_str()], count(state).to_string())),
    );
    file.family(
        &STATE,
        guests.iter().flat_map(|guest| {
            GuestState::ALL.map(|state| {
                let is_it = guest.said.is_some_and(|said| said.state == state);
                (
                    vec![guest.id.as_str(), state.as_str()],
                    u8::from(is_it).to_string(),
                )
            })
        }),
    );
    file.each(&RPO, guests, |guest| {
        Some(guest.said?.rpo_hours?.saturating_mul(3600))
    });
    file.each(&DISKS, guests, |guest| {
        Some(guest.said?.disks.iter().filter(|disk| !disk.saved).count())
    });
    file.each(&NEXT_RUN, guests, |guest| guest.said?.next_run);
    file.each(&ENDED, guests, |guest| guest.said?.last_backup_at);
    file.each(&TOOK, guests, |guest| guest.said?.last_backup_seconds);
    file.each(&FAILED, guests, |guest| {
        let said = guest.said?;
        said.last_backup_at?;
        Some(u8::from(said.last_error.is_some()))
    });
}

fn of_archives(file: &mut File, guests: &[Guest<'_>]) {
    file.each(&LAST_SUCCESS, guests, |guest| Some(guest.success?.0));
    file.each(&SIZE, guests, |guest| Some(guest.success?.1?.size));
    file.family(
        &VERDICT,
        guests.iter().flat_map(|guest| {
            let newest = guest.newest.into_iter();
            newest.flat_map(|newest| {
                Verdict::ALL.map(|verdict| {
                    let is_it = newest.verdict == verdict;
                    (
                        vec![guest.id.as_str(), verdict.as_str()],
                        u8::from(is_it).to_string(),
                    )
                })
            })
        }),
    );
    file.each(&PROOF, guests, |guest| guest.newest?.proof_at);
}

/// The text that is written.
struct File(String);

impl File {
    /// A metric with its samples: the values of its labels, and the value.
    fn family<'a>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (Vec<&'a str>, String)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let Metric { name, help, labels } = metric;
        let _ = writeln!(self.0, "# HELP {name} {}", help_text(help));
        let _ = writeln!(self.0, "# TYPE {name} gauge");
        for (values, value) in samples {
            let pairs: Vec<String> = labels
                .iter()
                .zip(values)
                .map(|(label, value)| format!("{label}=\"{}\"", label_value(value)))
                .collect();
            let pairs = if pairs.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", pairs.join(","))
            };
            let _ = writeln!(self.0, "{name}{pairs} {value}");
        }
    }

    fn single(&mut self, metric: &Metric, value: Option<impl ToString>) {
        self.family(metric, value.map(|value| (vec![], value.to_string())));
    }

    /// A metric of guests; those of which nothing is known have no sample.
    fn each<T: ToString>(
        &mut self,
        metric: &Metric,
        guests: &[Guest<'_>],
        value: impl Fn(&Guest<'_>) -> Option<T>,
    ) {
        self.family(
            metric,
            guests
                .iter()
                .filter_map(|guest| Some((vec![guest.id.as_str()], value(guest)?.to_string()))),
        );
    }
}

fn help_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn label_value(text: &str) -> String {
    help_text(text).replace('"', "\\\"")
}
