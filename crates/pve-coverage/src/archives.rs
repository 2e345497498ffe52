//! Each archive of a guest: what the next prune makes of it, and a word when that would be the last
//! one that was verified.

use std::collections::BTreeMap;

use pve_client::api::Archive;
use pve_types::{Retention, Vmid, VolumeId, is_safety_copy};

use crate::evidence::{Evidence, ProofState, Sight, StorageContent};
use crate::prune::{self, Candidate, Mark, Marked};
use crate::result::ArchiveCoverage;
use crate::selection::{Selection, selection};

/// Every archive with what the next prune does.
pub(crate) fn archives(evidence: &Evidence, warnings: &mut Vec<String>) -> Vec<ArchiveCoverage> {
    let mut all = Vec::new();
    let mut sound = LastSound::default();
    for content in &evidence.storages {
        let Sight::Listed(archives) = &content.archives else {
            continue;
        };
        // Archives of `qemu/100` and of `lxc/100` are counted apart.
        let mut groups: BTreeMap<(Option<&str>, Option<Vmid>), Vec<&Archive>> = BTreeMap::new();
        for archive in archives {
            groups
                .entry((archive.subtype.as_deref(), archive.vmid))
                .or_default()
                .push(archive);
        }
        for ((_, vmid), group) in groups {
            let pruning = vmid.map_or(Pruning::Nobody, |vmid| pruning(evidence, content, vmid));
            let marked: Vec<Option<Marked>> = match &pruning {
                Pruning::Nobody => group.iter().map(|_| None).collect(),
                Pruning::By(retention) => {
                    let candidates: Vec<Candidate> =
                        group.iter().map(|archive| candidate(archive)).collect();
                    let marks = prune::marks(&candidates, retention, &evidence.zone);
                    marks.into_iter().map(Some).collect()
                }
            };
            for (archive, marked) in group.into_iter().zip(marked) {
                sound.note(evidence, archive, marked);
                all.push(said(content, archive, marked));
            }
        }
    }
    warnings.extend(sound.warnings());
    all.sort_by(|a, b| (&a.volid, &a.node).cmp(&(&b.volid, &b.node)));
    all
}

/// The archives of each guest that were read and found sound, on whatever storage.
#[derive(Default)]
struct LastSound<'a>(BTreeMap<(Option<&'a str>, Vmid), Rest<'a>>);

#[derive(Default)]
struct Rest<'a> {
    /// Whether one of them stays.
    stays: bool,
    /// The newest of those that are removed.
    removed: Option<(Option<i64>, &'a VolumeId)>,
}

impl<'a> LastSound<'a> {
    fn note(&mut self, evidence: &Evidence, archive: &'a Archive, marked: Option<Marked>) {
        let proof = evidence.proofs.get(&archive.volid);
        let is_sound = proof.is_some_and(|proof| proof.state == ProofState::Sound);
        // A copy made before a restore is no backup that would be left.
        let (Some(vmid), true) = (archive.vmid, is_sound) else {
            return;
        };
        if is_safety_copy(archive.notes.as_deref()) {
            return;
        }
        let rest = self
            .0
            .entry((archive.subtype.as_deref(), vmid))
            .or_default();
        if marked.is_some_and(|marked| marked.mark == Mark::Remove) {
            rest.removed = rest.removed.max(Some((archive.ctime, &archive.volid)));
        } else {
            rest.stays = true;
        }
    }

    fn warnings(self) -> impl Iterator<Item = String> {
        let last = self.0.into_values().filter(|rest| !rest.stays);
        last.filter_map(|rest| rest.removed).map(|(_, volid)| format!(
            "the next prune removes `{volid}`, the last archive of its guest that was read and found sound. Protect it, or verify a newer one first."
        ))
    }
}

enum Pruning {
    By(Retention),
    Nobody,
}

/// The retention of the enabled job that runs next, saves the guest and prunes this storage.
fn pruning(evidence: &Evidence, content: &StorageContent, vmid: Vmid) -> Pruning {
    let guest = evidence
        .guests
        .visible
        .iter()
        .find(|guest| guest.vmid == vmid);
    let Some(guest) = guest else {
        return Pruning::Nobody;
    };
    // A job prunes where it saves: what a guest left on a node that it went away from stays.
    if !content.is_shared && content.node != guest.node {
        return Pruning::Nobody;
    }
    evidence
        .jobs
        .known()
        .into_iter()
        .flatten()
        .filter(|job| job.is_enabled() && job.remove.unwrap_or(true))
        .filter(|job| content.storage == *job.storage.as_deref().unwrap_or("local"))
        .filter(|job| selection(job, guest, None) == Selection::Selected)
        .filter_map(|job| Some((job.next_run?, job)))
        .min_by_key(|(next, _)| *next)
        .map_or(Pruning::Nobody, |(_, job)| {
            let own = job.prune_backups.filter(|retention| !retention.is_empty());
            Pruning::By(own.or(content.retention).unwrap_or(Retention::KEEP_ALL))
        })
}

fn candidate(archive: &Archive) -> Candidate {
    let apart = if archive.volid.backup_file().is_some() && archive.volid.archive_name().is_none() {
        Some(Mark::Renamed)
    } else {
        archive.protected.then_some(Mark::Protected)
    };
    Candidate {
        ctime: archive.ctime.unwrap_or(0),
        apart,
    }
}

fn said(content: &StorageContent, archive: &Archive, marked: Option<Marked>) -> ArchiveCoverage {
    ArchiveCoverage {
        volid: archive.volid.to_string(),
        node: content.node.to_string(),
        vmid: archive.vmid.map(Vmid::get),
        at: archive.ctime,
        safety_copy: is_safety_copy(archive.notes.as_deref()),
        next_prune: marked.map(|marked| marked.mark),
        next_prune_why: marked.map_or_else(
            || "no enabled job prunes it".to_owned(),
            |marked| marked.why.to_string(),
        ),
    }
}
