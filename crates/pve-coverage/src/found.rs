//! What there is of a guest's archives, and which of them is the newest that counts.

use pve_client::Gap;
use pve_client::api::{Archive, Guest};
use pve_types::is_safety_copy;

use crate::evidence::{Evidence, Proof, ProofState, Sight, StorageContent};
use crate::policy::Policies;

/// An archive with a time further ahead than this does not count as fresh: a clock was wrong.
const AHEAD: i64 = 3600;

/// What there is of a guest's archives.
pub(crate) struct Found<'a> {
    /// The newest that counts.
    pub(crate) newest: Option<&'a Archive>,
    /// Why its age is not known.
    pub(crate) undated: Option<Undated>,
    pub(crate) newest_sound: Option<&'a Archive>,
    /// The proof of the newest.
    pub(crate) proof: Option<&'a Proof>,
    /// Why some may be hidden.
    pub(crate) hidden: Option<String>,
    pub(crate) too_small: usize,
    pub(crate) copies: usize,
}

/// Why the time of an archive says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undated {
    /// It is in the future.
    Ahead,
    /// Its name tells none, and then it is the time of the last copy or rename.
    Renamed,
}

impl Undated {
    /// Whether and why the time of this archive says nothing.
    pub(crate) fn of(archive: &Archive, until: i64) -> Option<Self> {
        if archive.volid.backup_file().is_some() && archive.volid.archive_name().is_none() {
            return Some(Self::Renamed);
        }
        let ahead = archive.ctime.unwrap_or(0).saturating_sub(until);
        (ahead > AHEAD).then_some(Self::Ahead)
    }

    /// What follows, of an archive.
    pub(crate) fn text(self, archive: &Archive) -> String {
        match self {
            Self::Ahead => format!(
                "the time of `{}` is in the future: a clock was wrong, and its age is not known",
                archive.volid
            ),
            Self::Renamed => format!(
                "the name of `{}` does not tell when it was made, and its age is not known",
                archive.volid
            ),
        }
    }
}

impl<'a> Found<'a> {
    pub(crate) fn of(evidence: &'a Evidence, policies: &Policies, guest: &Guest) -> Self {
        let mut found = Self {
            newest: None,
            undated: None,
            newest_sound: None,
            proof: None,
            hidden: evidence.hidden_storage.as_ref().map(Gap::to_string),
            too_small: 0,
            copies: 0,
        };
        let mut counting: Vec<&Archive> = Vec::new();
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
            let own = archives.iter().filter(|archive| is_of(archive, guest));
            counting.extend(own.filter(|archive| found.counts(policies, archive)));
        }
        let state = |archive: &Archive| evidence.proofs.get(&archive.volid);
        let is_sound = |archive: &Archive| {
            state(archive).is_some_and(|proof| proof.state == ProofState::Sound)
        };
        let is_bad = |archive: &Archive| {
            state(archive).is_some_and(|proof| proof.state != ProofState::Sound)
        };
        let undated = |archive: &Archive| Undated::of(archive, evidence.until);
        // Of times that say nothing none counts before one that is known. But what a restore would
        // take for the newest, and what is damaged, is not passed over.
        let rank = |archive: &Archive| match undated(archive) {
            None => 2,
            Some(Undated::Ahead) if is_bad(archive) => 3,
            Some(Undated::Ahead) => 1,
            Some(Undated::Renamed) => 0,
        };
        // Of copies in several places one that is sound is enough.
        let known = |archive: &Archive| (is_sound(archive), is_bad(archive));
        let newest = |archives: &mut dyn Iterator<Item = &&'a Archive>| {
            archives
                .copied()
                .max_by_key(|archive| (rank(archive), archive.ctime, known(archive)))
        };
        found.newest = newest(&mut counting.iter());
        found.newest_sound = newest(&mut counting.iter().filter(|archive| is_sound(archive)));
        found.undated = found.newest.and_then(undated);
        found.proof = found.newest.and_then(state);
        found
    }

    fn counts(&mut self, policies: &Policies, archive: &Archive) -> bool {
        if is_safety_copy(archive.notes.as_deref()) {
            self.copies = self.copies.saturating_add(1);
            return false;
        }
        if archive.size.unwrap_or(0) < policies.minimum_size {
            self.too_small = self.too_small.saturating_add(1);
            return false;
        }
        true
    }
}

/// That the archives of a storage could not be listed.
pub(crate) fn unseen(content: &StorageContent) -> Option<String> {
    match &content.archives {
        Sight::Listed(_) => None,
        Sight::Failed(why) => Some(format!(
            "the archives on storage `{}` of node `{}` could not be listed: {why}",
            content.storage, content.node
        )),
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
