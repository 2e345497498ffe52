//! Tasks: each runs in a thread of its own, as PVE's workers do, and leaves a log and an end.

pub(crate) mod active;
pub(crate) mod fault;
pub(crate) mod link;
pub(crate) mod upid;
pub(crate) mod worker;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fault::{TaskFault, TaskFaultRule};
use link::Link;
use upid::Upid;
use worker::{Failure, Worker};

use crate::access::identity::Identity;
use crate::node::NodeCore;

/// Numbers of processes begin here: above those that Linux gives, so that a task of the web
/// server is never taken for a process of this machine.
const ABOVE_ALL_PROCESSES: u32 = 1 << 22;

/// What a task that lost its process ends with.
pub(crate) const UNEXPECTED: &str = "unexpected status";

/// A caller that gives the tasks it starts their processes, prints what they say, and takes them
/// with it when it ends.
pub(crate) trait Foreground {
    /// The number of a new process.
    ///
    /// # Errors
    /// When the caller has gone.
    fn fork(&self) -> std::io::Result<u32>;

    /// Tells that process which task it stands for.
    fn stand_for(&self, upid: &str);
}

/// Hundredths of a second that the machine had been up when the lab began.
const BOOTED: u64 = 1_000_000;

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Unix time.
    pub(crate) time: i64,
    /// `OK`, `WARNINGS: n` or the error.
    pub(crate) status: String,
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) upid: Upid,
    pub(crate) log: Vec<String>,
    pub(crate) end: Option<End>,
    /// Somebody asked it to stop.
    stopping: bool,
    /// Its process or the reader of its output has gone: nothing is written any more, and this is
    /// its end.
    lost: Option<String>,
    link: Option<Arc<Link>>,
}

impl Task {
    /// Whether a caller may see it without the right to audit: tokens see their own tasks, users
    /// those of their tokens too.
    pub(crate) fn belongs_to(&self, identity: &Identity) -> bool {
        let owner = &self.upid.owner;
        owner == identity
            || (identity.token_name().is_none() && owner.user_id() == identity.user_id())
    }
}

#[derive(Debug)]
struct Table {
    /// Running tasks, then ended ones in the order of their ends.
    tasks: Vec<Task>,
    next_pid: u32,
    /// PVE's file of tasks, for those who look without asking.
    active: active::List,
    faults: Vec<TaskFaultRule>,
}

/// The tasks of a node.
#[derive(Debug)]
pub(crate) struct Tasks {
    table: Mutex<Table>,
    changed: Condvar,
}

/// Starts a task and gives back its name. The thread works on the state as soon as the handler
/// that started it has let go of it.
pub(crate) fn start(
    node: &Arc<NodeCore>,
    owner: &Identity,
    foreground: Option<&dyn Foreground>,
    kind: &str,
    id: &str,
    body: impl FnOnce(&mut Worker) -> Result<(), Failure> + Send + 'static,
) -> String {
    let now = node.clock.now();
    let forked = foreground.map(Foreground::fork).transpose();
    let mut table = node.tasks.table();
    // A worker of PVE is followed by helpers that take numbers too.
    table.next_pid += 7;
    let pid = forked.as_ref().ok().copied().flatten();
    let pid = pid.unwrap_or(table.next_pid);
    let since_boot = u64::try_from((now - node.started).max(0)).unwrap_or(0) * 100;
    let upid = Upid {
        node: node.name.clone(),
        pid,
        process_start: (BOOTED + since_boot + u64::from(pid % 100)) & 0xF_FFFF_FFFF,
        start: now,
        kind: kind.to_owned(),
        id: id.to_owned(),
        owner: owner.clone(),
    };
    let name = upid.to_string();
    let link = foreground.map(|_| Arc::new(Link::default()));
    table.tasks.push(Task {
        upid: upid.clone(),
        log: Vec::new(),
        end: None,
        stopping: false,
        lost: None,
        link: link.clone(),
    });
    table.list();
    drop(table);
    if let Some(foreground) = foreground {
        foreground.stand_for(&name);
    }
    let mut worker = Worker::new(Arc::clone(node), upid, link);
    let spawned = std::thread::Builder::new()
        .name(format!("task {kind}"))
        .spawn(move || {
            let result = worker.begin().and_then(|()| body(&mut worker));
            worker.finish(result);
        });
    if spawned.is_err() || forked.is_err() {
        node.tasks
            .finish(&name, now, "unable to fork worker".to_owned(), None);
    }
    name
}

impl Table {
    // The file is for those who look on; a node whose disk is full or gone goes on.
    fn list(&self) {
        self.active.write(&self.tasks).ok();
    }
}

impl Tasks {
    /// No tasks yet; `active` is the file that names them.
    pub(crate) fn new(active: std::path::PathBuf) -> Self {
        let table = Table {
            tasks: Vec::new(),
            next_pid: ABOVE_ALL_PROCESSES,
            active: active::List::new(active),
            faults: Vec::new(),
        };
        Self {
            table: Mutex::new(table),
            changed: Condvar::new(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One task as it stands.
    pub(crate) fn find(&self, upid: &str) -> Option<Task> {
        let table = self.table();
        table
            .tasks
            .iter()
            .find(|task| task.upid.to_string() == upid)
            .cloned()
    }

    /// Running tasks, newest first.
    pub(crate) fn running(&self) -> Vec<Task> {
        let table = self.table();
        let running = table.tasks.iter().filter(|task| task.end.is_none());
        running.rev().cloned().collect()
    }

    /// Ended tasks, the last to end first.
    pub(crate) fn ended(&self) -> Vec<Task> {
        let table = self.table();
        let ended = table.tasks.iter().filter(|task| task.end.is_some());
        ended.rev().cloned().collect()
    }

    /// Asks a task to stop.
    pub(crate) fn stop(&self, upid: &str) {
        self.change(upid, |task| task.stopping = true);
    }

    /// Ends a task whose process or reader has gone, with this status; the first one counts.
    pub(crate) fn lose(&self, upid: &str, status: &str) {
        self.change(upid, |task| {
            task.stopping = true;
            task.lost.get_or_insert_with(|| status.to_owned());
        });
    }

    fn change(&self, upid: &str, change: impl FnOnce(&mut Task)) {
        let mut table = self.table();
        let mut tasks = table.tasks.iter_mut();
        if let Some(task) = tasks.find(|task| task.upid.to_string() == upid) {
            change(task);
        }
        drop(table);
        self.changed.notify_all();
    }

    /// The way to the process of a running task.
    pub(crate) fn link(&self, upid: &str) -> Option<Arc<Link>> {
        self.find(upid)?.link
    }

    /// Waits for the end of a task; `None` when it does not come in time.
    pub(crate) fn wait(&self, upid: &str, patience: Duration) -> Option<End> {
        let until = Instant::now() + patience;
        let mut table = self.table();
        loop {
            let task = table
                .tasks
                .iter()
                .find(|task| task.upid.to_string() == upid)?;
            if let Some(end) = &task.end {
                return Some(end.clone());
            }
            let left = until.checked_duration_since(Instant::now())?;
            let waited = self.changed.wait_timeout(table, left);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets something happen in tasks to come.
    pub(crate) fn inject(&self, rule: TaskFaultRule) {
        self.table().faults.push(rule);
    }

    /// Takes all faults back and lets hanging tasks go.
    pub(crate) fn clear_faults(&self) {
        self.table().faults.clear();
        self.changed.notify_all();
    }

    fn write(&self, upid: &str, line: &str) {
        if let Some(task) = self
            .table()
            .tasks
            .iter_mut()
            .find(|task| task.upid.to_string() == upid)
            .filter(|task| task.lost.is_none())
        {
            task.log.extend(line.split('\n').map(str::to_owned));
        }
    }

    fn is_stopping(&self, upid: &str) -> bool {
        self.find(upid).is_some_and(|task| task.stopping)
    }

    fn due_faults(&self, upid: &Upid) -> Vec<TaskFault> {
        let name = upid.to_string();
        let mut table = self.table();
        let lines = table
            .tasks
            .iter()
            .find(|task| task.upid.to_string() == name)
            .map_or(0, |task| task.log.len());
        let rules = table.faults.iter_mut();
        rules
            .filter_map(|rule| rule.take(&upid.kind, lines))
            .collect()
    }

    // Waits until somebody stops the task or, with `patience`, that time is over.
    fn pause(&self, upid: &str, patience: Option<Duration>) {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut table = self.table();
        loop {
            let stopping = table
                .tasks
                .iter()
                .find(|task| task.upid.to_string() == upid)
                .is_none_or(|task| task.stopping);
            let over = until.is_some_and(|until| until <= Instant::now());
            if stopping || over {
                return;
            }
            let step = Duration::from_millis(50);
            let waited = self.changed.wait_timeout(table, step);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn finish(&self, upid: &str, time: i64, status: String, last_line: Option<String>) {
        let mut table = self.table();
        let position = table
            .tasks
            .iter()
            .position(|task| task.upid.to_string() == upid);
        if let Some(position) = position {
            let mut task = table.tasks.remove(position);
            task.link = None;
            match task.lost.take() {
                None => {
                    task.log.extend(last_line);
                    task.end = Some(End { time, status });
                }
                Some(status) => {
                    if status != UNEXPECTED {
                        task.log.push(format!("TASK ERROR: {status}"));
                    }
                    task.end = Some(End { time, status });
                }
            }
            table.tasks.push(task);
            table.list();
        }
        drop(table);
        self.changed.notify_all();
    }
}
