//! The one error of this crate: a text is not what it should be.

/// A text that cannot be read as the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a valid {what}: {reason}")]
#[non_exhaustive]
pub struct ParseError {
    /// What the text should have been, for example `job id`.
    pub what: &'static str,
    /// The text as it was given.
    pub value: String,
    /// Which rule it breaks.
    pub reason: String,
}

impl ParseError {
    /// An error about `value`, which should have been a `what`.
    pub fn new(what: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            what,
            value: value.into(),
            reason: reason.into(),
        }
    }
}
