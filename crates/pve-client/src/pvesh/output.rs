//! The files that a program in its own session writes into.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Error;

/// Where they go when the state folder cannot be written: a full or read-only disk must not be the
/// reason that a guest cannot be restored.
const SPARE: &str = "/tmp";

/// How old a file is that nobody writes to any more: its call was cut off before it could remove it.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// The beginning of the names of our files.
const PREFIX: &str = "reprise-pvesh-";

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What a program writes. The files are gone when this is dropped; a program that still writes
/// goes on into files without a name.
#[derive(Debug)]
pub(super) struct Output {
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Output {
    /// Makes the files, readable by nobody else.
    pub(super) fn new(folder: &Path) -> Result<(Self, File, File), Error> {
        let first = prepared(folder).and_then(|()| Self::within(folder));
        if let Ok((_, new, _)) = &first {
            forget(folder, new);
        }
        first
            .or_else(|_| Self::within(Path::new(SPARE)))
            .map_err(|error| {
                Error::settings(format!(
                    "the output of `pvesh` can be written neither into `{}` nor into `{SPARE}`: {error}",
                    folder.display()
                ))
            })
    }

    fn within(folder: &Path) -> io::Result<(Self, File, File)> {
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            let paths = Self {
                stdout: folder.join(format!("{name}.out")),
                stderr: folder.join(format!("{name}.err")),
            };
            match new_file(&paths.stdout) {
                Ok(stdout) => {
                    let stderr = new_file(&paths.stderr)?;
                    return Ok((paths, stdout, stderr));
                }
                // Left behind by an earlier process of this number; it is not ours to remove.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    std::mem::forget(paths);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What was written to stdout so far.
    pub(super) fn stdout(&self) -> io::Result<String> {
        text(&self.stdout)
    }

    /// What was written to stderr so far.
    pub(super) fn stderr(&self) -> io::Result<String> {
        text(&self.stderr)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        fs::remove_file(&self.stdout).ok();
        fs::remove_file(&self.stderr).ok();
    }
}

fn prepared(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn text(path: &Path) -> io::Result<String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Removes files of calls that were cut off, by the clock that made the new file.
fn forget(folder: &Path, new: &File) {
    let Ok(now) = new.metadata().and_then(|metadata| metadata.modified()) else {
        return;
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|modified| now.duration_since(modified).ok());
        if ours && age.is_some_and(|age| age > FORGOTTEN) {
            fs::remove_file(entry.path()).ok();
        }
    }
}
