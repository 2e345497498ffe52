//! What the options mean.

use std::path::PathBuf;

use module_kit::Failure;
use proof_ledger::{Budget, Settings};
use vzdump_archive::Verdict;

use crate::Args;

/// More threads than this only fight for the disk.
const MOST_PARALLEL: usize = 64;

/// What shall be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Where it is remembered what was read.
    pub ledger: Option<PathBuf>,
    /// What of it is believed how long, and how much is read again.
    pub renewal: Settings,
    /// How many archives are read beside each other; none: as many as there are processors.
    pub parallel: Option<usize>,
    /// The verdicts that count as failed.
    pub fail_on: Vec<Verdict>,
}

impl Spec {
    pub(crate) fn new(args: Args) -> Result<Self, Failure> {
        if args.path.is_empty() || args.path.iter().any(String::is_empty) {
            return Err(Failure::usage("path: an empty path names nothing"));
        }
        let parallel = args
            .parallel
            .map(|number| {
                usize::try_from(number)
                    .ok()
                    .filter(|number| (1..=MOST_PARALLEL).contains(number))
                    .ok_or_else(|| {
                        Failure::usage(format!(
                            "parallel: `{number}` is not between 1 and {MOST_PARALLEL}"
                        ))
                    })
            })
            .transpose()?;
        let renewal = renewal(&args)?;
        let fail_on = Verdict::ALL
            .into_iter()
            .filter(|verdict| args.fail_on.iter().any(|word| word == verdict.as_str()))
            .collect();
        Ok(Self {
            paths: args.path.into_iter().map(PathBuf::from).collect(),
            ledger: args.ledger.map(PathBuf::from),
            renewal,
            parallel,
            fail_on,
        })
    }
}

/// The generation of the checks of this version; higher when more is found.
pub(crate) const CHECKS: u32 = 1;

fn renewal(args: &Args) -> Result<Settings, Failure> {
    let positive = |name: &str, number: i64| {
        u64::try_from(number)
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| Failure::usage(format!("{name}: `{number}` is not above 0")))
    };
    positive("max_age_days", args.max_age_days)?;
    Ok(Settings {
        max_age: args.max_age_days.saturating_mul(86_400),
        budget: Budget {
            bytes: args
                .budget_bytes
                .map(|bytes| positive("budget_bytes", bytes))
                .transpose()?,
            seconds: None,
        },
        run_interval: 86_400,
        checks: CHECKS,
    })
}

#[cfg(test)]
mod tests {
    use module_kit::testing;
    use serde_json::json;

    use super::*;
    use crate::BackupVerify;

    fn spec(arguments: serde_json::Value) -> Result<Spec, Failure> {
        testing::spec::<BackupVerify>(arguments)
    }

    #[test]
    fn the_table_and_the_struct_agree() {
        assert_eq!(
            testing::table_and_args::<BackupVerify>(json!({"path": "/a"})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn defaults_are_those_of_the_table() {
        let spec = spec(json!({"path": "/a"})).unwrap();
        assert_eq!(spec.paths, [PathBuf::from("/a")]);
        assert_eq!(
            spec.fail_on,
            [Verdict::Incomplete, Verdict::Unreadable, Verdict::Corrupt]
        );
        assert_eq!(spec.parallel, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (arguments, what) in [
            (json!({"path": ""}), "path"),
            (json!({"path": "/a", "parallel": 0}), "parallel"),
            (json!({"path": "/a", "parallel": 1000}), "parallel"),
            (json!({"path": "/a", "fail_on": ["bad"]}), "fail_on"),
            (json!({}), "path"),
        ] {
            let message = spec(arguments).unwrap_err().message;
            assert!(message.contains(what), "{message}");
        }
    }
}
