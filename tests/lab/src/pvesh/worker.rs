//! The process of a task: a child of `pvesh` in a session of its own. The work is done in the
//! lab; the process is what others see of it, what they can end, and what prints.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::setsid;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::TITLE;
use crate::socket::{self, Connection, Frame, Request};

/// Waits for the name of the task on standard input, and becomes its process.
pub(crate) fn become_worker() -> ExitCode {
    let become_it = || -> io::Result<()> {
        setsid()?;
        let mut upid = String::new();
        io::stdin().read_line(&mut upid)?;
        let upid = upid.trim();
        if !format!("task {upid}").starts_with(TITLE) {
            return Ok(());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the seam: it is this program again, under the name of its task"
        )]
        let mut command = Command::new("/proc/self/exe");
        Err(command.arg0(format!("task {upid}")).exec())
    };
    // The caller may have gone before it said which task.
    become_it().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Stands for the task of this title.
pub(crate) fn run(title: &str) -> ExitCode {
    let upid = title.strip_prefix("task ").unwrap_or_default();
    // The lab sees the closed connection, and ends the task.
    work(upid).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn work(upid: &str) -> io::Result<()> {
    let socket = socket::of_environment();
    let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM])?;
    let mut connection = Connection::open(&socket)?;
    let request = Request::Stop {
        upid: upid.to_owned(),
    };
    std::thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            // Without a lab there is nothing that could be stopped.
            socket::ask(&socket, &request).ok();
        }
    })?;
    connection.send(&Request::Worker {
        upid: upid.to_owned(),
    })?;
    let mut out = io::stdout();
    while let Some(frame) = connection.receive()? {
        match frame {
            Frame::Line(line) => {
                writeln!(out, "{line}")?;
                out.flush()?;
                connection.send(&())?;
            }
            Frame::End => return Ok(()),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
