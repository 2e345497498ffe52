//! Reads archives, several beside each other, and tells how far it is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use module_kit::Context;
use vzdump_archive::checksum::Checksums;
use vzdump_archive::{Discard, Examination, Options, Pace, examine_file};

/// How often a person is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// One file to read.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) size: u64,
    pub(crate) checksums: &'a Checksums,
    /// The rate that all tasks of a run keep together.
    pub(crate) pace: Option<&'a Pace>,
}

/// What is made of an examination as soon as it is there; the last argument reads once more.
pub(crate) type Settle<'a> =
    dyn Fn(usize, Examination, &dyn Fn() -> Examination) -> Examination + Sync + 'a;

/// Reads all of them; the results are in the order of the tasks.
pub(crate) fn read(
    tasks: &[Task<'_>],
    parallel: Option<usize>,
    context: &Context<'_>,
    settle: &Settle<'_>,
) -> Vec<Examination> {
    let workers = parallel
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
        .min(tasks.len());
    let total: u64 = tasks.iter().map(|task| task.size).sum();
    let bytes = AtomicU64::new(0);
    let done = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Examination)>> = Mutex::new(Vec::with_capacity(tasks.len()));
    thread::scope(|scope| {
        let teller = scope.spawn(|| {
            let started = Instant::now();
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
                        let examination = settle(index, one(task, &bytes), &again);
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

fn one(task: &Task<'_>, bytes: &AtomicU64) -> Examination {
    let options = Options {
        progress: Some(bytes),
        pace: task.pace,
        md5: task.checksums.want_md5(task.name),
    };
    let mut examination = examine_file(task.path, &mut Discard, options);
    task.checksums.compare(task.name, &mut examination);
    examination
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

    #[test]
    fn sizes_for_people() {
        assert_eq!(
            [size(0), size(1023), size(1024), size(1 << 40)],
            ["0 B", "1023 B", "1.0 KiB", "1.0 TiB"]
        );
    }
}
