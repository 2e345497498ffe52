//! Backup jobs: `/cluster/backup`, and running one by hand.

use pve_types::{JobId, NodeName, Upid};

use super::Job;
use crate::{ApiPath, Client, Error, ErrorKind, JobParams, Method, Params};

fn jobs_path() -> ApiPath {
    ApiPath::new("cluster/backup")
}

pub(super) fn job_path(id: &str) -> ApiPath {
    jobs_path().join(id)
}

impl Client {
    /// All backup jobs, in PVE's order. Needs `Sys.Audit` on `/`.
    pub fn jobs(&self) -> Result<Vec<Job>, Error> {
        self.get(&jobs_path(), &Params::new(), "list the backup jobs")
    }

    /// One backup job; `None` when there is none. Without `next_run`, which only the list has.
    pub fn job(&self, id: &str) -> Result<Option<Job>, Error> {
        let answer = self.get(
            &job_path(id),
            &Params::new(),
            format_args!("read backup job `{id}`"),
        );
        match answer {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Makes a backup job. PVE would make up an id and not tell it, so the id is part of the call.
    pub fn create_job(&self, id: &JobId, params: &JobParams) -> Result<(), Error> {
        let mut sent = Params::new().with("id", id);
        for (name, value) in params.set.iter() {
            sent.set(name, value.clone());
        }
        self.change(
            Method::Post,
            &jobs_path(),
            &sent,
            format_args!("create backup job `{id}`"),
        )
    }

    /// Changes a backup job; without a change nothing is sent.
    pub fn update_job(&self, id: &str, params: &JobParams) -> Result<(), Error> {
        if params.is_empty() {
            return Ok(());
        }
        self.change(
            Method::Put,
            &job_path(id),
            &params.for_update(),
            format_args!("change backup job `{id}`"),
        )
    }

    /// Removes a backup job.
    pub fn delete_job(&self, id: &str) -> Result<(), Error> {
        self.change(
            Method::Delete,
            &job_path(id),
            &Params::new(),
            format_args!("delete backup job `{id}`"),
        )
    }

    /// Starts vzdump on a node, with the parameters of a job but those that only a job has.
    /// `None` when none of the guests named is on that node.
    pub fn start_backup(&self, node: &NodeName, params: &JobParams) -> Result<Option<Upid>, Error> {
        let path = ApiPath::new("nodes").join(node).join("vzdump");
        let started = self.task(
            Method::Post,
            &path,
            &params.set,
            format_args!("start a backup on node `{node}`"),
        );
        match started {
            // PVE says `OK` instead of the id of a task when it has nothing to do.
            Err(error) if *error.kind() == ErrorKind::Protocol && error.text() == NO_TASK => {
                Ok(None)
            }
            other => other.map(Some),
        }
    }
}

/// The text of the error of [`crate::Transport::start`] when PVE answers `OK` or nothing instead of a task.
pub const NO_TASK: &str = "PVE did what was asked without starting a task";
