//! Archives that a backup made just now: read at once, before anything can happen to them, and
//! remembered like those that a run of this module reads.
//!
//! Nothing here fails: that an archive cannot be read here, or that it cannot be remembered, takes
//! nothing from the backup.

mod older;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::PathBuf;

use module_kit::{Context, Failure, joined};
use pve_coverage::Policies;
use pve_types::{NodeName, StorageId, Vmid, VolumeId};
use vzdump_archive::{Finding, Reason, Verdict};

use crate::asked::own_name;
use crate::files::{Files, Folder};
use crate::matching::{closed, elsewhere, unverified_snapshot};
use crate::remembering::{Place, Remembering};
use crate::report::ReasonResult;
use crate::sharing::ReadBy;
use crate::spec::{Ask, Spec};
use crate::{storages, verifying};

/// An archive that was made just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its volume.
    pub volume: VolumeId,
    /// The guest.
    pub vmid: Vmid,
    /// The node that made it.
    pub node: NodeName,
}

/// What reading such an archive came to. The words are those of an archive in the result.
#[derive(Debug, Clone, PartialEq)]
pub struct FreshArchive {
    /// What follows for a restore.
    pub verdict: Verdict,
    /// The SHA-256 of the file; nothing when it was not read to its end.
    pub sha256: Option<String>,
    /// Why.
    pub reasons: Vec<ReasonResult>,
}

/// What came of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Fresh {
    /// In the order in which they were named.
    pub archives: Vec<FreshArchive>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Where this is, and what of the storages is here.
#[derive(Debug, Default)]
struct Surroundings {
    here: Option<NodeName>,
    folders: Vec<Folder>,
}

/// Reads archives that were made just now, as far as their files are on this machine, at this rate
/// at the most.
pub fn verify_fresh(
    made: &[Made],
    ledger: &Place,
    bytes_per_second: Option<NonZeroU64>,
    context: &Context<'_>,
) -> Fresh {
    match surroundings(made, context) {
        Ok(surroundings) => {
            let spec = Spec {
                bytes_per_second,
                ..spec(made, ledger.clone())
            };
            read(made, &surroundings, spec, context)
        }
        Err(failure) => Fresh {
            archives: made
                .iter()
                .map(|one| unread(one, &format!("its storage cannot be looked at: {failure}")))
                .collect(),
            warnings: Vec::new(),
        },
    }
}

fn surroundings(made: &[Made], context: &Context<'_>) -> Result<Surroundings, Failure> {
    let client = context.client()?;
    let Some(here) = client.is_on_node().then(own_name).flatten() else {
        return Ok(Surroundings::default());
    };
    if made.iter().all(|one| one.volume.backup_file().is_none()) {
        return Ok(Surroundings {
            here: Some(here),
            folders: Vec::new(),
        });
    }
    let client = &client.remembering();
    let (resources, storages) = std::thread::scope(|scope| {
        let storages = scope.spawn(|| client.storages());
        (client.resources(), joined(storages))
    });
    let resources = resources?;
    // One that is named and not there would be an error of who named it; nobody did.
    let mut ask = Ask {
        storages: Vec::new(),
        read: true,
        coverage: false,
    };
    let storages = storages::chosen(&ask, storages?, &resources.permissions, &mut Vec::new())?;
    let named: BTreeSet<&StorageId> = made.iter().map(|one| one.volume.storage()).collect();
    ask.storages = named.into_iter().cloned().collect();
    Ok(Surroundings {
        folders: storages.folders(&ask, &resources, Some(&here), None),
        here: Some(here),
    })
}

fn read(
    made: &[Made],
    surroundings: &Surroundings,
    mut spec: Spec,
    context: &Context<'_>,
) -> Fresh {
    let mut closed_folders: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut files = || {
        let mut files = Files::default();
        for folder in &surroundings.folders {
            let here = made.iter().filter(|one| is_in(one, folder));
            let names: Vec<&str> = here.filter_map(|one| one.volume.backup_file()).collect();
            if names.is_empty() {
                continue;
            }
            if let Err(error) = files.add_made(folder, &names) {
                closed_folders.insert(folder.path.clone(), closed(folder, &error));
            }
        }
        files
    };
    let mut warnings = Vec::new();
    let ledger = spec.remembering.ledger.file(context);
    let observed = verifying::verify(&spec, context, files());
    let observed = observed.or_else(|busy| {
        warnings.push(format!(
            "{}: what was read now is not remembered, and backup_verify reads it again.",
            busy.message
        ));
        let mut files = files();
        // Who has the ledger writes the proofs.
        files.shared.clear();
        spec.remembering.ledger = Place::Nowhere;
        verifying::verify(&spec, context, files)
    });
    let observed = match observed {
        Ok(observed) => observed,
        Err(failure) => {
            let why = failure.to_string();
            return Fresh {
                archives: made.iter().map(|one| unread(one, &why)).collect(),
                warnings,
            };
        }
    };
    warnings.extend(observed.warnings);
    let mut found: BTreeMap<PathBuf, vzdump_archive::Examination> = observed
        .archives
        .into_iter()
        .map(|verified| (verified.candidate.path, verified.examination))
        .collect();
    let archives = made
        .iter()
        .map(|one| {
            let folder = surroundings
                .folders
                .iter()
                .find(|folder| is_in(one, folder));
            let Some((folder, file)) = folder.zip(one.volume.backup_file()) else {
                return not_here(one, surroundings.here.as_ref());
            };
            if let Some(why) = closed_folders.get(&folder.path) {
                return unread(one, why);
            }
            let path = folder.path.join(file);
            let Some(examination) = found.remove(&path) else {
                return unread(one, "it was not read");
            };
            // Only who needs another archive asks for one.
            let older = if examination.verdict.is_sound() {
                None
            } else {
                older::sound(ledger.as_deref(), &path)
            };
            FreshArchive {
                verdict: examination.verdict,
                sha256: examination.sha256,
                reasons: reasons(one, examination.reasons, older.as_deref()),
            }
        })
        .collect();
    Fresh { archives, warnings }
}

/// Whether the file is in this folder: what another node made is there only when all nodes see the
/// same.
fn is_in(made: &Made, folder: &Folder) -> bool {
    *made.volume.storage() == folder.storage
        && (made.node == folder.node || folder.read_by != ReadBy::Here)
}

/// Of an archive whose storage has no folder here.
fn not_here(made: &Made, here: Option<&NodeName>) -> FreshArchive {
    if made.volume.backup_file().is_none() {
        let reason = unverified_snapshot(made.volume.storage());
        return FreshArchive {
            verdict: reason.verdict,
            sha256: None,
            reasons: reasons(made, vec![reason], None),
        };
    }
    unread(made, &elsewhere(made.volume.storage(), &made.node, here))
}

fn unread(made: &Made, why: &str) -> FreshArchive {
    let reason = Reason::new(Finding::FileElsewhere, why);
    FreshArchive {
        verdict: reason.verdict,
        sha256: None,
        reasons: reasons(made, vec![reason], None),
    }
}

fn reasons(made: &Made, reasons: Vec<Reason>, older_sound: Option<&str>) -> Vec<ReasonResult> {
    reasons
        .into_iter()
        .map(|reason| ReasonResult {
            reason,
            guest: Some(made.vmid.get()),
            older_sound: older_sound.map(str::to_owned),
        })
        .collect()
}

/// A run that reads these guests' archives; the files say which.
fn spec(made: &[Made], ledger: Place) -> Spec {
    Spec {
        paths: Vec::new(),
        ask: None,
        guests: made.iter().map(|one| one.vmid).collect(),
        policies: Policies::default(),
        remembering: Remembering::of_backup(ledger),
        parallel: None,
        bytes_per_second: None,
        fail_on: Vec::new(),
        report: None,
        metrics: None,
    }
}

#[cfg(test)]
mod tests;
