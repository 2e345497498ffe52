//! Reads what there is, as far as it is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use module_kit::{Context, Failure};
use proof_ledger::Snapshot;
use vzdump_archive::folder::Leftover;
use vzdump_archive::{Examination, Finding, Pace};

use crate::files::{File, Files};
use crate::memory::{Asked, Memory, Turn};
use crate::observe::{Found, Observed, OnStorage, Verified};
use crate::reading::{self, Task};
use crate::removed::{self, Listing, Removed};
use crate::running;
use crate::sharing::{self, Lenders, OwnProofs};
use crate::spec::Spec;

/// A week more than it should: another node may have been off.
const PATIENCE: i64 = 7 * 86_400;

pub(crate) fn verify(
    spec: &Spec,
    context: &Context<'_>,
    files: Files,
) -> Result<Observed, Failure> {
    let (own, others): (Vec<File>, Vec<File>) = files
        .to_read
        .into_iter()
        .partition(|file| file.read_by.is_here());
    // Where only some guests are looked at, the others are not gone.
    let listed = files.listed.iter().filter(|_| spec.guests.is_empty());
    let complete: Vec<PathBuf> = listed.map(|listing| listing.folder.clone()).collect();
    let ledger = spec.remembering.ledger.file(context);
    let paths: Vec<&Path> = own
        .iter()
        .map(|file| file.candidate.path.as_path())
        .collect();
    let readers = reading::readers(spec.parallel);
    let asked = Asked {
        ledger: ledger.as_deref(),
        archives: &paths,
        listed: &complete,
        renewal: spec.remembering.renewal,
        readers,
        patience: spec.remembering.patience,
    };
    let memory = Memory::open(&asked, context)?;
    let (turns, trusted) = memory.turns();
    let examinations = read(spec, context, &own, &memory, &turns, readers);
    let bytes_read = examinations
        .iter()
        .flatten()
        .map(|examination| examination.bytes)
        .sum();
    let mut trusted_files: Vec<usize> = trusted.keys().copied().collect();
    let mut all: BTreeMap<usize, Found> = trusted
        .into_iter()
        .map(|(at, known)| (at, known.into()))
        .collect();
    for (turn, examination) in turns.iter().zip(examinations) {
        let read = examination.map(|examination| Found {
            examination,
            read_at: Some(context.now()),
            by: None,
        });
        let found = read.or_else(|| {
            // Its renewal waits for another run.
            trusted_files.push(turn.at);
            memory.known(turn.at).map(Into::into)
        });
        all.extend(found.map(|found| (turn.at, found)));
    }
    let ended = memory.close();
    let mut warnings = ended.warnings;
    if !context.is_check() {
        warnings.extend(sharing::publish(
            &files.shared,
            &ended.renewed,
            ended.ledger.snapshot(),
            context.now(),
        ));
    }
    let gone = Gone::of(&files.listed, &own, &others, &files.leftovers);
    trusted_files.retain(|at| own.get(*at).is_none_or(|file| !gone.has(file)));
    let removed = gone.removed(own.iter().chain(&others));
    let mut archives: Vec<Verified> = own
        .into_iter()
        .enumerate()
        .filter(|(_, file)| !gone.has(file))
        .map(|(at, file)| {
            // There is one of each; should one be missing, it is not taken for another's.
            let found = all.remove(&at);
            verified(file, found.unwrap_or_else(sharing::unread))
        })
        .collect();
    let others = others.into_iter().filter(|file| !gone.has(file));
    archives.extend(lent(
        spec,
        context,
        others,
        ended.ledger.snapshot(),
        &mut warnings,
    ));
    // A backup that ran when the folder was listed has ended, and its archive is for another run.
    let mut leftovers = files.leftovers;
    leftovers.retain(|left| !gone.paths.contains(&left.path));
    let dat = leftovers
        .iter()
        .filter(|left| left.finding == Finding::BackupInterrupted);
    let running = running::open_files(dat.map(|left| left.path.as_path()));
    Ok(Observed {
        archives,
        listed: Vec::new(),
        asked: None,
        removed,
        trusted: trusted_files.len(),
        postponed: ended.postponed,
        bytes_read,
        cycle_end: ended.cycle_end,
        warnings,
        leftovers,
        running,
        seconds: 0.0,
        now: context.now(),
    })
}

/// What is gone from its folder by now.
struct Gone {
    paths: BTreeSet<PathBuf>,
}

impl Gone {
    fn of(listed: &[Listing], own: &[File], others: &[File], leftovers: &[Leftover]) -> Self {
        let files = own.iter().chain(others).filter(|file| !file.is_named);
        let files = files.map(|file| file.candidate.path.as_path());
        let leftovers = leftovers.iter().map(|left| left.path.as_path());
        Self {
            paths: removed::gone(listed, files.chain(leftovers)),
        }
    }

    fn has(&self, file: &File) -> bool {
        !file.is_named && self.paths.contains(&file.candidate.path)
    }

    fn removed<'a>(&self, files: impl Iterator<Item = &'a File>) -> Vec<Removed> {
        let removed = files.filter(|file| self.has(file)).map(|file| Removed {
            path: file.candidate.path.clone(),
            on: file.on.clone(),
        });
        removed.collect()
    }
}

/// What the readers of shared storages say of their archives.
fn lent(
    spec: &Spec,
    context: &Context<'_>,
    files: impl Iterator<Item = File>,
    ledger: &Snapshot,
    warnings: &mut Vec<String>,
) -> Vec<Verified> {
    let mut lenders = Lenders::default();
    let oldest = context
        .now()
        .saturating_sub(spec.remembering.renewal.max_age)
        .saturating_sub(PATIENCE);
    let archives = files.map(|file| {
        let here = file.on.as_ref().map(|(_, node)| node.clone());
        let own = here.map(|node| OwnProofs::new(ledger, node));
        let path = &file.candidate.path;
        let lent = lenders.lend(path, &file.read_by, oldest, own.as_ref());
        verified(file, lent)
    });
    let archives = archives.collect();
    warnings.extend(lenders.warnings());
    archives
}

fn read(
    spec: &Spec,
    context: &Context<'_>,
    files: &[File],
    memory: &Memory,
    turns: &[Turn],
    readers: usize,
) -> Vec<Option<Examination>> {
    let pace = spec.bytes_per_second.map(Pace::new);
    let tasks: Vec<Task<'_>> = turns
        .iter()
        .filter_map(|turn| Some((turn, files.get(turn.at)?)))
        .map(|(turn, file)| Task {
            path: &file.candidate.path,
            name: &file.candidate.name.name,
            size: file.candidate.size,
            checksums: &file.checksums,
            can_wait: turn.can_wait,
            pace: pace.as_ref(),
        })
        .collect();
    reading::read(
        &tasks,
        readers,
        spec.remembering.time(),
        context,
        &|task, pass, again| match turns.get(task) {
            Some(turn) => memory.settle(turn.at, pass, again),
            None => pass.examination,
        },
    )
}

fn verified(file: File, found: Found) -> Verified {
    Verified {
        candidate: file.candidate,
        examination: found.examination,
        read_at: found.read_at,
        by: found.by,
        on: file.on.map(|(storage, node)| OnStorage {
            storage,
            node,
            archive: None,
        }),
    }
}

impl From<crate::memory::Known> for Found {
    fn from(known: crate::memory::Known) -> Self {
        Self {
            examination: known.examination,
            read_at: Some(known.read_at),
            by: None,
        }
    }
}
