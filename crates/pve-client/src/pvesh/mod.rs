//! The API through `pvesh`, as root on a node.
//!
//! `pvesh` is started for each call, which costs about 0.6 seconds of processor time; so a few run
//! side by side. It speaks for `root@pam`, which may do everything.
//!
//! | file | what it knows |
//! |---|---|
//! | `program` | starting programs: reads as children, writes in a session of their own |
//! | `command_line` | a call as words; what must not stand in them |
//! | `answer` | what the words of `pvesh` mean |
//! | `output`, `active`, `start` | starting a task that outlives us, and finding its id |
//! | `gate` | how many run at once |

mod active;
mod answer;
mod command_line;
mod gate;
mod output;
mod program;
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pve_types::Upid;
use serde_json::Value;

use crate::{ApiPath, Error, Identity, Method, Params, Request, Timer, Transport};

use active::ActiveTasks;
use command_line::{Call, Verb};
use gate::Gate;
use program::Program;

/// How many calls run at once: more would only take the processor from each other, and from the
/// guests.
const SIDE_BY_SIDE: usize = 4;

/// Where `pvesh` is, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// The folder for what it writes while it runs on its own. Made when it is missing.
    pub outputs: PathBuf,
    /// PVE's list of running tasks.
    pub active_tasks: PathBuf,
    /// The name of this node. The processes of tasks on others cannot be looked at from here.
    pub node: Option<String>,
    /// How long is waited for it.
    pub patience: Patience,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A read; it is ended then.
    pub read: Duration,
    /// A write, or the start of a task; it goes on without us then.
    pub write: Duration,
}

impl Settings {
    /// This program, with everything else as it is on a node.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            outputs: PathBuf::from("/var/lib/reprise/tasks"),
            active_tasks: PathBuf::from("/var/log/pve/tasks/active"),
            node: own_node(),
            patience: Patience {
                read: Duration::from_mins(2),
                write: Duration::from_mins(10),
            },
        }
    }
}

/// [`Transport`] through `pvesh`.
#[derive(Debug)]
pub struct Pvesh {
    program: Program,
    outputs: PathBuf,
    active: ActiveTasks,
    patience: Patience,
    gate: Gate,
    identity: Identity,
    node: Option<String>,
    timer: Arc<dyn Timer>,
}

impl Pvesh {
    /// Starts nothing yet.
    pub fn new(settings: Settings, timer: Arc<dyn Timer>) -> Self {
        Self {
            program: Program::new(settings.program),
            outputs: settings.outputs,
            active: ActiveTasks::new(settings.active_tasks),
            patience: settings.patience,
            gate: Gate::new(SIDE_BY_SIDE),
            identity: Identity {
                user: "root@pam".to_owned(),
                token: None,
            },
            node: settings.node,
            timer,
        }
    }

    fn get(&self, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        let call = Call {
            verb: Verb::Get,
            path,
            params,
        };
        let read = || {
            let arguments = call.arguments(self.node.as_deref())?;
            let _place = self.gate.enter();
            let ran = self
                .program
                .run(&arguments, self.patience.read)
                .map_err(|silence| answer::silent(silence, self.program.path()))?;
            answer::read(&ran)
        };
        read().map_err(|error| self.about(error.of_read(), &call))
    }

    fn about(&self, error: Error, call: &Call<'_>) -> Error {
        error
            .during(call.to_string())
            .asked_by(&self.identity, self.server())
    }
}

impl Transport for Pvesh {
    fn read(&self, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.get(path, params)
    }

    fn read_all(&self, requests: &[Request]) -> Vec<Result<Value, Error>> {
        thread::scope(|scope| {
            let running: Vec<_> = requests
                .iter()
                .map(|request| scope.spawn(|| self.get(&request.path, &request.params)))
                .collect();
            running
                .into_iter()
                .map(|answer| {
                    answer.join().unwrap_or_else(|_| {
                        Err(Error::protocol("the call ended without an answer"))
                    })
                })
                .collect()
        })
    }

    fn write(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        let call = Call {
            verb: Verb::Write(method),
            path,
            params,
        };
        self.carry_out(&call)
            .map_err(|error| self.about(error.of_write(), &call))
    }

    fn start(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Upid, Error> {
        let call = Call {
            verb: Verb::Write(method),
            path,
            params,
        };
        self.start_task(&call)
            .map_err(|error| self.about(error.of_write(), &call))
    }

    fn accepts_secret(&self, path: &ApiPath, name: &str) -> Result<(), Error> {
        Err(command_line::refused_secret(path, &format!("`{name}`")))
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn server(&self) -> &'static str {
        "this node (pvesh)"
    }

    fn is_on_node(&self) -> bool {
        true
    }
}

/// The name of this node as PVE has it: the host's, up to the first dot.
fn own_node() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim().split('.').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
