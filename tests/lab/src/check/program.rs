//! Runs the lab's `pvesh` as it was run on a real node, and compares what it prints.
//!
//! The recordings are in the order in which they were made; where they start is committed beside
//! them (`pvesh-state.json`, put together from what the first of them and the recordings before
//! them show). They carry no times: a task's name does, and the clock is set by it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::words::{normal_lines, normal_value};
use super::{Report, beside, read};
use crate::socket::VARIABLE;
use crate::{Clock, Lab, LabConfig, Node, NodeConfig, load_initial_state};

/// When the recordings begin: a little before their first task.
const BEGIN: i64 = 1_795_259_990;

/// One call.
#[derive(Debug, Deserialize)]
struct Recorded {
    argv: Vec<String>,
    rc: i32,
    stdout: String,
    stderr: String,
}

impl Recorded {
    /// What it is about.
    fn section(&self) -> &'static str {
        let is_call = ["get", "set", "create", "delete"]
            .iter()
            .any(|verb| self.argv.iter().any(|word| word == verb));
        let has_task = task_of(&self.stdout).is_some();
        let drawn = self.stdout.contains(['│', '┌']) || self.stdout.contains("node status");
        match self.rc {
            _ if drawn => "pvesh-tables",
            _ if !is_call => "pvesh-usage",
            0 if has_task => "pvesh-tasks",
            0 => "pvesh-answers",
            _ => "pvesh-refusals",
        }
    }
}

/// Plays a file of recordings against a fresh lab whose `pvesh` is this program. `fixtures` is
/// the folder of the committed state, for files that have none beside them.
///
/// # Errors
/// When a file cannot be read, the lab does not start or the program cannot be run.
pub fn pvesh(program: &Path, file: &Path, fixtures: &Path) -> anyhow::Result<Report> {
    let text = read(file)?;
    let records: Vec<Recorded> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} holds no calls of pvesh", file.display()))?;
    let folder = tempfile::tempdir().context("no folder for the lab")?;
    let clock = Clock::fixed(BEGIN);
    let config = LabConfig::new(folder.path())
        .with_clock(clock.clone())
        .with_nodes(vec![NodeConfig::new("pve1")]);
    let lab = Lab::start(&config)?;
    let node = lab.node("pve1")?;
    let state = beside(file, fixtures, "pvesh-state.json");
    load_initial_state(node, &state, &fixtures.join("files"), "")?;
    let mut names = Names::default();
    let mut report = Report::default();
    for (index, record) in records.iter().enumerate() {
        if let Some(start) = task_of(&record.stdout).and_then(started) {
            clock.set(start);
        }
        let difference = play(program, node, record, &mut names)?;
        let words = record.argv.get(1..).unwrap_or_default().join(" ");
        report.count(
            record.section(),
            difference.map(|text| format!("{index} {words}: {text}")),
        );
    }
    Ok(report)
}

fn play(
    program: &Path,
    node: &Node,
    record: &Recorded,
    names: &mut Names,
) -> anyhow::Result<Option<String>> {
    let words = record.argv.get(1..).unwrap_or_default().iter();
    let words: Vec<String> = words
        .map(|word| {
            let mut word = word.clone();
            for (recorded, here) in &names.tasks {
                word = word.replace(recorded, here);
            }
            word
        })
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the seam: the program that is compared is started here"
    )]
    let mut command = Command::new(program);
    let ran = std::os::unix::process::CommandExt::arg0(&mut command, "pvesh")
        .args(&words)
        .env(VARIABLE, node.socket())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    if let (Some(recorded), Some(here)) = (task_of(&record.stdout), task_of(&out)) {
        names.tasks.insert(recorded.to_owned(), here.to_owned());
    }
    names.archives.extend(archives(&out));
    if ran.status.code() != Some(record.rc) {
        return Ok(Some(format!("{}, wanted {}: {err}", ran.status, record.rc)));
    }
    let wanted = normal_lines(&record.stderr);
    let got = normal_lines(&err);
    if got != wanted {
        return Ok(Some(format!("it says {got:?}, wanted {wanted:?}")));
    }
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    if let (Some(wanted), Some(got)) = (json(&record.stdout), json(&out)) {
        let wanted = normal_value(&wanted, &names.archives);
        let got = normal_value(&got, &names.archives);
        return Ok((got != wanted).then(|| format!("{got}, wanted {wanted}")));
    }
    let (wanted, got) = (normal_lines(&record.stdout), normal_lines(&out));
    Ok((got != wanted).then(|| format!("it prints {got:#?}, wanted {wanted:#?}")))
}

/// What came to be in this run: what tasks are called there and here, and archives.
#[derive(Debug, Default)]
struct Names {
    tasks: BTreeMap<String, String>,
    archives: BTreeSet<String>,
}

fn archives(stdout: &str) -> Vec<String> {
    let lines = stdout.lines();
    let paths = lines.filter_map(|line| line.split_once("creating vzdump archive '"));
    let names = paths.filter_map(|(_, path)| path.trim_end_matches('\'').rsplit('/').next());
    names.map(str::to_owned).collect()
}

/// The name of the task at the end of an output.
fn task_of(stdout: &str) -> Option<&str> {
    let last = stdout.trim().lines().next_back()?.trim_matches('"');
    let form = Regex::new("^UPID:[^ ]*:$").ok()?;
    form.is_match(last).then_some(last)
}

fn started(upid: &str) -> Option<i64> {
    i64::from_str_radix(upid.split(':').nth(4)?, 16).ok()
}
