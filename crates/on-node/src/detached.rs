//! The far side: a run as a process of its own session, which outlives the connection.
//!
//! The request goes through a pipe: it may hold secrets, and those are on no command line and on no
//! disk.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::DETACHED;
use crate::error::Error;
use crate::runs::Run;

/// What the new process says when it lives and has the request.
const READY: &str = "ready";

/// How often, once a second, a result is tried to be written to a disk that is full.
const TRIES: u32 = 300;

/// Starts the run. Returns when its process lives and has the request.
///
/// # Errors
/// When it cannot be started.
pub fn start(run: &Run, request: &Value) -> Result<(), Error> {
    started(run, request)
        .map_err(|error| Error::state(format!("cannot start run `{}`", run.about.id), &error))
}

fn started(run: &Run, request: &Value) -> io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the seam: a run is started here and nowhere else"
    )]
    let mut command = Command::new("/proc/self/exe");
    let mut child = command
        .arg0("reprise")
        .arg(DETACHED)
        .arg(run.folder())
        // A folder that somebody wants to unmount should not be held.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(run.error_file()?)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{request}")?;
    }
    let mut answer = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut answer)?;
    }
    if answer.trim() != READY {
        child.wait()?;
        let said = run.last_words(3).join("; ");
        return Err(io::Error::other(format!(
            "its process ended at once: {said}"
        )));
    }
    // Nobody waits for it: when we end, it belongs to the machine's first process.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// A run, in its own process.
#[derive(Debug)]
pub struct Running {
    /// Which one.
    pub run: Run,
    /// What was asked for.
    pub request: Value,
    events: Mutex<File>,
    _alive: File,
}

impl Running {
    /// Makes this process the run of this folder: in a session of its own, known to be alive, with
    /// the request from standard input.
    ///
    /// # Errors
    /// When the folder is none of a run, or somebody else is this run.
    pub fn begin(folder: &Path) -> Result<Self, Error> {
        Self::begun(folder).map_err(|error| {
            Error::state(
                format!("cannot be the run of `{}`", folder.display()),
                &error,
            )
        })
    }

    fn begun(folder: &Path) -> io::Result<Self> {
        let run = Run::open(folder)?;
        // Fails only for who leads a group already, and then nothing ends with a connection.
        rustix::process::setsid().ok();
        let alive = run.lock_file()?;
        alive.try_lock()?;
        let mut line = String::new();
        // To its end: who is cut off in the middle has not asked for anything.
        io::stdin().lock().read_to_string(&mut line)?;
        let request = serde_json::from_str(&line)?;
        let events = File::options().append(true).open(run.events())?;
        let mut output = io::stdout().lock();
        writeln!(output, "{READY}")?;
        output.flush()?;
        Ok(Self {
            run,
            request,
            events: Mutex::new(events),
            _alive: alive,
        })
    }

    /// Writes what happened. What cannot be written is not worth failing for.
    pub fn event(&self, event: &Value) {
        self.write(event).ok();
    }

    /// Writes the result, which must not get lost: a full disk is waited for.
    ///
    /// # Errors
    /// When it could not be written for minutes.
    pub fn result(&self, event: &Value) -> io::Result<()> {
        let mut last = Ok(());
        for _ in 0..TRIES {
            last = self.write(event);
            if last.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        last
    }

    fn write(&self, event: &Value) -> io::Result<()> {
        let mut file = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that was begun and not ended would take this one with it.
        let whole = format!("{event}\n");
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(whole.as_bytes()) {
            file.set_len(before).ok();
            return Err(error);
        }
        file.sync_data()
    }
}
