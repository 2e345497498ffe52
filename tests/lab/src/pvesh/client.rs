//! The program `pvesh`.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::UNBORN;
use crate::socket::{self, Connection, Frame, Request, VARIABLE};

/// After so many requests to end, a task is killed.
const REQUESTS_TO_END: usize = 3;

/// The end status of a task whose output nobody reads.
const BROKEN_PIPE: &str = "broken pipe";

/// Runs it with these arguments.
pub(crate) fn run(arguments: Vec<String>) -> ExitCode {
    let socket = socket::of_environment();
    match talk(&socket, arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let text = format!(
                "the node does not answer at {}: {error}\n",
                socket.display()
            );
            // There is nobody to tell when standard error is closed.
            io::stderr().write_all(text.as_bytes()).ok();
            ExitCode::from(u8::MAX)
        }
    }
}

fn talk(socket: &Path, arguments: Vec<String>) -> io::Result<u8> {
    let mut connection = Connection::open(socket)?;
    connection.send(&Request::Pvesh { arguments })?;
    let mut worker = None;
    loop {
        let frame = connection.receive()?;
        match frame.ok_or(io::ErrorKind::UnexpectedEof)? {
            Frame::Out(text) => {
                if print(&text).is_err() {
                    return Ok(broken_pipe());
                }
            }
            // Whoever closed standard error does not want to know.
            Frame::Err(text) => io::stderr().write_all(text.as_bytes()).unwrap_or(()),
            Frame::Fork => {
                let forked = fork(socket)?;
                connection.send(&forked.id())?;
                worker = Some(forked);
            }
            Frame::Task(upid) => {
                let worker = worker.take().ok_or(io::ErrorKind::InvalidData)?;
                if relay(worker, &upid)? == Relayed::NobodyReads {
                    let status = BROKEN_PIPE.to_owned();
                    socket::ask(socket, &Request::Lost { upid, status })?;
                    return Ok(broken_pipe());
                }
            }
            Frame::Die => kill_process(getpid(), Signal::KILL)?,
            Frame::Exit(code) => return Ok(code),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn broken_pipe() -> u8 {
    io::stderr().write_all(b"broken pipe\n").ok();
    u8::MAX
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A process for a task: this program again, waiting to be told which.
fn fork(socket: &Path) -> io::Result<Child> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the seam: the process of a task is started here and nowhere else"
    )]
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(UNBORN)
        .env(VARIABLE, socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relayed {
    Whole,
    NobodyReads,
}

/// Prints what the process of a task prints.
fn relay(mut worker: Child, upid: &str) -> io::Result<Relayed> {
    pass_signals_on(&worker)?;
    if let Some(mut stdin) = worker.stdin.take() {
        // It may have been killed; then there is nothing to print either.
        writeln!(stdin, "{upid}").ok();
    }
    let relayed = match worker.stdout.take() {
        Some(stdout) => copy(stdout)?,
        None => Relayed::Whole,
    };
    if relayed == Relayed::Whole {
        worker.wait()?;
    }
    Ok(relayed)
}

fn copy(stdout: ChildStdout) -> io::Result<Relayed> {
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(Relayed::Whole);
        }
        let mut out = io::stdout().lock();
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
            return Ok(Relayed::NobodyReads);
        }
    }
}

// To end `pvesh` is to ask its task to end; it goes on until the task has.
fn pass_signals_on(worker: &Child) -> io::Result<()> {
    let pid = i32::try_from(worker.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
    let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM])?;
    std::thread::Builder::new().spawn(move || {
        for (number, _) in signals.forever().enumerate() {
            let signal = if number < REQUESTS_TO_END {
                Signal::TERM
            } else {
                Signal::KILL
            };
            // One that has ended is what was wanted.
            kill_process_group(pid, signal).ok();
        }
    })?;
    Ok(())
}
