//! `cargo xtask lab`: the simulated cluster in the background, known by its process id.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::program::Program;
use crate::workspace::Workspace;
use crate::{files, unpacked};

/// How long a lab that is already compiled may take to answer, or to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `up`, `down` or `status`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["up"] => up(workspace, Hosts::Wanted),
        ["up", "--no-hosts"] => up(workspace, Hosts::Without),
        ["down"] => down(workspace),
        ["status"] => {
            match running(workspace) {
                Some(id) => {
                    println!(
                        "the lab runs as process {id}; {}",
                        addresses(workspace).display()
                    );
                    say_how_to_log_in(workspace)?;
                }
                None => println!("the lab does not run"),
            }
            Ok(())
        }
        _ => bail!("`cargo xtask lab` takes one of: up, up --no-hosts, down, status"),
    }
}

/// The lab's program, compiled.
pub(crate) fn binary(workspace: &Workspace) -> Result<PathBuf> {
    Program::cargo(workspace.root())
        .args(["build", "--quiet", "--locked", "--package", "reprise-lab"])
        .next("the compiler's messages stand above")
        .run()?;
    Ok(workspace.target("debug/reprise-lab"))
}

/// Waits until a starting lab has written its addresses; `alive` says whether it still may.
pub(crate) fn wait_until_up(addresses: &Path, mut alive: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !addresses.exists() {
        if !alive() {
            bail!("the lab ended before it was up; what it wrote says why");
        }
        if start.elapsed() > PATIENCE {
            bail!(
                "the lab has not written {} after {} s",
                addresses.display(),
                PATIENCE.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Whether the nodes are to be logged in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hosts {
    Wanted,
    Without,
}

fn up(workspace: &Workspace, hosts: Hosts) -> Result<()> {
    if let Some(id) = running(workspace) {
        bail!("the lab already runs as process {id}; `cargo xtask lab down` stops it");
    }
    let program = binary(workspace)?;
    let folder = folder(workspace);
    files::make_empty_folder(&folder)?;
    let log = folder.join("lab.log");
    let mut command = Program::new(program).args(["up", "--dir"]).arg(&folder);
    if hosts == Hosts::Wanted {
        let without = "without logins the lab runs by `cargo xtask lab up --no-hosts`";
        command = command
            .arg("--sshd")
            .arg(unpacked::sshd(workspace).context(without)?)
            .arg("--sftp-server")
            .arg(unpacked::sftp_server(workspace).context(without)?);
    }
    let mut child = command.start_detached(&log)?;
    let id = child.id();
    files::write(&pid_file(workspace), format!("{id}\n"))?;
    println!(
        "the lab starts as process {id}; it writes to {}",
        log.display()
    );
    if let Err(error) = wait_until_up(&addresses(workspace), || {
        // Its command line may be empty still: it is a child of ours.
        matches!(child.try_wait(), Ok(None))
    }) {
        let said = files::read_text(&log).unwrap_or_default();
        bail!("{error}\n{}", said.trim_end());
    }
    println!("it is up: {}", addresses(workspace).display());
    say_how_to_log_in(workspace)
}

/// One line per node that can be logged in to.
fn say_how_to_log_in(workspace: &Workspace) -> Result<()> {
    let lab: serde_json::Value = serde_json::from_slice(&files::read(&addresses(workspace))?)
        .context("lab.json is no JSON")?;
    let nodes = lab.get("nodes").and_then(serde_json::Value::as_array);
    for node in nodes.into_iter().flatten() {
        let text = |pointer: &str| node.pointer(pointer).and_then(serde_json::Value::as_str);
        if let (Some(name), Some(config)) = (text("/name"), text("/ssh/config")) {
            println!("log in: ssh -F {config} {name}");
        }
    }
    Ok(())
}

fn down(workspace: &Workspace) -> Result<()> {
    let Some(id) = running(workspace) else {
        println!("the lab does not run");
        return Ok(());
    };
    Program::new("kill").arg(id.to_string()).output()?;
    let start = Instant::now();
    while is_lab(id) {
        if start.elapsed() > PATIENCE {
            bail!(
                "process {id} does not end; look at it, and end it with `kill -9 {id}` if it is the lab"
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    println!("the lab is down");
    Ok(())
}

/// The id of the lab we started, if that process is still the lab: ids are used again.
fn running(workspace: &Workspace) -> Option<u32> {
    let id = files::read_text(&pid_file(workspace))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    is_lab(id).then_some(id)
}

fn is_lab(id: u32) -> bool {
    let process = PathBuf::from(format!("/proc/{id}"));
    let command = files::read(&process.join("cmdline")).unwrap_or_default();
    let first = command.split(|byte| *byte == 0).next().unwrap_or_default();
    // A process that has ended but was not waited for has an empty command line.
    first.ends_with(b"reprise-lab")
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target("lab")
}

fn pid_file(workspace: &Workspace) -> PathBuf {
    folder(workspace).join("lab.pid")
}

fn addresses(workspace: &Workspace) -> PathBuf {
    folder(workspace).join("lab.json")
}
