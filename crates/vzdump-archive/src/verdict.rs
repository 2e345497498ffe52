//! What follows from what was found.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether an archive can be restored.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Read to the last byte, and nothing is wrong.
    Ok,
    /// Something is unusual, or hints at damage; a restore would run.
    Warn,
    /// A backup that runs now.
    InProgress,
    /// It is listed and was not read: its file cannot be reached from here, and nobody else vouches
    /// for it.
    NotVerified,
    /// What an interrupted or failed backup left, newer than the newest sound archive of the guest.
    Incomplete,
    /// It could not be read, so nothing is known of it.
    Unreadable,
    /// A restore would fail, or would lose data.
    Corrupt,
}

impl Verdict {
    /// All of them, from good to bad.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Warn,
        Self::InProgress,
        Self::NotVerified,
        Self::Incomplete,
        Self::Unreadable,
        Self::Corrupt,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::InProgress => "in_progress",
            Self::NotVerified => "not_verified",
            Self::Incomplete => "incomplete",
            Self::Unreadable => "unreadable",
            Self::Corrupt => "corrupt",
        }
    }

    /// Whether an archive with this verdict can be relied on.
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Ok | Self::Warn)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
