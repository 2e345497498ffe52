//! What the steps of a module are given beside its options: the server, the clock, and where this
//! program keeps what it remembers.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pve_client::Client;
use pve_types::Upid;

use crate::clock::Clock;
use crate::driver::Mode;
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
    state: Option<PathBuf>,
    mode: OnceLock<Mode>,
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
            state: None,
            mode: OnceLock::new(),
        }
    }

    /// The same, with a folder for what is remembered from run to run. A relative one is none: it
    /// would be another one wherever somebody stands.
    #[must_use]
    pub fn keeping_state(mut self, folder: PathBuf) -> Self {
        self.state = Some(folder).filter(|folder| folder.is_absolute());
        self
    }

    /// Where a module may remember something: `/var/lib/reprise` of root, else a folder of the
    /// user. It need not be there yet.
    pub fn state_folder(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// Whether nothing may be written, not even what only saves time: check mode, `--dry-run`.
    pub fn is_check(&self) -> bool {
        self.mode.get() == Some(&Mode::Check)
    }

    /// Said once, by who takes the module through its steps.
    pub(crate) fn set_mode(&self, mode: Mode) {
        // A context is made for one run.
        self.mode.set(mode).ok();
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
