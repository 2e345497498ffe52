//! `reprise-lab fault`: lets something go wrong in a lab that runs as another process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use crate::network::Service;
use crate::socket::{Request, ask};
use crate::{Fault, FaultRule, TaskFault, TaskFaultRule};

/// What goes wrong, where and how often.
#[derive(Debug, Args)]
pub(crate) struct FaultCommand {
    /// The socket of the node, `<root of the node>/run/pve-lab.sock`; `lab.json` names it.
    #[arg(long)]
    socket: PathBuf,
    /// Only API paths that begin so; of faults of requests.
    #[arg(long, default_value = "/")]
    path: String,
    /// Only this HTTP method; of faults of requests.
    #[arg(long)]
    method: Option<String>,
    /// Only the next so many.
    #[arg(long)]
    times: Option<usize>,
    /// When the log has so many lines; of faults of tasks.
    #[arg(long, default_value_t = 0)]
    after: usize,
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Answers come late.
    Delay { milliseconds: u64 },
    /// Connections are cut, or pvesh is killed, before the request is looked at.
    CutBefore,
    /// The same after it is done and before any answer.
    CutAfter,
    /// The same after so many bytes of the answer.
    CutBody { bytes: usize },
    /// The web server answers with this; 596 is a node that it cannot reach.
    Status { status: u16, reason: String },
    /// Tasks of a type, such as vzdump, fail with this text.
    TaskFail { task: String, text: String },
    /// They hang until somebody stops them.
    TaskHang { task: String },
    /// Their next line comes late.
    TaskSlow { task: String, milliseconds: u64 },
    /// The disk that they write to is full.
    DiskFull { task: String },
    /// A user or token loses what it was given on a path.
    Withdraw {
        task: String,
        on: String,
        holder: String,
    },
    /// Nobody reads any more what their pvesh prints.
    ReaderGone { task: String },
    /// The node goes down.
    Down,
    /// It comes back.
    Up,
    /// All faults are taken back.
    Clear,
    /// A guest on the network: banner, silent, dead or unplugged.
    Guest { vmid: u32, service: String },
    /// A guest gets a real SSH server.
    GuestSshd {
        vmid: u32,
        program: PathBuf,
        config: PathBuf,
    },
}

impl FaultCommand {
    /// Asks the lab for it.
    ///
    /// # Errors
    /// When there is no such lab, or it cannot do it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let socket = self.socket.clone();
        ask(&socket, &self.request()?)
            .with_context(|| format!("the lab at {} did not do it", socket.display()))
    }

    fn request(self) -> anyhow::Result<Request> {
        let Self {
            path,
            method,
            times,
            after,
            kind,
            ..
        } = self;
        let request = |fault| {
            let mut rule = FaultRule::new(&path, fault);
            if let Some(method) = &method {
                rule = rule.on_method(method);
            }
            Request::Inject(match times {
                Some(times) => rule.times(times),
                None => rule,
            })
        };
        let in_task = |task: &str, fault| {
            let rule = TaskFaultRule::new(task, fault).after_lines(after);
            Request::InjectIntoTasks(match times {
                Some(times) => rule.times(times),
                None => rule,
            })
        };
        Ok(match kind {
            Kind::Delay { milliseconds } => {
                request(Fault::Delay(Duration::from_millis(milliseconds)))
            }
            Kind::CutBefore => request(Fault::CutBefore),
            Kind::CutAfter => request(Fault::CutAfterProcessing),
            Kind::CutBody { bytes } => request(Fault::CutBody(bytes)),
            Kind::Status { status, reason } => request(Fault::Status(status, reason)),
            Kind::TaskFail { task, text } => in_task(&task, TaskFault::Fail(text)),
            Kind::TaskHang { task } => in_task(&task, TaskFault::Hang),
            Kind::TaskSlow { task, milliseconds } => {
                in_task(&task, TaskFault::Slow(Duration::from_millis(milliseconds)))
            }
            Kind::DiskFull { task } => in_task(&task, TaskFault::DiskFull),
            Kind::Withdraw { task, on, holder } => {
                in_task(&task, TaskFault::Withdraw { path: on, holder })
            }
            Kind::ReaderGone { task } => in_task(&task, TaskFault::ReaderGone),
            Kind::Down => Request::Down,
            Kind::Up => Request::Up,
            Kind::Clear => Request::Clear,
            Kind::Guest { vmid, service } => Request::Guest {
                vmid,
                service: match service.as_str() {
                    "banner" => Service::Banner,
                    "silent" => Service::Silent,
                    "dead" => Service::Dead,
                    "unplugged" => Service::Unplugged,
                    other => anyhow::bail!(
                        "a guest cannot be `{other}`: take banner, silent, dead or unplugged"
                    ),
                },
            },
            Kind::GuestSshd {
                vmid,
                program,
                config,
            } => Request::Guest {
                vmid,
                service: Service::Sshd { program, config },
            },
        })
    }
}
