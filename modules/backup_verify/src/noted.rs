//! Digests that stand beside the archives: in their notes, and in the proofs of shared storages.
//! They count when the ledger is lost.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use module_kit::{Context, Failure};
use proof_ledger::{Digest, SharedProofs, Vouched, digest_in, read_proofs, with_digest};

use crate::observe::Verified;

/// Notes are a few lines; more is not read.
const NOTES_LIMIT: u64 = 64 << 10;

/// What vouches for archives that the ledger does not know.
#[derive(Debug, Default)]
pub(crate) struct Vouchers {
    /// By folder, each read once.
    proofs: Mutex<BTreeMap<String, Option<Arc<SharedProofs>>>>,
}

impl Vouchers {
    /// The digest of an archive: what the proofs of a shared storage say, else what its notes do.
    pub(crate) fn of(&self, folder: &str, name: &str) -> Option<Vouched> {
        let proofs = self
            .proofs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(folder.to_owned())
            // What cannot be read vouches for nothing.
            .or_insert_with(|| read_proofs(Path::new(folder)).ok().flatten().map(Arc::new))
            .clone();
        let proved = proofs.as_ref().and_then(|proofs| {
            Some(Vouched {
                sha256: proofs.archives.get(name)?.proof.as_ref()?.sha256?,
                by: format!("the proofs of node `{}`", proofs.node),
            })
        });
        proved.or_else(|| {
            let path = Path::new(folder).join(format!("{name}.notes"));
            Some(Vouched {
                sha256: digest_in(&notes(&path)?)?,
                by: format!("its notes (`{}`)", path.display()),
            })
        })
    }
}

fn notes(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let (file, _) = vzdump_archive::open_file(path).ok()?;
    file.take(NOTES_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes digests to the notes of archives, as far as they do not stand there.
pub(crate) fn note(archives: &[Verified], context: &Context<'_>) -> Vec<String> {
    let failed: Vec<(&Verified, Failure)> = archives
        .iter()
        .filter_map(|verified| Some((verified, note_one(verified, context)?.err()?)))
        .collect();
    let Some((verified, error)) = failed.first() else {
        return Vec::new();
    };
    let others = match failed.len() {
        1 => String::new(),
        number => format!(" (nor to those of {} others)", number.saturating_sub(1)),
    };
    vec![format!(
        "the digest cannot be written to the notes of `{}`{others}: {error}. The next run tries again.",
        verified.candidate.path.display()
    )]
}

/// Writes one digest; `None` when there is nothing to write.
fn note_one(verified: &Verified, context: &Context<'_>) -> Option<Result<(), Failure>> {
    // Whoever read it notes it; and of what is damaged nobody knows the right digest.
    if verified.by.is_some() || !verified.examination.verdict.is_sound() {
        return None;
    }
    let digest: Digest = verified.examination.sha256.as_deref()?.parse().ok()?;
    let on = verified.on.as_ref()?;
    let volume = &on.archive.as_ref()?.volid;
    // The file tells without a call whether there is something to do.
    let beside = format!("{}.notes", verified.candidate.path.display());
    with_digest(&notes(Path::new(&beside)).unwrap_or_default(), digest)?;
    let write = || {
        let client = context.client()?;
        let present = client.archive_notes(&on.node, volume)?;
        if let Some(notes) = with_digest(&present, digest) {
            client.set_archive_notes(&on.node, volume, &notes)?;
        }
        Ok(())
    };
    Some(write())
}
