//! What a job needs and does not have: no error, but somebody should know.

use pve_client::Known;
use pve_client::api::{ScheduleEvents, Storage};
use pve_types::{Retention, StorageId};

use crate::observe::{LOCAL, Surroundings};
use crate::selection::Selected;
use crate::spec::{Declared, Selection};
use crate::{forecast, schedule};

/// The warnings about a declared job.
pub(crate) fn warnings(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
) -> Vec<String> {
    let mut warnings = Vec::new();
    about_schedule(declared, surroundings, &mut warnings);
    about_guests(declared, surroundings, selected, &mut warnings);
    let storage = about_storage(declared, surroundings, &mut warnings);
    about_retention(declared, surroundings, selected, storage, &mut warnings);
    warnings
}

fn about_schedule(declared: &Declared, surroundings: &Surroundings, warnings: &mut Vec<String>) {
    warnings.extend(schedule::surprise(&declared.schedule));
    let ScheduleEvents::Valid(runs) = &surroundings.schedule else {
        return;
    };
    if runs.is_empty() {
        warnings.push(format!(
            "schedule `{}` never comes: the job will not run.",
            declared.schedule
        ));
    }
    if let Some(hours) = declared.rpo_hours {
        let longest = runs.windows(2).filter_map(|pair| match pair {
            [one, next] => next.checked_sub(*one),
            _ => None,
        });
        if let Some(longest) = longest
            .max()
            .filter(|gap| *gap > hours.saturating_mul(3600))
        {
            warnings.push(format!(
                "rpo_hours is {hours}, but schedule `{}` leaves up to {} hours between two runs.",
                declared.schedule,
                (longest + 3599) / 3600
            ));
        }
    }
}

fn about_guests(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
    warnings: &mut Vec<String>,
) {
    if declared.selection.is_resolved_now() {
        let numbers: Vec<String> = selected
            .covered
            .iter()
            .map(|guest| guest.vmid.to_string())
            .collect();
        warnings.push(format!(
            "Proxmox VE stores guests by number: tags and names stand for {} now; a guest that gets them later joins at the next run of this task.",
            numbers.join(", ")
        ));
    }
    let gap = surroundings.guests.gaps.first();
    if !selected.missing.is_empty() {
        let numbers: Vec<String> = selected.missing.iter().map(ToString::to_string).collect();
        let why = gap.map_or_else(String::new, |gap| format!(", or cannot be seen: {gap}"));
        warnings.push(format!("guest {} does not exist{why}.", numbers.join(", ")));
    }
    match (selected.covered.is_empty(), gap) {
        (true, None) => {
            let what = match &declared.selection {
                Selection::Pool(pool) => format!(
                    "pool `{pool}` has no guests, or cannot be seen (Pool.Audit on /pool/{pool})"
                ),
                _ => "the selection has no guests".to_owned(),
            };
            warnings.push(format!("{what}: the job saves nothing now."));
        }
        (_, Some(gap)) => warnings.push(format!(
            "which guests the job saves is not known completely: {gap}."
        )),
        (false, None) => {}
    }
}

fn about_storage<'a>(
    declared: &Declared,
    surroundings: &'a Surroundings,
    warnings: &mut Vec<String>,
) -> Option<&'a Storage> {
    let id = declared.storage.as_ref().map_or(LOCAL, StorageId::as_str);
    let storage = match &surroundings.storage {
        Known::Known(Some(storage)) => storage,
        Known::Known(None) => {
            warnings.push(format!(
                "storage `{id}` does not exist: every run will fail until it is there."
            ));
            return None;
        }
        Known::Unknown(gap) => {
            warnings.push(format!(
                "storage `{id}` cannot be seen, so nothing about it was checked: {gap}."
            ));
            return None;
        }
    };
    if !storage.takes_backups() {
        warnings.push(format!(
            "storage `{id}` has no `backup` in its content: every run will fail."
        ));
    }
    if storage.is_disabled() {
        warnings.push(format!("storage `{id}` is disabled: every run will fail."));
    }
    if let (Some(node), Some(nodes)) = (&declared.node, &storage.nodes)
        && !nodes.iter().any(|name| *node == name.as_str())
    {
        warnings.push(format!(
            "storage `{id}` is not on node `{node}`: every run will fail."
        ));
    }
    Some(storage)
}

fn about_retention(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
    storage: Option<&Storage>,
    warnings: &mut Vec<String>,
) {
    let prunes = declared.settings.get_text(crate::job::key::REMOVE) != Some("0");
    let of_storage = storage.and_then(|storage| storage.prune_backups);
    let retention = declared
        .retention
        .or(of_storage)
        .unwrap_or(Retention::KEEP_ALL);
    let on_pbs = storage.is_some_and(|storage| storage.kind == "pbs");
    if retention.is_keep_all() || !prunes {
        let said = declared
            .retention
            .is_some_and(|retention| retention.is_keep_all());
        if !said && !on_pbs && storage.is_some() {
            let why = if prunes {
                "neither the job nor its storage has a retention"
            } else {
                "the job does not prune"
            };
            warnings.push(format!(
                "{why}: every archive is kept until the storage is full."
            ));
        }
        return;
    }
    if declared.rpo_hours.is_some() && retention.most_kept() == Some(1) {
        warnings.push(
            "the retention keeps one archive of a guest: when it turns out damaged, no other lies within rpo_hours.".to_owned(),
        );
    }
    match &surroundings.archives {
        // Archives on a Proxmox Backup Server share their blocks: sizes say nothing there.
        Ok(archives) if !on_pbs => {
            warnings.extend(forecast::warnings(
                &selected.covered,
                &retention,
                &surroundings.fill,
                archives,
            ));
        }
        Ok(_) => {}
        Err(why) => warnings.push(format!("how full the storage will be is not known: {why}.")),
    }
}
