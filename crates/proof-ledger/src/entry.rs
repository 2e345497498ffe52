//! What is remembered of an archive.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Everything that is remembered.
pub type Snapshot = BTreeMap<ArchiveKey, Entry>;

/// An archive: the folder it is in, and its name there.
///
/// The folder and not the storage: a file verified by its path is the same file when it is
/// verified as part of a storage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ArchiveKey {
    /// The folder, as an absolute path.
    pub place: String,
    /// The name of the file.
    pub name: String,
}

impl ArchiveKey {
    /// The archive `name` in the folder `place`.
    pub fn new(place: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ArchiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.place.trim_end_matches('/'), self.name)
    }
}

/// What tells that a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Bytes.
    pub size: u64,
    /// When its content last changed: seconds since 1970.
    pub mtime: i64,
    /// The nanoseconds of it.
    pub mtime_nanos: u32,
    /// Its inode.
    pub inode: u64,
}

impl FileStamp {
    /// From what the file system says.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.size(),
            mtime: metadata.mtime(),
            mtime_nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or(0),
            inode: metadata.ino(),
        }
    }
}

/// A SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no SHA-256: it must have 64 digits from 0 to f");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = at.saturating_mul(2);
            *byte = text
                .get(pair..pair.saturating_add(2))
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a full reading found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A restore gets back what was saved.
    Ok,
    /// It can be restored; somebody should look.
    Warn,
    /// A restore fails, or gives back something else than what was saved.
    Corrupt,
}

/// Why an archive is not simply sound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The word for it that programs read.
    pub code: String,
    /// The sentence for people.
    pub text: String,
    /// The layer: `file`, `codec`, `vma`, `tar`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where in the file or in the layer's stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The disk it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}

/// The verdict on an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// In one word.
    pub state: State,
    /// Why; empty when it is sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Nothing to say.
    pub const OK: Self = Self {
        state: State::Ok,
        reasons: Vec::new(),
    };
}

/// What is known from a reading to the last byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The file that was read.
    pub stamp: FileStamp,
    /// Its digest when it was first read and found sound. It stays when a later reading finds
    /// another: the file is measured by what it was. `None` when it never was sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// What was found.
    pub verdict: Verdict,
    /// When it was read, in Unix seconds.
    pub read_at: i64,
    /// How long that took.
    pub millis: u64,
    /// The version of the program that read it.
    pub program: String,
    /// The generation of its checks; see [`crate::Settings::checks`].
    pub checks: u32,
    /// What the reader wants to have back beside the verdict, such as the list of disks.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// The last try to read an archive, when it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRead {
    /// When, in Unix seconds.
    pub at: i64,
    /// What the system said.
    pub text: String,
}

/// Everything that is remembered of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The last full reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// A later try that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailedRead>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixty_four_digits() {
        let text = "00ff".repeat(16);
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(
            serde_json::to_string(&digest).unwrap(),
            format!("\"{text}\"")
        );
        for wrong in [
            "",
            "00",
            &"0g".repeat(32),
            &"é".repeat(32),
            &"+1".repeat(32),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_reads_as_a_path() {
        assert_eq!(ArchiveKey::new("/dump", "a.vma").to_string(), "/dump/a.vma");
        assert_eq!(ArchiveKey::new("/", "a.vma").to_string(), "/a.vma");
    }

    #[test]
    fn a_stamp_changes_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let stamp = || FileStamp::of(&std::fs::metadata(&path).unwrap());
        std::fs::write(&path, "one").unwrap();
        let one = stamp();
        assert_eq!(one, stamp());
        assert_eq!(one.size, 3);
        std::fs::write(folder.path().join("b"), "one").unwrap();
        std::fs::rename(folder.path().join("b"), &path).unwrap();
        assert_ne!(one.inode, stamp().inode);
    }
}
