//! Which proofs the budget renews in this run, and when it will have come to all of them.
//!
//! One rule for this run and for the runs to come, so that what is promised is what happens: due
//! archives in order of their proofs' age until the budget is used up, but always one. An archive
//! that is larger than the budget would never be read otherwise.

use std::collections::{BTreeSet, VecDeque};

use crate::decide::{Budget, Settings};
use crate::entry::Snapshot;

/// An unchanged archive; they are given in order of their proofs' age, oldest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) size: u64,
    /// From when on it is to be read.
    pub(crate) due: i64,
}

/// What the rule comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// The places in the list of those that are read now.
    pub(crate) now: BTreeSet<usize>,
    /// When all were read, now or later.
    pub(crate) end: i64,
    /// How many are read more than one run after they are due.
    pub(crate) late: usize,
}

/// The budget of a run in bytes; `None` without a limit.
pub(crate) fn bytes(budget: Budget, ledger: &Snapshot) -> Option<u64> {
    let by_time = budget.seconds.and_then(|seconds| {
        let bytes = u128::from(rate(ledger)?).saturating_mul(u128::from(seconds));
        Some(u64::try_from(bytes).unwrap_or(u64::MAX))
    });
    match (budget.bytes, by_time) {
        (Some(bytes), Some(by_time)) => Some(bytes.min(by_time)),
        (one, other) => one.or(other),
    }
}

/// Bytes in a second, over all readings that are remembered.
fn rate(ledger: &Snapshot) -> Option<u64> {
    let proofs = ledger.values().filter_map(|entry| entry.proof.as_ref());
    let (bytes, millis) = proofs.fold((0_u128, 0_u128), |(bytes, millis), proof| {
        (
            bytes.saturating_add(proof.stamp.size.into()),
            millis.saturating_add(proof.millis.into()),
        )
    });
    let rate = bytes.saturating_mul(1000).checked_div(millis)?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// Plays this run and the ones to come.
///
/// `spent` is what this run reads in any case.
pub(crate) fn forecast(
    waiting: &[Waiting],
    budget: Option<u64>,
    spent: u64,
    now: i64,
    settings: &Settings,
) -> Forecast {
    let mut forecast = Forecast {
        end: now,
        ..Forecast::default()
    };
    let interval = settings.run_interval.max(1);
    // Those that older checks made due come before their turn: sorted by due time, then by age.
    let mut order: Vec<(i64, usize)> = waiting
        .iter()
        .enumerate()
        .map(|(at, waiting)| (waiting.due.max(now), at))
        .collect();
    order.sort_unstable();
    let mut queue = VecDeque::from(order);
    let mut time = now;
    let mut spent = spent;
    while let Some((due, _)) = queue.front() {
        if *due > time {
            // The first run at or after it.
            let runs = due
                .saturating_sub(time)
                .saturating_add(interval.saturating_sub(1))
                / interval;
            time = time.saturating_add(runs.saturating_mul(interval).max(1));
            spent = 0;
        }
        let mut first = true;
        while let Some((due, at)) = queue.front().copied().filter(|(due, _)| *due <= time) {
            let size = waiting.get(at).map_or(0, |waiting| waiting.size);
            let total = spent.saturating_add(size);
            if !first && budget.is_some_and(|budget| total > budget) {
                break;
            }
            first = false;
            spent = total;
            queue.pop_front();
            if time == now {
                forecast.now.insert(at);
            }
            if time.saturating_sub(due) > interval {
                forecast.late = forecast.late.saturating_add(1);
            }
            forecast.end = time;
        }
        if queue.is_empty() || time == i64::MAX {
            break;
        }
        if queue.front().is_some_and(|(due, _)| *due <= time) {
            time = time.saturating_add(interval);
            spent = 0;
        }
    }
    forecast
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn settings() -> Settings {
        Settings {
            max_age: 30 * DAY,
            budget: Budget::default(),
            run_interval: DAY,
            checks: 1,
        }
    }

    fn all_due(sizes: &[u64]) -> Vec<Waiting> {
        let waiting = |size: &u64| Waiting {
            size: *size,
            due: 0,
        };
        sizes.iter().map(waiting).collect()
    }

    #[test]
    fn without_a_budget_all_that_is_due_is_read() {
        let mut waiting = all_due(&[5, 5, 5]);
        waiting[2].due = 10 * DAY + 1;
        let forecast = forecast(&waiting, None, 0, DAY, &settings());
        assert_eq!(forecast.now, BTreeSet::from([0, 1]));
        assert_eq!((forecast.end, forecast.late), (11 * DAY, 0));
    }

    #[test]
    fn the_budget_spreads_them_over_runs() {
        let sizes = [4, 4, 4, 4, 4];
        let forecast = forecast(&all_due(&sizes), Some(8), 0, 0, &settings());
        assert_eq!(forecast.now, BTreeSet::from([0, 1]));
        assert_eq!((forecast.end, forecast.late), (2 * DAY, 1));
    }

    #[test]
    fn what_is_larger_than_the_budget_is_read_alone() {
        let forecast = forecast(&all_due(&[100, 1, 100]), Some(8), 50, 0, &settings());
        assert_eq!(forecast.now, BTreeSet::from([0]));
        assert_eq!(forecast.end, 2 * DAY);
    }

    #[test]
    fn nothing_to_wait_for_ends_now() {
        assert_eq!(forecast(&[], Some(0), 9, 7, &settings()).end, 7);
        // Numbers beyond all reason end too.
        let waiting = [Waiting {
            size: u64::MAX,
            due: i64::MAX,
        }; 2];
        let end = forecast(&waiting, Some(1), u64::MAX, i64::MIN, &settings()).end;
        assert!(end > 0);
    }
}
