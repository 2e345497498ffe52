//! A failure as a user reads it: what failed, on which object, why, what to do next.

use std::fmt;

use pve_client::{ErrorKind, NotSent};

use crate::exit::Exit;

/// Why a call did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the call ends.
    pub exit: Exit,
    /// What failed, on which object, and why.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The actions done before it failed.
    pub done: Vec<String>,
    /// The actions that were not done.
    pub remaining: Vec<String>,
}

impl Failure {
    /// A failure that ends with this code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
            done: Vec::new(),
            remaining: Vec::new(),
        }
    }

    /// The options contradict each other or the object's rules.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Doing it would make something worse, or a consent is missing.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// What to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts what was being done before the message.
    #[must_use]
    pub fn while_doing(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\n{hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<pve_client::Error> for Failure {
    fn from(error: pve_client::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Refused { .. }
            | ErrorKind::NotAllowed { .. }
            | ErrorKind::Conflict
            | ErrorKind::Locked
            | ErrorKind::NotSent(NotSent::SecretInCommandLine { .. }) => Exit::Refused,
            ErrorKind::NotFound => Exit::NothingFound,
            // Whether it was done is open: only somebody who looks can tell.
            ErrorKind::MayHaveBeenProcessed => Exit::NeedsAHand,
            _ => Exit::Failed,
        };
        Self {
            hint: error.hint(),
            ..Self::new(exit, error.to_string())
        }
    }
}

impl From<tfvars::Error> for Failure {
    fn from(error: tfvars::Error) -> Self {
        let exit = match error.kind() {
            tfvars::Kind::Missing => Exit::NothingFound,
            _ => Exit::Usage,
        };
        Self {
            hint: error.next_step().map(str::to_owned),
            ..Self::new(exit, error.to_string())
        }
    }
}
