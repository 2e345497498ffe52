//! What there is to go back to when an archive is damaged.

use std::fs;
use std::path::Path;

use proof_ledger::{FileStamp, Ledger, Proof, State};
use pve_types::{ArchiveName, LocalStamp};

/// The newest older archive of the same guest that was read, was sound, and is still that file.
pub(super) fn sound(ledger: Option<&Path>, archive: &Path) -> Option<String> {
    let named = |name: &str| name.parse::<ArchiveName>().ok();
    let newest = named(archive.file_name()?.to_str()?)?;
    let folder = archive.parent()?.canonicalize().ok()?;
    let place = folder.to_str()?;
    // Another run may have the ledger: nothing is written here.
    let known = Ledger::look(ledger?).ledger;
    let sound = known.snapshot().iter().filter_map(|(key, entry)| {
        let proof = entry.proof.as_ref().filter(|_| entry.failure.is_none())?;
        let name = named(&key.name).filter(|_| key.place == place)?;
        let is_older = name.vmid() == newest.vmid() && name.stamp() < newest.stamp();
        (is_older && is_sound(proof, &folder.join(&key.name)))
            .then(|| (name.stamp(), key.name.clone()))
    });
    sound
        .max_by_key(|(stamp, _): &(LocalStamp, String)| *stamp)
        .map(|(_, name)| name)
}

fn is_sound(proof: &Proof, path: &Path) -> bool {
    matches!(proof.verdict.state, State::Ok | State::Warn)
        && fs::metadata(path).is_ok_and(|there| FileStamp::of(&there) == proof.stamp)
}
