//! What is read now, what is trusted, what waits. Pure: the same input gives the same plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::cycle;
use crate::entry::{ArchiveKey, Entry, FileStamp, Proof, Snapshot};

/// What decides beside the archives and the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A proof that is older than this, in seconds, is renewed.
    pub max_age: i64,
    /// How much a run rereads of what did not change.
    pub budget: Budget,
    /// How far apart the runs are, in seconds, for the end of the cycle.
    pub run_interval: i64,
    /// The generation of the checks of this program. A proof of an earlier one is renewed like an
    /// old one: the checks that are new may find something.
    pub checks: u32,
}

/// How much a run rereads of what did not change. What is new or changed is read in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Seconds of reading, planned by how fast the readings in the ledger were. Several readers
    /// beside each other have several seconds in one.
    pub seconds: Option<u64>,
    /// Whether this run renews nothing, because others do.
    pub paused: bool,
}

/// What there is: for each folder that was listed completely, its archives. A folder that could
/// not be listed is not named, and nothing is concluded about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// By folder.
    pub places: BTreeMap<String, Vec<Present>>,
}

/// An archive that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// The file as it is.
    pub stamp: FileStamp,
}

/// Whether another content may come under the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// No: the name has the second in it, as vzdump makes it.
    Unique,
    /// Yes: people or programs write it again and again.
    Reused,
}

/// Why an archive is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was never read.
    New,
    /// It is not the file that was read.
    Changed(Vec<Field>),
    /// The last try to read it failed.
    FailedBefore,
    /// Its proof is of the future: the clock was changed.
    ClockWentBack,
    /// It was read by a program with fewer checks.
    OlderChecks,
    /// Its proof is older than `max_age`; this many seconds in all.
    Due(i64),
}

/// What tells that a file is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Its size.
    Size,
    /// When its content changed.
    Mtime,
    /// Its inode.
    Inode,
}

impl Field {
    /// The word for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Mtime => "time of change",
            Self::Inode => "inode",
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("never read"),
            Self::Changed(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| field.text()).collect();
                write!(f, "changed: {}", fields.join(", "))
            }
            Self::FailedBefore => f.write_str("the last try to read it failed"),
            Self::ClockWentBack => f.write_str("its proof is of the future"),
            Self::OlderChecks => f.write_str("read by an older version that checked less"),
            Self::Due(age) => write!(f, "proof of {} days ago", age / 86_400),
        }
    }
}

/// An archive that is read in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The archive.
    pub key: ArchiveKey,
    /// The file as it was found.
    pub stamp: FileStamp,
    /// Why.
    pub why: Why,
}

/// An archive whose renewal waits for a later run; until then its proof counts with its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postponed {
    /// The archive.
    pub key: ArchiveKey,
    /// Why it should be read.
    pub why: Why,
}

/// What a run does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadPlan {
    /// Read now, in this order: what changed or is new first, then the oldest proofs.
    pub read: Vec<Read>,
    /// Where in `read` the renewals begin, which a run may break off when its time is over.
    pub renewals: usize,
    /// Not read, their proof is young enough.
    pub trust: Vec<ArchiveKey>,
    /// Not read, although their proof is to be renewed.
    pub postponed: Vec<Postponed>,
    /// In the ledger and no longer there.
    pub forget: Vec<ArchiveKey>,
    /// Bytes that are read.
    pub bytes: u64,
    /// When each of today's archives has been read again, in Unix seconds, when runs come
    /// regularly.
    pub cycle_end: i64,
    /// Archives whose proof will be older than `max_age` before the budget comes to them, by more
    /// than one run.
    pub late: usize,
}

/// Decides what is read.
pub fn decide(survey: &Survey, ledger: &Snapshot, now: i64, settings: &Settings) -> ReadPlan {
    let mut plan = ReadPlan::default();
    let mut known: Vec<Known<'_>> = Vec::new();
    for (place, archives) in &survey.places {
        for archive in archives {
            let key = ArchiveKey::new(place.as_str(), archive.name.as_str());
            match examine(archive, ledger.get(&key), now, settings) {
                Ok((proof, why)) => known.push(Known {
                    key,
                    stamp: archive.stamp,
                    proof,
                    why,
                }),
                Err(why) => {
                    plan.bytes = plan.bytes.saturating_add(archive.stamp.size);
                    plan.read.push(Read {
                        key,
                        stamp: archive.stamp,
                        why,
                    });
                }
            }
        }
    }
    // What changed is the likeliest damage; of what is new, the newest protects most.
    plan.read.sort_by_cached_key(|read| {
        let newest_first = std::cmp::Reverse((read.stamp.mtime, read.stamp.mtime_nanos));
        (read.why == Why::New, newest_first, read.key.clone())
    });
    plan.renewals = plan.read.len();
    renew(&mut plan, known, ledger, now, settings);
    plan.forget = vanished(survey, ledger, now, settings);
    plan
}

/// An archive whose file is the one that was read.
struct Known<'a> {
    key: ArchiveKey,
    stamp: FileStamp,
    proof: &'a Proof,
    why: Option<Why>,
}

/// The proof of an unchanged archive and why it should be renewed, or why it must be read.
fn examine<'a>(
    archive: &Present,
    entry: Option<&'a Entry>,
    now: i64,
    settings: &Settings,
) -> Result<(&'a Proof, Option<Why>), Why> {
    let entry = entry.ok_or(Why::New)?;
    if entry.failure.is_some() {
        return Err(Why::FailedBefore);
    }
    let proof = entry.proof.as_ref().ok_or(Why::New)?;
    let changed = changed(&archive.stamp, &proof.stamp);
    if !changed.is_empty() {
        return Err(Why::Changed(changed));
    }
    let age = now.saturating_sub(proof.read_at);
    if age < 0 {
        return Err(Why::ClockWentBack);
    }
    let why = if proof.checks < settings.checks {
        Some(Why::OlderChecks)
    } else if age >= settings.max_age {
        Some(Why::Due(age))
    } else {
        None
    };
    Ok((proof, why))
}

fn changed(now: &FileStamp, then: &FileStamp) -> Vec<Field> {
    let mtime = |stamp: &FileStamp| (stamp.mtime, stamp.mtime_nanos);
    [
        (now.size != then.size, Field::Size),
        (mtime(now) != mtime(then), Field::Mtime),
        (now.inode != then.inode, Field::Inode),
    ]
    .into_iter()
    .filter_map(|(differs, field)| differs.then_some(field))
    .collect()
}

/// Takes the oldest proofs into the plan as far as the budget goes.
fn renew(
    plan: &mut ReadPlan,
    mut known: Vec<Known<'_>>,
    ledger: &Snapshot,
    now: i64,
    settings: &Settings,
) {
    known.sort_by(|a, b| (a.proof.read_at, &a.key).cmp(&(b.proof.read_at, &b.key)));
    let budget = cycle::bytes(settings.budget, ledger);
    let waiting: Vec<cycle::Waiting> = known
        .iter()
        .map(|known| cycle::Waiting {
            size: known.stamp.size,
            due: match known.why {
                Some(Why::OlderChecks) => now,
                _ => known.proof.read_at.saturating_add(settings.max_age),
            },
        })
        .collect();
    let forecast = if settings.budget.paused && !waiting.is_empty() {
        let next = now.saturating_add(settings.run_interval.max(1));
        cycle::Forecast {
            now: BTreeSet::new(),
            ..cycle::forecast(&waiting, budget, 0, next, settings)
        }
    } else {
        cycle::forecast(&waiting, budget, plan.bytes, now, settings)
    };
    plan.cycle_end = forecast.end;
    plan.late = forecast.late;
    for (at, known) in known.into_iter().enumerate() {
        match known.why {
            Some(why) if forecast.now.contains(&at) => {
                plan.bytes = plan.bytes.saturating_add(known.stamp.size);
                plan.read.push(Read {
                    key: known.key,
                    stamp: known.stamp,
                    why,
                });
            }
            Some(why) => plan.postponed.push(Postponed {
                key: known.key,
                why,
            }),
            None => plan.trust.push(known.key),
        }
    }
    plan.trust.sort_unstable();
}

/// Entries of archives that are gone.
fn vanished(survey: &Survey, ledger: &Snapshot, now: i64, settings: &Settings) -> Vec<ArchiveKey> {
    let present: BTreeMap<&str, BTreeSet<&str>> = survey
        .places
        .iter()
        // An empty folder is more often a file system that is not mounted.
        .filter(|(_, archives)| !archives.is_empty())
        .map(|(place, archives)| {
            let names = archives.iter().map(|archive| archive.name.as_str());
            (place.as_str(), names.collect())
        })
        .collect();
    let old = now.saturating_sub(settings.max_age.saturating_mul(3));
    ledger
        .iter()
        .filter(|(key, entry)| match present.get(key.place.as_str()) {
            Some(names) => !names.contains(key.name.as_str()),
            // Nothing was seen of its folder: it is kept for long, and not for ever.
            None => last_seen(entry) < old,
        })
        .map(|(key, _)| key.clone())
        .collect()
}

fn last_seen(entry: &Entry) -> i64 {
    let proof = entry.proof.as_ref().map(|proof| proof.read_at);
    let failure = entry.failure.as_ref().map(|failure| failure.at);
    proof.max(failure).unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests;
