//! Why something on another machine did not work.

use std::fmt;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was named is no machine.
    Usage,
    /// The machine was not reached, or did not let us in. Nothing was started.
    NotReached,
    /// The program cannot be put there or started. Nothing was started.
    NotPlaced,
    /// The connection ended before the request was sent. Nothing was started.
    LostBefore,
    /// The connection ended afterwards: what was asked for may be done or go on there.
    LostAfter,
    /// The user interrupted us.
    Interrupted,
    /// The far side's own files.
    State,
}

/// What failed, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What failed, on which machine, and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn state(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Kind::State, format!("{doing}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\n{hint}"),
            None => Ok(()),
        }
    }
}
