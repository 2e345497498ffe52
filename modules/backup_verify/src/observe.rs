//! Looks at the present: which files there are, and what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use module_kit::{Context, Exit, Failure};
use vzdump_archive::checksum::Checksums;
use vzdump_archive::folder::{self, Candidate, Leftover};
use vzdump_archive::{Examination, FileName, Finding};

use crate::memory::Memory;
use crate::reading::{self, Task};
use crate::running;
use crate::spec::Spec;

/// What there is.
#[derive(Debug)]
pub struct Observed {
    /// Archives and dumps, each with what reading it came to.
    pub archives: Vec<(Candidate, Examination)>,
    /// What unfinished backups left.
    pub leftovers: Vec<Leftover>,
    /// Those of the leftovers that are written now.
    pub running: BTreeSet<PathBuf>,
    /// How many of the archives were not read, because of what the ledger says.
    pub trusted: usize,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// When all were read again, in Unix seconds; `None` without a ledger.
    pub cycle_end: Option<i64>,
    /// What the user should know of the ledger.
    pub warnings: Vec<String>,
    /// How long reading took, in seconds.
    pub seconds: f64,
}

pub(crate) fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
    let mut candidates: Vec<(Candidate, Checksums)> = Vec::new();
    let mut leftovers: Vec<Leftover> = Vec::new();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut listed: Vec<PathBuf> = Vec::new();
    for path in &spec.paths {
        let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
        if !metadata.is_dir() {
            if seen.insert(path.clone()) {
                candidates.push((candidate(path, metadata.len()), beside(path)));
            }
            continue;
        }
        let scan = folder::scan(path).map_err(|error| missing(path, &error))?;
        if scan.candidates.is_empty() && scan.leftovers.is_empty() {
            return Err(Failure::new(
                Exit::NothingFound,
                format!("`{}` holds no archive of vzdump and no dump", path.display()),
            )
            .hint("Archives lie in the folder `dump` of a storage, such as /var/lib/vz/dump. Nothing was verified."));
        }
        listed.push(path.clone());
        for candidate in scan.candidates {
            if seen.insert(candidate.path.clone()) {
                candidates.push((candidate, scan.checksums.clone()));
            }
        }
        leftovers.extend(
            scan.leftovers
                .into_iter()
                .filter(|left| seen.insert(left.path.clone())),
        );
    }
    let started = Instant::now();
    let paths: Vec<&Path> = candidates
        .iter()
        .map(|(candidate, _)| candidate.path.as_path())
        .collect();
    let memory = spec
        .ledger
        .as_deref()
        .map(|ledger| Memory::open(ledger, &paths, &listed, spec.renewal, context.now()))
        .transpose()?;
    let mut known: BTreeMap<usize, Examination> =
        memory.as_ref().map(Memory::known).unwrap_or_default();
    let unread: Vec<usize> = match &memory {
        Some(memory) => memory.order(),
        None => (0..candidates.len()).collect(),
    };
    let tasks: Vec<Task<'_>> = unread
        .iter()
        .filter_map(|at| candidates.get(*at))
        .map(|(candidate, checksums)| Task {
            path: &candidate.path,
            name: &candidate.name.name,
            size: candidate.size,
            checksums,
        })
        .collect();
    let examinations = reading::read(
        &tasks,
        spec.parallel,
        context,
        &|task, examination, again| match (&memory, unread.get(task)) {
            (Some(memory), Some(at)) => memory.settle(*at, examination, again),
            _ => examination,
        },
    );
    let bytes_read = examinations
        .iter()
        .map(|examination| examination.bytes)
        .sum();
    let trusted = known.len();
    known.extend(unread.iter().copied().zip(examinations));
    drop(tasks);
    let dat = leftovers
        .iter()
        .filter(|left| left.finding == Finding::BackupInterrupted);
    let running = running::open_files(dat.map(|left| left.path.as_path()));
    Ok(Observed {
        archives: candidates
            .into_iter()
            .map(|(candidate, _)| candidate)
            .zip(known.into_values())
            .collect(),
        trusted,
        bytes_read,
        cycle_end: memory.as_ref().map(Memory::cycle_end),
        warnings: memory.map(Memory::close).unwrap_or_default(),
        leftovers,
        running,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// A file that was named, whatever it is called.
fn candidate(path: &Path, size: u64) -> Candidate {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let protected = path.with_file_name(format!("{name}.protected"));
    Candidate {
        path: path.to_owned(),
        name: FileName::new(&name),
        size,
        protected: protected.exists(),
        notes: None,
    }
}

/// The checksum files beside a file that was named. That the folder cannot be listed takes nothing
/// from the file itself.
fn beside(path: &Path) -> Checksums {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    folder::scan(folder).map_or_else(|_| Checksums::default(), |scan| scan.checksums)
}

fn missing(path: &Path, error: &io::Error) -> Failure {
    let exit = if error.kind() == io::ErrorKind::NotFound {
        Exit::NothingFound
    } else {
        Exit::Failed
    };
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "Is the storage mounted on this machine?",
        io::ErrorKind::PermissionDenied => {
            "Run it as a user that may read the folder, on a node as root."
        }
        _ => "Nothing was verified.",
    };
    Failure::new(exit, format!("cannot read `{}`: {error}", path.display())).hint(hint)
}
