//! One backup job at a time: the lock of vzdump, which is the node's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::node::NodeCore;
use crate::task::UNEXPECTED;
use crate::task::worker::{Failure, Worker};

/// The lock file of vzdump.
const FILE: &str = "/var/run/vzdump.lock";

/// What a task ends with in the foreground when it just stops; over https it is [`UNEXPECTED`].
const STOPPED_SHORT: &str = "got unexpected control message:";

/// How often a waiting job looks.
const LOOK: Duration = Duration::from_millis(25);

/// Whether a job has the lock.
#[derive(Debug, Default)]
pub(crate) struct Lock(AtomicBool);

/// The lock while a job has it.
#[derive(Debug)]
pub(super) struct Turn(Arc<NodeCore>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.backups.0.store(false, Ordering::SeqCst);
    }
}

fn try_turn(worker: &Worker) -> Option<Turn> {
    let taken = worker.node.backups.0.swap(true, Ordering::SeqCst);
    (!taken).then(|| Turn(Arc::clone(&worker.node)))
}

/// Waits for the lock, so many minutes at most.
///
/// # Errors
/// When it does not come in time, or somebody stops the task.
pub(super) fn wait(worker: &mut Worker, minutes: u64) -> Result<Turn, Failure> {
    if let Some(turn) = try_turn(worker) {
        return Ok(turn);
    }
    if minutes == 0 {
        return Err(given_up(worker, "(wait = 0)"));
    }
    worker.say("INFO: trying to get global lock - waiting...")?;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(minutes.saturating_mul(60)) {
        if let Some(turn) = try_turn(worker) {
            worker.say("INFO: got global lock")?;
            return Ok(turn);
        }
        worker.still_wanted()?;
        std::thread::sleep(LOOK);
    }
    Err(given_up(worker, "- got timeout"))
}

// vzdump just ends here, and whoever waits for its last line is surprised.
fn given_up(worker: &Worker, why: &str) -> Failure {
    let text = format!("can't acquire lock '{FILE}' {why}");
    worker.note(format!("ERROR: {text}"));
    worker.break_off(if worker.is_in_foreground() {
        STOPPED_SHORT
    } else {
        UNEXPECTED
    });
    Failure::new(text)
}
