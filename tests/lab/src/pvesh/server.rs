//! The lab's side of a call of `pvesh`.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::command_line::{self, Call, Command, USAGE};
use super::refused::Refused;
use super::{NOBODY_READS, output, tree};
use crate::access::identity::Identity;
use crate::dispatch::Target;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::node::NodeCore;
use crate::parameters::Parameter;
use crate::refusal::Refusal;
use crate::socket::{Connection, Frame};
use crate::task::{BROKEN_PIPE, Foreground, UNEXPECTED};

/// How long a caller may take to make a process.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any task.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// What a call came to.
#[derive(Debug, Default)]
struct Outcome {
    out: String,
    err: String,
    code: u8,
}

impl From<Refused> for Outcome {
    fn from(refused: Refused) -> Self {
        Self {
            out: String::new(),
            err: refused.text,
            code: refused.code,
        }
    }
}

impl Outcome {
    fn said(out: String) -> Self {
        Self {
            out,
            ..Self::default()
        }
    }
}

/// Answers one call.
pub(crate) fn answer(
    node: &Arc<NodeCore>,
    words: &[String],
    connection: Connection,
) -> io::Result<()> {
    std::thread::sleep(node.delay_of_pvesh);
    let caller = Caller {
        connection: RefCell::new(connection),
        tasks: RefCell::default(),
    };
    let command = match command_line::read(node.schema, words) {
        Ok(command) => command,
        Err(refused) => return caller.end(refused.into(), None),
    };
    let outcome = match command {
        Command::Help => Outcome::said(USAGE.to_owned()),
        Command::Usage(path) => {
            tree::usage(node.schema, &path).map_or_else(Outcome::from, Outcome::said)
        }
        Command::List(path) => tree::list(node, &path).map_or_else(Outcome::from, Outcome::said),
        Command::Call(call) => return call_api(node, words, &call, &caller),
    };
    caller.end(outcome, None)
}

fn call_api(
    node: &Arc<NodeCore>,
    words: &[String],
    call: &Call,
    caller: &Caller,
) -> io::Result<()> {
    let segments = command_line::segments(&call.path);
    let api_path = format!("/{}", segments.join("/"));
    let mut cut = None;
    for fault in node.faults.take(call.method, &api_path) {
        match fault {
            Fault::Delay(time) => std::thread::sleep(time),
            Fault::CutBefore => return caller.send(&Frame::Die),
            Fault::Status(_, reason) => {
                return caller.end(Refused::new(format!("{reason}\n")).into(), None);
            }
            Fault::CutAfterProcessing => cut = Some(0),
            Fault::CutBody(bytes) => cut = Some(bytes),
        }
    }
    let target = Target {
        method: call.method,
        segments: &segments,
        api_path: &api_path,
    };
    let root = Identity::user("root@pam");
    let result = target.call(node, &root, Some(caller), call.parameters.clone());
    node.journal.add(JournalEntry {
        method: call.method.to_owned(),
        path: api_path,
        parameters: call.parameters.clone(),
        identity: Some(root.to_string()),
        raw: format!("pvesh {}", words.join(" ")),
        status: result.as_ref().map_or_else(Refusal::status, |_| 200),
    });
    // The caller waits for its tasks before it says anything.
    let mut outcome = Outcome::default();
    for upid in caller.tasks.take() {
        let end = node.of_task(&upid).tasks.wait(&upid, FOR_EVER);
        if end.as_ref().is_some_and(|end| end.status == BROKEN_PIPE) {
            let (err, code) = NOBODY_READS;
            let err = err.to_owned();
            let out = String::new();
            return caller.end(Outcome { out, err, code }, cut);
        }
        if let Some(end) = end
            && end.status != "OK"
            && end.status != UNEXPECTED
            && !end.status.starts_with("WARNINGS: ")
        {
            outcome.err = format!("{}{}\n", outcome.err, end.status);
        }
    }
    match result {
        Ok(reply) => {
            outcome.out = remark(call, &segments);
            // What changes something may have no result; a list that is none is told.
            if call.method == "GET" || !reply.data().is_null() {
                outcome
                    .out
                    .push_str(&output::write(reply.data(), call.style));
            }
        }
        Err(refusal) if refusal.status() == 501 => {
            outcome = Refused::no_handler(call.verb, &call.path).into();
        }
        Err(refusal) => {
            let refused = Refused::by_api(&refusal, &call.usage);
            outcome.err.push_str(&refused.text);
            outcome.code = refused.code;
        }
    }
    caller.end(outcome, cut)
}

// The code of PVE says it into the log of the system, which is here the terminal.
fn remark(call: &Call, segments: &[String]) -> String {
    let [nodes, _, qemu, vmid, config] = segments else {
        return String::new();
    };
    if (nodes.as_str(), qemu.as_str(), config.as_str()) != ("nodes", "qemu", "config")
        || call.method == "GET"
    {
        return String::new();
    }
    let options: Vec<String> = call
        .parameters
        .iter()
        .filter_map(|(name, value)| {
            let value = match value {
                Parameter::Text(text) => text.clone(),
                Parameter::List(texts) => texts.join(","),
                _ => return None,
            };
            Some(format!(" -{name} {value}"))
        })
        .collect();
    format!("update VM {vmid}:{}\n", options.concat())
}

/// The `pvesh` that asks.
struct Caller {
    connection: RefCell<Connection>,
    tasks: RefCell<Vec<String>>,
}

impl Caller {
    fn send(&self, frame: &Frame) -> io::Result<()> {
        self.connection.borrow().send(frame)
    }

    // With `cut` it is killed after so many bytes.
    fn end(&self, outcome: Outcome, cut: Option<usize>) -> io::Result<()> {
        if !outcome.err.is_empty() {
            self.send(&Frame::Err(outcome.err))?;
        }
        let length = cut.unwrap_or(outcome.out.len());
        let bytes = outcome.out.as_bytes();
        let out = bytes.get(..length).unwrap_or(bytes);
        if !out.is_empty() {
            self.send(&Frame::Out(String::from_utf8_lossy(out).into_owned()))?;
        }
        self.send(&match cut {
            None => Frame::Exit(outcome.code),
            Some(_) => Frame::Die,
        })
    }
}

impl Foreground for Caller {
    fn fork(&self) -> io::Result<u32> {
        self.send(&Frame::Fork)?;
        let mut connection = self.connection.borrow_mut();
        // The state of the node is held meanwhile: a caller that stands still must not stop all.
        connection.stream().set_read_timeout(Some(PATIENCE))?;
        let pid = connection.receive()?;
        connection.stream().set_read_timeout(None)?;
        pid.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn stand_for(&self, upid: &str) {
        self.tasks.borrow_mut().push(upid.to_owned());
        // A caller that has gone is missed by its task.
        self.send(&Frame::Task(upid.to_owned())).ok();
    }
}

/// Whether a value is what the caller of a list would see; used by `ls`.
pub(super) fn read(node: &Arc<NodeCore>, path: &str) -> Result<Value, Refusal> {
    let segments = command_line::segments(path);
    let target = Target {
        method: "GET",
        segments: &segments,
        api_path: path,
    };
    let root = Identity::user("root@pam");
    let reply = target.call(node, &root, None, crate::parameters::Parameters::default())?;
    Ok(reply.data().clone())
}
