//! What a job needs and does not have: no error, but somebody should know.

use pve_client::Known;
use pve_client::api::{ScheduleEvents, Storage};
use pve_types::{NodeName, Retention, StorageId};

use crate::job::{key, vmids};
use crate::observe::{LOCAL, RUNS, Surroundings};
use crate::selection::{Reason, Selected};
use crate::spec::{Declared, Selection};
use crate::{forecast, schedule};

const HOUR: i64 = 3600;

/// The warnings about a declared job.
pub(crate) fn warnings(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
) -> Vec<String> {
    let mut warnings = Vec::new();
    about_schedule(declared, surroundings, &mut warnings);
    about_guests(declared, surroundings, selected, &mut warnings);
    let storage = about_storage(declared, surroundings, selected, &mut warnings);
    about_fleecing(declared, surroundings, &mut warnings);
    about_retention(declared, surroundings, selected, storage, &mut warnings);
    about_notification(declared, &mut warnings);
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
    } else if runs.len() < usize::from(RUNS) {
        let times = match runs.len() {
            1 => "once more".to_owned(),
            more => format!("{more} more times"),
        };
        warnings.push(format!(
            "schedule `{}` comes {times} and then never again.",
            declared.schedule
        ));
    }
    let Some(hours) = declared.rpo_hours else {
        return;
    };
    if !declared.enabled {
        warnings.push(format!(
            "rpo_hours is {hours}, but the job is disabled: it saves nothing."
        ));
    }
    // The clock goes back for an hour once a year, which makes a day of 25 hours.
    let change_of_clocks = if hours >= 24 { HOUR } else { 0 };
    let allowed = hours.saturating_mul(HOUR).saturating_add(change_of_clocks);
    let longest = longest_gap(runs);
    if longest > allowed {
        warnings.push(format!(
            "rpo_hours is {hours}, but schedule `{}` leaves up to {} hours between two runs.",
            declared.schedule,
            in_hours(longest)
        ));
    }
}

fn about_notification(declared: &Declared, warnings: &mut Vec<String>) {
    let chosen = [key::MAILTO, key::NOTIFICATION_MODE];
    if declared.notification_expected
        && chosen
            .iter()
            .all(|name| declared.settings.get(name).is_none())
    {
        warnings.push(format!(
            "no notification is chosen for job `{}`: Proxmox VE tells at most the mail address of root@pam of a failed backup. Choose `mailto` or `notification_mode`.",
            declared.id
        ));
    }
}

/// The longest time between two of these runs, in seconds.
fn longest_gap(runs: &[i64]) -> i64 {
    runs.windows(2)
        .filter_map(|pair| match pair {
            [one, next] => next.checked_sub(*one),
            _ => None,
        })
        .max()
        .unwrap_or(0)
}

/// Rounded up.
const fn in_hours(seconds: i64) -> i64 {
    seconds.saturating_add(HOUR - 1) / HOUR
}

fn about_guests(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
    warnings: &mut Vec<String>,
) {
    if declared.selection.is_resolved_now() {
        let numbers = selected.settings.get_text(key::VMID).unwrap_or_default();
        warnings.push(format!(
            "Proxmox VE stores guests by number: tags and names stand for {} now; a guest that gets them later joins at the next run of this task.",
            numbers.replace(',', ", ")
        ));
    }
    if !selected.unused_tags.is_empty() {
        warnings.push(format!(
            "no guest has the tag `{}` now.",
            selected.unused_tags.join("` or `")
        ));
    }
    if let Some(node) = &declared.node {
        if !surroundings.nodes.contains(node) {
            warnings.push(format!(
                "node `{node}` is not in the cluster: the job will not run."
            ));
        }
        // With `all` or a pool it is what the option is for; a guest that is named was meant.
        let elsewhere = selected.left_out.iter().filter(|(_, reason)| {
            *reason == Reason::OnAnotherNode && key_is_vmid(&declared.selection)
        });
        let elsewhere: Vec<String> = elsewhere
            .map(|(guest, _)| format!("{} (on `{}`)", guest.vmid, guest.node))
            .collect();
        if !elsewhere.is_empty() {
            warnings.push(format!(
                "the job runs on node `{node}` only, so it does not save guest {}.",
                elsewhere.join(", ")
            ));
        }
    }
    let gap = surroundings.guests.gaps.first();
    if !selected.missing.is_empty() {
        let numbers = vmids(selected.missing.iter().copied()).replace(',', ", ");
        let why = gap.map_or_else(String::new, |gap| format!(", or cannot be seen: {gap}"));
        warnings.push(format!("guest {numbers} does not exist{why}."));
    }
    match (selected.covered.is_empty(), gap) {
        (true, None) => {
            let what = match &declared.selection {
                Selection::Pool(pool) => format!("pool `{pool}` has no guests"),
                _ => "the selection has no guests".to_owned(),
            };
            let here = declared
                .node
                .as_ref()
                .map_or_else(String::new, |node| format!(" on node `{node}`"));
            warnings.push(format!("{what}{here}: the job saves nothing now."));
        }
        (_, Some(gap)) => warnings.push(format!(
            "which guests the job saves is not known completely: {gap}."
        )),
        (false, None) => {}
    }
}

/// Whether Proxmox VE is told numbers.
const fn key_is_vmid(selection: &Selection) -> bool {
    matches!(
        selection,
        Selection::Guests(_) | Selection::Tags(_) | Selection::Names(_)
    )
}

fn about_storage<'a>(
    declared: &Declared,
    surroundings: &'a Surroundings,
    selected: &Selected,
    warnings: &mut Vec<String>,
) -> Option<&'a Storage> {
    let id = declared.storage.as_ref().map_or(LOCAL, StorageId::as_str);
    let storage = match &surroundings.storage {
        Known::Known(Some(storage)) => storage,
        Known::Known(None) if surroundings.storage_planned => return None,
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
    if let Some(nodes) = &storage.nodes {
        let has = |node: &NodeName| nodes.iter().any(|name| *node == name.as_str());
        let without: Vec<String> = selected
            .covered
            .iter()
            .filter(|guest| !has(&guest.node))
            .map(|guest| format!("{} (on `{}`)", guest.vmid, guest.node))
            .collect();
        match &declared.node {
            Some(node) if !has(node) => warnings.push(format!(
                "storage `{id}` is not on node `{node}`: every run will fail."
            )),
            _ if !without.is_empty() => warnings.push(format!(
                "storage `{id}` is only on {}: saving guest {} will fail.",
                nodes.join(", "),
                without.join(", ")
            )),
            _ => {}
        }
    }
    Some(storage)
}

fn about_fleecing(declared: &Declared, surroundings: &Surroundings, warnings: &mut Vec<String>) {
    let (Some(id), Some(fleecing)) = (&declared.fleecing_storage, &surroundings.fleecing) else {
        return;
    };
    match fleecing {
        Known::Known(Some(storage)) if storage.is_disabled() => warnings.push(format!(
            "fleecing storage `{id}` is disabled: saving a running VM will fail."
        )),
        Known::Known(Some(_)) => {}
        Known::Known(None) => warnings.push(format!(
            "fleecing storage `{id}` does not exist: saving a running VM will fail."
        )),
        Known::Unknown(gap) => warnings.push(format!(
            "fleecing storage `{id}` cannot be seen, so nothing about it was checked: {gap}."
        )),
    }
}

fn about_retention(
    declared: &Declared,
    surroundings: &Surroundings,
    selected: &Selected,
    storage: Option<&Storage>,
    warnings: &mut Vec<String>,
) {
    let prunes = declared.settings.get_text(key::REMOVE) != Some("0");
    let of_storage = storage.and_then(|storage| storage.prune_backups);
    let retention = declared
        .retention
        .or(of_storage)
        .unwrap_or(Retention::KEEP_ALL);
    let on_pbs = storage.is_some_and(|storage| storage.kind == "pbs");
    if declared.settings.get_text(key::PROTECTED) == Some("1") {
        if !retention.is_keep_all() {
            warnings.push(
                "the archives are protected, so the retention does not touch them: every archive is kept until its mark is taken off.".to_owned(),
            );
        }
        return;
    }
    if retention.is_keep_all() || !prunes {
        let said = declared
            .retention
            .is_some_and(|retention| retention.is_keep_all());
        // What a storage that cannot be seen keeps is not known.
        if !said && !on_pbs && (storage.is_some() || !prunes) {
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
    warnings.extend(too_few(declared, surroundings, &retention));
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

/// When the newest archive turns out damaged, the one before it counts: the retention must not
/// thin out what the schedule makes to less than the recovery point objective needs.
fn too_few(
    declared: &Declared,
    surroundings: &Surroundings,
    retention: &Retention,
) -> Option<String> {
    let hours = declared.rpo_hours?;
    let Some(before) = hours_to_the_one_before(retention) else {
        return Some(format!(
            "the retention keeps one archive of a guest: when it turns out damaged, no other lies within rpo_hours ({hours})."
        ));
    };
    let between_runs = match &surroundings.schedule {
        ScheduleEvents::Valid(runs) => in_hours(longest_gap(runs)),
        ScheduleEvents::Invalid(_) => 0,
    };
    (before > hours.max(between_runs)).then(|| {
        format!(
            "the retention keeps fewer archives than rpo_hours ({hours}) needs: the one before the newest may be {before} hours older, although the job runs more often. Keep more with keep_last, keep_hourly or keep_daily."
        )
    })
}

/// How much older than the newest archive the one before it may be, by the retention alone.
/// `None` when only one is kept.
fn hours_to_the_one_before(retention: &Retention) -> Option<i64> {
    // In the order in which Proxmox VE applies them. A period that already has an archive that is
    // kept does not use up a count, so counts of several options add up.
    const HOURS: [i64; 6] = [0, 1, 24, 7 * 24, 31 * 24, 366 * 24];
    let mut kept: u64 = 0;
    retention
        .counts()
        .zip(HOURS)
        .find_map(|((_, count), hours)| {
            kept = kept.saturating_add(count.unwrap_or(0));
            (kept >= 2).then_some(hours)
        })
}

#[cfg(test)]
mod tests;
