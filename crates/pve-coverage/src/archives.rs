//! Each archive of a guest: what the next prune makes of it, and a word when that would be the last
//! one that was verified.

use std::collections::BTreeMap;

use pve_client::api::Archive;
use pve_types::{Retention, Vmid, is_safety_copy};

use crate::evidence::{Evidence, ProofState, Sight, StorageContent};
use crate::prune::{self, Candidate, Mark, Marked};
use crate::result::ArchiveCoverage;
use crate::selection::{Selection, selection};

/// Every archive with what the next prune does.
pub(crate) fn archives(evidence: &Evidence, warnings: &mut Vec<String>) -> Vec<ArchiveCoverage> {
    let mut all = Vec::new();
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
            warn_of_the_last(evidence, &group, &marked, warnings);
            all.extend(
                group
                    .into_iter()
                    .zip(marked)
                    .map(|(archive, marked)| said(archive, marked)),
            );
        }
    }
    all.sort_by(|a, b| a.volid.cmp(&b.volid));
    all
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

fn warn_of_the_last(
    evidence: &Evidence,
    group: &[&Archive],
    marked: &[Option<Marked>],
    warnings: &mut Vec<String>,
) {
    let sound = |archive: &Archive| {
        evidence
            .proofs
            .get(&archive.volid)
            .is_some_and(|proof| proof.state == ProofState::Sound)
    };
    let mut last = None;
    for (archive, marked) in group
        .iter()
        .zip(marked)
        .filter(|(archive, _)| sound(archive))
    {
        if marked.is_none_or(|marked| marked.mark != Mark::Remove) {
            return;
        }
        last = last.max(Some((archive.ctime, &archive.volid)));
    }
    if let Some((_, volid)) = last {
        warnings.push(format!(
            "the next prune removes `{volid}`, the last archive of its guest that was read and found sound. Protect it, or verify a newer one first."
        ));
    }
}

fn said(archive: &Archive, marked: Option<Marked>) -> ArchiveCoverage {
    ArchiveCoverage {
        volid: archive.volid.to_string(),
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
