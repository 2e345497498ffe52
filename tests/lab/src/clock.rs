//! The time of a lab: the machine's, or one that stands until it is set.

use std::sync::{Arc, Mutex, PoisonError};

/// Where the nodes of a lab take the time from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// A clock that stands still until [`Clock::set`] moves it.
    Fixed(FixedClock),
}

/// The hand of a standing clock; clones share it.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<Mutex<i64>>);

impl Clock {
    /// A clock that stands at this Unix time.
    pub fn fixed(epoch: i64) -> Self {
        Self::Fixed(FixedClock(Arc::new(Mutex::new(epoch))))
    }

    /// The time now, in Unix seconds.
    pub fn now(&self) -> i64 {
        match self {
            Self::Real => jiff::Timestamp::now().as_second(),
            Self::Fixed(clock) => *clock.0.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a standing clock; the machine's clock stays as it is.
    pub fn set(&self, epoch: i64) {
        if let Self::Fixed(clock) = self {
            *clock.0.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_standing_clock_share_its_hand() {
        let clock = Clock::fixed(100);
        let other = clock.clone();
        clock.set(200);
        assert_eq!(other.now(), 200);
    }
}
