//! What has to be done so that the job is as declared. Pure.

use std::fmt;

use module_kit::Failure;
use module_kit::plan::{self, Action, Diff, Plan};
use module_kit::settings::{Change, Settings};
use pve_client::api::ScheduleEvents;
use pve_types::{JobId, StorageId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::advice;
use crate::job::key;
use crate::observe::{LOCAL, Observed, PresentJob, Surroundings};
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
    let selected = selection::select(declared, &surroundings.guests)?;
    let desired = desired(declared, &selected);
    let mut warnings = advice::warnings(declared, surroundings, &selected);
    let there = observed.job(declared.id.as_str());
    let twin = observed
        .jobs
        .iter()
        .find(|present| there.is_none() && same_but_for_id(&present.settings, &desired));
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
                actions.push(JobAction::Update {
                    id: declared.id.clone(),
                    change,
                    from: present.settings.clone(),
                });
            }
        }
        None => {
            actions.push(JobAction::Create {
                id: declared.id.clone(),
                settings: desired.clone(),
            });
            actions.extend(
                twin.filter(|_| declared.adopt)
                    .map(|twin| JobAction::Delete {
                        id: twin.job.id.clone(),
                        replaced_by: Some(declared.id.clone()),
                        from: twin.settings.clone(),
                    }),
            );
            warnings.extend(
                twin.filter(|_| !declared.adopt)
                    .map(|twin| warn_of_twin(twin)),
            );
        }
    }
    let before = there.map_or_else(|| json!({}), |present| present.settings.to_value());
    Ok(Plan {
        actions,
        diff: diff(&declared.id, before, desired.to_value()),
        warnings,
    })
}

fn warn_of_twin(twin: &PresentJob) -> String {
    format!(
        "job `{}` is equal but for its id: the same guests would be saved twice. `adopt: true` takes it over.",
        twin.job.id
    )
}

/// Everything of the declared job, with its selection looked up.
pub(crate) fn desired(declared: &Declared, selected: &Selected) -> Settings {
    let mut desired = declared.settings.clone();
    desired.extend(selected.settings.clone());
    desired
}

fn same_but_for_id(one: &Settings, other: &Settings) -> bool {
    one.change_to(other, &[]).is_empty()
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
    let mut storages = vec![declared.storage.as_ref().map_or(LOCAL, StorageId::as_str)];
    if let Some(present) = observed.job(declared.id.as_str()) {
        storages.push(present.settings.get_text(key::STORAGE).unwrap_or(LOCAL));
    }
    for storage in storages {
        rights.require("Datastore.Allocate", &format!("/storage/{storage}"), &doing)?;
    }
    if let Selection::Pool(pool) = &declared.selection {
        rights.require("VM.Backup", &format!("/pool/{pool}"), &doing)?;
    }
    if let Some(storage) = &declared.fleecing_storage {
        rights.require(
            "Datastore.AllocateSpace",
            &format!("/storage/{storage}"),
            &doing,
        )?;
    }
    Ok(())
}

fn diff(id: &JobId, before: Value, after: Value) -> Diff {
    plan::diff(format!("backup job {id}"), before, after)
}
