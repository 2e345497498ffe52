//! The one place that starts programs.
//!
//! A read is a child like any other: it ends with us. What changes something gets a session of its
//! own and writes into files, so that neither a closed terminal, a cut connection nor our own end
//! can stop it half-way.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::Error;

/// More than any answer of PVE; what is larger is not one.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Starts a program in a session of its own; part of util-linux, without which no Debian runs.
/// Doing it ourselves between fork and exec would need unsafe code.
const SETSID: &str = "setsid";

/// `pvesh`, or what stands in for it.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) end: End,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With 0.
    Done,
    /// With another number, which means nothing in itself.
    Failed(i32),
    /// By a signal.
    Killed(i32),
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Done,
            (Some(code), _) => Self::Failed(code),
            (None, signal) => Self::Killed(signal.unwrap_or(0)),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// The program could not be started.
    NotStarted(io::Error),
    /// It did not answer in time, and was ended.
    TooLong,
    /// It said more than any answer holds, and was ended.
    TooMuch,
    /// The system did not tell how it ended.
    Lost(io::Error),
}

/// A program in its own session.
#[derive(Debug)]
pub(super) struct Detached {
    child: Child,
}

impl Program {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it to its end.
    pub(super) fn run(&self, arguments: &[String], limit: Duration) -> Result<Ran, Silence> {
        let mut child = command(&self.path)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Silence::NotStarted)?;
        let (sender, receiver) = mpsc::channel();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        // One thread for each pipe: a program that fills one of them while we wait at the other
        // would never end.
        let aside = sender.clone();
        thread::spawn(move || aside.send((Pipe::Stderr, all_of(stderr))));
        thread::spawn(move || sender.send((Pipe::Stdout, all_of(stdout))));
        let mut texts = [const { None }; 2];
        for _ in 0..2 {
            match receiver.recv_timeout(limit) {
                Ok((pipe, Ok(Some(bytes)))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    match pipe {
                        Pipe::Stdout => texts[0] = Some(text),
                        Pipe::Stderr => texts[1] = Some(text),
                    }
                }
                Ok((_, Ok(None))) => return Err(ended(child, Silence::TooMuch)),
                Ok((_, Err(error))) => return Err(ended(child, Silence::Lost(error))),
                Err(_) => return Err(ended(child, Silence::TooLong)),
            }
        }
        let end = child.wait().map_err(Silence::Lost)?;
        let [stdout, stderr] = texts.map(Option::unwrap_or_default);
        Ok(Ran {
            stdout,
            stderr,
            end: end.into(),
        })
    }

    /// Starts it in a session of its own, its output into these files.
    pub(super) fn detach(
        &self,
        arguments: &[String],
        stdout: File,
        stderr: File,
    ) -> Result<Detached, Error> {
        let child = command(Path::new(SETSID))
            .arg(&self.path)
            .args(arguments)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|error| {
                Error::settings(format!(
                    "`{SETSID}` of util-linux, which lets `{}` outlive this program, cannot be started: {error}",
                    self.path.display()
                ))
            })?;
        Ok(Detached { child })
    }
}

impl Detached {
    /// Its process number. `setsid` becomes the program it starts, for no child leads a group.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, when it did.
    pub(super) fn end(&mut self) -> Result<Option<End>, io::Error> {
        Ok(self.child.try_wait()?.map(End::from))
    }

    /// Leaves it to itself; only its entry in the process table is still cleaned up.
    pub(super) fn let_go(mut self) {
        thread::spawn(move || self.child.wait());
    }
}

#[derive(Debug, Clone, Copy)]
enum Pipe {
    Stdout,
    Stderr,
}

/// Everything from a pipe; `None` when it is more than any answer.
fn all_of(pipe: Option<impl Read>) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LARGEST_ANSWER).read_to_end(&mut bytes)?;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok((length < LARGEST_ANSWER).then_some(bytes))
}

/// Ends a program that only reads.
fn ended(mut child: Child, silence: Silence) -> Silence {
    // It may have ended by itself; either way nothing is left to do about it.
    if child.kill().is_ok() {
        child.wait().ok();
    }
    silence
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the seam: `pvesh` and `setsid` are started here and nowhere else in the crate"
)]
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    // `pvesh` decodes its arguments by the locale: with any but UTF-8 an umlaut in a comment is
    // stored as rubbish. And errors of the system shall be in English.
    command
        .env("LC_ALL", "C.UTF-8")
        .env_remove("LANGUAGE")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}
