//! Looks at the present: what Proxmox VE knows, which files there are, and what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use module_kit::{Context, Exit, Failure};
use pve_client::api::Archive;
use pve_types::{NodeName, StorageId};
use vzdump_archive::folder::{Candidate, Leftover};
use vzdump_archive::{Examination, Reason, Verdict};

use crate::asked::{self, Asked};
use crate::files::Files;
use crate::matching;
use crate::noted;
use crate::spec::Spec;
use crate::verifying;

/// What there is.
#[derive(Debug)]
pub struct Observed {
    /// Archives and dumps, each with what reading it came to.
    pub archives: Vec<Verified>,
    /// What Proxmox VE lists and was not read here.
    pub listed: Vec<Listed>,
    /// What Proxmox VE knows, when it was asked.
    pub asked: Option<Asked>,
    /// What unfinished backups left.
    pub leftovers: Vec<Leftover>,
    /// Those of the leftovers that are written now.
    pub running: BTreeSet<PathBuf>,
    /// How many of the archives were not read, because of what the ledger says.
    pub trusted: usize,
    /// How many should be read again and wait for another run.
    pub postponed: usize,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// When all were read again, in Unix seconds; `None` without a ledger.
    pub cycle_end: Option<i64>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// How long reading took, in seconds.
    pub seconds: f64,
    /// The present time, in Unix seconds.
    pub now: i64,
}

/// What is known of an archive, from this run, an earlier one, or another node.
#[derive(Debug)]
pub(crate) struct Found {
    /// What is in it.
    pub(crate) examination: Examination,
    /// When it was read, in Unix seconds.
    pub(crate) read_at: Option<i64>,
    /// Which other node read it.
    pub(crate) by: Option<String>,
}

/// An archive with what reading it came to, now or earlier.
#[derive(Debug)]
pub struct Verified {
    /// The file.
    pub candidate: Candidate,
    /// What is in it.
    pub examination: Examination,
    /// When it was read, in Unix seconds.
    pub read_at: Option<i64>,
    /// Which other node read it.
    pub by: Option<String>,
    /// Where Proxmox VE has it.
    pub on: Option<OnStorage>,
}

/// Where Proxmox VE has an archive.
#[derive(Debug, Clone)]
pub struct OnStorage {
    /// The storage.
    pub storage: StorageId,
    /// The node that has or sees it.
    pub node: NodeName,
    /// What Proxmox VE lists; nothing for a dump, or a file that is newer than the list.
    pub archive: Option<Archive>,
}

/// An archive that Proxmox VE lists and that was not read here.
#[derive(Debug)]
pub struct Listed {
    /// The storage.
    pub storage: StorageId,
    /// The node that listed it.
    pub node: NodeName,
    /// What Proxmox VE says of it.
    pub archive: Archive,
    /// What somebody else vouches for.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<Reason>,
    /// When it was verified by somebody else.
    pub read_at: Option<i64>,
    /// By whom.
    pub by: Option<String>,
}

pub(crate) fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
    let mut asked = spec
        .ask
        .as_ref()
        .map(|ask| asked::ask(spec, ask, context))
        .transpose()?;
    let mut files = Files::default();
    for path in &spec.paths {
        files.add_path(path, spec)?;
    }
    // Of storages whose folder cannot be listed here, why.
    let mut closed: BTreeMap<(StorageId, NodeName), String> = BTreeMap::new();
    let reads = spec.ask.as_ref().is_some_and(|ask| ask.read);
    for folder in asked.iter().flat_map(|asked| &asked.folders) {
        if !reads {
            break;
        }
        if let Err(error) = files.add_folder(folder, spec) {
            closed.insert(
                (folder.storage.clone(), folder.node.clone()),
                matching::closed(folder, &error),
            );
        }
    }
    let started = Instant::now();
    let mut observed = verifying::verify(spec, context, files)?;
    if let (Some(asked), Some(ask)) = (&mut asked, &spec.ask) {
        observed.listed = matching::matched(ask, asked, &closed, &mut observed.archives);
        observed.warnings.splice(0..0, asked.warnings.clone());
    }
    if spec.remembering.notes && !context.is_check() {
        let warnings = noted::note(&observed.archives, context);
        observed.warnings.extend(warnings);
    }
    if observed.archives.is_empty() && observed.leftovers.is_empty() {
        nothing(spec, &observed, asked.as_ref())?;
    }
    observed.asked = asked;
    observed.seconds = started.elapsed().as_secs_f64();
    Ok(observed)
}

/// That there is nothing to verify is never fine; where guests are judged they say so.
fn nothing(spec: &Spec, observed: &Observed, asked: Option<&Asked>) -> Result<(), Failure> {
    let judged = spec.ask.as_ref().is_some_and(|ask| ask.coverage);
    if judged || !observed.listed.is_empty() {
        return Ok(());
    }
    let unseen = asked.and_then(|asked| asked.unseen.first());
    let failure = Failure::new(
        Exit::NothingFound,
        match unseen {
            Some(unseen) => format!("no archive can be seen: {unseen}"),
            None if spec.guests.is_empty() => "no backup storage holds an archive".to_owned(),
            None => "there is no archive of the guests that were named".to_owned(),
        },
    );
    Err(failure.hint("Nothing was verified."))
}
