//! The exit codes, one table for every module and every front.

use serde::Serialize;

/// How a call ended. The command line ends with the code; Ansible sees it as `exit_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed; nothing was changed.
    Failed,
    /// The call itself is wrong: an option is unknown, missing, or not of its kind.
    Usage,
    /// Refused: a precondition or a consent is missing; nothing was changed.
    Refused,
    /// What was asked for does not exist.
    NothingFound,
    /// A verdict lies below what `fail_on` allows.
    BelowThreshold,
    /// Failed, and what had been changed was undone.
    Undone,
    /// Failed half-way: somebody has to look.
    NeedsAHand,
    /// Done, but what was made is not healthy.
    Unhealthy,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// Every way a call can end, in the order of the codes.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::NothingFound,
        Self::BelowThreshold,
        Self::Undone,
        Self::NeedsAHand,
        Self::Unhealthy,
        Self::Interrupted,
    ];

    /// The code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NothingFound => 4,
            Self::BelowThreshold => 5,
            Self::Undone => 6,
            Self::NeedsAHand => 7,
            Self::Unhealthy => 8,
            Self::Interrupted => 130,
        }
    }

    /// The end with this code.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// What the code means, for the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Failed => "failed, nothing changed",
            Self::Usage => "wrong usage",
            Self::Refused => "refused: a precondition or a consent is missing",
            Self::NothingFound => "nothing found",
            Self::BelowThreshold => "verdict below `fail_on`",
            Self::Undone => "failed and undone",
            Self::NeedsAHand => "failed half-way, needs a hand",
            Self::Unhealthy => "done but unhealthy",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Serialize for Exit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_design() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]);
        for exit in Exit::ALL {
            assert_eq!(Exit::of_code(exit.code()), Some(exit));
        }
        assert_eq!(Exit::of_code(9), None);
    }

    #[test]
    fn each_code_says_something_of_its_own() {
        let meanings: std::collections::BTreeSet<_> =
            Exit::ALL.iter().map(|exit| exit.meaning()).collect();
        assert_eq!(meanings.len(), Exit::ALL.len());
    }
}
