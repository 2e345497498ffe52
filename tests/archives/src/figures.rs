//! What the full sweep counted: kept in a file, compared with what it counts now.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::sweep::{self, Table};

/// The figures that are kept, for the page of the documentation.
pub const KEPT: &str = include_str!("../figures/sweep.json");

/// Reads figures.
///
/// # Errors
/// When they are none.
pub fn parse(text: &str) -> Result<Table> {
    serde_json::from_str(text).context("the figures of the sweep cannot be understood")
}

/// Sweeps, and compares with the file.
///
/// # Errors
/// When the file cannot be read or an archive cannot be made.
pub fn check(file: &Path) -> Result<ExitCode> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let kept = parse(&text)?;
    let counted = counted()?;
    if counted == kept {
        return Ok(ended(&counted));
    }
    for (format, figures) in &counted {
        if kept.get(format) != Some(figures) {
            let kept = kept.get(format);
            println!("{format}: counted {figures:?}, kept is {kept:?}");
        }
    }
    println!(
        "If the archives or what is seen of them changed on purpose, run `cargo xtask check sweep --write` and `cargo xtask codegen`, and commit both."
    );
    Ok(ExitCode::FAILURE)
}

/// Sweeps, and writes the file.
///
/// # Errors
/// When it cannot be written or an archive cannot be made.
pub fn write(file: &Path) -> Result<ExitCode> {
    let counted = counted()?;
    let text = serde_json::to_string_pretty(&counted)? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(ended(&counted))
}

fn counted() -> Result<Table> {
    Ok(sweep::full(|subject| {
        println!("{}: {} bytes", subject.format, subject.bytes.len());
    })?)
}

fn ended(table: &Table) -> ExitCode {
    let missed: u64 = table
        .values()
        .map(|figures| figures.flips.missed + figures.cuts.missed)
        .sum();
    println!("{missed} changes were missed");
    ExitCode::SUCCESS
}
