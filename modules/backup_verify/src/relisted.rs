//! Proxmox VE listed archives before they were read. What was removed since then counts for no
//! guest, and what came instead does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use module_kit::{Context, Failure};
use pve_client::api::Archive;
use pve_coverage::{Sight, StorageContent};
use pve_types::{NodeName, StorageId, Vmid};

use crate::asked::Asked;
use crate::files::Folder;
use crate::observe::Observed;
use crate::removed::{self, Removed};
use crate::spec::{Ask, Spec};

/// A storage on a node.
type Place = (StorageId, NodeName);

/// Takes what was removed out of the evidence. Only of a storage where something is missing
/// Proxmox VE is asked once more. One warning tells all of it.
pub(crate) fn follow(
    spec: &Spec,
    ask: &Ask,
    asked: &mut Asked,
    closed: &BTreeMap<Place, String>,
    observed: &Observed,
    context: &Context<'_>,
) -> Option<String> {
    let files = observed.removed.iter();
    let mut names: Vec<String> = files
        .map(|removed| removed.path.display().to_string())
        .collect();
    for content in &mut asked.evidence.storages {
        let mut folders = asked.folders.iter();
        let folder =
            folders.find(|folder| folder.storage == content.storage && folder.node == content.node);
        let (Some(folder), Sight::Listed(archives)) = (folder, &content.archives) else {
            continue;
        };
        let place = (content.storage.clone(), content.node.clone());
        let is_read = ask.read && !closed.contains_key(&place);
        let files = Files {
            removed: removed_from(folder, &observed.removed),
            present: is_read.then(|| present(content, observed)),
        };
        if !archives.iter().any(|archive| files.lack(archive)) {
            continue;
        }
        // What was removed is gone, whether or not it can be asked what came instead.
        let again = list_again(spec, content, context).ok();
        let relisted = relist(archives, &files, again.as_deref());
        if relisted.has_new {
            asked.evidence.until = context.now();
        }
        names.extend(relisted.vanished);
        content.archives = Sight::Listed(relisted.archives);
    }
    removed::warning(&names)
}

fn list_again(
    spec: &Spec,
    at: &StorageContent,
    context: &Context<'_>,
) -> Result<Vec<Archive>, Failure> {
    let client = context.client()?;
    let mut archives = client.archives(&at.node, &at.storage, None)?;
    archives.retain(|archive| spec.wants(archive.vmid));
    Ok(archives)
}

/// The names of the archives that were removed from the folder of a storage, also where that was
/// named as a folder.
fn removed_from<'a>(folder: &Folder, removed: &'a [Removed]) -> BTreeSet<&'a str> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let is_from = |removed: &&Removed| {
        if let Some((storage, node)) = &removed.on {
            return (storage, node) == (&folder.storage, &folder.node);
        }
        let parent = removed.path.parent().and_then(real);
        parent.is_some() && parent == real(&folder.path)
    };
    let of_it = removed.iter().filter(is_from);
    of_it.filter_map(Removed::name).collect()
}

/// The names of the archives of a storage that are here.
fn present<'a>(content: &StorageContent, observed: &'a Observed) -> BTreeSet<&'a str> {
    let files = observed.archives.iter().filter(|file| {
        let on = file.on.as_ref();
        on.is_some_and(|on| on.storage == content.storage && on.node == content.node)
    });
    files
        .map(|file| file.candidate.name.name.as_str())
        .collect()
}

/// What is known of the files of a storage.
struct Files<'a> {
    /// Those that went while they were read.
    removed: BTreeSet<&'a str>,
    /// Those that are there; nothing where the folder was not listed as that of the storage.
    present: Option<BTreeSet<&'a str>>,
}

impl Files<'_> {
    /// Whether Proxmox VE listed an archive that is no file here.
    fn lack(&self, archive: &Archive) -> bool {
        let file = archive.volid.backup_file();
        file.is_some_and(|file| {
            let present = self.present.as_ref();
            self.removed.contains(file) || present.is_some_and(|present| !present.contains(file))
        })
    }

    fn lost(&self, archive: &Archive) -> bool {
        let file = archive.volid.backup_file();
        file.is_some_and(|file| self.removed.contains(file))
    }
}

/// The archives of a storage after some of them were removed.
struct Relisted {
    archives: Vec<Archive>,
    /// Those that were gone before their folder was listed.
    vanished: Vec<String>,
    /// Whether there are some that were not listed before.
    has_new: bool,
}

fn relist(before: &[Archive], files: &Files<'_>, again: Option<&[Archive]>) -> Relisted {
    let is_listed = |archive: &Archive, list: &[Archive]| {
        let mut list = list.iter();
        list.any(|known| known.volid == archive.volid)
    };
    let is_gone = |archive: &Archive| match again {
        Some(again) => files.lack(archive) && !is_listed(archive, again),
        None => files.lost(archive),
    };
    let (gone, kept): (Vec<&Archive>, Vec<&Archive>) =
        before.iter().partition(|archive| is_gone(archive));
    // A guest that lost an archive to a prune has the one for which that was. Whatever else came
    // meanwhile is for the next run, as if it had come after this one.
    let losers: BTreeSet<Option<Vmid>> = gone.iter().map(|archive| archive.vmid).collect();
    let new = again.unwrap_or_default().iter();
    let new: Vec<&Archive> = new
        .filter(|archive| losers.contains(&archive.vmid) && !is_listed(archive, before))
        .collect();
    let vanished = gone.iter().filter(|archive| !files.lost(archive));
    Relisted {
        vanished: vanished.map(|archive| archive.volid.to_string()).collect(),
        has_new: !new.is_empty(),
        archives: kept.into_iter().chain(new).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn archive(vmid: u32, hour: u32) -> Archive {
        serde_json::from_value(json!({
            "volid": format!("local:backup/{}", name(vmid, hour)), "vmid": vmid, "ctime": hour,
        }))
        .unwrap()
    }

    fn name(vmid: u32, hour: u32) -> String {
        format!("vzdump-qemu-{vmid}-2026_01_02-{hour:02}_00_00.vma.zst")
    }

    fn hours(relisted: &Relisted) -> Vec<(u32, i64)> {
        let archives = relisted.archives.iter();
        archives
            .map(|archive| (archive.vmid.unwrap().get(), archive.ctime.unwrap()))
            .collect()
    }

    #[test]
    fn who_lost_an_archive_has_what_came_instead() {
        let before = [archive(100, 1), archive(101, 1)];
        let (first, second) = (name(100, 1), name(101, 1));
        let files = Files {
            removed: BTreeSet::from([first.as_str()]),
            present: Some(BTreeSet::from([second.as_str()])),
        };
        let again = [archive(100, 4), archive(101, 1), archive(101, 4)];
        let relisted = relist(&before, &files, Some(&again));
        // The other guest is judged by what was there when the run began.
        assert_eq!(hours(&relisted), [(101, 1), (100, 4)]);
        assert!(relisted.has_new && relisted.vanished.is_empty());
        // When nobody answers it is gone all the same.
        let relisted = relist(&before, &files, None);
        assert_eq!(hours(&relisted), [(101, 1)]);
        assert!(!relisted.has_new);
        // It was made again: it is there, and was not read.
        let relisted = relist(&before, &files, Some(&before));
        assert_eq!(hours(&relisted), [(100, 1), (101, 1)]);
    }

    #[test]
    fn what_went_before_its_folder_was_listed_is_gone_only_when_proxmox_ve_says_so() {
        let before = [archive(100, 1), archive(100, 2)];
        let second = name(100, 2);
        let files = Files {
            removed: BTreeSet::new(),
            present: Some(BTreeSet::from([second.as_str()])),
        };
        let relisted = relist(&before, &files, Some(&before[1..]));
        assert_eq!(hours(&relisted), [(100, 2)]);
        assert_eq!(
            relisted.vanished,
            [format!("local:backup/{}", name(100, 1))]
        );
        // Still listed, or nobody knows: it may lie where this run does not look.
        for again in [Some(&before[..]), None] {
            let relisted = relist(&before, &files, again);
            assert_eq!(hours(&relisted), [(100, 1), (100, 2)]);
            assert!(relisted.vanished.is_empty());
        }
        // Where no folder of the storage was listed nothing is missing.
        let elsewhere = Files {
            removed: BTreeSet::new(),
            present: None,
        };
        assert!(!before.iter().any(|archive| elsewhere.lack(archive)));
    }
}
