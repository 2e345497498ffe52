//! `reprise-lab up`: simulated PVE nodes in the foreground, for the demo and for playbooks.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use reprise_lab::{Lab, LabConfig, NodeConfig, check, demo, load_initial_state};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Simulated Proxmox VE nodes on 127.0.0.1.
#[derive(Debug, Parser)]
#[command(name = "reprise-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
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
        /// Stop also when standard input is closed, so that a lab never outlives its starter.
        #[arg(long)]
        until_stdin_closes: bool,
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
}

/// What a recording is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// A chronological list of requests and answers.
    Scenario,
    /// Groups of backups and what retention makes of them.
    Prune,
    /// Restores and moved volumes, with everything before and after.
    Losses,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up {
            dir,
            nodes,
            time_zone,
            until_stdin_closes,
        } => {
            let nodes = nodes
                .iter()
                .map(|name| NodeConfig::new(name).in_zone(&time_zone));
            let lifetime = if until_stdin_closes {
                Lifetime::Stdin
            } else {
                Lifetime::Signal
            };
            run(&dir, nodes.collect(), lifetime, demo::seed)
        }
        Command::Check { what, file } => compare(what, file),
        Command::State {
            dir,
            initial,
            password,
        } => {
            let files = initial.with_file_name("files");
            let node = NodeConfig::new("pve1");
            run(&dir, vec![node], Lifetime::Signal, |lab| {
                load_initial_state(lab.node("pve1")?, &initial, &files, &password)
            })
        }
    };
    if let Err(error) = &result {
        // There is nobody to tell when standard error is closed.
        let _unheard = writeln!(std::io::stderr(), "reprise-lab: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
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

fn run(
    dir: &Path,
    nodes: Vec<NodeConfig>,
    lifetime: Lifetime,
    seed: impl FnOnce(&Lab) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (stop, stopped) = channel();
    stop_on_signals(stop.clone())?;
    if lifetime == Lifetime::Stdin {
        stop_with_stdin(stop);
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir
        .canonicalize()
        .with_context(|| format!("cannot find {}", dir.display()))?;
    let description = dir.join("lab.json");
    let lab = Lab::start(&LabConfig::new(dir).with_nodes(nodes))?;
    seed(&lab)?;
    demo::describe(&lab, &description)?;
    let count = lab.nodes().len();
    writeln!(
        std::io::stdout(),
        "lab ready: {count} nodes, {}",
        description.display()
    )
    .context("cannot say that the lab is ready")?;
    // All senders gone cannot happen while the signal thread lives; it ends the lab too.
    let _signal = stopped.recv();
    drop(lab);
    // A file that names ports on which nobody listens would mislead.
    std::fs::remove_file(&description)
        .with_context(|| format!("cannot remove {}", description.display()))
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
