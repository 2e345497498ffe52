//! The socket of a node: how programs on the node reach the lab.
//!
//! A socket stands at [`SOCKET`] below the root of each node. What comes is one [`Request`] on a
//! line, what goes back are [`Frame`]s, one on a line. `pvesh` and `ping` of the lab ask here, and
//! who drives a lab from another process.

mod path;
pub(crate) mod service;

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use path::bind;

/// Where the socket of a node stands, seen from the node.
pub const SOCKET: &str = "/run/pve-lab.sock";

/// The variable of the environment that names another place.
pub const VARIABLE: &str = "PVE_LAB_SOCKET";

/// What a program asks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// `pvesh` with these arguments.
    Pvesh { arguments: Vec<String> },
    /// The process of a task reports.
    Worker { upid: String },
    /// The process of a task was told to stop.
    Stop { upid: String },
    /// Nobody reads what a task says; it ends with this status.
    Lost { upid: String, status: String },
}

/// What a program is told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frame {
    /// Print this on standard output.
    Out(String),
    /// Print this on standard error.
    Err(String),
    /// Make a process for a task and say its number.
    Fork,
    /// That process stands for this task: print what it prints, until it ends.
    Task(String),
    /// Be killed, as by somebody from outside.
    Die,
    /// End with this code.
    Exit(u8),
    /// To the process of a task: print this line.
    Line(String),
    /// To the process of a task: end.
    End,
    /// It was done.
    Done,
    /// It was not, because.
    Refused(String),
}

/// A connection: a line each way at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    reader: BufReader<UnixStream>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            reader: BufReader::new(stream),
        }
    }

    /// Connects to the socket of a node.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        path::connect(socket).map(Self::new)
    }

    /// The stream itself.
    pub(crate) fn stream(&self) -> &UnixStream {
        self.reader.get_ref()
    }

    /// Sends a line.
    pub(crate) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(message)?;
        text.push(b'\n');
        let mut stream = self.stream();
        stream.write_all(&text)
    }

    /// Receives a line; `None` when the other side has gone.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line)?))
    }
}

/// Asks something that is answered by [`Frame::Done`] or [`Frame::Refused`].
pub(crate) fn ask(socket: &Path, request: &Request) -> io::Result<()> {
    let mut connection = Connection::open(socket)?;
    connection.send(request)?;
    match connection.receive()? {
        Some(Frame::Done) => Ok(()),
        Some(Frame::Refused(why)) => Err(io::Error::other(why)),
        Some(_) => Err(io::Error::other("the lab gave another answer")),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The socket that a program of a node finds.
pub(crate) fn of_environment() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the front of the programs of the lab"
    )]
    let named = std::env::var_os(VARIABLE);
    named
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from(SOCKET), PathBuf::from)
}
