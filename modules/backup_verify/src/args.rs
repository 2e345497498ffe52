//! The options as typed: what the table says, before anything is understood.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The options of a call, coerced. The table in `options.rs` says what each is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) path: Option<Vec<String>>,
    pub(crate) storage: Option<Vec<String>>,
    pub(crate) vmid: Option<Vec<i64>>,
    pub(crate) coverage: Option<bool>,
    pub(crate) rpo_hours: i64,
    pub(crate) rpo: Option<Map<String, Value>>,
    pub(crate) no_backup_expected: Option<Vec<String>>,
    pub(crate) min_size: i64,
    pub(crate) remember: bool,
    pub(crate) ledger: Option<String>,
    pub(crate) max_age_days: i64,
    pub(crate) budget_bytes: Option<i64>,
    pub(crate) budget_time: Option<String>,
    pub(crate) renew: bool,
    pub(crate) verify_node: Option<String>,
    pub(crate) notes: bool,
    pub(crate) parallel: Option<i64>,
    pub(crate) bwlimit: i64,
    pub(crate) fail_on: Vec<String>,
    pub(crate) report: Option<String>,
    pub(crate) metrics: Option<String>,
}
