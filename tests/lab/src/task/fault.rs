//! What a test lets happen in the middle of a task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happens.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum TaskFault {
    /// The task ends with this error.
    Fail(String),
    /// The task goes on for ever, until somebody stops it.
    Hang,
    /// The next line of the log comes so much later.
    Slow(Duration),
    /// Somebody takes away what a user or token was given on a path.
    Withdraw {
        /// The path of the access list.
        path: String,
        /// The user or token.
        holder: String,
    },
    /// What the task writes from here on does not fit on the disk.
    DiskFull,
    /// Nobody reads any more what the `pvesh` prints that started the task.
    ReaderGone,
}

/// A fault, the tasks that it hits, and where in them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaskFaultRule {
    kind: String,
    after: usize,
    remaining: Option<usize>,
    fault: TaskFault,
}

impl TaskFaultRule {
    /// Hits every task of a type, such as `vzdump`, at its first line.
    pub fn new(kind: &str, fault: TaskFault) -> Self {
        Self {
            kind: kind.to_owned(),
            after: 0,
            remaining: None,
            fault,
        }
    }

    /// Hits when the log has so many lines.
    #[must_use]
    pub fn after_lines(mut self, count: usize) -> Self {
        self.after = count;
        self
    }

    /// Hits only the next `count` tasks that come there.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.remaining = Some(count);
        self
    }

    /// The fault, when it hits a task with so many lines; counts as used.
    pub(super) fn take(&mut self, kind: &str, lines: usize) -> Option<TaskFault> {
        if self.kind != kind || self.after != lines || self.remaining == Some(0) {
            return None;
        }
        self.remaining = self.remaining.map(|count| count.saturating_sub(1));
        Some(self.fault.clone())
    }
}
