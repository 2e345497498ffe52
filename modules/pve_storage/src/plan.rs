//! What has to be done so that the storage is as declared. Pure.

use std::fmt;

use module_kit::Failure;
use module_kit::plan::{self, Action, Diff, Plan};
use module_kit::settings::{Change, Settings};
use pve_client::Known;
use pve_types::StorageId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::definition::key;
use crate::observe::{Observed, Present};
use crate::spec::{Declared, Password, Spec};

/// One thing that is done to a storage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum StorageAction {
    /// Makes it.
    Create {
        /// Its id.
        storage: StorageId,
        /// Its kind.
        #[serde(rename = "type")]
        kind: String,
        /// Its parameters; the password is in the spec.
        settings: Settings,
    },
    /// Changes it.
    Update {
        /// Its id.
        storage: StorageId,
        /// What is written.
        change: Change,
        /// Whether the password is written too.
        password: bool,
        /// The guard: what it is changed from.
        digest: Option<String>,
    },
    /// Removes its definition.
    Delete {
        /// Its id.
        storage: StorageId,
    },
}

impl Action for StorageAction {}

impl fmt::Display for StorageAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { storage, kind, .. } => {
                write!(formatter, "create storage `{storage}` of type {kind}")
            }
            Self::Update {
                storage,
                change,
                password,
                ..
            } => {
                write!(
                    formatter,
                    "change storage `{storage}`: {}",
                    change.sentence()
                )?;
                match (password, change.is_empty()) {
                    (true, true) => formatter.write_str("write the password"),
                    (true, false) => formatter.write_str("; write the password"),
                    (false, _) => Ok(()),
                }
            }
            Self::Delete { storage } => write!(
                formatter,
                "remove the definition of storage `{storage}` (what lies on it stays)"
            ),
        }
    }
}

pub(crate) fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<StorageAction>, Failure> {
    let plan = match spec {
        Spec::Present(declared) => plan_present(declared, observed)?,
        Spec::Absent {
            storage, confirmed, ..
        } => plan_absent(storage, *confirmed, observed)?,
    };
    if !plan.is_empty() {
        let doing = plan
            .actions
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        observed
            .rights
            .require("Datastore.Allocate", "/storage", &doing)?;
    }
    Ok(plan)
}

fn plan_present(declared: &Declared, observed: &Observed) -> Result<Plan<StorageAction>, Failure> {
    let present = match &observed.present {
        Known::Known(present) => present.as_ref(),
        Known::Unknown(gap) => {
            return Err(observed.rights.unknown(
                gap,
                &format!("whether storage `{}` exists", declared.storage),
            ));
        }
    };
    let after = whole(&declared.kind, &declared.settings);
    let mut warnings = Vec::new();
    let content = declared.settings.get_text(key::CONTENT).unwrap_or_default();
    if declared.retention.is_some() && !content.split(',').any(|kind| kind == "backup") {
        warnings.push(format!(
            "storage `{}` has a retention, but its content has no `backup`: no archive can lie on it.",
            declared.storage
        ));
    }
    let Some(present) = present else {
        let action = StorageAction::Create {
            storage: declared.storage.clone(),
            kind: declared.kind.clone(),
            settings: declared.settings.clone(),
        };
        return Ok(Plan {
            actions: vec![action],
            diff: diff(&declared.storage, json!({}), after),
            warnings,
        });
    };
    refuse_fixed(declared, present)?;
    let change = present.settings.change_to(&declared.settings, &[]);
    let password = matches!(declared.password, Password::Always(_));
    let mut actions = Vec::new();
    if !change.is_empty() || password {
        actions.push(StorageAction::Update {
            storage: declared.storage.clone(),
            change,
            password,
            digest: present.digest.clone(),
        });
    }
    let before = whole(&present.kind, &present.settings);
    Ok(Plan {
        actions,
        diff: diff(&declared.storage, before, after),
        warnings,
    })
}

fn plan_absent(
    storage: &StorageId,
    confirmed: bool,
    observed: &Observed,
) -> Result<Plan<StorageAction>, Failure> {
    let present = match &observed.present {
        Known::Known(None) => {
            return Ok(Plan {
                actions: Vec::new(),
                diff: diff(storage, json!({}), json!({})),
                warnings: Vec::new(),
            });
        }
        Known::Known(Some(present)) => present,
        Known::Unknown(gap) => {
            return Err(observed
                .rights
                .unknown(gap, &format!("whether storage `{storage}` exists")));
        }
    };
    let mut warnings = Vec::new();
    if !observed.jobs_using.is_empty() {
        let names: Vec<String> = observed
            .jobs_using
            .iter()
            .map(|job| format!("`{job}`"))
            .collect();
        let sentence = format!(
            "storage `{storage}` is used by backup job {}",
            names.join(", ")
        );
        if !confirmed {
            return Err(Failure::refused(format!(
                "{sentence}; without it the guests of the job have no backup"
            ))
            .hint("Give the job another storage first, or say `confirmed: true`."));
        }
        warnings.push(format!("{sentence}; its next run fails."));
    }
    Ok(Plan {
        actions: vec![StorageAction::Delete {
            storage: storage.clone(),
        }],
        diff: diff(storage, whole(&present.kind, &present.settings), json!({})),
        warnings,
    })
}

/// Refuses what Proxmox VE cannot change.
fn refuse_fixed(declared: &Declared, present: &Present) -> Result<(), Failure> {
    let mut differing = Vec::new();
    if declared.kind == present.kind {
        for name in key::FIXED {
            let (there, wanted) = (
                present.settings.get_text(name),
                declared.settings.get_text(name),
            );
            if there != wanted {
                differing.push(format!(
                    "{name} is `{}`, not `{}`",
                    there.unwrap_or("unset"),
                    wanted.unwrap_or("unset")
                ));
            }
        }
    } else {
        differing.push(format!("type is {}, not {}", present.kind, declared.kind));
    }
    if differing.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "storage `{}` exists and is another one: {}; Proxmox VE cannot change that",
        declared.storage,
        differing.join("; ")
    ))
    .hint("Declare it under another id, or remove its definition first (`state: absent`; what lies on it stays)."))
}

fn whole(kind: &str, settings: &Settings) -> Value {
    let mut value = settings.to_value();
    if let Value::Object(map) = &mut value {
        map.insert(key::TYPE.to_owned(), json!(kind));
    }
    value
}

fn diff(storage: &StorageId, before: Value, after: Value) -> Diff {
    plan::diff(format!("storage {storage}"), before, after)
}

#[cfg(test)]
mod tests;
