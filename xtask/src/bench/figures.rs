//! Medians, ratios, and whether an aim was met: from costs alone.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::contest::{Aim, Runner};
use super::images::Archive;
use crate::program::Cost;

/// What the runs of one program came to.
#[derive(Debug, Clone)]
struct Line {
    name: String,
    aim: Aim,
    wall: Duration,
    cpu: Duration,
    memory: u64,
    runs: Vec<Cost>,
}

/// All programs on one archive; the first is ours.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    ending: &'static str,
    bytes: u64,
    lines: Vec<Line>,
}

impl Figures {
    pub(super) fn new(archive: &Archive, runners: &[Runner], costs: &[Vec<Cost>]) -> Result<Self> {
        let bytes = std::fs::metadata(&archive.path)
            .with_context(|| format!("cannot see {}", archive.path.display()))?
            .len();
        let lines = runners.iter().zip(costs).map(|(runner, runs)| Line {
            name: runner.name.clone(),
            aim: runner.aim,
            wall: median(runs.iter().map(|cost| cost.wall)),
            cpu: median(runs.iter().map(|cost| cost.cpu)),
            memory: runs.iter().map(|cost| cost.memory).max().unwrap_or(0),
            runs: runs.clone(),
        });
        Ok(Self {
            ending: archive.ending,
            bytes,
            lines: lines.collect(),
        })
    }

    /// Everything, for programs.
    pub(super) fn json(&self) -> Value {
        let ours = self.lines.first();
        let lines = self.lines.iter().map(|line| {
            let ratio = |of: fn(&Line) -> Duration| ours.map(|ours| part(of(ours), of(line)));
            json!({
                "program": line.name,
                "wall_seconds": line.wall.as_secs_f64(),
                "cpu_seconds": line.cpu.as_secs_f64(),
                "memory_bytes": line.memory,
                "our_wall_ratio": ratio(|line| line.wall),
                "our_cpu_ratio": ratio(|line| line.cpu),
                "aim_wall_ratio": line.aim.wall,
                "aim_cpu_ratio": line.aim.cpu,
                "runs": line.runs.iter().map(|cost| json!({
                    "wall_seconds": cost.wall.as_secs_f64(),
                    "cpu_seconds": cost.cpu.as_secs_f64(),
                    "memory_bytes": cost.memory,
                })).collect::<Vec<_>>(),
            })
        });
        json!({"archive": self.ending, "bytes": self.bytes, "programs": lines.collect::<Vec<_>>()})
    }
}

/// The middle one; of an even number the lower of the two.
fn median(values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<_> = values.collect();
    values.sort();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or_default()
}

fn part(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64().max(1e-6)
}

/// For people: a line for each program, with our part of its time and whether the aim was met.
pub(super) fn table(all: &[Figures], runs: usize) -> String {
    let mut text = format!(
        "Medians of {runs} runs, in turn. Ratio: our figure divided by that of the line.\n\n\
         {:<8}  {:<22} {:>8} {:>8} {:>9}  {:>10}  {:>10}\n",
        "archive", "program", "wall s", "CPU s", "memory", "wall ratio", "CPU ratio"
    );
    for figures in all {
        let Some(ours) = figures.lines.first() else {
            continue;
        };
        for (number, line) in figures.lines.iter().enumerate() {
            let ratios = if number == 0 {
                String::new()
            } else {
                format!(
                    "  {}  {}",
                    ratio(part(ours.wall, line.wall), line.aim.wall),
                    ratio(part(ours.cpu, line.cpu), line.aim.cpu)
                )
            };
            let row = format!(
                "{:<8}  {:<22} {:>8.2} {:>8.2} {:>5} MiB{ratios}",
                if number == 0 { figures.ending } else { "" },
                line.name,
                line.wall.as_secs_f64(),
                line.cpu.as_secs_f64(),
                line.memory >> 20,
            );
            let _ = writeln!(text, "{}", row.trim_end());
        }
    }
    text
}

fn ratio(value: f64, aim: Option<f64>) -> String {
    let aim = aim.map(|aim| {
        let met = if value <= aim { "met" } else { "missed" };
        format!(" (aim {aim:.2}: {met})")
    });
    format!("{value:>10.2}{}", aim.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn line(name: &str, aim: Aim, walls: &[u64]) -> Line {
        let runs: Vec<Cost> = walls
            .iter()
            .map(|wall| Cost {
                status: std::process::ExitStatus::from_raw(0),
                wall: Duration::from_millis(*wall),
                cpu: Duration::from_millis(2 * wall),
                memory: wall << 20,
            })
            .collect();
        Line {
            name: name.to_owned(),
            aim,
            wall: median(runs.iter().map(|cost| cost.wall)),
            cpu: median(runs.iter().map(|cost| cost.cpu)),
            memory: runs.iter().map(|cost| cost.memory).max().unwrap(),
            runs,
        }
    }

    #[test]
    fn one_slow_run_does_not_count() {
        let aim = Aim {
            wall: Some(0.9),
            cpu: Some(0.7),
        };
        let none = Aim {
            wall: None,
            cpu: None,
        };
        let figures = Figures {
            ending: "vma.zst",
            bytes: 7,
            lines: vec![
                line("backup_verify", none, &[800, 9000, 700]),
                line("zstd -t", aim, &[1000, 1000, 1000]),
            ],
        };
        let json = figures.json();
        assert_eq!(json["programs"][1]["our_wall_ratio"], 0.8);
        assert_eq!(json["programs"][0]["runs"].as_array().unwrap().len(), 3);
        let table = table(&[figures], 3);
        assert!(table.contains("0.80 (aim 0.90: met)"), "{table}");
        assert!(table.contains("0.80 (aim 0.70: missed)"), "{table}");
    }

    #[test]
    fn the_middle_of_an_even_number_and_of_none() {
        let seconds = |numbers: &[u64]| median(numbers.iter().map(|at| Duration::from_secs(*at)));
        assert_eq!(seconds(&[4, 1, 3, 2]), Duration::from_secs(2));
        assert_eq!(seconds(&[]), Duration::ZERO);
    }
}
