//! A plan is a value: the same one is printed by check mode, by `--diff` and by `--dry-run`, and
//! carried out by apply.

pub use ansible_module::Diff;
use serde::Serialize;
use serde_json::Value;

/// What a module will do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan<A> {
    /// The actions, in the order in which they are done; none: nothing differs.
    pub actions: Vec<A>,
    /// The object before and after.
    pub diff: Diff,
    /// What the user should know although it is no error.
    pub warnings: Vec<String>,
}

impl<A> Plan<A> {
    /// Whether carrying it out changes anything.
    pub const fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}

/// One action of a plan: a sentence for the plan's reader, in the imperative.
pub trait Action: Serialize + std::fmt::Display {}

/// The difference of one object.
pub fn diff(header: impl Into<String>, before: Value, after: Value) -> Diff {
    let header = header.into();
    Diff {
        before,
        after,
        before_header: header.clone(),
        after_header: header,
    }
}
