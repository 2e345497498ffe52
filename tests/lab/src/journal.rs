//! What a node was asked, so that tests can count calls and look for what must not be sent.

use std::sync::{Mutex, PoisonError};

use crate::parameters::Parameters;

/// One request as it arrived, and how it was answered.
#[derive(Clone, Debug)]
pub struct JournalEntry {
    /// The HTTP method.
    pub method: String,
    /// The path without `/api2/json`, as it was sent.
    pub path: String,
    /// Parameters of query and body.
    pub parameters: Parameters,
    /// `user@realm` or `user@realm!token`; absent when nobody was recognised.
    pub identity: Option<String>,
    /// Path, query and body as they were sent, for leak tests.
    pub raw: String,
    /// The status that was answered; 0 when the connection was cut before.
    pub status: u16,
}

impl JournalEntry {
    /// Whether it is anything but a read or a login.
    pub fn is_write(&self) -> bool {
        self.method != "GET" && self.path != "/access/ticket"
    }
}

/// The journal of one node.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Vec<JournalEntry>>);

impl Journal {
    pub(crate) fn add(&self, entry: JournalEntry) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
