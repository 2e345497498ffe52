//! A limit of the rate that several readers keep together.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes in a second all readers that share it may read.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: NonZeroU64,
    /// When what was read so far is paid for.
    paid_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// So many bytes in a second.
    pub const fn new(bytes_per_second: NonZeroU64) -> Self {
        Self {
            bytes_per_second,
            paid_at: Mutex::new(None),
        }
    }

    /// Waits until these bytes, which were read just now, are within the limit.
    pub(crate) fn wait(&self, bytes: u64) {
        thread::sleep(self.due(bytes, Instant::now()));
    }

    /// How long that is. Time in which nobody read is not saved up: a limit is there for those
    /// who want the disk now.
    fn due(&self, bytes: u64, now: Instant) -> Duration {
        let nanoseconds = u128::from(bytes)
            .saturating_mul(1_000_000_000)
            .checked_div(u128::from(self.bytes_per_second.get()))
            .unwrap_or(0);
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = paid_at.map_or(now, |paid_at| paid_at.max(now));
        let Some(end) = start.checked_add(cost) else {
            return cost;
        };
        *paid_at = Some(end);
        end.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_the_rate_and_save_nothing_up() {
        let pace = Pace::new(NonZeroU64::new(1000).unwrap());
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(pace.due(1000, start), second);
        // Another reader at the same time waits for both.
        assert_eq!(pace.due(500, start), second * 3 / 2);
        assert_eq!(pace.due(0, start + second), second / 2);
        // After a long rest nothing is owed, and nothing is left over.
        assert_eq!(pace.due(1000, start + second * 100), second);
        assert_eq!(pace.due(1000, start + second * 100), second * 2);
    }

    #[test]
    fn no_number_is_too_large() {
        let pace = Pace::new(NonZeroU64::new(1).unwrap());
        pace.due(u64::MAX, Instant::now());
        pace.due(u64::MAX, Instant::now());
    }
}
