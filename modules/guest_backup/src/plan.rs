//! Which lines of the configuration have to be written. Pure.

use std::collections::BTreeMap;
use std::fmt;

use module_kit::plan::{self, Action, Plan};
use module_kit::{Exit, Failure};
use pve_types::{GuestKind, Vmid};
use serde::Serialize;
use serde_json::{Value, json};

use crate::disk::{Choice, choice, flag, with_flag};
use crate::observe::Observed;
use crate::spec::{Spec, Wanted};

/// The one thing that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum FlagAction {
    /// Writes lines of the configuration.
    Write {
        /// The guest.
        vmid: Vmid,
        /// The lines, by key.
        lines: BTreeMap<String, String>,
        /// The guard: what they are changed from.
        digest: Option<String>,
    },
}

impl Action for FlagAction {}

impl fmt::Display for FlagAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Write { vmid, lines, .. } = self;
        write!(formatter, "change guest {vmid}:")?;
        for (index, (key, line)) in lines.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let word = match flag(GuestKind::Lxc, line) {
                Wanted::Saved => "save",
                Wanted::LeftOut => "leave out",
            };
            write!(formatter, "{comma} {word} {key}")?;
        }
        Ok(())
    }
}

pub(crate) fn plan(spec: &Spec, observed: &Observed) -> Result<Plan<FlagAction>, Failure> {
    let kind = observed.guest.kind;
    let entries = &observed.configs.pending.entries;
    let mut lines = BTreeMap::new();
    for (key, value) in chosen(spec, observed)? {
        if flag(kind, value) != spec.wanted {
            lines.insert(key.clone(), with_flag(value, spec.wanted));
        }
    }
    let before: BTreeMap<&String, &String> = lines
        .keys()
        .filter_map(|key| entries.get_key_value(key))
        .collect();
    let diff = plan::diff(
        format!("guest {}", spec.vmid),
        json!(before),
        if lines.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            json!(lines)
        },
    );
    let warnings = entries
        .iter()
        .filter(|(key, value)| choice(kind, key, value) == Some(Choice::Unused))
        .map(|(key, value)| {
            format!(
                "guest {} has the unused volume `{value}` ({key}): no backup takes it along.",
                spec.vmid
            )
        })
        .collect();
    let mut actions = Vec::new();
    if !lines.is_empty() {
        let action = FlagAction::Write {
            vmid: spec.vmid,
            lines,
            digest: observed.configs.pending.digest.clone(),
        };
        observed.rights.require(
            "VM.Config.Disk",
            &format!("/vms/{}", spec.vmid),
            &action.to_string(),
        )?;
        actions.push(action);
    }
    Ok(Plan {
        actions,
        diff,
        warnings,
    })
}

/// The lines that the options mean, each of which can be as it is wanted.
fn chosen<'a>(
    spec: &Spec,
    observed: &'a Observed,
) -> Result<Vec<(&'a String, &'a String)>, Failure> {
    let kind = observed.guest.kind;
    let entries = &observed.configs.pending.entries;
    let of = |wanted: Choice| {
        entries
            .iter()
            .filter(move |(key, value)| choice(kind, key, value) == Some(wanted))
    };
    let Some(names) = &spec.disks else {
        return Ok(of(Choice::Free).collect());
    };
    let mut lines = Vec::new();
    for name in names {
        let Some((key, value)) = entries.get_key_value(name) else {
            return Err(no_disk(spec, name, of(Choice::Free).map(|(key, _)| key)));
        };
        match (choice(kind, key, value), spec.wanted) {
            (Some(Choice::Free), _) => lines.push((key, value)),
            (Some(Choice::Always), Wanted::Saved) | (Some(Choice::Never), Wanted::LeftOut) => {}
            (Some(Choice::Always), Wanted::LeftOut) => {
                return Err(Failure::refused(format!(
                    "`{name}` of guest {} cannot be left out: Proxmox VE saves it whenever it saves the guest",
                    spec.vmid
                ))
                .hint("Leave the guest out of the job instead: `exclude` of vzdump_job."));
            }
            (Some(Choice::Never), Wanted::Saved) => {
                return Err(Failure::refused(format!(
                    "`{name}` of guest {} cannot be saved: Proxmox VE takes no CD-ROM and nothing of the node along",
                    spec.vmid
                ))
                .hint("Save what lies there on the node itself, or move it to a volume of a storage."));
            }
            (Some(Choice::Unused) | None, _) => {
                return Err(no_disk(spec, name, of(Choice::Free).map(|(key, _)| key)));
            }
        }
    }
    Ok(lines)
}

fn no_disk<'a>(spec: &Spec, name: &str, free: impl Iterator<Item = &'a String>) -> Failure {
    let free: Vec<&str> = free.map(String::as_str).collect();
    let has = match free.as_slice() {
        [] => "none that can be chosen".to_owned(),
        names => names.join(", "),
    };
    Failure::new(
        Exit::NothingFound,
        format!("guest {} has no disk `{name}`; it has {has}", spec.vmid),
    )
}
