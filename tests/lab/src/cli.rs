//! The command line: `reprise-lab up` holds simulated PVE nodes in the foreground, for the demo and
//! for playbooks.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::background::Background;
use crate::control::FaultCommand;
use crate::host::{HostCommand, HostsConfig, called_as};
use crate::inventory::Inventory;
use crate::{Lab, LabConfig, NodeConfig, Release, check, demo, load_initial_state};

/// Simulated Proxmox VE nodes on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "reprise-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[command(rename_all = "kebab-case")]
enum Command {
    /// Start the nodes and stay until a signal comes.
    Up {
        /// Folder for everything that the lab writes.
        #[arg(long)]
        dir: PathBuf,
        /// Names of the nodes.
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "pve-prod,pve-lab,pve-mon"
        )]
        nodes: Vec<String>,
        /// Time zone of all nodes, as an IANA name.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// The release that all nodes are.
        #[arg(long, value_parser = release, default_value = "8.4")]
        release: Release,
        /// Let the nodes be one cluster.
        #[arg(long)]
        cluster: bool,
        /// A folder of the nodes, such as /mnt/pve/nas, that is the same on all of them.
        #[arg(long, value_name = "PATH")]
        shared: Vec<PathBuf>,
        /// For how many seconds a new storage is `unknown` in `/cluster/resources`. On a real node
        /// it is up to 10.
        #[arg(long, value_name = "SECONDS", default_value_t = 2)]
        storage_report: u64,
        /// Stop also when standard input is closed, so that a lab never outlives its starter.
        #[arg(long, conflicts_with = "background")]
        until_stdin_closes: bool,
        /// Return when the nodes are up, and let them run until `down`.
        #[arg(long)]
        background: bool,
        #[command(flatten)]
        hosts: Hosts,
    },
    /// Stop nodes that were started in the background.
    Down {
        /// Their folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Say whether nodes run in the background, and how to reach them; fails when they do not.
    Status {
        /// Their folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Compare the lab with what was recorded on a real node; fails below the bar.
    Check {
        /// What to compare.
        what: Subject,
        /// The recording, plain or compressed with gzip or zstd; the committed one when absent.
        file: Option<PathBuf>,
    },
    /// Start one node from the initial state of a recorded scenario and stay.
    State {
        /// Folder for everything that the lab writes.
        #[arg(long)]
        dir: PathBuf,
        /// An `initial-state.json`; the folder `files` lies beside it.
        #[arg(long)]
        initial: PathBuf,
        /// The password of every user.
        #[arg(long)]
        password: String,
    },
    /// Let something go wrong in a lab that runs.
    Fault(FaultCommand),
    #[command(flatten)]
    Host(HostCommand),
}

/// Whether the nodes can be logged in to, and with what.
#[derive(Debug, Args)]
struct Hosts {
    /// Let the nodes be logged in to by ssh.
    #[arg(long = "hosts", id = "hosts")]
    wanted: bool,
    /// OpenSSH's server, where it is not where distributions put it (or `REPRISE_SSHD`).
    #[arg(long, requires = "hosts")]
    sshd: Option<PathBuf>,
    /// OpenSSH's server of sftp, where it is not where distributions put it (or
    /// `REPRISE_SFTP_SERVER`).
    #[arg(long, requires = "hosts")]
    sftp_server: Option<PathBuf>,
    /// A folder of this machine that the nodes see too, read-only.
    #[arg(long, requires = "hosts")]
    show: Vec<PathBuf>,
}

impl Hosts {
    fn config(self) -> anyhow::Result<Option<HostsConfig>> {
        if !self.wanted {
            return Ok(None);
        }
        let sshd = self.sshd.or_else(|| told("REPRISE_SSHD"));
        let usual = || {
            ["/usr/sbin/sshd", "/usr/bin/sshd"]
                .map(PathBuf::from)
                .into_iter()
        };
        let sshd = sshd.or_else(|| usual().find(|path| path.is_file())).context(
            "there is no sshd at /usr/sbin/sshd; install openssh-server or name one (--sshd, REPRISE_SSHD)",
        )?;
        let program = std::env::current_exe().context("this program does not know its place")?;
        let mut config = HostsConfig::new(program, sshd);
        config.sftp_server = self.sftp_server.or_else(|| told("REPRISE_SFTP_SERVER"));
        config.shown = self.show;
        Ok(Some(config))
    }
}

fn told(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is the front of the lab")]
    let value = std::env::var_os(name);
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// What a recording is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// A chronological list of requests and answers.
    Scenario,
    /// Groups of backups and what retention makes of them.
    Prune,
    /// Calls of pvesh in the order in which they were made.
    Pvesh,
    /// Restores and moved volumes, with everything before and after.
    Losses,
}

/// Does what the arguments say; the first is the name that we are called by.
pub fn run(arguments: &[OsString]) -> ExitCode {
    if let Some(code) = called_as(arguments) {
        return code;
    }
    let words = arguments.get(1..).unwrap_or_default();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // There is nobody to tell when the terminal is gone.
            let _unheard = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match arguments.command.run(words) {
        Ok(code) => code,
        Err(error) => {
            let _unheard = writeln!(std::io::stderr(), "reprise-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self, words: &[OsString]) -> anyhow::Result<ExitCode> {
        match self {
            Self::Up {
                dir,
                background: true,
                ..
            } => {
                let is_other = |word: &&OsString| *word != "--background";
                let others: Vec<_> = words.iter().filter(is_other).cloned().collect();
                say(&Background::of(&dir).start(&others)?)?;
            }
            Self::Down { dir } => {
                let stopped = Background::of(&dir).stop()?;
                let what = if stopped { "is down" } else { "does not run" };
                say(&format!("the lab {what}\n"))?;
            }
            Self::Status { dir } => {
                let lab = Background::of(&dir);
                let Some(id) = lab.running() else {
                    say("the lab does not run\n")?;
                    return Ok(ExitCode::FAILURE);
                };
                say(&format!("the lab runs as process {id}\n{}", lab.said()))?;
            }
            Self::Up {
                dir,
                nodes,
                time_zone,
                release,
                cluster,
                shared,
                storage_report,
                until_stdin_closes,
                background: false,
                hosts,
            } => {
                let node = |name: &String| {
                    let node = NodeConfig::new(name).in_zone(&time_zone);
                    node.of_release(release)
                };
                let nodes = nodes.iter().map(node);
                let lifetime = if until_stdin_closes {
                    Lifetime::Stdin
                } else {
                    Lifetime::Signal
                };
                let mut config = LabConfig::new(dir)
                    .with_nodes(nodes.collect())
                    .with_storage_report(Duration::from_secs(storage_report));
                config.is_cluster = cluster;
                config.shared = shared;
                config.hosts = hosts.config()?;
                hold(config, lifetime, demo::seed)?;
            }
            Self::Check { what, file } => compare(what, file)?,
            Self::State {
                dir,
                initial,
                password,
            } => {
                let files = initial.with_file_name("files");
                let config = LabConfig::new(dir).with_nodes(vec![NodeConfig::new("pve1")]);
                hold(config, Lifetime::Signal, |lab| {
                    load_initial_state(lab.node("pve1")?, &initial, &files, &password)
                })?;
            }
            Self::Fault(command) => command.run()?,
            Self::Host(command) => return command.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn release(text: &str) -> Result<Release, String> {
    match text {
        "8.4" | "8" => Ok(Release::Eight),
        "9" | "9.2" => Ok(Release::Nine),
        other => Err(format!("`{other}` is not one of 8.4, 9")),
    }
}

fn compare(what: Subject, file: Option<PathBuf>) -> anyhow::Result<()> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let report = match what {
        Subject::Scenario => {
            let file = file.unwrap_or_else(|| fixtures.join("scenario.jsonl.zst"));
            check::scenario(&file, &fixtures)?
        }
        Subject::Prune => {
            let file = file.unwrap_or_else(|| fixtures.join("prune-vectors.jsonl.zst"));
            check::retention(&file)?
        }
        Subject::Pvesh => {
            let file = file.unwrap_or_else(|| fixtures.join("pvesh.jsonl.zst"));
            let program = std::env::current_exe().context("this program does not know its file")?;
            check::pvesh(&program, &file, &fixtures)?
        }
        Subject::Losses => {
            let file = file.unwrap_or_else(|| fixtures.join("restore-loss.jsonl.zst"));
            check::losses(&file, &fixtures)?
        }
    };
    let mut out = std::io::stdout();
    for difference in &report.differences {
        writeln!(out, "{difference}").context("cannot write the report")?;
    }
    writeln!(out, "{report}").context("cannot write the report")?;
    let below = report.below_the_bar();
    anyhow::ensure!(below.is_empty(), "below the bar: {}", below.join(", "));
    Ok(())
}

/// What ends the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifetime {
    Signal,
    Stdin,
}

fn hold(
    mut config: LabConfig,
    lifetime: Lifetime,
    seed: impl FnOnce(&Lab) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (stop, stopped) = channel();
    stop_on_signals(stop.clone())?;
    if lifetime == Lifetime::Stdin {
        stop_with_stdin(stop);
    }
    let dir = &config.directory;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir
        .canonicalize()
        .with_context(|| format!("cannot find {}", dir.display()))?;
    let description = dir.join("lab.json");
    config.directory = dir;
    let lab = Lab::start(&config)?;
    seed(&lab)?;
    let inventory = Inventory::write(&lab, description.with_file_name("inventory.yml"))?;
    // Last: who sees this file finds everything else.
    demo::describe(&lab, &description)?;
    say_what_there_is(&lab, &description, inventory.as_ref())?;
    // All senders gone cannot happen while the signal thread lives; it ends the lab too.
    let _signal = stopped.recv();
    drop(lab);
    // A file that names ports on which nobody listens would mislead.
    std::fs::remove_file(&description)
        .with_context(|| format!("cannot remove {}", description.display()))
}

fn say_what_there_is(
    lab: &Lab,
    description: &Path,
    inventory: Option<&Inventory>,
) -> anyhow::Result<()> {
    let mut text = format!(
        "lab ready: {} nodes, {}\n",
        lab.nodes().len(),
        description.display()
    );
    if let Some(inventory) = inventory {
        let _never = writeln!(text, "inventory: {}", inventory.file().display());
    }
    for node in lab.nodes() {
        if let Some(login) = node.ssh() {
            let config = login.config.display();
            let _never = writeln!(text, "log in: ssh -F {config} {}", node.name());
        }
    }
    say(&text)
}

fn say(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot write to the terminal")
}

fn stop_on_signals(stop: Sender<()>) -> anyhow::Result<()> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot listen for signals")?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if stop.send(()).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn stop_with_stdin(stop: Sender<()>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while std::io::stdin()
            .read(&mut buffer)
            .is_ok_and(|count| count > 0)
        {}
        // The lab may have stopped already.
        let _stopped = stop.send(());
    });
}
