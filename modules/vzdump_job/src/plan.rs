//! What has to be done so that the job is as declared. Pure.

use std::fmt;
use std::time::Duration;

use backup_verify::Place;
use module_kit::plan::{self, Action, Diff, Plan};
use module_kit::settings::{Change, Settings};
use module_kit::{Exit, Failure};
use pve_client::Known;
use pve_client::api::ScheduleEvents;
use pve_types::{JobId, StorageId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::advice;
use crate::job::{self, key};
use crate::observe::{LOCAL, Observed, PresentJob, Surroundings};
use crate::run_now::{self, NodeRun};
use crate::selection::{self, Selected};
use crate::spec::{Declared, Selection, Spec};

/// One thing that is done to a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum JobAction {
    /// Makes it. Its guard: no job has this id.
    Create {
        /// Its id.
        id: JobId,
        /// Its parameters.
        settings: Settings,
    },
    /// Changes it.
    Update {
        /// Its id.
        id: JobId,
        /// What is written.
        change: Change,
        /// The guard: what it is changed from.
        #[serde(skip)]
        from: Settings,
    },
    /// Runs it now.
    Run {
        /// Its id.
        id: JobId,
        /// Where, and which guests.
        nodes: Vec<NodeRun>,
        /// The guard, and what vzdump is told.
        #[serde(skip)]
        settings: Settings,
        /// Whether these are not all of its guests.
        partly: bool,
        /// How long its end is waited for.
        #[serde(skip)]
        timeout: Duration,
        /// Where it is remembered what reading the archives came to; nothing: they are not read.
        #[serde(skip)]
        verify: Option<Place>,
    },
    /// Removes it.
    Delete {
        /// Its id, which need not be one that this module would give.
        id: String,
        /// Why, when it is not the declared one.
        replaced_by: Option<JobId>,
        /// The guard: what is removed.
        #[serde(skip)]
        from: Settings,
    },
}

impl Action for JobAction {}

impl fmt::Display for JobAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { id, .. } => write!(formatter, "create backup job `{id}`"),
            Self::Update { id, change, .. } => {
                write!(formatter, "change backup job `{id}`: {}", change.sentence())
            }
            Self::Run { id, nodes, .. } => {
                let guests: usize = nodes.iter().map(|run| run.guests.len()).sum();
                let names: Vec<&str> = nodes.iter().map(|run| run.node.as_str()).collect();
                let plural = if guests == 1 { "" } else { "s" };
                write!(
                    formatter,
                    "run backup job `{id}` for {guests} guest{plural} on {}",
                    names.join(", ")
                )
            }
            Self::Delete {
                id,
                replaced_by: None,
                ..
            } => {
                write!(formatter, "remove backup job `{id}` (its archives stay)")
            }
            Self::Delete {
                id,
                replaced_by: Some(new),
                ..
            } => {
                write!(
                    formatter,
                    "remove backup job `{id}`, which `{new}` replaces"
                )
            }
        }
    }
}

pub(crate) fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<JobAction>, Failure> {
    let plan = match (spec, &observed.surroundings) {
        (Spec::Present(declared), Some(surroundings)) => present(declared, observed, surroundings)?,
        (Spec::Present(declared), None) => {
            return Err(Failure::refused(format!(
                "nothing was read for job `{}`: this is a defect",
                declared.id
            )));
        }
        (Spec::Absent(id), _) => absent(id, observed),
        (
            Spec::Run {
                id,
                timeout,
                only,
                verify,
            },
            _,
        ) => {
            return run_now::plan(id, *timeout, only, verify.as_ref(), observed);
        }
    };
    if !plan.is_empty() {
        check_rights(spec, observed, &plan)?;
    }
    Ok(plan)
}

fn absent(id: &JobId, observed: &Observed) -> Plan<JobAction> {
    let (actions, before) = match observed.job(id.as_str()) {
        None => (Vec::new(), json!({})),
        Some(present) => (
            vec![JobAction::Delete {
                id: id.to_string(),
                replaced_by: None,
                from: present.settings.clone(),
            }],
            present.settings.to_value(),
        ),
    };
    Plan {
        actions,
        diff: diff(id, before, json!({})),
        warnings: Vec::new(),
    }
}

fn present(
    declared: &Declared,
    observed: &Observed,
    surroundings: &Surroundings,
) -> Result<Plan<JobAction>, Failure> {
    if let ScheduleEvents::Invalid(why) = &surroundings.schedule {
        return Err(Failure::usage(format!("schedule `{}` is no calendar event: {}", declared.schedule, why.trim()))
            .hint("Examples: `03:00`, `sat 04:00`, `mon..fri 02:30`, `*-*-1 01:00`. Days and times are separated by one blank."));
    }
    if let (Selection::Pool(pool), Known::Known(false)) =
        (&declared.selection, &surroundings.pool_exists)
    {
        return Err(
            Failure::new(Exit::NothingFound, format!("pool `{pool}` does not exist")).hint(
                format!("Make it first (`pveum pool add {pool}`), or select other guests."),
            ),
        );
    }
    let selected = selection::select(declared, &surroundings.guests)?;
    let desired = desired(declared, &selected);
    let mut warnings = advice::warnings(declared, surroundings, &selected);
    let there = observed.job(declared.id.as_str());
    let mut actions = Vec::new();
    match there {
        Some(present) => {
            let change = present.settings.change_to(&desired, &key::SELECTION);
            if !present.left_alone.is_empty() {
                warnings.push(format!(
                    "job `{}` also has {}, which is not declared here and stays.",
                    declared.id,
                    present.left_alone.join(", ")
                ));
            }
            if !change.is_empty() {
                refuse_dumpdir(declared, present, observed)?;
                actions.push(JobAction::Update {
                    id: declared.id.clone(),
                    change,
                    from: present.settings.clone(),
                });
            }
        }
        None => actions.push(JobAction::Create {
            id: declared.id.clone(),
            settings: desired.clone(),
        }),
    }
    // Also when the job is there: an earlier run may have failed between the two steps.
    for twin in twins(declared, observed, &desired) {
        if !twin.left_alone.is_empty() {
            warnings.push(format!(
                "job `{}` saves the same guests in the same way, but also has {}: it is not taken over, and the guests are saved twice.",
                twin.job.id,
                twin.left_alone.join(", ")
            ));
        } else if declared.adopt {
            actions.push(JobAction::Delete {
                id: twin.job.id.clone(),
                replaced_by: Some(declared.id.clone()),
                from: twin.settings.clone(),
            });
        } else {
            warnings.push(format!(
                "job `{}` is equal but for its id: the same guests are saved twice. `adopt: true` takes it over.",
                twin.job.id
            ));
        }
    }
    let mut before = there.map_or_else(|| json!({}), |present| present.settings.to_value());
    let gone: Vec<&str> = actions
        .iter()
        .filter_map(|action| match action {
            JobAction::Delete { id, .. } => Some(id.as_str()),
            JobAction::Create { .. } | JobAction::Update { .. } | JobAction::Run { .. } => None,
        })
        .collect();
    if let (Value::Object(before), false) = (&mut before, gone.is_empty()) {
        before.insert("equal jobs".to_owned(), json!(gone));
    }
    Ok(Plan {
        actions,
        diff: diff(&declared.id, before, desired.to_value()),
        warnings,
    })
}

/// The jobs that are equal but for their id.
fn twins<'a>(
    declared: &'a Declared,
    observed: &'a Observed,
    desired: &'a Settings,
) -> impl Iterator<Item = &'a PresentJob> {
    observed
        .jobs
        .iter()
        .filter(|present| declared.id != present.job.id.as_str())
        .filter(|present| job::do_the_same(&present.settings, desired))
}

/// Refuses to change a job whose archives go to a folder: only root may, and a storage beside the
/// folder is a contradiction to Proxmox VE.
fn refuse_dumpdir(
    declared: &Declared,
    present: &PresentJob,
    observed: &Observed,
) -> Result<(), Failure> {
    if present.job.dumpdir.is_none() {
        return Ok(());
    }
    let identity = &observed.rights.identity;
    let why = if !identity.is_root() {
        format!("Proxmox VE lets only `root@pam` itself change such a job, and `{identity}` is not")
    } else if declared.storage.is_some() {
        "a job has either a folder or a storage".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::refused(format!(
        "cannot change backup job `{}`: its archives go to a folder (dumpdir); {why}",
        declared.id
    ))
    .hint(format!(
        "Take the folder away on the node: `pvesh set /cluster/backup/{} --delete dumpdir`.",
        declared.id
    )))
}

/// Everything of the declared job, with its selection looked up.
pub(crate) fn desired(declared: &Declared, selected: &Selected) -> Settings {
    let mut desired = declared.settings.clone();
    desired.extend(selected.settings.clone());
    desired
}

/// The rights that carrying the plan out needs; missing ones fail in check mode too.
fn check_rights(spec: &Spec, observed: &Observed, plan: &Plan<JobAction>) -> Result<(), Failure> {
    let rights = &observed.rights;
    let doing = plan
        .actions
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    rights.require("Sys.Modify", "/", &doing)?;
    let Spec::Present(declared) = spec else {
        return Ok(());
    };
    for action in &plan.actions {
        let mut storages = vec![declared.storage.as_ref().map_or(LOCAL, StorageId::as_str)];
        let written = match action {
            JobAction::Create { settings, .. } => settings.clone(),
            JobAction::Update { change, from, .. } => {
                // The sender must be one that could have written the job as it stands.
                storages.push(from.get_text(key::STORAGE).unwrap_or(LOCAL));
                change.applied_to(&Settings::new(&job::SHAPE))
            }
            JobAction::Delete { .. } | JobAction::Run { .. } => continue,
        };
        for storage in storages {
            rights.require("Datastore.Allocate", &format!("/storage/{storage}"), &doing)?;
        }
        if let Some(pool) = written.get_text(key::POOL) {
            rights.require("VM.Backup", &format!("/pool/{pool}"), &doing)?;
        }
        if let (Some(_), Some(storage)) = (written.get(key::FLEECING), &declared.fleecing_storage) {
            rights.require(
                "Datastore.AllocateSpace",
                &format!("/storage/{storage}"),
                &doing,
            )?;
        }
    }
    Ok(())
}

fn diff(id: &JobId, before: Value, after: Value) -> Diff {
    plan::diff(format!("backup job {id}"), before, after)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
