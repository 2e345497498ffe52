//! A storage that several nodes see is read by one of them; the others use its proofs.
//!
//! The verifier puts its proofs beside the archives, in a file of its own that is replaced at
//! once. They are where the archives are, so no connection between nodes is needed, and losing
//! them costs nothing but that the others say "not verified". Who may write there may change the
//! archives as well, so a proof from there is worth as much as the archive; the result says whose
//! proof it is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::decide::Present;
use crate::entry::{ArchiveKey, Entry, FileStamp, Proof, Snapshot};
use crate::store::replace;

/// The name of the file, in the folder of the archives. Proxmox VE lists only names of archives.
pub const PROOFS_FILE: &str = ".reprise-proofs.json";

/// More is no file of ours: some 10 000 proofs with every reason stay far below it.
const LARGEST: u64 = 64 << 20;

const FORMAT: u32 = 1;

/// The proofs of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedProofs {
    format: u32,
    /// The node that read the archives.
    pub node: String,
    /// When this was written, in Unix seconds.
    pub written_at: i64,
    /// What is known, by name of the archive.
    pub archives: BTreeMap<String, Entry>,
}

/// Writes what is known of the folder's archives beside them.
pub fn write_proofs(folder: &Path, node: &str, now: i64, ledger: &Snapshot) -> io::Result<()> {
    let place = folder.to_string_lossy();
    let proofs = SharedProofs {
        format: FORMAT,
        node: node.to_owned(),
        written_at: now,
        archives: ledger
            .iter()
            .filter(|(key, _)| key.place == place)
            .map(|(key, entry)| (key.name.clone(), entry.clone()))
            .collect(),
    };
    let bytes = serde_json::to_vec(&proofs).map_err(io::Error::other)?;
    replace(&folder.join(PROOFS_FILE), &bytes)
}

/// Reads what the verifier wrote; `None` when it wrote nothing yet.
pub fn read_proofs(folder: &Path) -> io::Result<Option<SharedProofs>> {
    let path = folder.join(PROOFS_FILE);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::other("it is no file of proofs"));
    }
    let proofs: SharedProofs = serde_json::from_slice(&fs::read(&path)?)?;
    if proofs.format == FORMAT {
        Ok(Some(proofs))
    } else {
        Err(io::Error::other(format!(
            "it has format {}, this version reads format {FORMAT}",
            proofs.format
        )))
    }
}

/// A proof of another node for an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borrowed<'a> {
    /// It counts.
    Proof(&'a Proof),
    /// The archive changed since, or the last try to read it failed.
    Outdated,
    /// There is none.
    Missing,
}

/// What the verifier's proofs say of an archive.
///
/// The inode is not compared: clients of a network share may number the same file differently,
/// and know its time to the second only.
pub fn borrow<'a>(proofs: &'a SharedProofs, archive: &Present) -> Borrowed<'a> {
    let Some(entry) = proofs.archives.get(&archive.name) else {
        return Borrowed::Missing;
    };
    let same =
        |stamp: &FileStamp| (stamp.size, stamp.mtime) == (archive.stamp.size, archive.stamp.mtime);
    match &entry.proof {
        None => Borrowed::Missing,
        Some(proof) if entry.failure.is_none() && same(&proof.stamp) => Borrowed::Proof(proof),
        Some(_) => Borrowed::Outdated,
    }
}

/// Who verifies a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifier<'a> {
    /// This node does.
    Own,
    /// That node does, and its proofs are read.
    Other(&'a str),
    /// The node that should is not online or does not have the storage.
    Absent(&'a str),
}

/// Who verifies a storage that these nodes have: the one that is named, else the lowest one that
/// is online, by the order of names.
///
/// A named node that is away has no stand-in: it was named because the others should not read.
pub fn verifier<'a>(own: &'a str, named: Option<&'a str>, online: &[&'a str]) -> Verifier<'a> {
    match named {
        Some(named) if named == own => Verifier::Own,
        Some(named) if online.contains(&named) => Verifier::Other(named),
        Some(named) => Verifier::Absent(named),
        // This node runs, whatever the cluster thinks of it.
        None => match online.iter().copied().chain([own]).min() {
            Some(lowest) if lowest != own => Verifier::Other(lowest),
            _ => Verifier::Own,
        },
    }
}

impl SharedProofs {
    /// The proofs as entries of a folder.
    pub fn entries(&self, folder: &str) -> Snapshot {
        self.archives
            .iter()
            .map(|(name, entry)| (ArchiveKey::new(folder, name.as_str()), entry.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::FailedRead;
    use crate::journal::tests::entry;

    #[test]
    fn one_node_verifies() {
        let all = ["pve2", "pve1", "pve3"];
        assert_eq!(verifier("pve1", None, &all), Verifier::Own);
        assert_eq!(verifier("pve2", None, &all), Verifier::Other("pve1"));
        assert_eq!(verifier("pve2", None, &["pve3", "pve2"]), Verifier::Own);
        assert_eq!(verifier("pve2", None, &[]), Verifier::Own);
        assert_eq!(
            verifier("pve1", Some("pve3"), &all),
            Verifier::Other("pve3")
        );
        assert_eq!(verifier("pve3", Some("pve3"), &all), Verifier::Own);
        assert_eq!(
            verifier("pve1", Some("pve9"), &all),
            Verifier::Absent("pve9")
        );
    }

    #[test]
    fn proofs_go_from_node_to_node() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_string_lossy().into_owned();
        assert_eq!(read_proofs(folder.path()).unwrap(), None);
        let mut ledger = Snapshot::new();
        ledger.insert(ArchiveKey::new(place.as_str(), "a"), entry(5));
        ledger.insert(ArchiveKey::new("/other", "b"), entry(6));
        write_proofs(folder.path(), "pve1", 77, &ledger).unwrap();
        let proofs = read_proofs(folder.path()).unwrap().unwrap();
        assert_eq!((proofs.node.as_str(), proofs.written_at), ("pve1", 77));
        ledger.retain(|key, _| key.place == place);
        assert_eq!(proofs.entries(&place), ledger);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn a_proof_of_another_file_is_no_proof() {
        let mut proofs = SharedProofs {
            format: FORMAT,
            node: "pve1".to_owned(),
            written_at: 0,
            archives: BTreeMap::from([("a".to_owned(), entry(5))]),
        };
        let proof = entry(5).proof.unwrap();
        let mut present = Present {
            name: "a".to_owned(),
            stamp: proof.stamp,
        };
        present.stamp.inode = 1;
        present.stamp.mtime_nanos = 0;
        assert_eq!(borrow(&proofs, &present), Borrowed::Proof(&proof));
        present.stamp.size += 1;
        assert_eq!(borrow(&proofs, &present), Borrowed::Outdated);
        present.stamp.size -= 1;
        proofs.archives.get_mut("a").unwrap().failure = Some(FailedRead {
            at: 6,
            text: String::new(),
        });
        assert_eq!(borrow(&proofs, &present), Borrowed::Outdated);
        present.name = "b".to_owned();
        assert_eq!(borrow(&proofs, &present), Borrowed::Missing);
    }

    #[test]
    fn what_is_no_file_of_ours_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PROOFS_FILE);
        for text in [
            "",
            "{}",
            "{\"format\":2,\"node\":\"a\",\"written_at\":1,\"archives\":{}}",
        ] {
            fs::write(&path, text).unwrap();
            assert!(read_proofs(folder.path()).is_err(), "{text}");
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(read_proofs(folder.path()).is_err());
    }
}
