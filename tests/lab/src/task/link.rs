//! What ties a task to the process that stands for it: the process prints what the task says, and
//! when it cannot, the task ends.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::socket::Frame;

/// The process has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// The tie.
#[derive(Debug, Default)]
pub(crate) struct Link {
    ends: Mutex<Ends>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Ends {
    stream: Option<UnixStream>,
    sent: u64,
    printed: u64,
    gone: bool,
}

impl Link {
    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process is there and listens here.
    pub(crate) fn attach(&self, stream: UnixStream) {
        self.ends().stream = Some(stream);
        self.changed.notify_all();
    }

    /// The process has printed one more line.
    pub(crate) fn printed(&self) {
        self.ends().printed += 1;
        self.changed.notify_all();
    }

    /// The process has gone.
    pub(crate) fn gone(&self) {
        self.ends().gone = true;
        self.changed.notify_all();
    }

    /// Waits for the process to come.
    pub(super) fn wait(&self, patience: Duration) -> Result<(), Gone> {
        let until = Instant::now() + patience;
        let mut ends = self.ends();
        loop {
            if ends.gone {
                return Err(Gone);
            }
            if ends.stream.is_some() {
                return Ok(());
            }
            let left = until.checked_duration_since(Instant::now()).ok_or(Gone)?;
            let waited = self.changed.wait_timeout(ends, left);
            ends = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Has a line printed, and waits until it is: who reads slowly slows the task down.
    pub(super) fn print(&self, line: &str) -> Result<(), Gone> {
        let mut ends = self.ends();
        ends.send(&Frame::Line(line.to_owned())).map_err(|_| Gone)?;
        ends.sent += 1;
        while ends.printed < ends.sent {
            if ends.gone {
                return Err(Gone);
            }
            ends = self
                .changed
                .wait(ends)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Lets the process end.
    pub(super) fn end(&self) {
        // One that has gone needs no telling.
        self.ends().send(&Frame::End).ok();
    }
}

impl Ends {
    fn send(&mut self, frame: &Frame) -> io::Result<()> {
        if self.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let stream = self.stream.as_mut();
        let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        let mut text = serde_json::to_vec(frame)?;
        text.push(b'\n');
        stream.write_all(&text)
    }
}
