//! The options as typed: what the table says, before anything is understood.

use serde::Deserialize;

/// The options of a call, coerced. The table in `options.rs` says what each is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) path: Vec<String>,
    pub(crate) ledger: Option<String>,
    pub(crate) max_age_days: i64,
    pub(crate) budget_bytes: Option<i64>,
    pub(crate) parallel: Option<i64>,
    pub(crate) fail_on: Vec<String>,
}
