//! Storages that several nodes share: one of them reads, and the others believe its proofs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proof_ledger::{
    ArchiveKey, Borrowed, FileStamp, Present, SharedProofs, Snapshot, Verifier, borrow,
    read_proofs, verifier, write_proofs,
};
use pve_types::NodeName;
use serde::Deserialize as _;
use vzdump_archive::{Examination, Finding, Reason};

use crate::observe::Found;

/// Who reads the archives of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// This run, for this node alone.
    Here,
    /// This run, for other nodes too.
    HereForAll(NodeName),
    /// That node, and its proofs are believed.
    Other(NodeName),
    /// That node should, and is not online or does not have the storage.
    Absent(NodeName),
}

impl ReadBy {
    /// Who reads a storage that several nodes share, of those that have it and are online.
    pub(crate) fn of_shared(
        here: &NodeName,
        chosen: Option<&NodeName>,
        online: &[&NodeName],
    ) -> Self {
        let names: Vec<&str> = online.iter().map(|node| node.as_str()).collect();
        let found = |name: &str| {
            let known = online.iter().copied().chain(chosen);
            known.into_iter().find(|node| node.as_str() == name)
        };
        match verifier(here.as_str(), chosen.map(NodeName::as_str), &names) {
            Verifier::Own => Self::HereForAll(here.clone()),
            Verifier::Other(name) => {
                found(name).map_or(Self::Here, |node| Self::Other(node.clone()))
            }
            Verifier::Absent(name) => {
                found(name).map_or(Self::Here, |node| Self::Absent(node.clone()))
            }
        }
    }

    /// Whether this run reads.
    pub(crate) const fn is_here(&self) -> bool {
        matches!(self, Self::Here | Self::HereForAll(_))
    }
}

/// The proofs of other nodes, by folder, each read once.
#[derive(Debug, Default)]
pub(crate) struct Lenders {
    proofs: BTreeMap<PathBuf, Result<Option<SharedProofs>, String>>,
    /// Of each node how many of its proofs are too old.
    old: BTreeMap<String, usize>,
}

impl Lenders {
    /// What another node says of an archive; where it says nothing, what this one found when it
    /// made the archive.
    pub(crate) fn lend(
        &mut self,
        path: &Path,
        read_by: &ReadBy,
        oldest: i64,
        own: Option<&OwnProofs<'_>>,
    ) -> Found {
        let or_own = |why: String| {
            let own = own.and_then(|own| own.of(path, oldest));
            own.unwrap_or_else(|| unproved(why))
        };
        let node = match read_by {
            ReadBy::Other(node) => node,
            ReadBy::Absent(node) => {
                return or_own(format!(
                    "node `{node}` verifies this storage, and it is not online or does not have the storage; name another one with `verify_node`"
                ));
            }
            ReadBy::Here | ReadBy::HereForAll(_) => return unread(),
        };
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let proofs = self.proofs.entry(folder.to_owned()).or_insert_with(|| {
            read_proofs(folder).map_err(|error| {
                format!(
                    "the proofs of node `{node}` in `{}` cannot be read: {error}",
                    folder.display()
                )
            })
        });
        let present = path.metadata().ok().zip(path.file_name());
        let present = present.map(|(metadata, name)| Present {
            name: name.to_string_lossy().into_owned(),
            stamp: FileStamp::of(&metadata),
        });
        let (proofs, present) = match (proofs, present) {
            (Err(error), _) => return or_own(error.clone()),
            (Ok(None), _) | (_, None) => {
                return or_own(format!(
                    "node `{node}` verifies this storage and left no proofs yet; run backup_verify there"
                ));
            }
            (Ok(Some(proofs)), Some(present)) => (proofs, present),
        };
        let by = proofs.node.clone();
        let proof = match borrow(proofs, &present) {
            Borrowed::Proof(proof) => proof,
            Borrowed::Outdated => {
                return unproved(format!(
                    "it is not the file that node `{by}` read, or the last try to read it failed there; run backup_verify there"
                ));
            }
            Borrowed::Missing => {
                return or_own(format!(
                    "node `{node}` verifies this storage and has not read it yet"
                ));
            }
        };
        let Ok(examination) = Examination::deserialize(&proof.detail) else {
            return unproved(format!(
                "node `{by}` has another version of this program, whose proofs cannot be understood here"
            ));
        };
        if proof.read_at < oldest {
            let old = self.old.entry(by.clone()).or_default();
            *old = old.saturating_add(1);
        }
        Found {
            examination,
            read_at: Some(proof.read_at),
            by: Some(by),
        }
    }

    /// What the user should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let old = self.old.iter().map(|(node, count)| {
            format!(
                "{count} proofs of node `{node}` are older than `max_age_days` by more than a week. Does backup_verify still run there?"
            )
        });
        old.collect()
    }
}

/// What this node read although another one reads the storage: what it made itself.
#[derive(Debug)]
pub(crate) struct OwnProofs<'a> {
    ledger: &'a Snapshot,
    node: NodeName,
}

impl<'a> OwnProofs<'a> {
    pub(crate) const fn new(ledger: &'a Snapshot, node: NodeName) -> Self {
        Self { ledger, node }
    }

    /// The proof of this very file, unless it is too old or the last try to read it failed.
    fn of(&self, path: &Path, oldest: i64) -> Option<Found> {
        let folder = path.parent()?.canonicalize().ok()?;
        let key = ArchiveKey::new(folder.to_str()?, path.file_name()?.to_str()?);
        let entry = self.ledger.get(&key)?;
        let proof = entry.proof.as_ref().filter(|_| entry.failure.is_none())?;
        let is_same = FileStamp::of(&path.metadata().ok()?) == proof.stamp;
        (is_same && proof.read_at >= oldest).then_some(())?;
        Some(Found {
            examination: Examination::deserialize(&proof.detail).ok()?,
            read_at: Some(proof.read_at),
            by: Some(self.node.to_string()),
        })
    }
}

/// Nothing is known of it.
pub(crate) fn unread() -> Found {
    unproved("it was not read".to_owned())
}

fn unproved(why: String) -> Found {
    Found {
        examination: Examination::unread(Reason::new(Finding::NotProvedYet, why)),
        read_at: None,
        by: None,
    }
}

/// What is known of a folder: of an archive that the ledger does not know, because it was lost or
/// because another run had it, what the proofs say that are there.
fn with_proofs_there(folder: &Path, ledger: &Snapshot) -> Snapshot {
    let place = folder.to_string_lossy();
    // What cannot be read is replaced.
    let there = read_proofs(folder).ok().flatten();
    let mut known = there.map_or_else(Snapshot::new, |proofs| proofs.entries(&place));
    known.retain(|key, _| !ledger.contains_key(key) && folder.join(&key.name).exists());
    let own = ledger.iter().filter(|(key, _)| key.place == place);
    known.extend(own.map(|(key, entry)| (key.clone(), entry.clone())));
    known
}

/// Puts what is known beside the archives of shared storages, where the other nodes find it.
pub(crate) fn publish(
    folders: &[(PathBuf, NodeName)],
    renewed: &BTreeSet<String>,
    ledger: &Snapshot,
    now: i64,
) -> Vec<String> {
    let written = folders.iter().filter_map(|(folder, node)| {
        let real = folder.canonicalize().ok()?;
        let is_new = renewed.contains(real.to_str()?);
        let is_there = real.join(proof_ledger::PROOFS_FILE).exists();
        if is_there && !is_new {
            return None;
        }
        let known = with_proofs_there(&real, ledger);
        let error = write_proofs(&real, node.as_str(), now, &known).err()?;
        Some(format!(
            "the proofs for other nodes cannot be written to `{}`: {error}. They call its archives not verified, or believe what was found earlier.",
            folder.display()
        ))
    });
    written.collect()
}

#[cfg(test)]
mod tests;
