//! The inside of a running task.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::UNEXPECTED;
use super::fault::TaskFault;
use super::link::Link;
use super::upid::Upid;
use crate::access::identity::Identity;
use crate::node::NodeCore;
use crate::refusal::Refusal;
use crate::state::State;

/// How long a process may take to report.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a task ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    /// With this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// With words in front.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        Self(format!("{prefix}{}", self.0))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.in_lock().message().trim_end().to_owned())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// What the body of a task has.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) node: Arc<NodeCore>,
    pub(crate) upid: Upid,
    name: String,
    link: Option<Arc<Link>>,
    warnings: usize,
    disk_full: bool,
}

impl Worker {
    pub(super) fn new(node: Arc<NodeCore>, upid: Upid, link: Option<Arc<Link>>) -> Self {
        Self {
            node,
            name: upid.to_string(),
            upid,
            link,
            warnings: 0,
            disk_full: false,
        }
    }

    /// Who started the task.
    pub(crate) fn owner(&self) -> &Identity {
        &self.upid.owner
    }

    /// The state of the node. Nothing may be said while it is held.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.node.state()
    }

    /// Waits for the process that stands for the task, when it is to have one.
    pub(super) fn begin(&self) -> Result<(), Failure> {
        match &self.link {
            Some(link) if link.wait(PATIENCE).is_err() => Err(self.lost()),
            _ => Ok(()),
        }
    }

    /// Writes a line into the log.
    ///
    /// # Errors
    /// When somebody stopped the task, its process has gone, or a test lets it fail here.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        self.come_by()?;
        self.write(line.as_ref())
    }

    /// Writes a line whatever happens.
    pub(crate) fn note(&self, line: impl AsRef<str>) {
        // Without a process nobody reads it; the next `say` tells.
        self.write(line.as_ref()).ok();
    }

    // What a process could not print is not in the log either: its parent writes both.
    fn write(&self, line: &str) -> Result<(), Failure> {
        if let Some(link) = &self.link {
            link.print(line).map_err(|_| self.lost())?;
        }
        self.node.tasks.write(&self.name, line);
        Ok(())
    }

    fn lost(&self) -> Failure {
        self.node.tasks.lose(&self.name, UNEXPECTED);
        Failure::new(self.interrupted())
    }

    fn interrupted(&self) -> &'static str {
        if self.upid.kind == "vzdump" {
            "interrupted by signal"
        } else {
            "received interrupt"
        }
    }

    /// Writes a warning; a task with warnings does not end with `OK`.
    pub(crate) fn warn(&mut self, text: &str) {
        self.warnings += 1;
        self.note(format!("WARN: {text}"));
    }

    /// Whether what is written from here on does not fit.
    pub(crate) fn is_disk_full(&self) -> bool {
        self.disk_full
    }

    fn come_by(&mut self) -> Result<(), Failure> {
        for fault in self.node.tasks.due_faults(&self.upid) {
            match fault {
                TaskFault::Fail(text) => return Err(Failure(text)),
                TaskFault::Hang => self.node.tasks.pause(&self.name, None),
                TaskFault::Slow(time) => self.node.tasks.pause(&self.name, Some(time)),
                TaskFault::Withdraw { path, holder } => {
                    let mut state = self.node.state();
                    let acl = &mut state.access.acl;
                    acl.retain(|entry| entry.path != path || entry.holder != holder);
                }
                TaskFault::DiskFull => self.disk_full = true,
            }
        }
        if self.node.tasks.is_stopping(&self.name) {
            return Err(Failure::new(self.interrupted()));
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, result: Result<(), Failure>) {
        // A fault may stand at the very end, where nothing more is said.
        let result = result.and_then(|()| self.come_by());
        let now = self.node.clock.now();
        let (status, line) = match result {
            Ok(()) if self.warnings == 0 => ("OK".to_owned(), "TASK OK".to_owned()),
            Ok(()) => {
                let status = format!("WARNINGS: {}", self.warnings);
                let line = format!("TASK {status}");
                (status, line)
            }
            Err(Failure(text)) => {
                let text = text.trim_end_matches('\n').replace('\n', " ");
                let line = format!("TASK ERROR: {text}");
                (text, line)
            }
        };
        self.node.tasks.finish(&self.name, now, status, Some(line));
        if let Some(link) = &self.link {
            link.end();
        }
    }
}
