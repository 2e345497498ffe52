//! The file: one writer at a time, appended and synchronized record by record.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::entry::{ArchiveKey, Entry, Snapshot};
use crate::journal::{self, Chain, START, replay};

/// What happens when another run has the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBusy {
    /// Nothing is done.
    Refuse,
    /// It is waited for, this long.
    Wait(Duration),
}

/// Another run has the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The lock.
    pub lock: PathBuf,
    /// The process that holds it, as far as it told.
    pub holder: Option<u32>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = match self.holder {
            Some(process) => format!("process {process}"),
            None => "another process".to_owned(),
        };
        write!(
            f,
            "{who} verifies just now and holds `{}`",
            self.lock.display()
        )
    }
}

impl std::error::Error for Refused {}

/// A ledger, and what to say about how it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The ledger; it works in memory alone when its file cannot be used.
    pub ledger: Ledger,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What is known, and the file it is kept in.
#[derive(Debug)]
pub struct Ledger {
    snapshot: Snapshot,
    file: Option<Journal>,
    /// Held until the ledger is dropped; the kernel lets go of it when the process dies.
    _lock: Option<File>,
}

#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    records: usize,
    chain: Chain,
}

impl Ledger {
    /// Opens the ledger at `path`, making it and its folder when they are not there.
    ///
    /// A file that is damaged or of another format is moved aside. When the file cannot be
    /// written, the ledger works without it, and a warning says so: no verification fails for its
    /// ledger.
    pub fn open(path: &Path, busy: OnBusy) -> Result<Opened, Refused> {
        let mut warnings = Vec::new();
        if let Some(folder) = path.parent() {
            // A failure shows again when the lock is made, with a better text.
            fs::create_dir_all(folder).unwrap_or_default();
        }
        let lock = match lock(&beside(path, ".lock"), busy)? {
            Ok(lock) => lock,
            Err(error) => {
                warnings.push(not_kept(path, &error));
                let snapshot = read_only(path, &mut warnings);
                return Ok(Opened {
                    ledger: Self {
                        snapshot,
                        file: None,
                        _lock: None,
                    },
                    warnings,
                });
            }
        };
        let (snapshot, file) = match load(path, &mut warnings) {
            Ok((snapshot, journal)) => (snapshot, Some(journal)),
            Err(error) => {
                warnings.push(not_kept(path, &error));
                (Snapshot::new(), None)
            }
        };
        Ok(Opened {
            ledger: Self {
                snapshot,
                file,
                _lock: Some(lock),
            },
            warnings,
        })
    }

    /// What the ledger at `path` says, without a lock and without writing anything: what is
    /// recorded later is known to this process alone.
    pub fn look(path: &Path) -> Opened {
        let mut warnings = Vec::new();
        Opened {
            ledger: Self {
                snapshot: read_only(path, &mut warnings),
                file: None,
                _lock: None,
            },
            warnings,
        }
    }

    /// A ledger that is in memory only.
    pub const fn in_memory() -> Self {
        Self {
            snapshot: Snapshot::new(),
            file: None,
            _lock: None,
        }
    }

    /// What is known.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Is it kept in a file?
    pub const fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Remembers what is known of an archive. When this returns without a warning, it survives
    /// everything.
    pub fn record(&mut self, key: ArchiveKey, entry: Entry) -> Option<String> {
        let warning = self
            .file
            .as_ref()
            .map(|journal| journal::set(&journal.chain, &key, &entry))
            .and_then(|(line, chain)| self.append(&line, chain));
        self.snapshot.insert(key, entry);
        warning
    }

    /// Forgets an archive that is gone.
    pub fn forget(&mut self, key: &ArchiveKey) -> Option<String> {
        self.snapshot.remove(key)?;
        let (line, chain) = journal::forget(&self.file.as_ref()?.chain, key);
        self.append(&line, chain)
    }

    fn append(&mut self, line: &[u8], chain: Chain) -> Option<String> {
        let journal = self.file.as_mut()?;
        let Err(error) = journal.append(line, chain) else {
            return None;
        };
        let warning = not_kept(&journal.path, &error);
        // What was written of the line is cut off, here or when the ledger is opened next.
        let cut = journal.file.set_len(journal.length);
        if cut.and_then(|()| journal.file.sync_data()).is_err() || !is_full(&error) {
            self.file = None;
        }
        Some(warning)
    }

    /// Writes the file anew when most of its records were replaced. It is written beside the old
    /// one and takes its place when it is complete.
    pub fn compact(&mut self) -> Option<String> {
        let journal = self.file.as_ref()?;
        let superfluous = journal.records.saturating_sub(self.snapshot.len());
        if superfluous <= self.snapshot.len().saturating_add(100) {
            return None;
        }
        let path = journal.path.clone();
        match rewrite(&path, &self.snapshot) {
            Ok(journal) => {
                self.file = Some(journal);
                None
            }
            // The old file is complete: the next run tries again.
            Err(error) => Some(format!(
                "the ledger `{}` could not be written anew: {error}; it goes on growing.",
                path.display()
            )),
        }
    }
}

impl Journal {
    fn append(&mut self, line: &[u8], chain: Chain) -> io::Result<()> {
        self.file.write_all(line)?;
        self.file.sync_data()?;
        let added = u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(added);
        self.records = self.records.saturating_add(1);
        self.chain = chain;
        Ok(())
    }
}

/// A full disk may have room again for the next record.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn not_kept(path: &Path, error: &io::Error) -> String {
    format!(
        "the ledger `{}` cannot be written: {error}. What is read now is read again by the next run. Give it room and write access, or name another place.",
        path.display()
    )
}

/// The name with something after it.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn lock(path: &Path, busy: OnBusy) -> Result<io::Result<File>, Refused> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    let patience = match busy {
        OnBusy::Refuse => Duration::ZERO,
        OnBusy::Wait(patience) => patience,
    };
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Ok(Err(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
                let mut text = String::new();
                let holder = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(Refused {
                    lock: path.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(
                Duration::from_millis(200).min(patience.saturating_sub(start.elapsed())),
            ),
        }
    }
    // For the message of who comes next; without it the lock holds all the same.
    let told = file
        .set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()));
    told.unwrap_or_default();
    Ok(Ok(file))
}

/// What a ledger says that cannot be written. Who reads without the lock may see a last line that
/// is being written; that is a cut like any other.
fn read_only(path: &Path, warnings: &mut Vec<String>) -> Snapshot {
    match fs::read(path).map(|bytes| replay(&bytes)) {
        Ok(Ok(replayed)) => replayed.snapshot,
        Ok(Err(damage)) => {
            warnings.push(format!(
                "the ledger `{}` is not used: {damage}. Everything is read.",
                path.display()
            ));
            Snapshot::new()
        }
        Err(_) => Snapshot::new(),
    }
}

fn load(path: &Path, warnings: &mut Vec<String>) -> io::Result<(Snapshot, Journal)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let replayed = match replay(&bytes) {
        Ok(replayed) => replayed,
        Err(damage) => {
            let aside = beside(path, ".damaged");
            fs::rename(path, &aside)?;
            warnings.push(format!(
                "the ledger `{}` is not used: {damage}. It was moved to `{}`, and everything is read once.",
                path.display(),
                aside.display()
            ));
            return Ok((Snapshot::new(), rewrite(path, &Snapshot::new())?));
        }
    };
    if replayed.length == 0 {
        return Ok((Snapshot::new(), rewrite(path, &Snapshot::new())?));
    }
    let file = OpenOptions::new().append(true).open(path)?;
    if file.metadata()?.len() != replayed.length {
        file.set_len(replayed.length)?;
        file.sync_data()?;
    }
    Ok((
        replayed.snapshot,
        Journal {
            path: path.to_owned(),
            file,
            length: replayed.length,
            records: replayed.records,
            chain: replayed.chain,
        },
    ))
}

/// Writes the file with this content and opens it for more. The old one stays until the new one
/// is on the disk.
fn rewrite(path: &Path, snapshot: &Snapshot) -> io::Result<Journal> {
    let (bytes, chain) = if snapshot.is_empty() {
        (journal::HEADER.as_bytes().to_vec(), START)
    } else {
        journal::whole(snapshot)
    };
    replace(path, &bytes)?;
    Ok(Journal {
        file: OpenOptions::new().append(true).open(path)?,
        path: path.to_owned(),
        length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        records: snapshot.len(),
        chain,
    })
}

/// Puts a file in place at once: it has its old content or this.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&fresh, path)) {
        fs::remove_file(&fresh).unwrap_or_default();
        return Err(error);
    }
    // The name is in the folder: without this a loss of power may bring back the old file.
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        File::open(folder).and_then(|folder| folder.sync_all())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
