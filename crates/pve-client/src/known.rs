//! What is known and what is not: an empty answer that only means missing rights is a gap.

use std::fmt;

use pve_types::Privilege;

/// Something that could not be seen, and the right that would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The privilege that is missing.
    pub privilege: Privilege,
    /// The path of the access control list on which it is missing.
    pub path: String,
    /// What stays hidden without it.
    pub why: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (missing: `{}` on `{}`)",
            self.why, self.privilege, self.path
        )
    }
}

/// A value, or the reason why it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The value, completely.
    Known(T),
    /// Not known.
    Unknown(Gap),
}

impl<T> Known<T> {
    /// The value when it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it is not known.
    pub const fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(gap) => Some(gap),
        }
    }
}

/// A list that may be incomplete: what was visible, and what would show the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// The entries the caller may see.
    pub visible: Vec<T>,
    /// Empty when nothing can be hidden.
    pub gaps: Vec<Gap>,
}

impl<T> Seen<T> {
    /// Is the list complete?
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// The list when it is complete, else the first gap.
    pub fn complete(self) -> Known<Vec<T>> {
        match self.gaps.into_iter().next() {
            None => Known::Known(self.visible),
            Some(gap) => Known::Unknown(gap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_list_is_unknown_not_empty() {
        let gap = Gap {
            privilege: "VM.Audit".parse().unwrap(),
            path: "/vms".to_owned(),
            why: "guests may be hidden".to_owned(),
        };
        let seen: Seen<u8> = Seen {
            visible: vec![],
            gaps: vec![gap.clone()],
        };
        assert!(!seen.is_complete());
        assert_eq!(seen.complete().gap(), Some(&gap));
        assert_eq!(
            gap.to_string(),
            "guests may be hidden (missing: `VM.Audit` on `/vms`)"
        );
        let all = Seen {
            visible: vec![1],
            gaps: vec![],
        };
        assert_eq!(all.complete().known(), Some(&vec![1]));
    }
}
