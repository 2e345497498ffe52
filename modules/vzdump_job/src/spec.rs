//! What the options mean. No IO.

use std::collections::BTreeSet;
use std::time::Duration;

use backup_verify::Place;
use module_kit::Failure;
use module_kit::settings::Settings;
use pve_types::{JobId, NodeName, PoolId, Retention, StorageId, Vmid};

use crate::args::{Args, State};
use crate::job::{SHAPE, fleecing_text, key, performance_text};
use crate::{mail, notes, schedule};

/// What shall be.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// The job as declared.
    Present(Box<Declared>),
    /// No job of this id.
    Absent(JobId),
    /// The stored job runs now.
    Run {
        /// Its id.
        id: JobId,
        /// How long its end is waited for.
        timeout: Duration,
        /// Only these of its guests; all of them when empty.
        only: BTreeSet<Vmid>,
        /// Where it is remembered what reading the archives came to; nothing: they are not read.
        verify: Option<Place>,
    },
}

/// A job as declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its id.
    pub id: JobId,
    /// When it runs.
    pub schedule: String,
    /// Whether it runs by its schedule.
    pub enabled: bool,
    /// Which guests.
    pub selection: Selection,
    /// Where the archives go; `local` is what the node takes for none.
    pub storage: Option<StorageId>,
    /// Whether an earlier task makes that storage.
    pub storage_planned: bool,
    /// Where the images of backup fleecing go.
    pub fleecing_storage: Option<StorageId>,
    /// On which node alone.
    pub node: Option<NodeName>,
    /// What is kept; none: as the storage says.
    pub retention: Option<Retention>,
    /// The recovery point objective.
    pub rpo_hours: Option<i64>,
    /// Whether somebody should be chosen who is told of a run.
    pub notification_expected: bool,
    /// Whether an equal job under another id is taken over.
    pub adopt: bool,
    /// Everything but the selection, as the node stores it.
    pub settings: Settings,
}

/// Which guests a job saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Guests(BTreeSet<Vmid>),
    /// All but these.
    All {
        /// The exceptions.
        exclude: BTreeSet<Vmid>,
    },
    /// The members of a pool.
    Pool(PoolId),
    /// Those with one of these tags, when the task runs.
    Tags(Vec<String>),
    /// Those with these names, when the task runs.
    Names(Vec<String>),
}

impl Spec {
    /// The id of the job.
    pub const fn id(&self) -> &JobId {
        match self {
            Self::Present(declared) => &declared.id,
            Self::Absent(id) | Self::Run { id, .. } => id,
        }
    }

    /// Understands the options.
    pub fn new(args: &Args) -> Result<Self, Failure> {
        let id: JobId = typed("id", &args.id)?;
        let seconds = number("timeout", args.timeout, 1, 31_536_000)?;
        if args.state != State::Run && seconds.is_some() {
            return Err(Failure::usage(
                "timeout: only `state: run` waits for something",
            ));
        }
        if args.state != State::Run && !args.verify {
            return Err(Failure::usage(
                "verify: only `state: run` makes archives that can be read",
            ));
        }
        if args.state != State::Run && args.ledger.is_some() {
            return Err(Failure::usage(
                "ledger: only `state: run` makes archives that are remembered",
            ));
        }
        match args.state {
            State::Run => {
                let others = args.given(&["id", "state", "timeout", "vmid", "verify", "ledger"]);
                if !others.is_empty() {
                    return Err(Failure::usage(format!(
                        "state is run, which runs the job as it is stored, but {} is given too",
                        others.join(", ")
                    ))
                    .hint("Declare the job with `state: present` first, then run it by its id."));
                }
                let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
                Ok(Self::Run {
                    id,
                    timeout: Duration::from_secs(seconds.unwrap_or(86_400)),
                    only: vmids("vmid", args.vmid.as_deref().unwrap_or_default())?,
                    verify: args
                        .verify
                        .then(|| Place::new(args.ledger.as_deref()))
                        .transpose()?,
                })
            }
            State::Absent => Ok(Self::Absent(id)),
            State::Present => {
                Declared::new(id, args).map(|declared| Self::Present(Box::new(declared)))
            }
        }
    }
}

impl Declared {
    fn new(id: JobId, args: &Args) -> Result<Self, Failure> {
        let schedule = args.schedule.clone().unwrap_or_default().trim().to_owned();
        schedule::check(&schedule)?;
        let retention = args.retention().understood()?;
        let storage = args
            .storage
            .as_deref()
            .map(|text| typed("storage", text))
            .transpose()?;
        let node = args
            .node
            .as_deref()
            .map(|text| typed("node", text))
            .transpose()?;
        let selection = Selection::new(args)?;
        let rpo_hours = number("rpo_hours", args.rpo_hours, 1, i64::MAX)?;
        let mut declared = Self {
            id,
            schedule,
            enabled: args.enabled,
            selection,
            storage,
            storage_planned: args.storage_planned,
            fleecing_storage: fleecing_storage(args)?,
            node,
            retention,
            rpo_hours,
            notification_expected: args.notification_expected,
            adopt: args.adopt,
            settings: Settings::new(&SHAPE),
        };
        declared.settings = settings(args, &declared)?;
        Ok(declared)
    }
}

impl Selection {
    fn new(args: &Args) -> Result<Self, Failure> {
        let texts = |name: &str, list: &[String]| {
            let list: Vec<String> = list.iter().map(|text| text.trim().to_owned()).collect();
            if list.is_empty() || list.iter().any(String::is_empty) {
                return Err(Failure::usage(format!(
                    "{name}: an empty list or an empty name selects nothing"
                )));
            }
            Ok(list)
        };
        if let Some(numbers) = &args.vmid {
            let guests = vmids("vmid", numbers)?;
            if guests.is_empty() {
                return Err(
                    Failure::usage("vmid is an empty list: the job would have no guests")
                        .hint("Name guests, or remove the job with `state: absent`."),
                );
            }
            return Ok(Self::Guests(guests));
        }
        if let Some(pool) = &args.pool {
            return Ok(Self::Pool(typed("pool", pool)?));
        }
        if let Some(tags) = &args.tags {
            return Ok(Self::Tags(texts("tags", tags)?));
        }
        if let Some(names) = &args.names {
            return Ok(Self::Names(texts("names", names)?));
        }
        if args.all == Some(true) {
            return Ok(Self::All {
                exclude: vmids("exclude", args.exclude.as_deref().unwrap_or_default())?,
            });
        }
        Err(
            Failure::usage("all is false and nothing else selects guests")
                .hint("Set one of vmid, all, pool, tags and names."),
        )
    }

    /// Whether guests are looked up when the task runs and stored as numbers.
    pub const fn is_resolved_now(&self) -> bool {
        matches!(self, Self::Tags(_) | Self::Names(_))
    }
}

fn vmids(name: &str, numbers: &[i64]) -> Result<BTreeSet<Vmid>, Failure> {
    numbers
        .iter()
        .map(|number| {
            u64::try_from(*number)
                .ok()
                .and_then(|number| Vmid::new(number).ok())
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "{name}: `{number}` is no guest id; they go from 100 to 999999999"
                    ))
                })
        })
        .collect()
}

/// The settings of the job, as the node stores them, without the selection.
fn settings(args: &Args, declared: &Declared) -> Result<Settings, Failure> {
    let mut settings = Settings::new(&SHAPE);
    settings.text(key::SCHEDULE, Some(&declared.schedule));
    settings.flag(key::ENABLED, Some(args.enabled));
    settings.text(
        key::COMMENT,
        one_line("comment", args.comment.as_deref(), 512)?,
    );
    settings.flag(key::REPEAT_MISSED, args.repeat_missed);
    settings.text(key::NODE, args.node.as_deref());
    settings.text(key::STORAGE, args.storage.as_deref());
    settings.text(key::MODE, Some(&args.mode));
    match args.compress.as_str() {
        "none" => settings.text(key::COMPRESS, Some("0")),
        other => settings.text(key::COMPRESS, Some(other)),
    }
    if let Some(threads) = number("threads", args.threads, 0, 1024)? {
        match args.compress.as_str() {
            "zstd" => settings.number(key::ZSTD, Some(threads)),
            "gzip" => settings.number(key::PIGZ, Some(threads)),
            other => {
                return Err(
                    Failure::usage(format!("threads: compress `{other}` has no threads"))
                        .hint("Leave threads out, or set compress to zstd or gzip."),
                );
            }
        }
    }
    if let Some(retention) = &declared.retention {
        settings.text(key::PRUNE_BACKUPS, Some(&retention.to_string()));
    }
    settings.flag(key::REMOVE, args.remove);
    settings.flag(key::PROTECTED, args.protected);
    let notes = args
        .notes_template
        .as_deref()
        .map(notes::stored)
        .transpose()?;
    settings.text(key::NOTES_TEMPLATE, notes.as_deref());
    if let Some(paths) = &args.exclude_path {
        for path in paths {
            // Proxmox VE stores one per line and trims it.
            if path.trim() != path || path.is_empty() || path.contains(char::is_control) {
                return Err(Failure::usage(format!(
                    "exclude_path: `{}` is empty, begins or ends with a blank, or has a line break",
                    path.escape_debug()
                )));
            }
        }
        settings.list(key::EXCLUDE_PATH, paths);
    }
    settings.flag(key::STDEXCLUDES, args.stdexcludes);
    settings.text(
        key::PBS_CHANGE_DETECTION_MODE,
        args.pbs_change_detection_mode.as_deref(),
    );
    let fleecing = args.fleecing.as_ref().map(|fleecing| {
        fleecing_text(
            fleecing.enabled,
            declared.fleecing_storage.as_ref().map(StorageId::as_str),
        )
    });
    settings.text(key::FLEECING, fleecing.as_deref());
    settings.number(key::BWLIMIT, number("bwlimit", args.bwlimit, 0, i64::MAX)?);
    settings.number(key::IONICE, number("ionice", args.ionice, 0, 8)?);
    settings.number(
        key::LOCKWAIT,
        number("lockwait", args.lockwait, 0, i64::MAX)?,
    );
    settings.number(
        key::STOPWAIT,
        number("stopwait", args.stopwait, 0, i64::MAX)?,
    );
    settings.text(key::PERFORMANCE, performance(args)?.as_deref());
    settings.text(key::NOTIFICATION_MODE, args.notification_mode.as_deref());
    if let Some(mailto) = &args.mailto {
        settings.comma_list(key::MAILTO, mail::receivers(mailto)?);
    }
    settings.text(key::MAILNOTIFICATION, args.mailnotification.as_deref());
    Ok(settings)
}

fn fleecing_storage(args: &Args) -> Result<Option<StorageId>, Failure> {
    let Some(fleecing) = &args.fleecing else {
        return Ok(None);
    };
    let storage = fleecing
        .storage
        .as_deref()
        .map(|text| typed("fleecing.storage", text))
        .transpose()?;
    if fleecing.enabled && storage.is_none() {
        return Err(
            Failure::usage("fleecing: enabled, but no storage is named for its images")
                .hint("Set fleecing.storage, best to a fast local storage."),
        );
    }
    Ok(storage)
}

fn performance(args: &Args) -> Result<Option<String>, Failure> {
    let Some(performance) = &args.performance else {
        return Ok(None);
    };
    let workers = number("performance.max_workers", performance.max_workers, 1, 256)?;
    let entries = number(
        "performance.pbs_entries_max",
        performance.pbs_entries_max,
        1,
        i64::MAX,
    )?;
    Ok(performance_text(workers, entries))
}

fn one_line<'a>(
    name: &str,
    text: Option<&'a str>,
    limit: usize,
) -> Result<Option<&'a str>, Failure> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.contains(char::is_control) {
        return Err(Failure::usage(format!(
            "{name}: one line only, it has a line break or another control character"
        )));
    }
    if text.chars().count() > limit {
        return Err(Failure::usage(format!(
            "{name}: longer than {limit} characters"
        )));
    }
    Ok(Some(text))
}

fn number(name: &str, value: Option<i64>, least: i64, most: i64) -> Result<Option<i64>, Failure> {
    match value {
        Some(value) if value < least || value > most => Err(Failure::usage(if most == i64::MAX {
            format!("{name}: {value} is less than {least}")
        } else {
            format!("{name}: {value} is not from {least} to {most}")
        })),
        other => Ok(other),
    }
}

fn typed<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &str,
    text: &str,
) -> Result<T, Failure> {
    text.parse()
        .map_err(|error| Failure::usage(format!("{name}: {error}")))
}

#[cfg(test)]
mod tests;
