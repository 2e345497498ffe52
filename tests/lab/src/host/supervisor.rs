//! Process 1 of all hosts: starts them, listens for logins, takes orders, and ends with the lab.
//!
//! Orders are lines on standard input, each answered by one line: `down NODE`, `up NODE`. When
//! standard input ends, so does this process, and the kernel ends all others.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::config::{HostPlan, HostsPlan};
use super::{process, reap};

/// Runs the hosts of a plan until standard input ends.
///
/// # Errors
/// When a host cannot be started.
pub(crate) fn run(plan: &Path) -> Result<()> {
    let plan = HostsPlan::read(plan)?;
    let mut hosts = BTreeMap::new();
    let mut ports = BTreeMap::new();
    let mut starting = Vec::new();
    for folder in &plan.nodes {
        let host = HostPlan::read(folder)?;
        starting.push((host.name.clone(), start_node(&plan.program, folder)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .with_context(|| format!("no free port for the sshd of {}", host.name))?;
        let address = listener.local_addr().context("the port has no number")?;
        ports.insert(host.name.clone(), address.port());
        let door = Arc::new(Door::new(plan.sshd.clone(), &host));
        hosts.insert(host.name, Arc::clone(&door));
        std::thread::spawn(move || door.watch(&listener));
    }
    for (name, output) in starting {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        if read.is_err() || line.trim() != "ready" {
            bail!("node {name} cannot be entered; what it said stands above");
        }
    }
    reap::in_background()?;
    say(&serde_json::to_string(&ports)?)?;
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read orders")?;
        let door = line.split_once(' ');
        let known = door.and_then(|(order, name)| Some((order, hosts.get(name)?)));
        say(match known {
            Some(("down", door)) => door.close(),
            Some(("up", door)) => door.open(),
            _ => "unknown",
        })?;
    }
    Ok(())
}

fn start_node(program: &Path, folder: &Path) -> Result<ChildStdout> {
    let mut child = process::command(program)
        .arg("host-node")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    child.stdout.take().context("the node has no output")
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("the lab does not listen")
}

/// Where logins to a node come in.
#[derive(Debug)]
struct Door {
    sshd: PathBuf,
    config: PathBuf,
    log: PathBuf,
    state: Mutex<DoorState>,
}

#[derive(Debug, Default)]
struct DoorState {
    closed: bool,
    sessions: Vec<u32>,
}

impl Door {
    fn new(sshd: PathBuf, host: &HostPlan) -> Self {
        Self {
            sshd,
            config: host.sshd_config(),
            log: host.sshd_log(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, DoorState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            let mut state = self.state();
            // A connection that a powered-off node gets is closed at once, without a word.
            if state.closed {
                continue;
            }
            match self.serve(stream) {
                Ok(session) => {
                    let id = session.id();
                    state.sessions.push(id);
                    let door = Arc::clone(self);
                    std::thread::spawn(move || door.forget_at_end(session));
                }
                Err(error) => {
                    let _unheard = writeln!(std::io::stderr(), "sshd: {error:#}");
                }
            }
        }
    }

    fn forget_at_end(&self, mut session: Child) {
        // Who collects orphans may have been faster; ended it has in either case.
        let _ended = session.wait();
        let id = session.id();
        self.state().sessions.retain(|other| *other != id);
    }

    /// One sshd for one connection; it listens nowhere, so that no port is chosen and lost again.
    fn serve(&self, stream: TcpStream) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let output = OwnedFd::from(stream.try_clone().context("cannot share a connection")?);
        process::command(&self.sshd)
            .args(["-i", "-e", "-f"])
            .arg(&self.config)
            .stdin(OwnedFd::from(stream))
            .stdout(output)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.sshd.display()))
    }

    fn close(&self) -> &'static str {
        let mut state = self.state();
        state.closed = true;
        for session in state.sessions.drain(..) {
            // One that has ended already is what was wanted.
            if let Some(pid) = i32::try_from(session).ok().and_then(Pid::from_raw) {
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        "closed"
    }

    fn open(&self) -> &'static str {
        self.state().closed = false;
        "open"
    }
}
