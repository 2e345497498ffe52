//! The options as typed: what the table says, before anything is understood.

use module_kit::fragment::retention::RetentionArgs;
use serde::Deserialize;

/// The options of a call, coerced. The table in `options.rs` says what each is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) storage: String,
    pub(crate) state: State,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) content: Vec<String>,
    pub(crate) nodes: Option<Vec<String>>,
    pub(crate) enabled: bool,
    pub(crate) shared: Option<bool>,
    pub(crate) max_protected_backups: Option<i64>,
    pub(crate) confirmed: bool,
    pub(crate) jobs_removed: Vec<String>,
    pub(crate) dir_options: Option<DirArgs>,
    pub(crate) nfs_options: Option<NfsArgs>,
    pub(crate) cifs_options: Option<CifsArgs>,
    pub(crate) pbs_options: Option<PbsArgs>,
    pub(crate) update_password: UpdatePassword,
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

/// Whether the storage shall exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Present,
    Absent,
}

/// When a password is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UpdatePassword {
    OnCreate,
    Always,
}

/// The sub-options of `dir_options`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirArgs {
    pub(crate) path: String,
    pub(crate) is_mountpoint: Option<String>,
    pub(crate) create_base_path: Option<bool>,
    pub(crate) create_subdirs: Option<bool>,
}

/// The sub-options of `nfs_options`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NfsArgs {
    pub(crate) server: String,
    pub(crate) export: String,
    pub(crate) options: Option<String>,
}

/// The sub-options of `cifs_options`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CifsArgs {
    pub(crate) server: String,
    pub(crate) share: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) smbversion: Option<String>,
    pub(crate) subdir: Option<String>,
    pub(crate) options: Option<String>,
}

/// The sub-options of `pbs_options`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PbsArgs {
    pub(crate) server: String,
    pub(crate) datastore: String,
    pub(crate) namespace: Option<String>,
    pub(crate) username: String,
    pub(crate) password: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) port: Option<i64>,
}

// Written by hand: the derived ones would show the passwords.
impl std::fmt::Debug for CifsArgs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CifsArgs")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PbsArgs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PbsArgs")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
