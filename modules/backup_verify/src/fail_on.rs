//! What makes a run fail.

use pve_coverage::GuestState;
use vzdump_archive::Verdict;

/// A verdict of archives, a state of guests, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    /// An archive is damaged, or the newest one of a guest.
    Corrupt,
    /// An archive could not be read.
    Unreadable,
    /// A backup did not finish.
    Incomplete,
    /// The newest archive of a guest is too old.
    Stale,
    /// No job saves a guest, or it has no archive.
    Unprotected,
    /// Something cannot be seen.
    Unknown,
    /// An archive is unusual.
    Warn,
    /// An archive is being written.
    InProgress,
    /// An archive could not be read from here.
    NotVerified,
    /// The newest archive of a guest was not read yet.
    Unverified,
    /// A guest is left out by configuration or policy.
    Excluded,
}

/// The words of [`FailOn::ALL`].
pub(crate) const WORDS: [&str; 11] = [
    "corrupt",
    "unreadable",
    "incomplete",
    "stale",
    "unprotected",
    "unknown",
    "warn",
    "in_progress",
    "not_verified",
    "unverified",
    "excluded",
];

impl FailOn {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Corrupt,
        Self::Unreadable,
        Self::Incomplete,
        Self::Stale,
        Self::Unprotected,
        Self::Unknown,
        Self::Warn,
        Self::InProgress,
        Self::NotVerified,
        Self::Unverified,
        Self::Excluded,
    ];

    /// Those that count when nothing is said.
    pub(crate) const DEFAULT_WORDS: &'static [&'static str] = &[
        "corrupt",
        "unreadable",
        "incomplete",
        "stale",
        "unprotected",
        "unknown",
    ];

    /// What a word means.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let at = WORDS.iter().position(|known| *known == word)?;
        Self::ALL.get(at).copied()
    }

    /// Is this a verdict that it is about? They share their word.
    pub(crate) fn is_of_archive(self, verdict: Verdict) -> bool {
        Self::of_word(verdict.as_str()) == Some(self)
    }

    /// Is this a state that it is about? They share their word.
    pub(crate) fn is_of_guest(self, state: GuestState) -> bool {
        Self::of_word(state.as_str()) == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_and_state_but_the_good_one_has_its_word() {
        for (word, fail_on) in WORDS.iter().zip(FailOn::ALL) {
            assert_eq!(FailOn::of_word(word), Some(fail_on));
            let of_archives = Verdict::ALL
                .iter()
                .any(|verdict| verdict.as_str() == *word && fail_on.is_of_archive(*verdict));
            let of_guests = GuestState::ALL
                .iter()
                .any(|state| state.as_str() == *word && fail_on.is_of_guest(*state));
            assert!(of_archives || of_guests, "{word}");
        }
        for verdict in Verdict::ALL {
            let words = WORDS.contains(&verdict.as_str());
            assert_eq!(words, verdict != Verdict::Ok, "{verdict}");
        }
        for state in GuestState::ALL {
            let words = WORDS.contains(&state.as_str());
            assert_eq!(words, state != GuestState::Protected, "{state:?}");
        }
        assert_eq!(FailOn::of_word("bad"), None);
    }
}
