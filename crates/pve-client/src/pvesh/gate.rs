//! At most so many at once.

use std::sync::{Condvar, Mutex, PoisonError};

/// Lets a limited number through at a time.
#[derive(Debug)]
pub(super) struct Gate {
    free: Mutex<usize>,
    changed: Condvar,
}

/// A place behind the gate; free again when dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Gate);

impl Gate {
    pub(super) const fn new(places: usize) -> Self {
        Self {
            free: Mutex::new(places),
            changed: Condvar::new(),
        }
    }

    /// Waits for a place.
    pub(super) fn enter(&self) -> Place<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free = free.saturating_sub(1);
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(1);
        drop(free);
        self.0.changed.notify_one();
    }
}
