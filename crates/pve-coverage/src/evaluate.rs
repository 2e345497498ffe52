//! The state of each guest.

use pve_client::api::{Guest, IncludedVolume};

use crate::archives::archives;
use crate::evidence::{Evidence, ProofState};
use crate::found::{Found, unseen};
use crate::policy::Policies;
use crate::result::{
    Coverage, CoverageSummary, DiskCoverage, GuestCoverage, GuestState, JobCoverage,
};
use crate::saving::{Saved, ids, saved};
use crate::selection::{Selection, selection};

const HOUR: i64 = 3600;

/// Works out what is protected.
pub fn evaluate(evidence: &Evidence, policies: &Policies) -> Coverage {
    let guests: Vec<GuestCoverage> = evidence
        .guests
        .visible
        .iter()
        .map(|guest| one(evidence, policies, guest))
        .collect();
    let mut unknown: Vec<String> = evidence
        .guests
        .gaps
        .iter()
        .chain(evidence.jobs.gap())
        .chain(&evidence.hidden_storage)
        .map(ToString::to_string)
        .collect();
    unknown.extend(evidence.storages.iter().filter_map(unseen));
    let mut warnings = Vec::new();
    let archives = archives(evidence, &mut warnings);
    Coverage {
        summary: summary(&guests),
        guests,
        archives,
        unknown,
        warnings,
    }
}

fn one(evidence: &Evidence, policies: &Policies, guest: &Guest) -> GuestCoverage {
    let found = Found::of(evidence, policies, guest);
    let saved = saved(evidence, guest);
    let rpo_hours = policies.rpo_hours(guest);
    let next_run = match &saved {
        Saved::By(jobs) => jobs.iter().filter_map(|job| job.next_run).min(),
        Saved::Not(..) => None,
    };
    let (state, why) = match policies.none_expected(guest) {
        Some(policy) => {
            let mut why = format!("expected to have no backup (policy `{policy}`)");
            if let Saved::By(jobs) = &saved {
                why.push_str(", and saved all the same by job ");
                why.push_str(&ids(jobs));
            }
            (GuestState::Excluded, why)
        }
        None => match saved {
            Saved::Not(state, why) => (state, why),
            Saved::By(_) => state(evidence, guest, &found, rpo_hours),
        },
    };
    let last = evidence.last_backups.get(&guest.vmid);
    GuestCoverage {
        vmid: guest.vmid.get(),
        kind: guest.kind.to_string(),
        name: guest.name.clone(),
        node: guest.node.to_string(),
        state,
        why,
        jobs: jobs_of(evidence, guest),
        next_run,
        disks: evidence
            .disks
            .get(&guest.vmid)
            .into_iter()
            .flatten()
            .map(disk)
            .collect(),
        newest: found.newest.map(|archive| archive.volid.to_string()),
        newest_at: found.newest.and_then(|archive| archive.ctime),
        newest_sound: found.newest_sound.map(|archive| archive.volid.to_string()),
        // A reading that failed proves nothing.
        proof_at: found
            .proof
            .filter(|proof| proof.state != ProofState::Unreadable)
            .map(|proof| proof.read_at),
        proof_by: found.proof.and_then(|proof| proof.by.clone()),
        rpo_hours,
        last_backup_at: last.map(|last| last.at),
        last_error: last.and_then(|last| last.error.clone()),
        last_backup_seconds: last.and_then(|last| last.seconds),
    }
}

fn jobs_of(evidence: &Evidence, guest: &Guest) -> Vec<JobCoverage> {
    evidence
        .jobs
        .known()
        .into_iter()
        .flatten()
        .filter(|job| selection(job, guest, evidence.hidden_pool.as_ref()) == Selection::Selected)
        .map(|job| JobCoverage {
            id: job.id.clone(),
            enabled: job.is_enabled(),
        })
        .collect()
}

/// The state of a guest that an enabled job saves.
fn state(
    evidence: &Evidence,
    guest: &Guest,
    found: &Found<'_>,
    rpo_hours: Option<i64>,
) -> (GuestState, String) {
    // One that is seen and young enough is enough, whatever else is hidden; what is missing,
    // old or bad may have a better one among those.
    let unless_hidden = |state: GuestState, why: String| match &found.hidden {
        Some(hidden) => (GuestState::Unknown, hidden.clone()),
        None => (state, why),
    };
    let every_disk_left_out = evidence
        .disks
        .get(&guest.vmid)
        .is_some_and(|disks| !disks.is_empty() && disks.iter().all(|disk| !disk.included));
    if every_disk_left_out {
        return (
            GuestState::Excluded,
            "every disk has `backup=0` in the configuration of the guest".to_owned(),
        );
    }
    let Some(newest) = found.newest else {
        let mut why = "no archive".to_owned();
        if found.copies > 0 {
            why.push_str("; copies made before a restore do not count");
        }
        if found.too_small > 0 {
            why.push_str("; what is smaller than the minimum does not count");
        }
        return unless_hidden(GuestState::Unprotected, why);
    };
    if let Some(proof) = found.proof.filter(|proof| proof.state != ProofState::Sound) {
        let what = match proof.state {
            ProofState::Unreadable => "cannot be read",
            ProofState::Corrupt | ProofState::Sound => "is damaged",
        };
        let instead = found.newest_sound.map_or_else(
            || "no other one is known to be sound".to_owned(),
            |sound| format!("the newest sound one is `{}`", sound.volid),
        );
        return unless_hidden(
            GuestState::Corrupt,
            format!("`{}` {what}; {instead}", newest.volid),
        );
    }
    if let Some(undated) = found.undated {
        return unless_hidden(GuestState::Stale, undated.text(newest));
    }
    let age = newest
        .ctime
        .map_or(i64::MAX, |ctime| evidence.now.saturating_sub(ctime));
    if let Some(hours) = rpo_hours
        && age > hours.saturating_mul(HOUR)
    {
        return unless_hidden(
            GuestState::Stale,
            format!(
                "its newest archive is {} hours old, {hours} are allowed",
                age / HOUR
            ),
        );
    }
    match found.proof {
        Some(_) => (
            GuestState::Protected,
            "newest archive read and sound".to_owned(),
        ),
        None => (
            GuestState::Unverified,
            format!("`{}` was not read yet", newest.volid),
        ),
    }
}

fn disk(volume: &IncludedVolume) -> DiskCoverage {
    DiskCoverage {
        key: volume.key.clone(),
        volume: volume.volume.clone(),
        saved: volume.included,
        why: volume.reason.clone().unwrap_or_default(),
    }
}

fn summary(guests: &[GuestCoverage]) -> CoverageSummary {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let count =
        |state: GuestState| number(guests.iter().filter(|guest| guest.state == state).count());
    CoverageSummary {
        guests: number(guests.len()),
        protected: count(GuestState::Protected),
        excluded: count(GuestState::Excluded),
        unverified: count(GuestState::Unverified),
        stale: count(GuestState::Stale),
        corrupt: count(GuestState::Corrupt),
        unprotected: count(GuestState::Unprotected),
        unknown: count(GuestState::Unknown),
        disks_not_saved: number(
            guests
                .iter()
                .flat_map(|guest| &guest.disks)
                .filter(|disk| !disk.saved)
                .count(),
        ),
    }
}

#[cfg(test)]
mod tests;
