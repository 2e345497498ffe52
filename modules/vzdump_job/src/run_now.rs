//! `state: run`: the stored job runs now, on every node that holds one of its guests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backup_verify::{FreshArchive, Place};
use module_kit::plan::{self, Plan};
use module_kit::settings::Settings;
use module_kit::{Context, Exit, Failure, joined};
use pve_client::Client;
use pve_client::api::{Archive, Guest, Outcome, Wait};
use pve_types::{JobId, NodeName, StorageId, Upid, Vmid, VolumeId};
use serde::Serialize;

use crate::job::{key, vmids};
use crate::observe::{LOCAL, Observed, PresentJob};
use crate::plan::JobAction;
use pve_coverage::task_log::{self, End, GuestRun};

/// What only a scheduled job has; vzdump itself does not know it.
const OF_THE_SCHEDULE: [&str; 5] = [
    key::SCHEDULE,
    key::ENABLED,
    key::COMMENT,
    key::REPEAT_MISSED,
    key::NODE,
];

/// The guests of a job on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRun {
    /// The node.
    pub node: NodeName,
    /// The guests that it should save.
    pub guests: Vec<Vmid>,
}

/// What became of one guest.
#[derive(Debug, Clone, PartialEq)]
pub struct GuestResult {
    /// The guest.
    pub vmid: Vmid,
    /// The node that ran it.
    pub node: NodeName,
    /// The task, if one was started.
    pub task: Option<Upid>,
    /// The archive.
    pub archive: Option<VolumeId>,
    /// What reading it came to, when that was wanted.
    pub proof: Option<FreshArchive>,
    /// Its size in bytes, if it can be seen.
    pub size: Option<u64>,
    /// How long it took, in seconds.
    pub seconds: Option<u64>,
    /// Why there is no archive.
    pub error: Option<String>,
    /// The last lines about it, when it failed.
    pub tail: Vec<String>,
    /// How many warnings its task ended with.
    pub warnings: u64,
}

/// What running the job now takes.
pub(crate) fn plan(
    id: &JobId,
    timeout: Duration,
    only: &BTreeSet<Vmid>,
    verify: Option<&Place>,
    observed: &Observed,
) -> Result<Plan<JobAction>, Failure> {
    let Some(present) = observed.job(id.as_str()) else {
        return Err(Failure::new(
            Exit::NothingFound,
            format!("backup job `{id}` does not exist, so it cannot run"),
        )
        .hint("Declare it first with `state: present`."));
    };
    let guests = &observed.run_guests;
    if let Some(gap) = guests.gaps.first() {
        return Err(observed
            .rights
            .unknown(gap, &format!("which guests backup job `{id}` saves")));
    }
    let included = observed.included.as_deref().unwrap_or_default();
    let saved: Vec<&Guest> = guests
        .visible
        .iter()
        .filter(|guest| included.iter().any(|one| one.vmid == guest.vmid))
        .collect();
    require_members(only, &saved, id)?;
    let mut by_node: BTreeMap<NodeName, Vec<Vmid>> = BTreeMap::new();
    for guest in saved
        .into_iter()
        .filter(|guest| only.is_empty() || only.contains(&guest.vmid))
    {
        require_guest(guest, id, observed)?;
        by_node
            .entry(guest.node.clone())
            .or_default()
            .push(guest.vmid);
    }
    if by_node.is_empty() {
        return Err(Failure::refused(format!(
            "backup job `{id}` selects no guest that exists, so there is nothing to run"
        )));
    }
    require(present, id, observed)?;
    let warnings = if present.left_alone.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "job `{id}` also has {}, which only a scheduled run uses.",
            present.left_alone.join(", ")
        )]
    };
    let action = JobAction::Run {
        id: id.clone(),
        nodes: by_node
            .into_iter()
            .map(|(node, guests)| NodeRun { node, guests })
            .collect(),
        settings: present.settings.clone(),
        partly: !only.is_empty(),
        timeout,
        verify: verify.cloned(),
    };
    let same = present.settings.to_value();
    Ok(Plan {
        actions: vec![action],
        diff: plan::diff(format!("backup job {id}"), same.clone(), same),
        warnings,
    })
}

/// A guest that the job does not save is not what was meant.
fn require_members(only: &BTreeSet<Vmid>, saved: &[&Guest], id: &JobId) -> Result<(), Failure> {
    let texts = |numbers: Vec<Vmid>| {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        numbers.join(", ")
    };
    let of_job: BTreeSet<Vmid> = saved.iter().map(|guest| guest.vmid).collect();
    let others: Vec<Vmid> = only.difference(&of_job).copied().collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::NothingFound,
        format!(
            "backup job `{id}` does not save guest {}; it saves {}",
            texts(others),
            if of_job.is_empty() {
                "no guest that exists".to_owned()
            } else {
                texts(of_job.into_iter().collect())
            }
        ),
    )
    .hint("Name guests of the job, or declare it with them first."))
}

/// A guest that may not be saved is passed over by `all` without a word, and stops a list of
/// numbers before its first guest.
fn require_guest(guest: &Guest, id: &JobId, observed: &Observed) -> Result<(), Failure> {
    let by_pool = guest.pool.as_ref().is_some_and(|pool| {
        observed
            .rights
            .permissions
            .has(&format!("/pool/{pool}"), "VM.Backup")
    });
    if by_pool {
        return Ok(());
    }
    observed.rights.require(
        "VM.Backup",
        &format!("/vms/{}", guest.vmid),
        &format!("run backup job `{id}`"),
    )
}

/// The rights that the parameters of the job need.
fn require(present: &PresentJob, id: &JobId, observed: &Observed) -> Result<(), Failure> {
    let doing = format!("run backup job `{id}`");
    let settings = &present.settings;
    let on_storage = format!(
        "/storage/{}",
        settings.get_text(key::STORAGE).unwrap_or(LOCAL)
    );
    observed
        .rights
        .require("Datastore.AllocateSpace", &on_storage, &doing)?;
    if settings.get(key::PRUNE_BACKUPS).is_some() {
        observed
            .rights
            .require("Datastore.Allocate", &on_storage, &doing)?;
    }
    if [key::BWLIMIT, key::IONICE, key::PERFORMANCE]
        .iter()
        .any(|name| settings.get(name).is_some())
    {
        observed.rights.require("Sys.Modify", "/", &doing)?;
    }
    Ok(())
}

/// What vzdump is told when only some of the job's guests are meant: without a selection each node
/// gets the numbers of its own.
pub(crate) fn partly(settings: &Settings) -> Settings {
    settings.filtered(|name| !key::SELECTION.contains(&name))
}

/// Runs it everywhere at once and waits. A node or guest that fails does not hide the others.
pub(crate) fn run(
    settings: &Settings,
    nodes: &[NodeRun],
    timeout: Duration,
    context: &Context<'_>,
) -> Result<Vec<GuestResult>, Failure> {
    let client = context.client()?;
    let storage = settings.get_text(key::STORAGE).unwrap_or(LOCAL);
    let storage: StorageId = storage
        .parse()
        .map_err(|error| Failure::new(Exit::Failed, format!("the storage of the job: {error}")))?;
    let results = std::thread::scope(|scope| {
        let handles: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(|| on_node(client, settings, &storage, node, timeout, context)))
            .collect();
        handles.into_iter().flat_map(joined).collect()
    });
    Ok(results)
}

fn on_node(
    client: &Client,
    settings: &Settings,
    storage: &StorageId,
    run: &NodeRun,
    timeout: Duration,
    context: &Context<'_>,
) -> Vec<GuestResult> {
    let failed = |task: Option<&Upid>, why: &str| {
        let result = |vmid: &Vmid| GuestResult {
            error: Some(why.to_owned()),
            ..GuestResult::new(*vmid, run, task)
        };
        run.guests.iter().map(result).collect()
    };
    let mut told = settings.filtered(|name| !OF_THE_SCHEDULE.contains(&name));
    if key::SELECTION.iter().all(|name| told.get(name).is_none()) {
        told.text(key::VMID, Some(&vmids(run.guests.iter().copied())));
    }
    let params = told.to_changes();
    let task = match client.start_backup(&run.node, &params) {
        Ok(Some(task)) => task,
        Ok(None) => return failed(None, "the node says that none of the job's guests is there"),
        Err(error) => return failed(None, &Failure::from(error).to_string()),
    };
    context.started(&task);
    let mut read: u64 = 0;
    let status = client.wait_for_task(&task, Wait::up_to(timeout), &mut |_| {
        // Progress only: what cannot be read now is read at the end.
        if let Ok(lines) = client.task_log(&task, read, 500) {
            read = lines.last().map_or(read, |line| line.number);
            if let Some(line) = lines.last() {
                context.progress(&format!("{}: {}", run.node, line.text));
            }
        }
    });
    let ended = match status {
        Ok(status) => status.outcome,
        Err(error) => return failed(Some(&task), &Failure::from(error).to_string()),
    };
    let lines = match client.task_log_tail(&task, usize::MAX) {
        Ok(lines) => lines,
        Err(error) => {
            return failed(
                Some(&task),
                &format!("the log of task `{task}` cannot be read: {error}"),
            );
        }
    };
    let guests = task_log::guests(lines.iter().map(|line| line.text.as_str()));
    let archives = client
        .archives(&run.node, storage, None)
        .unwrap_or_default();
    // A number that belongs to no guest stands in the log alone.
    let unexpected = guests
        .iter()
        .map(|guest| guest.vmid)
        .filter(|vmid| !run.guests.contains(vmid));
    run.guests
        .iter()
        .copied()
        .chain(unexpected)
        .map(|vmid| {
            let guest = guests.iter().find(|guest| guest.vmid == vmid);
            result_of(vmid, run, &task, guest, ended.as_ref(), storage, &archives)
        })
        .collect()
}

fn result_of(
    vmid: Vmid,
    run: &NodeRun,
    task: &Upid,
    guest: Option<&GuestRun>,
    ended: Option<&Outcome>,
    storage: &StorageId,
    archives: &[Archive],
) -> GuestResult {
    let mut result = GuestResult::new(vmid, run, Some(task));
    if let Some(Outcome::Warnings(count)) = ended {
        result.warnings = *count;
    }
    let of_task = match ended {
        None => Some(format!(
            "still running when the time was over; task `{task}` goes on"
        )),
        Some(Outcome::Failed(why)) => Some(why.clone()),
        Some(_) => None,
    };
    let Some(guest) = guest else {
        // With `all`, vzdump passes over guests that it may not save without a word.
        result.error = Some(of_task.unwrap_or_else(|| {
            format!("the task did not save it and did not say why; `VM.Backup` on `/vms/{vmid}` may be missing")
        }));
        return result;
    };
    match &guest.end {
        End::Finished(seconds) => {
            let volume = guest.volume(storage);
            let found = volume
                .as_ref()
                .and_then(|volume| archives.iter().find(|archive| archive.volid == *volume));
            result.size = found.and_then(|archive| archive.size);
            result.archive = volume;
            result.seconds = Some(*seconds);
        }
        End::Failed(why) => {
            result.error = Some(why.clone());
            result.tail.clone_from(&guest.tail);
        }
        End::Open => {
            result.error =
                Some(of_task.unwrap_or_else(|| "the log ends before its backup does".to_owned()));
            result.tail.clone_from(&guest.tail);
        }
    }
    result
}

impl GuestResult {
    fn new(vmid: Vmid, run: &NodeRun, task: Option<&Upid>) -> Self {
        Self {
            vmid,
            node: run.node.clone(),
            task: task.cloned(),
            archive: None,
            proof: None,
            size: None,
            seconds: None,
            error: None,
            tail: Vec::new(),
            warnings: 0,
        }
    }
}
