//! `systemctl` of a node. There is no systemd: units are files, what is enabled are links as
//! systemd makes them, what is active stands in a file, and each call is recorded.
//!
//! Texts and exit codes are those of systemd 252, which Proxmox VE 8 has. A service that is started
//! does not run unless the lab was told so, and no timer ever fires.

mod arguments;
mod control;
mod execute;
mod install;
mod list;
mod show;
mod state;
mod unit_file;
mod units;

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use arguments::Arguments;

/// Where the lab keeps what `systemctl` did, below the node's root.
pub(crate) const FOLDER: &str = "run/reprise-lab";
/// The calls, one JSON object a line.
pub(crate) const CALLS: &str = "systemctl.jsonl";
/// While this file is there, services that end by themselves really run.
pub(crate) const RUN_UNITS: &str = "run-units";

/// One call of `systemctl` on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemctlCall {
    /// When, in Unix seconds.
    pub at: i64,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its exit code.
    pub code: u8,
}

/// What a verb says and how it ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    code: u8,
    out: String,
    err: String,
}

impl Outcome {
    fn said(out: impl Into<String>) -> Self {
        Self {
            out: out.into(),
            ..Self::default()
        }
    }

    fn failed(code: u8, err: impl Into<String>) -> Self {
        Self {
            code,
            err: err.into(),
            ..Self::default()
        }
    }

    /// Adds another one after it; the later failure counts.
    #[expect(clippy::needless_pass_by_value, reason = "it is used up")]
    fn and(&mut self, other: Self) {
        self.out.push_str(&other.out);
        self.err.push_str(&other.err);
        if other.code != 0 {
            self.code = other.code;
        }
    }
}

/// Runs `systemctl` with these arguments.
pub(super) fn main(words: &[String]) -> ExitCode {
    let root = Path::new("/");
    let outcome = run(root, words).unwrap_or_else(|error| {
        Outcome::failed(1, format!("Failed to talk to the lab's units: {error:#}\n"))
    });
    // A call that cannot be recorded still does what it was asked for, and says so.
    let recorded = record(root, words, outcome.code);
    let mut err = outcome.err;
    if let Err(error) = recorded {
        let _never = writeln!(err, "reprise-lab: this call is not recorded: {error:#}");
    }
    let _unheard = std::io::stdout().write_all(outcome.out.as_bytes());
    let _unheard = std::io::stderr().write_all(err.as_bytes());
    ExitCode::from(outcome.code)
}

fn run(root: &Path, words: &[String]) -> Result<Outcome> {
    let arguments = match Arguments::parse(words) {
        Ok(arguments) => arguments,
        Err(text) => return Ok(Outcome::failed(1, format!("{text}\n"))),
    };
    let node = Node {
        root: root.to_owned(),
    };
    let quiet = arguments.has("--quiet");
    let mut outcome = dispatch(&node, &arguments)?;
    if quiet {
        outcome.out.clear();
        if outcome.code == 0 {
            outcome.err.clear();
        }
    }
    Ok(outcome)
}

fn dispatch(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    if arguments.has("--version") {
        return Ok(Outcome::said("systemd 252 (252.39-1~deb12u1)\n"));
    }
    match arguments.verb.as_str() {
        "daemon-reload" | "daemon-reexec" => control::reload(node),
        "enable" | "disable" | "reenable" | "mask" | "unmask" => install::run(node, arguments),
        "start" | "stop" | "restart" | "try-restart" | "reload" | "reload-or-restart"
        | "reset-failed" => control::run(node, arguments),
        "is-active" | "is-failed" | "is-enabled" | "is-system-running" => {
            show::ask(node, arguments)
        }
        "show" => show::show(node, arguments),
        "status" => show::status(node, arguments),
        "cat" => show::cat(node, arguments),
        "" | "list-units" => list::units(node, arguments),
        "list-unit-files" => list::unit_files(node, arguments),
        "list-timers" => list::timers(node, arguments),
        "get-default" => Ok(Outcome::said("multi-user.target\n")),
        other => Ok(Outcome::failed(
            1,
            format!("Unknown command verb {other}.\n"),
        )),
    }
}

/// The node whose units these are.
#[derive(Debug)]
struct Node {
    root: PathBuf,
}

impl Node {
    /// Where a path of the node lies.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The lab's folder; it is made when it is not there.
    fn lab(&self) -> Result<PathBuf> {
        let folder = self.root.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

fn record(root: &Path, words: &[String], code: u8) -> Result<()> {
    let call = SystemctlCall {
        at: jiff::Timestamp::now().as_second(),
        arguments: words.to_vec(),
        code,
    };
    let node = Node {
        root: root.to_owned(),
    };
    let path = node.lab()?.join(CALLS);
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    // One write: calls of several programs at once do not mix.
    file.write_all(format!("{}\n", serde_json::to_string(&call)?).as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
