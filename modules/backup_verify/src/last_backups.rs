//! How the last backup of each guest ended, from the logs of vzdump's tasks.
//!
//! A task saves one guest or many. One list for each node tells the tasks, and a fixed number of
//! logs is read: what they do not tell is not known, and no call is made for a guest alone.

use std::collections::BTreeMap;
use std::thread;

use module_kit::joined;
use pve_client::Client;
use pve_client::api::{EndedTask, Outcome, Permissions};
use pve_coverage::LastBackup;
use pve_coverage::task_log::{self, End};
use pve_types::{NodeName, Vmid};

use crate::asked::gap;

/// How many tasks of a node are looked at.
const TASKS: u64 = 200;

/// How many logs of a node are read: those of the newest tasks.
const LOGS: usize = 8;

/// How many lines of a log are read, in one call.
const LINES: u64 = 50_000;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct LastBackups {
    pub(crate) last: BTreeMap<Vmid, LastBackup>,
    /// What cannot be seen.
    pub(crate) unseen: Vec<String>,
}

/// Asks these nodes.
pub(crate) fn of(client: &Client, nodes: &[NodeName], permissions: &Permissions) -> LastBackups {
    let answers = thread::scope(|scope| {
        let running: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(|| of_node(client, node, permissions)))
            .collect();
        running.into_iter().map(joined).collect::<Vec<_>>()
    });
    let mut all = LastBackups::default();
    for answer in answers {
        all.unseen.extend(answer.unseen);
        for (vmid, last) in answer.last {
            note(&mut all.last, vmid, last);
        }
    }
    all
}

/// The later one counts; of two in the same second the one that failed.
fn note(known: &mut BTreeMap<Vmid, LastBackup>, vmid: Vmid, last: LastBackup) {
    let is_later =
        |known: &LastBackup| known.at < last.at || (known.at == last.at && last.error.is_some());
    if known.get(&vmid).is_none_or(is_later) {
        known.insert(vmid, last);
    }
}

fn of_node(client: &Client, node: &NodeName, permissions: &Permissions) -> LastBackups {
    let mut found = LastBackups::default();
    let path = format!("/nodes/{node}");
    if !permissions.has(&path, "Sys.Audit") {
        let gap = gap(
            "Sys.Audit",
            &path,
            "how the last backups ended cannot be seen",
        );
        found.unseen.extend(gap.map(|gap| gap.to_string()));
        return found;
    }
    let tasks = match client.ended_tasks(node, "vzdump", TASKS) {
        Ok(tasks) => tasks,
        Err(error) => {
            found.unseen.push(format!(
                "how the last backups on node `{node}` ended is not known: {error}"
            ));
            return found;
        }
    };
    // A task that saved one guest names it, and needs no log unless it failed.
    let (told, to_read): (Vec<&EndedTask>, Vec<&EndedTask>) = tasks
        .iter()
        .partition(|task| guest(task).is_some() && task.outcome.is_success());
    for task in told {
        if let Some(vmid) = guest(task) {
            let seconds = task.ended.saturating_sub(i64::from(task.upid.starttime()));
            note(
                &mut found.last,
                vmid,
                LastBackup {
                    at: task.ended,
                    error: None,
                    seconds: u64::try_from(seconds).ok(),
                },
            );
        }
    }
    let logs = thread::scope(|scope| {
        let running: Vec<_> = to_read
            .iter()
            .take(LOGS)
            .map(|task| scope.spawn(|| client.task_log(&task.upid, 0, LINES)))
            .collect();
        running.into_iter().map(joined).collect::<Vec<_>>()
    });
    let mut logs = logs.into_iter();
    for task in to_read {
        match logs.next() {
            Some(Ok(lines)) => {
                for run in task_log::guests(lines.iter().map(|line| line.text.as_str())) {
                    let last = match run.end {
                        End::Finished(seconds) => LastBackup {
                            at: task.ended,
                            error: None,
                            seconds: Some(seconds),
                        },
                        End::Failed(why) => failed(task, why),
                        End::Open if task.outcome.is_success() => continue,
                        // The task died while it saved this guest.
                        End::Open => failed(task, failure(task)),
                    };
                    note(&mut found.last, run.vmid, last);
                }
            }
            // Of one guest the list says at least that it failed.
            Some(Err(_)) | None => {
                if let Some(vmid) = guest(task) {
                    note(&mut found.last, vmid, failed(task, failure(task)));
                }
            }
        }
    }
    found
}

fn guest(task: &EndedTask) -> Option<Vmid> {
    task.upid.id().parse().ok()
}

const fn failed(task: &EndedTask, why: String) -> LastBackup {
    LastBackup {
        at: task.ended,
        error: Some(why),
        seconds: None,
    }
}

fn failure(task: &EndedTask) -> String {
    match &task.outcome {
        Outcome::Failed(text) => text.clone(),
        Outcome::Ok | Outcome::Warnings(_) => "it did not finish".to_owned(),
    }
}
