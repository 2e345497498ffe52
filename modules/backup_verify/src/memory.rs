//! What earlier runs read: which archives are read now, and what is remembered of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use module_kit::Failure;
use proof_ledger::{
    ArchiveKey, DIGEST_CHANGED, Entry, FailedRead, FileStamp, Ledger, Naming, OnBusy, Present,
    ReadPlan, Reader, Reading, Settings, State, Survey, UNSTABLE_READ, decide, judge, settle,
};
use vzdump_archive::{Examination, Finding, Reason, Verdict};

use crate::spec::CHECKS;

const READER: Reader<'static> = Reader {
    program: env!("CARGO_PKG_VERSION"),
    checks: CHECKS,
};

/// How long another run is waited for: shorter than a reading, longer than a look at the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ledger of a run.
#[derive(Debug)]
pub(crate) struct Memory {
    state: Mutex<Kept>,
    /// Of each archive, in the order of the candidates; `None` of one that cannot be looked at.
    keys: Vec<Option<(ArchiveKey, FileStamp)>>,
    plan: ReadPlan,
    now: i64,
}

#[derive(Debug)]
struct Kept {
    ledger: Ledger,
    warnings: Vec<String>,
}

impl Memory {
    /// Opens the ledger and decides what is read. `listed` are the folders that were listed
    /// completely: only there an archive that is not among the paths is gone.
    pub(crate) fn open(
        path: &Path,
        archives: &[&Path],
        listed: &[PathBuf],
        renewal: Settings,
        now: i64,
    ) -> Result<Self, Failure> {
        let opened = Ledger::open(path, OnBusy::Wait(PATIENCE)).map_err(|refused| {
            Failure::refused(refused.to_string())
                .hint("Wait for its end, or name another ledger. Nothing was verified.")
        })?;
        let (mut ledger, mut warnings) = (opened.ledger, opened.warnings);
        let keys: Vec<_> = archives.iter().map(|path| key(path)).collect();
        let mut survey = Survey::default();
        for (key, stamp) in keys.iter().flatten() {
            survey
                .places
                .entry(key.place.clone())
                .or_default()
                .push(Present {
                    name: key.name.clone(),
                    stamp: *stamp,
                });
        }
        let plan = decide(&survey, ledger.snapshot(), now, &renewal);
        let whole: BTreeSet<String> = listed.iter().filter_map(|folder| place(folder)).collect();
        let gone = plan
            .forget
            .iter()
            .filter(|key| whole.contains(&key.place) || !survey.places.contains_key(&key.place));
        for key in gone {
            warnings.extend(ledger.forget(key));
        }
        Ok(Self {
            state: Mutex::new(Kept { ledger, warnings }),
            keys,
            plan,
            now,
        })
    }

    /// What is known without reading, by number of the candidate.
    pub(crate) fn known(&self) -> BTreeMap<usize, Examination> {
        let kept = self.kept();
        let unread: BTreeSet<&ArchiveKey> = self.plan.read.iter().map(|read| &read.key).collect();
        self.keys
            .iter()
            .enumerate()
            .filter_map(|(at, key)| {
                let (key, _) = key.as_ref()?;
                let proof = kept.ledger.snapshot().get(key)?.proof.as_ref()?;
                (!unread.contains(key)).then_some(())?;
                // What cannot be understood any more is read again.
                Some((at, serde_json::from_value(proof.detail.clone()).ok()?))
            })
            .collect()
    }

    /// The numbers of the candidates that are read, in the order of the plan.
    pub(crate) fn order(&self) -> Vec<usize> {
        let known = self.known();
        let place: BTreeMap<&ArchiveKey, usize> = self
            .plan
            .read
            .iter()
            .enumerate()
            .map(|(at, read)| (&read.key, at))
            .collect();
        let mut order: Vec<usize> = (0..self.keys.len())
            .filter(|at| !known.contains_key(at))
            .collect();
        order.sort_by_key(|at| {
            let key = self.keys.get(*at).and_then(Option::as_ref);
            key.and_then(|(key, _)| place.get(key)).copied()
        });
        order
    }

    /// When what is known of a candidate without reading was read, in Unix seconds.
    pub(crate) fn read_at(&self, at: usize) -> Option<i64> {
        let (key, _) = self.keys.get(at)?.as_ref()?;
        let kept = self.kept();
        Some(kept.ledger.snapshot().get(key)?.proof.as_ref()?.read_at)
    }

    /// When all were read again.
    pub(crate) const fn cycle_end(&self) -> i64 {
        self.plan.cycle_end
    }

    /// Judges what was read by what is remembered, reads once more when it is doubtful, and
    /// remembers it.
    pub(crate) fn settle(
        &self,
        at: usize,
        examination: Examination,
        again: &dyn Fn() -> Examination,
    ) -> Examination {
        let Some((key, stamp)) = self.keys.get(at).and_then(Option::as_ref) else {
            return examination;
        };
        let recorded = self.kept().ledger.snapshot().get(key).cloned();
        let naming = if key.name.parse::<pve_types::ArchiveName>().is_ok() {
            Naming::Unique
        } else {
            Naming::Reused
        };
        let judged = |examination: &Examination| {
            judge(
                recorded.as_ref(),
                self.reading(*stamp, examination),
                naming,
                READER,
            )
        };
        let mut examination = examination;
        let mut entry = judged(&examination);
        if entry.is_doubtful() {
            examination = again();
            entry = settle(&entry, judged(&examination));
        }
        tell(&entry, &mut examination);
        if let Some(proof) = entry.proof.as_mut().filter(|_| entry.failure.is_none()) {
            proof.detail = serde_json::to_value(&examination).unwrap_or_default();
        }
        let mut kept = self.kept();
        let warning = kept.ledger.record(key.clone(), entry);
        kept.warnings.extend(warning);
        examination
    }

    fn reading(&self, stamp: FileStamp, examination: &Examination) -> Reading {
        let state = match examination.verdict {
            Verdict::Ok => State::Ok,
            Verdict::Warn => State::Warn,
            Verdict::Corrupt => State::Corrupt,
            Verdict::Unreadable
            | Verdict::InProgress
            | Verdict::NotVerified
            | Verdict::Incomplete => {
                let text = examination.reasons.first().map(ToString::to_string);
                return Reading::Failed(FailedRead {
                    at: self.now,
                    text: text.unwrap_or_default(),
                });
            }
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
            // Not measured: there is no budget of time yet.
            millis: 0,
            detail: serde_json::Value::Null,
        }
    }

    /// Closes the ledger; what the user should know of it.
    pub(crate) fn close(self) -> Vec<String> {
        let mut kept = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let warning = kept.ledger.compact();
        kept.warnings.extend(warning);
        kept.warnings.dedup();
        kept.warnings
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    Some(folder.to_str()?.to_owned())
}

/// What an archive is remembered by; a name that is no text is never remembered.
fn key(path: &Path) -> Option<(ArchiveKey, FileStamp)> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let key = ArchiveKey::new(place(folder)?, path.file_name()?.to_str()?);
    Some((key, FileStamp::of(&fs::metadata(path).ok()?)))
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
