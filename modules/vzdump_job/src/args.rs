//! The options as typed: what the table says, before anything is understood.

use module_kit::fragment::retention::RetentionArgs;
use serde::Deserialize;

/// The options of a call, coerced. The table in `options.rs` says what each is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) enabled: bool,
    pub(crate) comment: Option<String>,
    pub(crate) adopt: bool,
    pub(crate) schedule: Option<String>,
    pub(crate) repeat_missed: Option<bool>,
    pub(crate) rpo_hours: Option<i64>,
    pub(crate) vmid: Option<Vec<i64>>,
    pub(crate) all: Option<bool>,
    pub(crate) exclude: Option<Vec<i64>>,
    pub(crate) pool: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) node: Option<String>,
    pub(crate) storage: Option<String>,
    pub(crate) mode: String,
    pub(crate) compress: String,
    pub(crate) threads: Option<i64>,
    pub(crate) protected: Option<bool>,
    pub(crate) notes_template: Option<String>,
    pub(crate) exclude_path: Option<Vec<String>>,
    pub(crate) stdexcludes: Option<bool>,
    pub(crate) pbs_change_detection_mode: Option<String>,
    pub(crate) fleecing: Option<FleecingArgs>,
    pub(crate) bwlimit: Option<i64>,
    pub(crate) ionice: Option<i64>,
    pub(crate) lockwait: Option<i64>,
    pub(crate) stopwait: Option<i64>,
    pub(crate) performance: Option<PerformanceArgs>,
    pub(crate) remove: Option<bool>,
    pub(crate) notification_mode: Option<String>,
    pub(crate) mailto: Option<Vec<String>>,
    pub(crate) mailnotification: Option<String>,
    pub(crate) keep_all: Option<bool>,
    pub(crate) keep_last: Option<i64>,
    pub(crate) keep_hourly: Option<i64>,
    pub(crate) keep_daily: Option<i64>,
    pub(crate) keep_weekly: Option<i64>,
    pub(crate) keep_monthly: Option<i64>,
    pub(crate) keep_yearly: Option<i64>,
}

impl Args {
    /// The options of retention.
    pub(crate) const fn retention(&self) -> RetentionArgs {
        RetentionArgs {
            keep_all: self.keep_all,
            keep_last: self.keep_last,
            keep_hourly: self.keep_hourly,
            keep_daily: self.keep_daily,
            keep_weekly: self.keep_weekly,
            keep_monthly: self.keep_monthly,
            keep_yearly: self.keep_yearly,
        }
    }
}

/// Whether the job shall exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Present,
    Absent,
}

/// The sub-options of `fleecing`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FleecingArgs {
    pub(crate) enabled: bool,
    pub(crate) storage: Option<String>,
}

/// The sub-options of `performance`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PerformanceArgs {
    pub(crate) max_workers: Option<i64>,
    pub(crate) pbs_entries_max: Option<i64>,
}
