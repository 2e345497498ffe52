//! Reads archives, several beside each other, and tells how far it is.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use module_kit::Context;
use proof_ledger::FileStamp;
use vzdump_archive::checksum::{Algorithm, Checksums};
use vzdump_archive::{Discard, Examination, Finding, Options, Pace, Reason, examine_file};

/// How often a person is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// One file to read.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) checksums: &'a Checksums,
    /// Whether it is left for another run when the time is over.
    pub(crate) can_wait: bool,
    /// The rate that all tasks of a run keep together.
    pub(crate) pace: Option<&'a Pace>,
}

/// One reading of a file.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) examination: Examination,
    /// The file that was read; nothing when it was gone.
    pub(crate) stamp: Option<FileStamp>,
    /// How long it took.
    pub(crate) time: Duration,
}

/// What is made of a reading as soon as it is there; the last argument reads once more.
pub(crate) type Settle<'a> = dyn Fn(usize, Pass, &dyn Fn() -> Pass) -> Examination + Sync + 'a;

/// How many files are read beside each other.
pub(crate) fn readers(parallel: Option<usize>) -> usize {
    parallel.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Reads all of them; the results are in the order of the tasks. When `limit` is over, what can
/// wait is not begun any more, but for the first: it would never be read where that takes longer.
pub(crate) fn read(
    tasks: &[Task<'_>],
    readers: usize,
    limit: Option<Duration>,
    context: &Context<'_>,
    settle: &Settle<'_>,
) -> Vec<Option<Examination>> {
    let workers = readers.min(tasks.len());
    let started = Instant::now();
    let renewing = AtomicBool::new(false);
    let may_begin = |task: &Task<'_>| {
        let is_first = || !renewing.swap(true, Ordering::Relaxed);
        !task.can_wait || is_first() || limit.is_none_or(|limit| started.elapsed() < limit)
    };
    let total: u64 = tasks.iter().map(|task| task.size).sum();
    let bytes = AtomicU64::new(0);
    let done = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Option<Examination>)>> =
        Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        let teller = scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                let line = line(
                    (done.load(Ordering::Relaxed), tasks.len()),
                    (bytes.load(Ordering::Relaxed), total),
                    started.elapsed(),
                );
                context.progress(&line);
                thread::park_timeout(TELL_EVERY);
            }
            context.progress("");
        });
        let readers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(task) = tasks.get(index) else { break };
                        let again = || one(task, &AtomicU64::new(0));
                        let examination =
                            may_begin(task).then(|| settle(index, one(task, &bytes), &again));
                        done.fetch_add(1, Ordering::Relaxed);
                        results
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((index, examination));
                    }
                })
            })
            .collect();
        for reader in readers {
            module_kit::joined(reader);
        }
        ended.store(true, Ordering::Release);
        teller.thread().unpark();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results
        .into_iter()
        .map(|(_, examination)| examination)
        .collect()
}

fn one(task: &Task<'_>, bytes: &AtomicU64) -> Pass {
    let options = Options {
        progress: Some(bytes),
        pace: task.pace,
        md5: task.checksums.want(Algorithm::Md5, task.name),
        sha512: task.checksums.want(Algorithm::Sha512, task.name),
    };
    let mut pass = watched(task.path, || examine_file(task.path, &mut Discard, options));
    task.checksums.compare(task.name, &mut pass.examination);
    pass
}

/// Reads a file and looks whether its name belongs to the same one before and after.
fn watched(path: &Path, read: impl FnOnce() -> Examination) -> Pass {
    let stamp = || fs::metadata(path).map(|metadata| FileStamp::of(&metadata));
    let started = Instant::now();
    let before = stamp();
    let mut examination = read();
    let after = stamp();
    if let (Ok(before), Ok(after)) = (&before, &after)
        && before != after
    {
        replaced(&mut examination);
    }
    Pass {
        examination,
        stamp: before.ok(),
        time: started.elapsed(),
    }
}

/// Another file has the name than the one that was read: what was found says nothing of it.
fn replaced(examination: &mut Examination) {
    let reason = Reason::new(
        Finding::ChangedWhileRead,
        "another file took its place while it was read",
    );
    examination.verdict = reason.verdict;
    examination.reasons = vec![reason];
    examination.sha256 = None;
}

fn line((done, files): (usize, usize), (bytes, total): (u64, u64), elapsed: Duration) -> String {
    let seconds = elapsed.as_secs().max(1);
    let rate = bytes.checked_div(seconds).unwrap_or(0);
    let percent = bytes
        .saturating_mul(100)
        .checked_div(total)
        .unwrap_or(100)
        .min(100);
    let left = total.saturating_sub(bytes).checked_div(rate);
    let left = left.map_or_else(|| "?".to_owned(), duration);
    format!(
        "{done}/{files} archives, {} of {} ({percent} %), {}/s, {left} left",
        size(bytes),
        size(total),
        size(rate)
    )
}

fn duration(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of the unit.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"");
    while tenths >= 10_240 {
        let Some(larger) = units.next() else { break };
        tenths /= 1024;
        unit = larger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use vzdump_archive::Verdict;

    use super::*;

    #[test]
    fn progress_tells_bytes_rate_and_time_left() {
        assert_eq!(
            line((1, 3), (512 << 20, 1 << 30), Duration::from_secs(4)),
            "1/3 archives, 512.0 MiB of 1.0 GiB (50 %), 128.0 MiB/s, 0:00:04 left"
        );
        assert_eq!(
            line((0, 1), (0, 0), Duration::ZERO),
            "0/1 archives, 0 B of 0 B (100 %), 0 B/s, ? left"
        );
    }

    /// Reads these tasks; the numbers of those that were read.
    fn read_numbers(tasks: &[Task<'_>], limit: Option<Duration>) -> Vec<usize> {
        module_kit::testing::Server::default().with_context(|context| {
            let read = read(tasks, 1, limit, context, &|_, pass, _| pass.examination);
            let read = read.iter().enumerate();
            read.filter_map(|(at, examination)| examination.is_some().then_some(at))
                .collect()
        })
    }

    #[test]
    fn when_the_time_is_over_only_renewals_wait_but_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        fs::write(&path, "--\n").unwrap();
        let checksums = Checksums::default();
        let task = |can_wait| Task {
            pace: None,
            path: &path,
            name: "a.sql",
            size: 3,
            checksums: &checksums,
            can_wait,
        };
        let tasks = [task(false), task(false), task(true), task(true), task(true)];
        assert_eq!(read_numbers(&tasks, None), [0, 1, 2, 3, 4]);
        assert_eq!(read_numbers(&tasks, Some(Duration::ZERO)), [0, 1, 2]);
        assert_eq!(
            read_numbers(&tasks, Some(Duration::from_hours(1))),
            [0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn another_file_under_the_same_name_is_not_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.sql"), folder.path().join("b"));
        fs::write(&path, "-- PostgreSQL database dump complete\n").unwrap();
        let read = || examine_file(&path, &mut Discard, Options::default());
        let pass = watched(&path, read);
        assert!(pass.examination.sha256.is_some(), "{pass:?}");
        fs::copy(&path, &other).unwrap();
        let pass = watched(&path, || {
            let examination = read();
            fs::rename(&other, &path).unwrap();
            examination
        });
        assert_eq!(pass.examination.verdict, Verdict::Unreadable);
        assert_eq!(pass.examination.sha256, None);
        // One that is gone after it was read was what it was.
        let pass = watched(&path, || {
            let examination = read();
            fs::remove_file(&path).unwrap();
            examination
        });
        assert!(pass.examination.sha256.is_some());
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(
            [size(0), size(1023), size(1024), size(1 << 40)],
            ["0 B", "1023 B", "1.0 KiB", "1.0 TiB"]
        );
    }
}
