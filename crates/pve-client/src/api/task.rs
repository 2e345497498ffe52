//! Tasks: what became of them, what they said, and waiting for their end.

use std::time::Duration;

use pve_types::{NodeName, Upid, lenient};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ApiPath, Client, Error, Params};

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its id.
    pub upid: Upid,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did what it should.
    Ok,
    /// It did what it should, and has something to say: the number of warnings.
    Warnings(u64),
    /// It failed, and this is its text.
    Failed(String),
}

impl Outcome {
    /// Reads the exit status. Warnings are success.
    pub fn of(exitstatus: &str) -> Self {
        if exitstatus == "OK" {
            return Self::Ok;
        }
        match exitstatus
            .strip_prefix("WARNINGS: ")
            .map(str::trim)
            .map(str::parse)
        {
            Some(Ok(count)) => Self::Warnings(count),
            _ => Self::Failed(exitstatus.to_owned()),
        }
    }

    /// Did it do what it should?
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Ok | Self::Warnings(_))
    }
}

/// A line of a task's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number, from 1.
    #[serde(rename(deserialize = "n"), deserialize_with = "number")]
    pub number: u64,
    /// What it says.
    #[serde(rename(deserialize = "t"), default, deserialize_with = "line")]
    pub text: String,
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    lenient::optional_u64(deserializer).map(Option::unwrap_or_default)
}

fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    lenient::optional_text(deserializer).map(Option::unwrap_or_default)
}

/// A task that ended, as the list of its node shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedTask {
    /// Its id.
    pub upid: Upid,
    /// When it ended, in Unix seconds.
    pub ended: i64,
    /// How it ended.
    pub outcome: Outcome,
}

#[derive(Deserialize)]
struct ListedTask {
    upid: Upid,
    #[serde(default, deserialize_with = "lenient::optional_i64")]
    endtime: Option<i64>,
    #[serde(default, deserialize_with = "lenient::optional_text")]
    status: Option<String>,
}

/// How a task is waited for: looked at after `first`, then less and less often up to `longest`,
/// for `limit` at most. While the server is away (a restart of `pveproxy`, a cut in the network)
/// the task goes on, so the waiting does too, for `patience` at a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long in all.
    pub limit: Duration,
    /// How long the server may be away.
    pub patience: Duration,
}

impl Wait {
    /// Half a second at first, five seconds at most; two minutes of patience.
    pub const fn up_to(limit: Duration) -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
            limit,
            patience: Duration::from_mins(2),
        }
    }
}

#[derive(Deserialize)]
struct StatusAnswer {
    status: String,
    #[serde(default, deserialize_with = "lenient::optional_text")]
    exitstatus: Option<String>,
}

/// The log of a task that is not there is an object instead of an array.
#[derive(Deserialize)]
#[serde(untagged)]
enum LogAnswer {
    Lines(Vec<LogLine>),
    Missing(LogLine),
}

/// How many lines are asked for at once.
const PAGE: u64 = 5000;

fn task_path(upid: &Upid) -> ApiPath {
    ApiPath::new("nodes")
        .join(upid.node())
        .join("tasks")
        .join(upid.to_string())
}

impl Client {
    /// What became of a task.
    pub fn task_status(&self, upid: &Upid) -> Result<TaskStatus, Error> {
        let path = task_path(upid).join("status");
        let answer: StatusAnswer = self.get(
            &path,
            &Params::new(),
            format_args!("read the state of task `{upid}`"),
        )?;
        let outcome = (answer.status != "running").then(|| match answer.exitstatus {
            Some(text) => Outcome::of(&text),
            None => Outcome::Failed("the task ended without an exit status".to_owned()),
        });
        Ok(TaskStatus {
            upid: upid.clone(),
            outcome,
        })
    }

    /// The newest tasks of a kind (`vzdump`) that ended on a node, newest first. Without
    /// `Sys.Audit` on the node only the caller's own.
    pub fn ended_tasks(
        &self,
        node: &NodeName,
        kind: &str,
        limit: u64,
    ) -> Result<Vec<EndedTask>, Error> {
        let path = ApiPath::new("nodes").join(node).join("tasks");
        let params = Params::new()
            .with("typefilter", kind)
            .with("source", "archive")
            .with("limit", limit);
        let listed: Vec<ListedTask> = self.get(
            &path,
            &params,
            format_args!("list the tasks of node `{node}`"),
        )?;
        let mut ended: Vec<EndedTask> = listed
            .into_iter()
            .filter_map(|task| {
                Some(EndedTask {
                    upid: task.upid,
                    ended: task.endtime?,
                    outcome: Outcome::of(&task.status?),
                })
            })
            .collect();
        ended.sort_by_key(|task| std::cmp::Reverse(task.ended));
        Ok(ended)
    }

    /// Lines of a task's log after the first `start` ones, at most `limit`.
    pub fn task_log(&self, upid: &Upid, start: u64, limit: u64) -> Result<Vec<LogLine>, Error> {
        let path = task_path(upid).join("log");
        let params = Params::new().with("start", start).with("limit", limit);
        let action = format!("read the log of task `{upid}`");
        match self.get(&path, &params, &action)? {
            LogAnswer::Lines(lines) => Ok(lines),
            LogAnswer::Missing(line) => Err(self.about(Error::not_found(line.text), action)),
        }
    }

    /// The last lines of a task's log.
    pub fn task_log_tail(&self, upid: &Upid, lines: usize) -> Result<Vec<LogLine>, Error> {
        let mut tail: Vec<LogLine> = Vec::new();
        let mut start = 0_u64;
        loop {
            let page = self.task_log(upid, start, PAGE)?;
            let read = u64::try_from(page.len()).unwrap_or(PAGE);
            start = start.saturating_add(read);
            tail.extend(page);
            tail.drain(..tail.len().saturating_sub(lines));
            if read < PAGE {
                return Ok(tail);
            }
        }
    }

    /// Waits for the end of a task, telling `progress` each time it was looked at. A task that
    /// still runs when the time is over comes back without outcome.
    pub fn wait_for_task(
        &self,
        upid: &Upid,
        wait: Wait,
        progress: &mut dyn FnMut(&TaskStatus),
    ) -> Result<TaskStatus, Error> {
        let start = self.timer().now();
        let mut last_answer = start;
        let mut pause = wait.first;
        loop {
            let answer = self.task_status(upid);
            let now = self.timer().now();
            let passed = now.saturating_sub(start);
            match answer {
                Ok(status) => {
                    last_answer = now;
                    progress(&status);
                    if status.outcome.is_some() || passed >= wait.limit {
                        return Ok(status);
                    }
                }
                Err(error) => {
                    let away = now.saturating_sub(last_answer);
                    if !error.is_outage() || away >= wait.patience || passed >= wait.limit {
                        return Err(error);
                    }
                }
            }
            self.timer()
                .pause(pause.min(wait.limit.saturating_sub(passed)));
            pause = pause
                .saturating_mul(3)
                .checked_div(2)
                .unwrap_or(wait.longest)
                .min(wait.longest);
        }
    }
}
