//! The far side: a folder for each run, in which the next call finds it.
//!
//! | file | what it is |
//! |---|---|
//! | `about.json` | which request it is, and since when |
//! | `events.jsonl` | what happened, the result last; the run writes it |
//! | `alive` | locked by the run as long as it lives: no process number can lie about that |
//! | `errors` | its standard error |
//! | `read` | somebody was told the result |

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PROTOCOL;
use crate::error::Error;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A result that nobody has read is told in place of doing the same once more for so long.
const FRESH: i64 = HOUR;
/// Runs whose result was read stay for so long, for who wants to look.
const KEEP_READ: i64 = 7 * DAY;
/// Others stay for so long.
const KEEP_UNREAD: i64 = 30 * DAY;

/// Which request a run is, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its id, which is the name of its folder.
    pub id: String,
    /// The request: the module and its options without secrets, hashed.
    pub key: String,
    /// The module, for a person.
    pub module: String,
    /// When it was started, in Unix seconds.
    pub started: i64,
    /// The version of what is said.
    pub protocol: u32,
}

/// The runs of this machine.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    folder: PathBuf,
    /// Which request it is.
    pub about: About,
}

/// What there is of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is running.
    Running(Run),
    /// It has run, changed something, and nobody has read the result.
    Unread(Run),
    /// Nothing that goes on. A run that died without a result is told once.
    Nothing {
        /// The run that died.
        lost: Option<Run>,
    },
}

/// The runs, while nobody else starts one.
#[derive(Debug)]
pub struct Locked<'a> {
    store: &'a Store,
    _lock: File,
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    options
}

impl Store {
    /// The runs below this folder of state, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(state: &Path) -> Result<Self, Error> {
        let folder = state.join("runs");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| {
                Error::state(
                    format!("cannot make the folder `{}`", folder.display()),
                    &error,
                )
            })?;
        Ok(Self { folder })
    }

    /// Keeps others from starting runs.
    ///
    /// # Errors
    /// When the file of the lock cannot be opened.
    pub fn lock(&self) -> Result<Locked<'_>, Error> {
        let path = self.folder.join("lock");
        let lock = private()
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| Error::state(format!("cannot lock `{}`", path.display()), &error))?;
        Ok(Locked {
            store: self,
            _lock: lock,
        })
    }

    fn all(&self) -> Vec<Run> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut runs: Vec<Run> = entries
            .filter_map(|entry| Run::open(&entry.path()).ok())
            .collect();
        runs.sort_by(|a, b| (b.about.started, &b.about.id).cmp(&(a.about.started, &a.about.id)));
        runs
    }
}

impl Locked<'_> {
    /// What there is of this request.
    pub fn find(&self, key: &str, now: i64) -> Found {
        let mut lost = None;
        for run in self.store.all() {
            if run.about.key != key || run.about.protocol != PROTOCOL {
                continue;
            }
            if run.is_alive() {
                return Found::Running(run);
            }
            if run.is_read() {
                continue;
            }
            match run.result() {
                Some(result) if is_fresh_change(&result, now) => return Found::Unread(run),
                Some(_) => {}
                None => lost = lost.or(Some(run)),
            }
        }
        Found::Nothing { lost }
    }

    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn create(&self, key: &str, module: &str, now: i64) -> Result<Run, Error> {
        let begin = format!("{now}-{}", key.get(..8).unwrap_or(key));
        let taken = |id: &String| self.store.folder.join(id).exists();
        let id = (1..=u32::MAX)
            .map(|number| format!("{begin}-{number}"))
            .find(|id| !taken(id))
            .unwrap_or(begin);
        let folder = self.store.folder.join(&id);
        let run = Run {
            about: About {
                id,
                key: key.to_owned(),
                module: module.to_owned(),
                started: now,
                protocol: PROTOCOL,
            },
            folder,
        };
        run.write().map_err(|error| {
            fs::remove_dir_all(&run.folder).ok();
            Error::state(
                format!("cannot write the run into `{}`", run.folder.display()),
                &error,
            )
        })?;
        Ok(run)
    }

    /// Removes the folders of runs that are long over. Failing to is no failure of a run.
    pub fn tidy(&self, now: i64) {
        for run in self.store.all() {
            let keep = if run.is_read() {
                KEEP_READ
            } else {
                KEEP_UNREAD
            };
            if now.saturating_sub(run.about.started) > keep && !run.is_alive() {
                fs::remove_dir_all(&run.folder).ok();
            }
        }
    }
}

fn is_fresh_change(result: &Value, now: i64) -> bool {
    let changed = result.pointer("/outcome/changed").and_then(Value::as_bool);
    let at = result.get("at").and_then(Value::as_i64);
    changed == Some(true) && at.is_some_and(|at| now.saturating_sub(at) < FRESH)
}

impl Run {
    /// The run of this folder.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(folder.join("about.json"))?;
        Ok(Self {
            folder: folder.to_owned(),
            about: serde_json::from_str(&text)?,
        })
    }

    fn write(&self) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(&self.folder)?;
        for name in ["events.jsonl", "alive", "errors"] {
            private().open(self.path(name))?;
        }
        // Last: what has no such file is no run yet.
        let text = serde_json::to_string(&self.about)?;
        fs::write(self.path("about.json"), text)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of its events.
    pub(crate) fn events(&self) -> PathBuf {
        self.path("events.jsonl")
    }

    /// The file that it holds locked.
    pub(crate) fn lock_file(&self) -> io::Result<File> {
        private().read(true).open(self.path("alive"))
    }

    /// The file of its standard error.
    pub(crate) fn error_file(&self) -> io::Result<File> {
        private().open(self.path("errors"))
    }

    /// Whether its process lives.
    pub fn is_alive(&self) -> bool {
        let Ok(file) = self.lock_file() else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Whether somebody was told its result.
    pub fn is_read(&self) -> bool {
        self.path("read").exists()
    }

    /// Somebody was told its result, or that there is none.
    pub fn mark_read(&self) {
        // Else the next call is told once more.
        private().open(self.path("read")).ok();
    }

    fn all_events(&self) -> Vec<Value> {
        let Ok(file) = File::open(self.events()) else {
            return Vec::new();
        };
        BufReader::new(file)
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str(&line).ok())
            .collect()
    }

    /// Its result, if it came so far.
    pub fn result(&self) -> Option<Value> {
        let is_result =
            |event: &Value| event.get("event").and_then(Value::as_str) == Some("result");
        self.all_events().into_iter().rfind(is_result)
    }

    /// The tasks of Proxmox VE that it is known to have started.
    pub fn tasks(&self) -> Vec<String> {
        self.all_events()
            .iter()
            .filter(|event| event.get("event").and_then(Value::as_str) == Some("task"))
            .filter_map(|event| event.get("upid").and_then(Value::as_str))
            .map(str::to_owned)
            .collect()
    }

    /// The last of what it wrote to standard error, at most these many lines.
    pub fn last_words(&self, lines: usize) -> Vec<String> {
        let text = fs::read_to_string(self.path("errors")).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all.iter()
            .skip(all.len().saturating_sub(lines))
            .map(|line| (*line).to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests;
