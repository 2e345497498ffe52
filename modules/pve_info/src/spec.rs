//! What may be said, which is nothing beside the connection.

use serde::Deserialize;

/// The options of a call. The kit has taken those of the connection away.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {}

/// What shall be read: everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec;

impl From<Args> for Spec {
    fn from(Args {}: Args) -> Self {
        Self
    }
}
