//! Paths of API calls.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What needs no escape: the unreserved characters of RFC 3986.
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The path of an API call below `/api2/json`, as its segments.
///
/// Segments are kept as they are; a transport that needs it escapes them, so that no name can
/// reach another path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApiPath {
    segments: Vec<String>,
}

impl ApiPath {
    /// A path of fixed words, for example `cluster/backup`.
    pub fn new(words: &'static str) -> Self {
        Self {
            segments: words
                .split('/')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }

    /// The path one segment deeper; the segment may contain anything.
    #[must_use]
    pub fn join(mut self, segment: impl AsRef<str>) -> Self {
        self.segments.push(segment.as_ref().to_owned());
        self
    }

    /// The segments as they are.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The path with its segments percent-encoded, with a slash first.
    pub fn encoded(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            text.extend(percent_encode(segment.as_bytes(), ESCAPED));
        }
        text
    }

    /// Segments that every URL parser would resolve away (`.`, `..`, nothing) cannot be sent.
    pub(crate) fn has_unsendable_segment(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment.as_str(), "" | "." | ".."))
    }
}

impl fmt::Display for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(f, "/{segment}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cannot_break_out() {
        let path = ApiPath::new("nodes")
            .join("pve1")
            .join("storage")
            .join("backups")
            .join("content")
            .join("backups:backup/a b?x#%2F.zst");
        assert_eq!(
            path.encoded(),
            "/nodes/pve1/storage/backups/content/backups%3Abackup%2Fa%20b%3Fx%23%252F.zst"
        );
        assert_eq!(
            path.to_string(),
            "/nodes/pve1/storage/backups/content/backups:backup/a b?x#%2F.zst"
        );
        assert!(!path.has_unsendable_segment());
    }

    #[test]
    fn dots_and_nothing_are_found() {
        for segment in ["", ".", ".."] {
            assert!(
                ApiPath::new("cluster/backup")
                    .join(segment)
                    .has_unsendable_segment()
            );
        }
        assert_eq!(
            ApiPath::new("/cluster/backup/").encoded(),
            "/cluster/backup"
        );
    }
}
