//! What the steps of a module are given beside its options: the server and the clock.

use std::sync::OnceLock;

use pve_client::Client;
use pve_types::Upid;

use crate::clock::Clock;
use crate::failure::Failure;

/// Makes the client when a module first needs it.
pub type Connect<'a> = dyn Fn() -> Result<Client, Failure> + Sync + 'a;

/// Shows a line of progress.
pub type Tell<'a> = dyn Fn(&str) + Sync + 'a;

/// What observe and apply work with.
#[expect(
    missing_debug_implementations,
    reason = "holds a closure and a clock, neither of which can be shown"
)]
pub struct Context<'a> {
    clock: &'a dyn Clock,
    connect: &'a Connect<'a>,
    client: OnceLock<Result<Client, Failure>>,
    progress: Option<&'a Tell<'a>>,
    tasks: Option<&'a Tell<'a>>,
}

impl<'a> Context<'a> {
    /// A context that connects when it is first asked for the client.
    pub fn new(clock: &'a dyn Clock, connect: &'a Connect<'a>) -> Self {
        Self {
            clock,
            connect,
            client: OnceLock::new(),
            progress: None,
            tasks: None,
        }
    }

    /// The same, telling somebody how long work gets on.
    #[must_use]
    pub fn telling(mut self, progress: &'a Tell<'a>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Tells how long work gets on; nobody hears it unless a person looks at a terminal.
    pub fn progress(&self, line: &str) {
        if let Some(tell) = self.progress {
            tell(line);
        }
    }

    /// The same, telling somebody which tasks of Proxmox VE were started.
    #[must_use]
    pub fn telling_tasks(mut self, tasks: &'a Tell<'a>) -> Self {
        self.tasks = Some(tasks);
        self
    }

    /// Tells that this task was started: should this program be killed, somebody has to know.
    pub fn started(&self, task: &Upid) {
        if let Some(tell) = self.tasks {
            tell(&task.to_string());
        }
    }

    /// The Proxmox VE server.
    pub fn client(&self) -> Result<&Client, Failure> {
        self.client
            .get_or_init(|| (self.connect)())
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}
