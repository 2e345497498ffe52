//! Checks of the lab against recordings of a real node: what it answers is compared, and nothing
//! of a recording ever reaches the code that answers.

mod compare;
mod losses;
mod paths;
mod player;
mod program;
mod retention;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

pub use losses::losses;
pub use program::pvesh;
pub use retention::retention;

use crate::{Clock, Lab, LabConfig, NodeConfig, load_initial_state};
use player::{Played, Player};

/// The sections in which modules depend on every answer.
const DEPENDED_ON: [&str; 22] = [
    "content",
    "coverage",
    "delete",
    "jobs-create",
    "jobs-delete",
    "jobs-update",
    "locks-protection",
    "lxc-create",
    "lxc-restore",
    "permissions",
    "prune",
    "prune-vectors",
    "pvesh-answers",
    "pvesh-refusals",
    "pvesh-tasks",
    "qemu-create",
    "qemu-restore",
    "schedules",
    "snapshots",
    "storages",
    "tasks",
    "vzdump",
];

/// Of a hundred answers, so many must fit: in a section that modules depend on, and over all.
const BAR_OF_SECTION: usize = 95;
const BAR_OVER_ALL: usize = 90;

/// How many answers fit, section by section, and what did not.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Matched and compared answers by section.
    pub sections: BTreeMap<String, (usize, usize)>,
    /// One line for each answer that differs.
    pub differences: Vec<String>,
    bar_over_all: Option<usize>,
}

impl Report {
    fn with_bar(bar: usize) -> Self {
        Self {
            bar_over_all: Some(bar),
            ..Self::default()
        }
    }

    fn count(&mut self, section: &str, difference: Option<String>) {
        let counts = self.sections.entry(section.to_owned()).or_default();
        counts.1 += 1;
        match difference {
            None => counts.0 += 1,
            Some(difference) => self.differences.push(difference),
        }
    }

    /// Matched and compared answers of all sections.
    pub fn total(&self) -> (usize, usize) {
        let counts = self.sections.values();
        counts.fold((0, 0), |sum, (matched, compared)| {
            (sum.0 + matched, sum.1 + compared)
        })
    }

    /// The sections below their bar, and `total` when all of it is below its own.
    pub fn below_the_bar(&self) -> Vec<String> {
        let short = |counts: (usize, usize), bar: usize| counts.0 * 100 < counts.1 * bar;
        let mut below: Vec<String> = self
            .sections
            .iter()
            .filter(|(name, counts)| {
                DEPENDED_ON.contains(&name.as_str()) && short(**counts, BAR_OF_SECTION)
            })
            .map(|(name, _)| name.clone())
            .collect();
        let bar = self.bar_over_all.unwrap_or(BAR_OVER_ALL);
        if short(self.total(), bar) || self.total().1 == 0 {
            below.push("total".to_owned());
        }
        below
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (section, (matched, compared)) in &self.sections {
            writeln!(formatter, "{section} {matched}/{compared}")?;
        }
        let (matched, compared) = self.total();
        write!(formatter, "total {matched}/{compared}")
    }
}

/// Plays a recorded scenario against a fresh lab. `fixtures` is the folder of the committed
/// initial state, for files that have none beside them.
///
/// # Errors
/// When a file cannot be read or the lab does not start.
pub fn scenario(file: &Path, fixtures: &Path) -> anyhow::Result<Report> {
    let text = read(file)?;
    let initial = beside(file, fixtures, "initial-state.json");
    let files = initial.with_file_name("files");
    let records: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is no scenario", file.display()))?;
    // The node is as old as the scenario.
    let folder = tempfile::tempdir().context("no folder for the lab")?;
    let clock = Clock::fixed(records.first().map_or(0, seconds));
    let config = LabConfig::new(folder.path())
        .with_clock(clock.clone())
        .with_nodes(vec![NodeConfig::new("pve1")]);
    let lab = Lab::start(&config)?;
    let node = lab.node("pve1")?;
    load_initial_state(node, &initial, &files, player::PASSWORD)?;
    let state = std::fs::read(&initial).context("cannot read the initial state")?;
    let state: Value = serde_json::from_slice(&state).context("no initial state")?;
    let mut player = Player::new(node, &state, &records);
    let mut report = Report::default();
    for record in &records {
        clock.set(seconds(record));
        let label = format!(
            "{} {}/{}",
            record.get("index").unwrap_or(&Value::Null),
            text_of(record, "section"),
            text_of(record, "name")
        );
        let difference = match player.play(record)? {
            Played::NotCompared => continue,
            Played::Same => None,
            Played::Different(text) => Some(format!("{label}: {text}")),
        };
        report.count(text_of(record, "section"), difference);
    }
    Ok(report)
}

fn beside(file: &Path, fixtures: &Path, name: &str) -> PathBuf {
    let near = file.with_file_name(name);
    if near.exists() {
        near
    } else {
        fixtures.join(name)
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut text = String::new();
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::stream::Decoder::new(&bytes[..])?.read_to_string(&mut text)
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text)
    } else {
        (&bytes[..]).read_to_string(&mut text)
    }
    .with_context(|| format!("{} is no text", file.display()))?;
    Ok(text)
}

fn text_of<'value>(value: &'value Value, name: &str) -> &'value str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

// `at` has a fraction; PVE's own times have none.
fn seconds(record: &Value) -> i64 {
    let at = record.get("at").unwrap_or(&Value::Null).to_string();
    let whole = at.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or(0)
}
