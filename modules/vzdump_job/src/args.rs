//! The options as typed: what the table says, before anything is understood.

use ansible_module::option::Default;
use module_kit::fragment::retention::RetentionArgs;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::options::DECLARATION;

/// The options of a call, coerced. The table in `options.rs` says what each is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) timeout: Option<i64>,
    pub(crate) verify: bool,
    pub(crate) ledger: Option<String>,
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
    pub(crate) storage_planned: bool,
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
    pub(crate) notification_expected: bool,
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
    /// The options that say something else than their default, but for `but`.
    pub(crate) fn given(&self, but: &[&str]) -> Vec<&'static str> {
        let values = serde_json::to_value(self).unwrap_or_default();
        DECLARATION
            .spec
            .options()
            .filter(|option| !but.contains(&option.name))
            // The options of the connection are not among these values.
            .filter(|option| {
                let Some(value) = values.get(option.name) else {
                    return false;
                };
                let default = match option.default {
                    Default::Str(text) => Value::from(text),
                    Default::Bool(value) => Value::from(value),
                    Default::Int(number) => Value::from(number),
                    Default::None | Default::List(_) => Value::Null,
                };
                *value != default
            })
            .map(|option| option.name)
            .collect()
    }

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Present,
    Absent,
    Run,
}

/// The sub-options of `fleecing`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FleecingArgs {
    pub(crate) enabled: bool,
    pub(crate) storage: Option<String>,
}

/// The sub-options of `performance`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PerformanceArgs {
    pub(crate) max_workers: Option<i64>,
    pub(crate) pbs_entries_max: Option<i64>,
}
