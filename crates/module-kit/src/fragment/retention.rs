//! How many archives of a guest are kept, as `prune-backups` of Proxmox VE.

use ansible_module::option::{Kind, OptionGroup, OptionSpec};
use pve_types::{Retention, RetentionParts};
use serde::Deserialize;

use crate::failure::Failure;

/// The options of retention.
pub const RETENTION: OptionGroup = OptionGroup {
    title: "Retention",
    options: &[
        OptionSpec::new(
            "keep_all",
            Kind::Bool,
            &["Keep every archive. Excludes the other C(keep_*) options."],
        ),
        OptionSpec::new(
            "keep_last",
            Kind::Int,
            &["Keep the newest archives, this many."],
        ),
        OptionSpec::new(
            "keep_hourly",
            Kind::Int,
            &["Keep the newest archive of each of the last hours that have one, this many."],
        ),
        OptionSpec::new(
            "keep_daily",
            Kind::Int,
            &["Keep the newest archive of each of the last days that have one, this many."],
        ),
        OptionSpec::new(
            "keep_weekly",
            Kind::Int,
            &["Keep the newest archive of each of the last weeks that have one, this many."],
        ),
        OptionSpec::new(
            "keep_monthly",
            Kind::Int,
            &["Keep the newest archive of each of the last months that have one, this many."],
        ),
        OptionSpec::new(
            "keep_yearly",
            Kind::Int,
            &["Keep the newest archive of each of the last years that have one, this many."],
        ),
    ],
};

/// The options as typed.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[expect(missing_docs, reason = "the table above says what each is")]
pub struct RetentionArgs {
    pub keep_all: Option<bool>,
    pub keep_last: Option<i64>,
    pub keep_hourly: Option<i64>,
    pub keep_daily: Option<i64>,
    pub keep_weekly: Option<i64>,
    pub keep_monthly: Option<i64>,
    pub keep_yearly: Option<i64>,
}

impl RetentionArgs {
    /// What they mean; `None` when no option was given, so that the storage's own setting counts.
    pub fn understood(self) -> Result<Option<Retention>, Failure> {
        let count = |name: &str, value: Option<i64>| {
            value
                .map(|number| {
                    u64::try_from(number)
                        .map_err(|_| Failure::usage(format!("{name}: {number} is less than 0")))
                })
                .transpose()
        };
        let parts = RetentionParts {
            keep_all: self.keep_all == Some(true),
            last: count("keep_last", self.keep_last)?,
            hourly: count("keep_hourly", self.keep_hourly)?,
            daily: count("keep_daily", self.keep_daily)?,
            weekly: count("keep_weekly", self.keep_weekly)?,
            monthly: count("keep_monthly", self.keep_monthly)?,
            yearly: count("keep_yearly", self.keep_yearly)?,
        };
        let retention = Retention::new(parts).map_err(|_| {
            Failure::usage("keep_all: everything is kept, so no other keep_* option can be set")
                .hint("Set keep_all alone, or leave it out.")
        })?;
        if retention.is_empty() {
            return Ok(None);
        }
        // Counts of 0 only: Proxmox VE prunes nothing then, which nobody expects of `keep_last: 0`.
        if !parts.keep_all && retention.is_keep_all() {
            return Err(Failure::usage(
                "every keep_* option is 0, which Proxmox VE reads as keeping everything",
            )
            .hint("Set `keep_all: true` if that is meant, or a count above 0."));
        }
        Ok(Some(retention.normalized()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(args: RetentionArgs) -> Result<Option<String>, String> {
        args.understood()
            .map(|retention| retention.map(|retention| retention.to_string()))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn nothing_given_leaves_it_to_the_storage() {
        assert_eq!(understood(RetentionArgs::default()), Ok(None));
    }

    #[test]
    fn counts_of_zero_say_nothing() {
        let args = RetentionArgs {
            keep_last: Some(0),
            keep_daily: Some(7),
            ..RetentionArgs::default()
        };
        assert_eq!(understood(args), Ok(Some("keep-daily=7".into())));
    }

    #[test]
    fn zero_alone_is_refused_since_it_would_keep_everything() {
        let args = RetentionArgs {
            keep_last: Some(0),
            ..RetentionArgs::default()
        };
        assert!(understood(args).unwrap_err().contains("keeping everything"));
    }

    #[test]
    fn keep_all_stands_alone() {
        let all = RetentionArgs {
            keep_all: Some(true),
            ..RetentionArgs::default()
        };
        assert_eq!(understood(all), Ok(Some("keep-all=1".into())));
        let both = RetentionArgs {
            keep_all: Some(true),
            keep_last: Some(1),
            ..RetentionArgs::default()
        };
        assert!(understood(both).unwrap_err().contains("keep_all"));
    }

    #[test]
    fn less_than_nothing_is_refused() {
        let args = RetentionArgs {
            keep_weekly: Some(-1),
            ..RetentionArgs::default()
        };
        assert_eq!(
            understood(args),
            Err("keep_weekly: -1 is less than 0".into())
        );
    }
}
