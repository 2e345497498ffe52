//! Tasks: each runs in a thread of its own, as PVE's workers do, and leaves a log and an end.

pub(crate) mod fault;
pub(crate) mod upid;
pub(crate) mod worker;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fault::{TaskFault, TaskFaultRule};
use upid::Upid;
use worker::{Failure, Worker};

use crate::access::identity::Identity;
use crate::node::NodeCore;

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
    faults: Vec<TaskFaultRule>,
}

/// The tasks of a node.
#[derive(Debug)]
pub(crate) struct Tasks {
    table: Mutex<Table>,
    changed: Condvar,
}

impl Default for Tasks {
    fn default() -> Self {
        let table = Table {
            tasks: Vec::new(),
            next_pid: 2800,
            faults: Vec::new(),
        };
        Self {
            table: Mutex::new(table),
            changed: Condvar::new(),
        }
    }
}

/// Starts a task and gives back its name. The thread works on the state as soon as the handler
/// that started it has let go of it.
pub(crate) fn start(
    node: &Arc<NodeCore>,
    owner: &Identity,
    kind: &str,
    id: &str,
    body: impl FnOnce(&mut Worker) -> Result<(), Failure> + Send + 'static,
) -> String {
    let now = node.clock.now();
    let mut table = node.tasks.table();
    // A worker of PVE is followed by helpers that take numbers too.
    table.next_pid += 7;
    let since_boot = u64::try_from((now - node.started).max(0)).unwrap_or(0) * 100;
    let upid = Upid {
        node: node.name.clone(),
        pid: table.next_pid,
        process_start: (BOOTED + since_boot + u64::from(table.next_pid % 100)) & 0xF_FFFF_FFFF,
        start: now,
        kind: kind.to_owned(),
        id: id.to_owned(),
        owner: owner.clone(),
    };
    let name = upid.to_string();
    table.tasks.push(Task {
        upid: upid.clone(),
        log: Vec::new(),
        end: None,
        stopping: false,
    });
    drop(table);
    let mut worker = Worker::new(Arc::clone(node), upid);
    let spawned = std::thread::Builder::new()
        .name(format!("task {kind}"))
        .spawn(move || {
            let result = body(&mut worker);
            worker.finish(result);
        });
    if spawned.is_err() {
        node.tasks
            .finish(&name, now, "unable to fork worker".to_owned(), None);
    }
    name
}

impl Tasks {
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
        if let Some(task) = self
            .table()
            .tasks
            .iter_mut()
            .find(|task| task.upid.to_string() == upid)
        {
            task.stopping = true;
        }
        self.changed.notify_all();
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
            task.log.extend(last_line);
            task.end = Some(End { time, status });
            table.tasks.push(task);
        }
        drop(table);
        self.changed.notify_all();
    }
}
