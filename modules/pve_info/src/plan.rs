//! Reading changes nothing, so there is nothing to plan.

use std::fmt;

use module_kit::plan::{Action, Plan, diff};
use serde::Serialize;
use serde_json::Value;

/// There is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NoAction {}

impl Action for NoAction {}

impl fmt::Display for NoAction {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

pub(crate) fn plan() -> Plan<NoAction> {
    Plan {
        actions: Vec::new(),
        diff: diff("what is there", Value::Null, Value::Null),
        warnings: Vec::new(),
    }
}
