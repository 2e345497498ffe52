//! Ids of volumes.

use std::fmt;
use std::str::FromStr;

use crate::text::by_text;
use crate::{ArchiveName, ParseError, StorageId};

/// The id of a volume, `<storage>:<name>`; of an archive `<storage>:backup/<file>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId {
    storage: StorageId,
    name: String,
}

impl VolumeId {
    /// The volume `name` of `storage`.
    pub fn new(storage: StorageId, name: &str) -> Result<Self, ParseError> {
        if name.is_empty() || name.contains(|c: char| c.is_control()) {
            return Err(ParseError::new(
                "volume id",
                format!("{storage}:{name}"),
                "after the storage there must be a name without control characters",
            ));
        }
        Ok(Self {
            storage,
            name: name.to_owned(),
        })
    }

    /// The storage the volume is on.
    pub fn storage(&self) -> &StorageId {
        &self.storage
    }

    /// What stands after the storage.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file name of an archive, when the volume is one on a storage made of files.
    pub fn backup_file(&self) -> Option<&str> {
        self.name
            .strip_prefix("backup/")
            .filter(|file| !file.contains('/'))
    }

    /// The parts of the archive's name, when it is a standard one.
    pub fn archive_name(&self) -> Option<ArchiveName> {
        self.backup_file().and_then(|file| file.parse().ok())
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.storage, self.name)
    }
}

impl FromStr for VolumeId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (storage, name) = text.split_once(':').ok_or_else(|| {
            ParseError::new("volume id", text, "it must look like `storage:name`")
        })?;
        let storage = storage
            .parse()
            .map_err(|error: ParseError| ParseError::new("volume id", text, error.to_string()))?;
        Self::new(storage, name)
    }
}

by_text!(VolumeId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn archives_are_known_by_their_name() {
        let volume: VolumeId = "backups:backup/vzdump-qemu-100-2026_11_20-21_00_00.vma.zst"
            .parse()
            .unwrap();
        assert_eq!(volume.storage(), "backups");
        assert_eq!(volume.archive_name().unwrap().vmid().get(), 100);
        let renamed: VolumeId = "backups:backup/random.tar.zst".parse().unwrap();
        assert_eq!(renamed.backup_file(), Some("random.tar.zst"));
        assert_eq!(renamed.archive_name(), None);
        let disk: VolumeId = "local:110/vm-110-disk-0.qcow2".parse().unwrap();
        assert_eq!(disk.backup_file(), None);
        let pbs: VolumeId = "pbs:backup/vm/100/2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            (pbs.name(), pbs.backup_file()),
            ("backup/vm/100/2026-01-01T00:00:00Z", None)
        );
    }

    #[test]
    fn broken_ids_are_refused() {
        for text in ["", "backups", ":x", "backups:", "1:x", "backups:a\nb"] {
            assert!(text.parse::<VolumeId>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn display_and_from_str_are_inverse(text in "[a-z][a-z0-9]{1,8}:[ -~]{1,40}") {
            prop_assert_eq!(text.parse::<VolumeId>().unwrap().to_string(), text);
        }
    }
}
