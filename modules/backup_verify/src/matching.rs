//! Which file is which archive of Proxmox VE, and what is said of those that are no file here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use pve_client::api::Archive;
use pve_coverage::{Proof, ProofState, Sight, StorageContent};
use pve_types::{NodeName, StorageId, VolumeId};
use vzdump_archive::{Finding, Reason, Verdict};

use crate::asked::Asked;
use crate::files::Folder;
use crate::observe::{Listed, OnStorage, Verified};
use crate::spec::Ask;

/// A storage on a node.
type Place = (StorageId, NodeName);

/// Gives each file its archive, what was found to the evidence, and tells the archives that no
/// file belongs to.
pub(crate) fn matched(
    ask: &Ask,
    asked: &mut Asked,
    closed: &BTreeMap<Place, String>,
    files: &mut [Verified],
) -> Vec<Listed> {
    let mut taken: BTreeSet<(Place, VolumeId)> = BTreeSet::new();
    {
        let mut by_file: BTreeMap<&str, Vec<(&StorageContent, &Archive)>> = BTreeMap::new();
        for content in &asked.evidence.storages {
            for archive in archives(content) {
                if let Some(file) = archive.volid.backup_file() {
                    by_file.entry(file).or_default().push((content, archive));
                }
            }
        }
        for file in files.iter_mut() {
            let named = by_file.get(file.candidate.name.name.as_str());
            let found = named
                .into_iter()
                .flatten()
                .find(|(content, archive)| is_it(content, archive, file));
            if let Some((content, archive)) = found {
                taken.insert((place(content), archive.volid.clone()));
                if file.on.is_none() && !is_in_folder(&asked.folders, content, file) {
                    file.by = Some(format!(
                        "the reading of `{}`, which has the same name and size",
                        file.candidate.path.display()
                    ));
                }
                file.on = Some(OnStorage {
                    storage: content.storage.clone(),
                    node: content.node.clone(),
                    archive: Some((*archive).clone()),
                });
            }
        }
    }
    let listed: Vec<Listed> = asked
        .evidence
        .storages
        .iter()
        .filter(|content| ask.storages.is_empty() || ask.storages.contains(&content.storage))
        .flat_map(|content| archives(content).map(move |archive| (content, archive)))
        .filter(|(content, archive)| !taken.contains(&(place(content), archive.volid.clone())))
        .map(|(content, archive)| listed(ask, asked, closed, content, archive))
        .collect();
    prove(asked, files);
    listed
}

fn place(content: &StorageContent) -> Place {
    (content.storage.clone(), content.node.clone())
}

fn archives(content: &StorageContent) -> impl Iterator<Item = &Archive> {
    match &content.archives {
        Sight::Listed(archives) => archives.as_slice(),
        Sight::Failed(_) => &[],
    }
    .iter()
}

/// In the folder of a storage the name tells; elsewhere the size must be the same, too.
fn is_it(content: &StorageContent, archive: &Archive, file: &Verified) -> bool {
    match &file.on {
        Some(on) => on.storage == content.storage && on.node == content.node,
        None => archive.size.is_none_or(|size| size == file.candidate.size),
    }
}

/// Is a file that was named the one in the folder of this storage?
fn is_in_folder(folders: &[Folder], content: &StorageContent, file: &Verified) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let parent = file.candidate.path.parent().and_then(real);
    folders
        .iter()
        .filter(|folder| folder.storage == content.storage && folder.node == content.node)
        .any(|folder| parent.is_some() && real(&folder.path) == parent)
}

fn listed(
    ask: &Ask,
    asked: &Asked,
    closed: &BTreeMap<Place, String>,
    content: &StorageContent,
    archive: &Archive,
) -> Listed {
    let mut listed = Listed {
        storage: content.storage.clone(),
        node: content.node.clone(),
        archive: archive.clone(),
        verdict: Verdict::NotVerified,
        reason: None,
        read_at: None,
        by: None,
    };
    let reason = if content.is_pbs {
        by_backup_server(&mut listed)
    } else {
        let why = why_not_read(ask, asked, closed, content);
        Some(Reason::new(Finding::FileElsewhere, why))
    };
    if let Some(reason) = &reason {
        listed.verdict = reason.verdict;
    }
    listed.reason = reason;
    listed
}

/// What a Proxmox Backup Server says of its own snapshot.
fn by_backup_server(listed: &mut Listed) -> Option<Reason> {
    let by = backup_server(&listed.storage);
    let Some(verification) = &listed.archive.verification else {
        return Some(unverified_snapshot(&listed.storage));
    };
    listed.read_at = verification.started();
    listed.by = Some(by.clone());
    if verification.state == "ok" {
        listed.verdict = Verdict::Ok;
        return None;
    }
    Some(Reason::new(
        Finding::BackupServerFailed,
        format!("{by} says of its verification: {}", verification.state),
    ))
}

/// A snapshot that its backup server has not verified.
pub(crate) fn unverified_snapshot(storage: &StorageId) -> Reason {
    Reason::new(
        Finding::BackupServerUnverified,
        format!(
            "{} has not verified this snapshot yet; set up a verify job there",
            backup_server(storage)
        ),
    )
}

/// Who vouches for a snapshot.
pub(crate) fn backup_server(storage: &StorageId) -> String {
    format!("Proxmox Backup Server of storage `{storage}`")
}

fn why_not_read(
    ask: &Ask,
    asked: &Asked,
    closed: &BTreeMap<Place, String>,
    content: &StorageContent,
) -> String {
    let place = place(content);
    if let Some(why) = closed.get(&place) {
        return why.clone();
    }
    if !ask.read {
        return format!(
            "it is on {}, and not among the files that were named",
            on(&content.storage, &content.node)
        );
    }
    let folder = asked
        .folders
        .iter()
        .find(|folder| (&folder.storage, &folder.node) == (&place.0, &place.1));
    if let Some(folder) = folder {
        return format!("it is not in `{}`", folder.path.display());
    }
    elsewhere(&content.storage, &content.node, asked.here.as_ref())
}

/// Why an archive is not read here whose storage has no folder here.
pub(crate) fn elsewhere(storage: &StorageId, node: &NodeName, here: Option<&NodeName>) -> String {
    let on = on(storage, node);
    if here == Some(node) {
        format!("{on} is no folder on this machine")
    } else {
        format!("it is on {on}; run backup_verify there")
    }
}

fn on(storage: &StorageId, node: &NodeName) -> String {
    format!("storage `{storage}` of node `{node}`")
}

/// Why the archives of a folder are not read.
pub(crate) fn closed(folder: &Folder, error: &io::Error) -> String {
    format!("cannot read `{}`: {error}", folder.path.display())
}

/// What was read counts as evidence, and so does what backup servers say.
fn prove(asked: &mut Asked, files: &[Verified]) {
    let mut proofs: BTreeMap<VolumeId, Proof> = BTreeMap::new();
    for file in files {
        let archive = file.on.as_ref().and_then(|on| on.archive.as_ref());
        let state = match file.examination.verdict {
            Verdict::Ok | Verdict::Warn => ProofState::Sound,
            Verdict::Corrupt => ProofState::Corrupt,
            Verdict::Unreadable => ProofState::Unreadable,
            Verdict::InProgress | Verdict::NotVerified | Verdict::Incomplete => continue,
        };
        if let (Some(archive), Some(read_at)) = (archive, file.read_at) {
            let proof = Proof {
                state,
                read_at,
                by: file.by.clone(),
            };
            // Of two files of the same name and size one that is damaged counts.
            if proofs
                .get(&archive.volid)
                .is_none_or(|known| known.state == ProofState::Sound)
            {
                proofs.insert(archive.volid.clone(), proof);
            }
        }
    }
    let snapshots = asked
        .evidence
        .storages
        .iter()
        .filter(|content| content.is_pbs)
        .flat_map(|content| archives(content).map(move |archive| (content, archive)));
    for (content, archive) in snapshots {
        let Some(verification) = &archive.verification else {
            continue;
        };
        let proof = Proof {
            state: if verification.state == "ok" {
                ProofState::Sound
            } else {
                ProofState::Corrupt
            },
            read_at: verification.started().or(archive.ctime).unwrap_or(0),
            by: Some(backup_server(&content.storage)),
        };
        proofs.insert(archive.volid.clone(), proof);
    }
    asked.evidence.proofs = proofs;
}
