//! What the options about remembering and reading again mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use module_kit::{Context, Failure};
use proof_ledger::{Budget, Settings};
use pve_types::NodeName;

use crate::Args;

/// The generation of the checks of this version; higher when more is found.
pub(crate) const CHECKS: u32 = 1;

/// How long another run is waited for: shorter than a reading, longer than a look at the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a run that reads only what is new waits: longer than a run that reads all.
const LONG_PATIENCE: Duration = Duration::from_hours(24);

/// How long a backup waits that shall be read at once: as a rule it is the hook of vzdump that
/// reads the same archives just now.
const PATIENCE_OF_BACKUPS: Duration = Duration::from_mins(10);

/// What is remembered, and what of it is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembering {
    /// Where.
    pub ledger: Place,
    /// What is believed how long, and how much is read again.
    pub renewal: Settings,
    /// Who reads what several nodes share.
    pub verify_node: Option<NodeName>,
    /// Whether digests are written to the notes of archives.
    pub notes: bool,
    /// How long another run that has the ledger is waited for.
    pub patience: Duration,
}

/// Where it is remembered what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: everything is read.
    Nowhere,
    /// In the folder where this program keeps its state.
    Usual,
    /// In this file.
    At(PathBuf),
}

impl Place {
    /// What the option `ledger` means.
    pub fn new(ledger: Option<&str>) -> Result<Self, Failure> {
        match ledger {
            None => Ok(Self::Usual),
            Some(path) if Path::new(path).file_name().is_none() => {
                Err(Failure::usage(format!("ledger: `{path}` names no file")))
            }
            Some(path) => Ok(Self::At(PathBuf::from(path))),
        }
    }

    /// The file.
    pub(crate) fn file(&self, context: &Context<'_>) -> Option<PathBuf> {
        match self {
            Self::Nowhere => None,
            Self::Usual => context.state_folder().map(|folder| folder.join("ledger")),
            Self::At(path) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        }
    }
}

impl Remembering {
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        let ledger = if args.remember {
            Place::new(args.ledger.as_deref())?
        } else {
            Place::Nowhere
        };
        let verify_node = args
            .verify_node
            .as_deref()
            .map(|name| {
                name.parse()
                    .map_err(|error| Failure::usage(format!("verify_node: {error}")))
            })
            .transpose()?;
        let only_files = args.path.is_some() && args.storage.is_none();
        if args.notes && only_files {
            return Err(Failure::usage(
                "notes: only archives of storages have notes that can be written",
            )
            .hint(
                "Name the storage with `storage` instead of `path`, or leave both out on a node.",
            ));
        }
        Ok(Self {
            ledger,
            renewal: renewal(args)?,
            verify_node,
            notes: args.notes,
            patience: if args.renew { PATIENCE } else { LONG_PATIENCE },
        })
    }

    /// Of archives that were made just now: all of them are read, and nothing else.
    pub(crate) fn of_backup(ledger: Place) -> Self {
        Self {
            ledger,
            renewal: Settings {
                max_age: i64::MAX,
                budget: Budget {
                    bytes: None,
                    seconds: None,
                    paused: true,
                },
                run_interval: 86_400,
                checks: CHECKS,
            },
            verify_node: None,
            notes: false,
            patience: PATIENCE_OF_BACKUPS,
        }
    }

    /// How long a run may go on to begin with renewals.
    pub(crate) fn time(&self) -> Option<Duration> {
        self.renewal.budget.seconds.map(Duration::from_secs)
    }
}

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
            seconds: args.budget_time.as_deref().map(seconds).transpose()?,
            paused: !args.renew,
        },
        run_interval: 86_400,
        checks: CHECKS,
    })
}

/// `2h`, `1h 30m`, `90` seconds.
fn seconds(text: &str) -> Result<u64, Failure> {
    let text = text.trim();
    let number = text.parse::<u64>().ok();
    let written = || {
        let duration: SignedDuration = text.parse().ok()?;
        u64::try_from(duration.as_secs()).ok()
    };
    number
        .or_else(written)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| {
            Failure::usage(format!(
                "budget_time: `{text}` is no time above 0; write `2h`, `90m`, `1h 30m` or a number of seconds"
            ))
        })
}

#[cfg(test)]
mod tests {
    use module_kit::testing::{self, Server};
    use serde_json::{Value, json};

    use super::*;
    use crate::BackupVerify;

    fn of(arguments: Value) -> Result<Remembering, Failure> {
        testing::spec::<BackupVerify>(arguments).map(|spec| spec.remembering)
    }

    #[test]
    fn times_are_written_as_people_do() {
        for (text, expected) in [
            ("90", 90),
            ("2h", 7200),
            ("90m", 5400),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("45 min", 2700),
        ] {
            let renewal = of(json!({"budget_time": text})).unwrap().renewal;
            assert_eq!(renewal.budget.seconds, Some(expected), "{text}");
        }
        for text in ["", "0", "-5", "0s", "soon", "2 apples", "-1h"] {
            let failure = of(json!({"budget_time": text})).unwrap_err();
            assert!(failure.message.starts_with("budget_time: "), "{failure}");
        }
    }

    #[test]
    fn the_ledger_has_a_usual_place_and_can_be_done_without() {
        let ledger = |arguments| of(arguments).unwrap().ledger;
        assert_eq!(ledger(json!({})), Place::Usual);
        assert_eq!(ledger(json!({"remember": false})), Place::Nowhere);
        assert_eq!(
            ledger(json!({"remember": false, "ledger": "/a"})),
            Place::Nowhere
        );
        assert_eq!(ledger(json!({"ledger": "/a"})), Place::At("/a".into()));
        assert!(of(json!({"ledger": "/"})).is_err());
        Server::default().with_context(|context| {
            assert_eq!(Place::Usual.file(context), None, "no test writes there");
        });
        let connect = || Err(Failure::usage("nobody"));
        let context = Context::new(&module_kit::FixedClock(0), &connect);
        let context = context.keeping_state("/var/lib/reprise".into());
        assert_eq!(
            Place::Usual.file(&context),
            Some("/var/lib/reprise/ledger".into())
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (arguments, what) in [
            (json!({"max_age_days": 0}), "max_age_days"),
            (json!({"budget_bytes": 0}), "budget_bytes"),
            (json!({"verify_node": "a b"}), "verify_node"),
            (json!({"notes": true, "path": "/a"}), "notes"),
        ] {
            let message = of(arguments).unwrap_err().message;
            assert!(message.starts_with(what), "{message}");
        }
        assert!(
            of(json!({"notes": true, "storage": "local"}))
                .unwrap()
                .notes
        );
        assert!(of(json!({"renew": false})).unwrap().renewal.budget.paused);
    }
}
