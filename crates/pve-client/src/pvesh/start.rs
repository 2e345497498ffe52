//! Writes, and tasks that outlive us.
//!
//! `pvesh` runs a task in the foreground: it prints the log, at the very end the id, and its death
//! is the death of the task. So it gets a session and files of its own, and the id is looked for
//! while it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use pve_types::Upid;
use serde::Deserialize;
use serde_json::Value;

use super::Pvesh;
use super::answer;
use super::command_line::Call;
use super::output::Output;
use super::program::{Detached, Ran};
use crate::api::NO_TASK;
use crate::{ApiPath, Error, ErrorKind, Params};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(40);

/// How often the list of all nodes is asked for, which is a call of its own.
const ASK: Duration = Duration::from_secs(2);

/// A program that runs on its own, with what it writes.
struct Running {
    program: Detached,
    output: Output,
}

/// What is known of tasks on a node whose processes cannot be looked at.
struct Elsewhere {
    /// Those that were there before ours.
    before: BTreeSet<String>,
    asked: Duration,
}

/// An entry of `/cluster/tasks`.
#[derive(Deserialize)]
struct Listed {
    upid: String,
}

impl Pvesh {
    /// Carries out a write and waits for its end.
    pub(super) fn carry_out(&self, call: &Call<'_>) -> Result<Value, Error> {
        let mut running = self.detach(call)?;
        let begin = self.timer.now();
        loop {
            if let Some(ran) = running.ran()? {
                return answer::written(&ran);
            }
            if let Err(error) = self.still_running(&running, begin) {
                running.program.let_go();
                return Err(error);
            }
            self.timer.pause(LOOK);
        }
    }

    /// Starts a task, and leaves it to itself once its id is known.
    pub(super) fn start_task(&self, call: &Call<'_>) -> Result<Upid, Error> {
        let mut elsewhere = self.elsewhere(call);
        let mut running = self.detach(call)?;
        let begin = self.timer.now();
        loop {
            let found = self
                .active
                .started_by(running.program.pid())
                .or_else(|| self.new_task(call, elsewhere.as_mut()?));
            if let Some(upid) = found {
                running.program.let_go();
                return Ok(upid);
            }
            if let Some(ran) = running.ran()? {
                return started(&ran);
            }
            if let Err(error) = self.still_running(&running, begin) {
                running.program.let_go();
                return Err(error);
            }
            self.timer.pause(LOOK);
        }
    }

    fn detach(&self, call: &Call<'_>) -> Result<Running, Error> {
        let arguments = call.arguments(self.node.as_deref())?;
        let (output, stdout, stderr) = Output::new(&self.outputs)?;
        let program = self.program.detach(&arguments, stdout, stderr)?;
        Ok(Running { program, output })
    }

    fn still_running(&self, running: &Running, begin: Duration) -> Result<(), Error> {
        let passed = self.timer.now().saturating_sub(begin);
        if passed < self.patience.write {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::MayHaveBeenProcessed,
            format!(
                "`{}` has not ended after {} seconds; it goes on as process {}",
                self.program.path().display(),
                passed.as_secs(),
                running.program.pid()
            ),
        ))
    }

    /// What is needed to find a task that is no process of this machine, or in no list here.
    fn elsewhere(&self, call: &Call<'_>) -> Option<Elsewhere> {
        let here = call
            .node()
            .is_none_or(|node| node == "localhost" || self.node.as_deref() == Some(node));
        if here && self.active.is_there() {
            return None;
        }
        Some(Elsewhere {
            before: self.listed().unwrap_or_default().into_iter().collect(),
            asked: self.timer.now(),
        })
    }

    /// A task of root for the same guest that was not there before. With two of them it is not
    /// known which is ours; then the end of the program tells.
    fn new_task(&self, call: &Call<'_>, elsewhere: &mut Elsewhere) -> Option<Upid> {
        let now = self.timer.now();
        if now.saturating_sub(elsewhere.asked) < ASK {
            return None;
        }
        elsewhere.asked = now;
        let listed = self.listed()?;
        let mut ours = listed
            .iter()
            .filter(|text| !elsewhere.before.contains(*text))
            .filter_map(|text| text.parse::<Upid>().ok())
            .filter(|upid| {
                upid.user() == "root@pam"
                    && upid.token().is_none()
                    && call.node().is_none_or(|node| upid.node().as_str() == node)
                    && call.guest().is_none_or(|guest| upid.id() == guest)
            });
        let first = ours.next()?;
        ours.next().is_none().then_some(first)
    }

    /// The tasks of all nodes.
    fn listed(&self) -> Option<Vec<String>> {
        let answer = self
            .get(&ApiPath::new("cluster/tasks"), &Params::new())
            .ok()?;
        let listed: Vec<Listed> = serde_json::from_value(answer).ok()?;
        Some(listed.into_iter().map(|task| task.upid).collect())
    }
}

impl Running {
    /// What it said and how it ended, once it has.
    fn ran(&mut self) -> Result<Option<Ran>, Error> {
        let unreadable = |error: std::io::Error| {
            Error::new(
                ErrorKind::MayHaveBeenProcessed,
                format!("what `pvesh` said cannot be read: {error}"),
            )
        };
        let Some(end) = self.program.end().map_err(unreadable)? else {
            return Ok(None);
        };
        Ok(Some(Ran {
            stdout: self.output.stdout().map_err(unreadable)?,
            stderr: self.output.stderr().map_err(unreadable)?,
            end,
        }))
    }
}

/// The task of a program that has ended. Whether the task failed is not asked here.
fn started(ran: &Ran) -> Result<Upid, Error> {
    if let Some(upid) = answer::upid(&ran.stdout) {
        return Ok(upid);
    }
    match answer::written(ran)? {
        Value::Null | Value::String(_) => Err(Error::protocol(NO_TASK)),
        other => Err(Error::protocol(format!(
            "instead of the id of a task it is {other}"
        ))),
    }
}
