//! Time as an input: how long ago something was, and waiting.

use std::fmt;
use std::time::{Duration, Instant};

/// A clock that only runs forward, and that can be waited on.
///
/// The wall clock of the node is not needed here: tickets age and tasks are waited for.
pub trait Timer: fmt::Debug + Send + Sync {
    /// The time since some fixed moment.
    fn now(&self) -> Duration;

    /// Returns after this time has passed.
    fn pause(&self, duration: Duration);
}

/// The timer of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemTimer {
    start: Instant,
}

impl Default for SystemTimer {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Timer for SystemTimer {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
