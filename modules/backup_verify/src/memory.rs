//! What earlier runs read: which archives are read now, and what is remembered of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use module_kit::{Context, Failure};
use proof_ledger::{
    ArchiveKey, DIGEST_CHANGED, Entry, FailedRead, FileStamp, Ledger, Naming, OnBusy, Opened,
    Present, ReadPlan, Reader, Reading, Settings, State, Survey, UNSTABLE_READ, decide,
    judge_vouched, settle,
};
use serde::Deserialize as _;
use vzdump_archive::{Examination, Finding, Reason, Verdict};

use crate::noted::Vouchers;
use crate::reading::Pass;
use crate::remembering::CHECKS;

const READER: Reader<'static> = Reader {
    program: env!("CARGO_PKG_VERSION"),
    checks: CHECKS,
};

/// What a run is given to remember and to read.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The file of the ledger; none: nothing is known, and nothing is remembered.
    pub(crate) ledger: Option<&'a Path>,
    /// The archives, by number.
    pub(crate) archives: &'a [&'a Path],
    /// The folders that were listed completely: only there an archive that is not named is gone.
    pub(crate) listed: &'a [PathBuf],
    /// What is believed how long, and how much is read again.
    pub(crate) renewal: Settings,
    /// How many readers work beside each other.
    pub(crate) readers: usize,
    /// How long another run that has the ledger is waited for.
    pub(crate) patience: Duration,
}

/// The ledger of a run.
#[derive(Debug)]
pub(crate) struct Memory {
    state: Mutex<Kept>,
    /// Of each archive, by its number; `None` of one whose name is no text.
    keys: Vec<Option<ArchiveKey>>,
    survey: Survey,
    plan: ReadPlan,
    renewal: Settings,
    now: i64,
    is_kept: bool,
    vouchers: Vouchers,
}

#[derive(Debug)]
struct Kept {
    ledger: Ledger,
    warnings: Vec<String>,
    /// The archives that were read in this run.
    read: BTreeSet<ArchiveKey>,
}

/// What is known of an archive without reading it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) examination: Examination,
    /// When it was read, in Unix seconds.
    pub(crate) read_at: i64,
}

/// An archive that is read in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Its number.
    pub(crate) at: usize,
    /// Whether it can wait for another run, because it is known and did not change.
    pub(crate) can_wait: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Everything that is remembered now; nobody else writes to it as long as this is held.
    pub(crate) ledger: Ledger,
    /// The folders of which something new is known.
    pub(crate) renewed: BTreeSet<String>,
    /// How many archives should be read again and wait for another run.
    pub(crate) postponed: usize,
    /// When all were read again, in Unix seconds; `None` when nothing is remembered.
    pub(crate) cycle_end: Option<i64>,
    /// What the user should know.
    pub(crate) warnings: Vec<String>,
}

impl Memory {
    /// Opens the ledger and decides what is read.
    pub(crate) fn open(asked: &Asked<'_>, context: &Context<'_>) -> Result<Self, Failure> {
        let Opened {
            mut ledger,
            mut warnings,
        } = open(asked, context)?;
        let mut survey = Survey::default();
        let mut keys = Vec::with_capacity(asked.archives.len());
        let mut places = Places::default();
        for path in asked.archives {
            let key = places.key(path);
            if let Some(key) = &key
                && let Ok(metadata) = fs::metadata(path)
            {
                let present = Present {
                    name: key.name.clone(),
                    stamp: FileStamp::of(&metadata),
                };
                let place = survey.places.entry(key.place.clone()).or_default();
                place.push(present);
            }
            keys.push(key);
        }
        let mut renewal = asked.renewal;
        let readers = u64::try_from(asked.readers).unwrap_or(1).max(1);
        if let Some(seconds) = &mut renewal.budget.seconds {
            *seconds = seconds.saturating_mul(readers);
        }
        let now = context.now();
        let plan = decide(&survey, ledger.snapshot(), now, &renewal);
        let whole: BTreeSet<String> = asked
            .listed
            .iter()
            .filter_map(|folder| place(folder))
            .collect();
        // One that cannot be looked at just now is not gone.
        let named: BTreeSet<&ArchiveKey> = keys.iter().flatten().collect();
        let gone = plan.forget.iter().filter(|key| {
            !named.contains(key)
                && (whole.contains(&key.place) || !survey.places.contains_key(&key.place))
        });
        let mut read = BTreeSet::new();
        for key in gone {
            warnings.extend(ledger.forget(key));
            read.insert(key.clone());
        }
        Ok(Self {
            state: Mutex::new(Kept {
                ledger,
                warnings,
                read,
            }),
            keys,
            survey,
            plan,
            renewal,
            now,
            is_kept: asked.ledger.is_some(),
            vouchers: Vouchers::default(),
        })
    }

    /// What is known of an archive from an earlier reading.
    pub(crate) fn known(&self, at: usize) -> Option<Known> {
        let key = self.keys.get(at)?.as_ref()?;
        let kept = self.kept();
        let proof = kept.ledger.snapshot().get(key)?.proof.as_ref()?;
        Some(Known {
            // What cannot be understood any more is read again.
            examination: Examination::deserialize(&proof.detail).ok()?,
            read_at: proof.read_at,
        })
    }

    /// The archives that are read, in the order of the plan, and those that need not be.
    pub(crate) fn turns(&self) -> (Vec<Turn>, BTreeMap<usize, Known>) {
        let order: BTreeMap<&ArchiveKey, usize> = self
            .plan
            .read
            .iter()
            .enumerate()
            .map(|(at, read)| (&read.key, at))
            .collect();
        let known_places: BTreeSet<&ArchiveKey> = self
            .plan
            .trust
            .iter()
            .chain(self.plan.postponed.iter().map(|postponed| &postponed.key))
            .collect();
        let mut trusted = BTreeMap::new();
        let mut turns: Vec<(Option<usize>, Turn)> = Vec::new();
        for (at, key) in self.keys.iter().enumerate() {
            let place = key.as_ref().and_then(|key| order.get(key)).copied();
            let is_known = key.as_ref().is_some_and(|key| known_places.contains(key));
            let known = self.known(at);
            if let Some(known) = known.filter(|_| is_known) {
                trusted.insert(at, known);
                continue;
            }
            let is_renewal = place.is_some_and(|place| place >= self.plan.renewals);
            let can_wait = is_renewal && self.known(at).is_some();
            turns.push((place, Turn { at, can_wait }));
        }
        turns.sort_by_key(|(place, turn)| (turn.can_wait, *place));
        (turns.into_iter().map(|(_, turn)| turn).collect(), trusted)
    }

    /// Judges what was read by what is remembered, reads once more when it is doubtful, and
    /// remembers it.
    pub(crate) fn settle(&self, at: usize, pass: Pass, again: &dyn Fn() -> Pass) -> Examination {
        let key = self.keys.get(at).and_then(Option::as_ref);
        let recorded = key.and_then(|key| self.kept().ledger.snapshot().get(key).cloned());
        let naming = match key {
            Some(key) if key.name.parse::<pve_types::ArchiveName>().is_ok() => Naming::Unique,
            _ => Naming::Reused,
        };
        let has_measure = |entry: &Entry| {
            let proof = entry.proof.as_ref();
            proof.is_some_and(|proof| proof.sha256.is_some())
        };
        let vouched = match key {
            Some(key) if !recorded.as_ref().is_some_and(has_measure) => {
                self.vouchers.of(&key.place, &key.name)
            }
            _ => None,
        };
        let judged = |pass: &Pass| {
            let reading = self.reading(pass);
            judge_vouched(recorded.as_ref(), vouched.as_ref(), reading, naming, READER)
        };
        let mut entry = judged(&pass);
        let mut examination = pass.examination;
        if entry.is_doubtful() {
            let second = again();
            entry = settle(&entry, judged(&second));
            examination = second.examination;
        }
        tell(&entry, &mut examination);
        if let Some(proof) = entry.proof.as_mut().filter(|_| entry.failure.is_none()) {
            proof.detail = serde_json::to_value(&examination).unwrap_or_default();
        }
        if let Some(key) = key {
            let mut kept = self.kept();
            let warning = kept.ledger.record(key.clone(), entry);
            kept.warnings.extend(warning);
            kept.read.insert(key.clone());
        }
        examination
    }

    fn reading(&self, pass: &Pass) -> Reading {
        let examination = &pass.examination;
        let failed = || {
            let text = examination.reasons.first().map(ToString::to_string);
            Reading::Failed(FailedRead {
                at: self.now,
                text: text.unwrap_or_default(),
            })
        };
        let state = match examination.verdict {
            Verdict::Ok => State::Ok,
            Verdict::Warn => State::Warn,
            Verdict::Corrupt => State::Corrupt,
            Verdict::Unreadable
            | Verdict::InProgress
            | Verdict::NotVerified
            | Verdict::Incomplete => return failed(),
        };
        let Some(stamp) = pass.stamp else {
            return failed();
        };
        Reading::Read {
            stamp,
            sha256: examination
                .sha256
                .as_deref()
                .and_then(|text| text.parse().ok()),
            verdict: proof_ledger::Verdict {
                state,
                reasons: Vec::new(),
            },
            at: self.now,
            // Of a reading that took no time nothing could be planned.
            millis: u64::try_from(pass.time.as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
            detail: serde_json::Value::Null,
        }
    }

    /// Closes the ledger.
    pub(crate) fn close(self) -> Ended {
        let mut kept = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let warning = kept.ledger.compact();
        kept.warnings.extend(warning);
        // The same disk is full for every archive.
        let mut said = BTreeSet::new();
        kept.warnings.retain(|warning| said.insert(warning.clone()));
        let renewals = self.plan.read.get(self.plan.renewals..).unwrap_or_default();
        let broken_off = renewals
            .iter()
            .filter(|renewal| !kept.read.contains(&renewal.key))
            .count();
        let mut cycle_end = self.plan.cycle_end;
        if broken_off > 0 {
            let mut rest = self.survey;
            for (place, archives) in &mut rest.places {
                archives.retain(|archive| {
                    !kept
                        .read
                        .contains(&ArchiveKey::new(place.as_str(), archive.name.as_str()))
                });
            }
            let mut renewal = self.renewal;
            renewal.budget.paused = true;
            let later = decide(&rest, kept.ledger.snapshot(), self.now, &renewal);
            cycle_end = cycle_end.max(later.cycle_end);
        }
        if self.plan.late > 0 && self.is_kept {
            kept.warnings.push(format!(
                "the budget is too small: {} archives are read again later than after `max_age_days`, the last one {} days from now. Raise `budget_bytes` or `budget_time`, or let it run more often.",
                self.plan.late,
                cycle_end.saturating_sub(self.now) / 86_400
            ));
        }
        Ended {
            renewed: kept.read.into_iter().map(|key| key.place).collect(),
            postponed: self.plan.postponed.len().saturating_add(broken_off),
            cycle_end: self.is_kept.then_some(cycle_end),
            warnings: kept.warnings,
            ledger: kept.ledger,
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(asked: &Asked<'_>, context: &Context<'_>) -> Result<Opened, Failure> {
    let Some(path) = asked.ledger else {
        return Ok(Opened {
            ledger: Ledger::in_memory(),
            warnings: Vec::new(),
        });
    };
    if context.is_check() {
        return Ok(Ledger::look(path));
    }
    let opened = Ledger::open(path, OnBusy::Refuse).or_else(|refused| {
        context.progress(&format!("{refused}; waiting for its end"));
        Ledger::open(path, OnBusy::Wait(asked.patience))
    });
    opened.map_err(|refused| {
        Failure::refused(refused.to_string()).hint(
            "Wait for its end, or verify without the ledger (`remember: false`). Nothing was verified.",
        )
    })
}

fn place(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    Some(folder.to_str()?.to_owned())
}

/// What folders really are: asked once for each.
#[derive(Debug, Default)]
struct Places(BTreeMap<PathBuf, Option<String>>);

impl Places {
    /// What an archive is remembered by; a name that is no text is never remembered.
    fn key(&mut self, path: &Path) -> Option<ArchiveKey> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."));
        let known = self
            .0
            .entry(folder.to_owned())
            .or_insert_with(|| place(folder));
        Some(ArchiveKey::new(
            known.as_deref()?,
            path.file_name()?.to_str()?,
        ))
    }
}

/// Adds to an examination what only the ledger knows.
fn tell(entry: &Entry, examination: &mut Examination) {
    let reasons = entry.proof.iter().flat_map(|proof| &proof.verdict.reasons);
    for reason in reasons {
        let finding = match reason.code.as_str() {
            DIGEST_CHANGED => Finding::DigestChanged,
            UNSTABLE_READ => Finding::UnstableRead,
            _ => continue,
        };
        if entry.failure.is_none() {
            let reason = Reason::new(finding, reason.text.clone());
            examination.verdict = examination.verdict.max(reason.verdict);
            examination.reasons.push(reason);
        }
    }
}

#[cfg(test)]
mod tests;
