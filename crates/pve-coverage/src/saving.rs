//! What the jobs do for a guest: one saves it, or why none does.

use pve_client::Known;
use pve_client::api::{Guest, Job};

use crate::evidence::Evidence;
use crate::result::GuestState;
use crate::selection::{Selection, selection};

/// What jobs do for a guest.
pub(crate) enum Saved<'a> {
    /// These save it.
    By(Vec<&'a Job>),
    /// None does.
    Not(GuestState, String),
}

/// What the jobs do for this guest.
pub(crate) fn saved<'a>(evidence: &'a Evidence, guest: &Guest) -> Saved<'a> {
    let jobs = match &evidence.jobs {
        Known::Known(jobs) => jobs,
        Known::Unknown(gap) => return Saved::Not(GuestState::Unknown, gap.to_string()),
    };
    let by = |selected: &Selection| -> Vec<&'a Job> {
        jobs.iter()
            .filter(|job| selection(job, guest, evidence.hidden_pool.as_ref()) == *selected)
            .collect()
    };
    let selected = by(&Selection::Selected);
    let mut idle = Vec::new();
    let mut saving = Vec::new();
    for job in selected.iter().copied().filter(|job| job.is_enabled()) {
        match hindrance(evidence, job, guest) {
            Some(why) => idle.push(why),
            None => saving.push(job),
        }
    }
    if !saving.is_empty() {
        return Saved::By(saving);
    }
    let hidden = jobs.iter().filter(|job| job.is_enabled()).find_map(|job| {
        match selection(job, guest, evidence.hidden_pool.as_ref()) {
            Selection::Unknown(gap) => Some(gap),
            _ => None,
        }
    });
    if let Some(gap) = hidden {
        return Saved::Not(GuestState::Unknown, gap.to_string());
    }
    if !idle.is_empty() {
        return Saved::Not(GuestState::Unprotected, idle.join("; "));
    }
    not_selected(guest, &selected, by)
}

/// Why an enabled job that selects a guest never saves it.
fn hindrance(evidence: &Evidence, job: &Job, guest: &Guest) -> Option<String> {
    if job.next_run.is_none() {
        return Some(format!(
            "the schedule of job `{}` never comes again",
            job.id
        ));
    }
    // Without one the node's own settings may name another storage or a folder.
    let storage = job.storage.as_deref()?;
    let target = evidence
        .targets
        .iter()
        .find(|target| target.storage == *storage);
    let what = match target {
        // It may be there, and hidden.
        None if evidence.hidden_storage.is_some() => return None,
        None => "does not exist".to_owned(),
        Some(target) if target.is_disabled => "is disabled".to_owned(),
        Some(target) if !target.takes_backups => "has no `backup` in its content".to_owned(),
        Some(target) => {
            let nodes = target.nodes.as_ref()?;
            if nodes.iter().any(|node| guest.node == node.as_str()) {
                return None;
            }
            format!("is not on its node `{}`", guest.node)
        }
    };
    Some(format!(
        "job `{}` cannot save it: storage `{storage}` {what}",
        job.id
    ))
}

/// Why no enabled job selects it.
fn not_selected<'a>(
    guest: &Guest,
    selected: &[&Job],
    by: impl Fn(&Selection) -> Vec<&'a Job>,
) -> Saved<'a> {
    let mut excluding = by(&Selection::Excluded);
    excluding.retain(|job| job.is_enabled());
    // Left out of one job for another one that names it: when that one is disabled, nobody saves
    // the guest, and nobody meant that.
    let named = selected.iter().any(|job| names_guests(job));
    if !excluding.is_empty() && !named {
        return Saved::Not(
            GuestState::Excluded,
            format!("in `exclude` of job {}", ids(&excluding)),
        );
    }
    let elsewhere = by(&Selection::OtherNode);
    let why = if !selected.is_empty() {
        let mut why = format!("only in disabled jobs: {}", ids(selected));
        if !excluding.is_empty() {
            why.push_str("; in `exclude` of job ");
            why.push_str(&ids(&excluding));
        }
        why
    } else if !elsewhere.is_empty() {
        format!(
            "job {} runs on another node than `{}`",
            ids(&elsewhere),
            guest.node
        )
    } else {
        "in no backup job".to_owned()
    };
    Saved::Not(GuestState::Unprotected, why)
}

/// Does it select guests by number or pool, and not all?
fn names_guests(job: &Job) -> bool {
    job.pool.is_some() || job.vmid.as_ref().is_some_and(|named| !named.is_empty())
}

/// The names of jobs, for people.
pub(crate) fn ids(jobs: &[&Job]) -> String {
    let ids: Vec<String> = jobs.iter().map(|job| format!("`{}`", job.id)).collect();
    ids.join(", ")
}
