//! What the options mean.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::path::PathBuf;

use module_kit::Failure;
use pve_coverage::{Matcher, Policies, Rpo};
use pve_types::{StorageId, Vmid};
use serde_json::Value;

use crate::Args;
use crate::fail_on::FailOn;
use crate::output::{self, ReportFile};
use crate::remembering::Remembering;

/// More threads than this only fight for the disk.
const MOST_PARALLEL: usize = 64;

/// What shall be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// What Proxmox VE is asked for; nothing: it is not asked.
    pub ask: Option<Ask>,
    /// Only these guests; all when empty.
    pub guests: BTreeSet<Vmid>,
    /// What is expected of guests.
    pub policies: Policies,
    /// What is remembered, and what of it is read again.
    pub remembering: Remembering,
    /// How many archives are read beside each other; none: as many as there are processors.
    pub parallel: Option<usize>,
    /// How many bytes in a second are read, of all archives together; none: no limit.
    pub bytes_per_second: Option<NonZeroU64>,
    /// What counts as failed.
    pub fail_on: Vec<FailOn>,
    /// Where the page goes.
    pub report: Option<ReportFile>,
    /// Where the metrics go.
    pub metrics: Option<PathBuf>,
}

/// What Proxmox VE is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Only the archives of these storages are told; of all when empty. Guests are judged by all.
    pub storages: Vec<StorageId>,
    /// Whether files on the storages are read, where that is possible.
    pub read: bool,
    /// Whether it is told how well guests are protected.
    pub coverage: bool,
}

impl Spec {
    pub(crate) fn new(args: &Args) -> Result<Self, Failure> {
        let paths = args.path.clone().unwrap_or_default();
        if args.path.is_some() && (paths.is_empty() || paths.iter().any(String::is_empty)) {
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
        Ok(Self {
            ask: ask(args)?,
            guests: guests(args)?,
            policies: policies(args)?,
            remembering: Remembering::new(args)?,
            parallel,
            bytes_per_second: bytes_per_second(args.bwlimit)?,
            fail_on: args
                .fail_on
                .iter()
                .filter_map(|word| FailOn::of_word(word))
                .collect(),
            report: args.report.as_deref().map(ReportFile::new).transpose()?,
            metrics: args
                .metrics
                .as_deref()
                .map(output::metrics_file)
                .transpose()?,
            paths: paths.into_iter().map(PathBuf::from).collect(),
        })
    }

    /// Is an archive of this guest looked at?
    pub(crate) fn wants(&self, vmid: Option<Vmid>) -> bool {
        self.guests.is_empty() || vmid.is_some_and(|vmid| self.guests.contains(&vmid))
    }
}

fn bytes_per_second(kibibytes: i64) -> Result<Option<NonZeroU64>, Failure> {
    let kibibytes = u64::try_from(kibibytes).map_err(|_| {
        Failure::usage(format!(
            "bwlimit: `{kibibytes}` is below 0; 0 sets no limit"
        ))
    })?;
    Ok(NonZeroU64::new(kibibytes.saturating_mul(1024)))
}

fn ask(args: &Args) -> Result<Option<Ask>, Failure> {
    let named = args.storage.as_deref().unwrap_or_default();
    let storages = named
        .iter()
        .map(|id| {
            id.parse()
                .map_err(|error| Failure::usage(format!("storage: {error}")))
        })
        .collect::<Result<Vec<StorageId>, Failure>>()?;
    if args.storage.is_some() && storages.is_empty() {
        return Err(Failure::usage("storage: an empty list names nothing"));
    }
    let only_files = args.path.is_some() && storages.is_empty();
    if only_files && args.coverage != Some(true) {
        return Ok(None);
    }
    Ok(Some(Ask {
        read: !only_files,
        storages,
        coverage: args.coverage.unwrap_or(true),
    }))
}

fn guests(args: &Args) -> Result<BTreeSet<Vmid>, Failure> {
    args.vmid
        .iter()
        .flatten()
        .map(|number| {
            number
                .to_string()
                .parse()
                .map_err(|error| Failure::usage(format!("vmid: {error}")))
        })
        .collect()
}

fn policies(args: &Args) -> Result<Policies, Failure> {
    let matcher = |option: &str, text: &str| {
        text.trim()
            .parse::<Matcher>()
            .map_err(|error| Failure::usage(format!("{option}: {error}")))
    };
    let mut rpo = vec![Rpo {
        of: Matcher::All,
        hours: hours("rpo_hours", args.rpo_hours)?,
    }];
    for (of, value) in args.rpo.iter().flatten() {
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| {
            Failure::usage(format!(
                "rpo: `{of}` has {value}, which is no number of hours"
            ))
        })?;
        let of = matcher("rpo", of)?;
        // What is said here of all guests is the default.
        if of == Matcher::All {
            rpo.retain(|rpo| rpo.of != Matcher::All);
        }
        rpo.push(Rpo {
            of,
            hours: hours("rpo", number)?,
        });
    }
    let none = args
        .no_backup_expected
        .iter()
        .flatten()
        .map(|text| matcher("no_backup_expected", text))
        .collect::<Result<_, _>>()?;
    let minimum_size = u64::try_from(args.min_size)
        .map_err(|_| Failure::usage(format!("min_size: `{}` is below 0", args.min_size)))?;
    Ok(Policies {
        rpo,
        none,
        minimum_size,
    })
}

fn hours(option: &str, number: i64) -> Result<i64, Failure> {
    if number > 0 {
        Ok(number)
    } else {
        Err(Failure::usage(format!(
            "{option}: `{number}` hours are not above 0"
        )))
    }
}

#[cfg(test)]
mod tests;
