//! What can be wrong, each with a name that programs may rely on.

mod table;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

pub use table::Finding;

/// How many findings of an archive are kept; the rest are counted.
const KEPT: usize = 64;
/// How many findings of one kind are kept.
const KEPT_OF_ONE: usize = 8;

/// Where in an archive something is wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The file itself: it is empty, cannot be read, or is not what its name says.
    File,
    /// The compression and its checksums.
    Codec,
    /// VMA, tar, or the text of a dump.
    Format,
    /// The configuration of the guest.
    Config,
}

impl Layer {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Codec => "codec",
            Self::Format => "format",
            Self::Config => "config",
        }
    }
}

/// What an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stretch {
    /// Bytes of the file.
    File,
    /// Bytes of what is in it once decompressed.
    Decoded,
}

/// A place in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// An offset in the file.
    File(u64),
    /// An offset in what is in it once decompressed.
    Decoded(u64),
}

impl Place {
    const fn parts(self) -> (u64, Stretch) {
        match self {
            Self::File(offset) => (offset, Stretch::File),
            Self::Decoded(offset) => (offset, Stretch::Decoded),
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Its name, which never changes its meaning.
    pub id: Finding,
    /// Where it is wrong.
    pub layer: Layer,
    /// What this finding alone makes of the archive; `ok` is a remark.
    pub verdict: Verdict,
    /// The byte where it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Whether the offset counts bytes of the file or of what is in it once decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_in: Option<Stretch>,
    /// The disk it concerns, or the member of a tar archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
    /// What was found, in words.
    pub text: String,
    /// What a restore would do.
    pub restore: String,
}

impl Reason {
    /// A finding with the words for it.
    pub fn new(id: Finding, text: impl Into<String>) -> Self {
        Self {
            id,
            layer: id.layer(),
            verdict: id.verdict(),
            offset: None,
            offset_in: None,
            disk: None,
            text: text.into(),
            restore: id.restore().to_owned(),
        }
    }

    /// Where it was seen.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        let (offset, stretch) = place.parts();
        self.offset = Some(offset);
        self.offset_in = Some(stretch);
        self
    }

    /// The disk or member it concerns.
    #[must_use]
    pub fn on(mut self, disk: impl Into<String>) -> Self {
        self.disk = Some(disk.into());
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.id.as_str(), self.text)?;
        match (self.offset, self.offset_in) {
            (Some(offset), Some(Stretch::File)) => write!(formatter, " (byte {offset})"),
            (Some(offset), _) => write!(formatter, " (byte {offset} of the content)"),
            _ => Ok(()),
        }
    }
}

/// What was found in one archive.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    reasons: Vec<Reason>,
    left_out: u64,
    worst: Option<Verdict>,
}

impl Findings {
    /// Keeps one more; of very many only the number.
    pub fn push(&mut self, reason: Reason) {
        self.worst = self.worst.max(Some(reason.verdict));
        let same = self.reasons.iter().filter(|known| known.id == reason.id);
        if same.count() < KEPT_OF_ONE && self.reasons.len() < KEPT {
            self.reasons.push(reason);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Keeps all of another.
    pub fn extend(&mut self, other: Self) {
        self.left_out = self.left_out.saturating_add(other.left_out);
        self.worst = self.worst.max(other.worst);
        for reason in other.reasons {
            self.push(reason);
        }
    }

    /// Takes findings away that follow from what was found elsewhere.
    pub(crate) fn forget(&mut self, ids: &[Finding]) {
        self.reasons.retain(|reason| !ids.contains(&reason.id));
    }

    /// What follows from all of them.
    pub fn verdict(&self) -> Verdict {
        self.worst.unwrap_or(Verdict::Ok)
    }

    /// Whether this was found.
    pub fn has(&self, id: Finding) -> bool {
        self.reasons.iter().any(|reason| reason.id == id)
    }

    /// The findings, and how many more there were than are kept.
    pub fn into_parts(self) -> (Vec<Reason>, u64) {
        (self.reasons, self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_words_and_unique() {
        let mut names: Vec<_> = Finding::ALL.iter().map(|id| id.as_str()).collect();
        for name in &names {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Finding::ALL.len());
    }

    #[test]
    fn a_name_is_what_is_serialized() {
        for id in Finding::ALL {
            assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
            let again: Finding = serde_json::from_value(id.as_str().into()).unwrap();
            assert_eq!(again, *id);
        }
    }

    #[test]
    fn very_many_findings_stay_few_and_keep_the_worst() {
        let mut findings = Findings::default();
        for _ in 0..1000 {
            findings.push(Reason::new(Finding::VmaZeroBlock, "a"));
        }
        findings.push(Reason::new(Finding::VmaMissingClusters, "b"));
        assert_eq!(findings.verdict(), Verdict::Corrupt);
        let (reasons, left_out) = findings.into_parts();
        assert_eq!((reasons.len(), left_out), (KEPT_OF_ONE + 1, 992));
    }
}
