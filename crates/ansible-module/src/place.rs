//! Where among the options an error is.

use serde_json::{Map, Value};

/// Why the arguments are refused, in core's words. May hold secrets.
pub(crate) type Failure = String;

/// The arguments of one level.
pub(crate) type Arguments = Map<String, Value>;

/// Where a level of options stands.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// What stands before an option's name in a warning: `d.`, `l[0].`.
    pub(crate) prefix: String,
    /// The options around it.
    pub(crate) context: Vec<&'static str>,
}

impl Place {
    /// ` found in d -> e`, or nothing at the top.
    pub(crate) fn found_in(&self) -> String {
        if self.context.is_empty() {
            return String::new();
        }
        format!(" found in {}", self.context.join(" -> "))
    }

    /// ` found in 'd -> e'`, or nothing at the top.
    pub(crate) fn found_in_quoted(&self) -> String {
        if self.context.is_empty() {
            return String::new();
        }
        format!(" found in '{}'", self.context.join(" -> "))
    }
}
