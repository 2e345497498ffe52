//! The state of each guest.

use pve_client::api::{Archive, Guest, IncludedVolume, Job};
use pve_client::{Gap, Known};
use pve_types::is_safety_copy;

use crate::archives::archives;
use crate::evidence::{Evidence, Proof, ProofState, Sight, StorageContent};
use crate::policy::Policies;
use crate::result::{
    Coverage, CoverageSummary, DiskCoverage, GuestCoverage, GuestState, JobCoverage,
};
use crate::selection::{Selection, selection};

const HOUR: i64 = 3600;

/// An archive with a time further ahead than this does not count as fresh: a clock was wrong.
const AHEAD: i64 = HOUR;

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

fn unseen(content: &StorageContent) -> Option<String> {
    match &content.archives {
        Sight::Listed(_) => None,
        Sight::Failed(why) => Some(format!(
            "the archives on storage `{}` of node `{}` could not be listed: {why}",
            content.storage, content.node
        )),
    }
}

/// What jobs do for a guest.
enum Saved<'a> {
    By(Vec<&'a Job>),
    Not(GuestState, String),
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
        Some(policy) => (
            GuestState::Excluded,
            format!("expected to have no backup (policy `{policy}`)"),
        ),
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
        proof_at: found.proof.map(|proof| proof.read_at),
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

fn saved<'a>(evidence: &'a Evidence, guest: &Guest) -> Saved<'a> {
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
    let enabled: Vec<&Job> = selected
        .iter()
        .copied()
        .filter(|job| job.is_enabled())
        .collect();
    if !enabled.is_empty() {
        let runs = |job: &&Job| job.next_run.is_some();
        if enabled.iter().any(runs) {
            return Saved::By(enabled);
        }
        return Saved::Not(
            GuestState::Unprotected,
            format!("the schedule of job {} never comes again", ids(&enabled)),
        );
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
        let mut why = format!("only in disabled jobs: {}", ids(&selected));
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

fn ids(jobs: &[&Job]) -> String {
    let ids: Vec<String> = jobs.iter().map(|job| format!("`{}`", job.id)).collect();
    ids.join(", ")
}

/// What there is of a guest's archives.
struct Found<'a> {
    /// The newest that counts.
    newest: Option<&'a Archive>,
    newest_sound: Option<&'a Archive>,
    /// The proof of the newest.
    proof: Option<&'a Proof>,
    /// Why some may be hidden.
    hidden: Option<String>,
    too_small: usize,
    copies: usize,
}

impl<'a> Found<'a> {
    fn of(evidence: &'a Evidence, policies: &Policies, guest: &Guest) -> Self {
        let mut found = Self {
            newest: None,
            newest_sound: None,
            proof: None,
            hidden: evidence.hidden_storage.as_ref().map(Gap::to_string),
            too_small: 0,
            copies: 0,
        };
        for content in &evidence.storages {
            let gap = evidence
                .permissions
                .gap_for_archives(&content.storage, Some(guest.vmid));
            let archives = match &content.archives {
                Sight::Listed(archives) => archives,
                Sight::Failed(_) => {
                    found.hidden = found.hidden.or_else(|| unseen(content));
                    continue;
                }
            };
            found.hidden = found.hidden.or_else(|| gap.as_ref().map(Gap::to_string));
            for archive in archives.iter().filter(|archive| is_of(archive, guest)) {
                found.count(evidence, policies, archive);
            }
        }
        found.proof = found
            .newest
            .and_then(|archive| evidence.proofs.get(&archive.volid));
        found
    }

    fn count(&mut self, evidence: &Evidence, policies: &Policies, archive: &'a Archive) {
        if is_safety_copy(archive.notes.as_deref()) {
            self.copies = self.copies.saturating_add(1);
            return;
        }
        if archive.size.unwrap_or(0) < policies.minimum_size {
            self.too_small = self.too_small.saturating_add(1);
            return;
        }
        let is_newer = |than: Option<&Archive>| than.is_none_or(|than| archive.ctime > than.ctime);
        if is_newer(self.newest) {
            self.newest = Some(archive);
        }
        let proof = evidence.proofs.get(&archive.volid);
        if proof.is_some_and(|proof| proof.state == ProofState::Sound)
            && is_newer(self.newest_sound)
        {
            self.newest_sound = Some(archive);
        }
    }
}

/// An archive of a VM says nothing of a container that has its number now.
fn is_of(archive: &Archive, guest: &Guest) -> bool {
    let kind = match archive.subtype.as_deref() {
        Some("openvz") => Some("lxc"),
        other => other,
    };
    archive.vmid == Some(guest.vmid)
        && kind.is_none_or(|kind| kind == "unknown" || kind == guest.kind.to_string())
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
    let age = newest
        .ctime
        .map_or(i64::MAX, |ctime| evidence.now.saturating_sub(ctime));
    let ahead = newest
        .ctime
        .map_or(0, |ctime| ctime.saturating_sub(evidence.until));
    if ahead > AHEAD {
        return unless_hidden(
            GuestState::Stale,
            format!(
                "the time of `{}` is in the future: a clock was wrong, and its age is not known",
                newest.volid
            ),
        );
    }
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
