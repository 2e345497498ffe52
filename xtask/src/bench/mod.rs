//! `cargo xtask bench verify`: the released binary beside the tools that people check archives
//! with, on the same files, one after the other and again.

mod contest;
mod figures;
mod images;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{build, files};
use figures::Figures;

const MEBIBYTE: u64 = 1 << 20;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings {
    /// The size of the guest's disk in bytes.
    size: u64,
    /// How often each program runs.
    runs: usize,
    /// The binary to measure; else it is built as it is shipped.
    binary: Option<PathBuf>,
    /// A `vma` of Proxmox VE.
    vma: Option<PathBuf>,
    /// The endings of the archives; all when empty.
    only: Vec<String>,
}

/// Measures and prints a table; the figures also go into `target/bench/verify.json`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let settings = match arguments.split_first() {
        Some((what, rest)) if what == "verify" => parse(rest)?,
        _ => bail!("`cargo xtask bench` takes `verify`; `cargo xtask help` shows its options"),
    };
    let binary = match &settings.binary {
        Some(binary) => std::path::absolute(binary)?,
        None => build::own(workspace)?,
    };
    if !binary.is_file() {
        bail!("there is no binary {}", binary.display());
    }
    let mut archives = images::archives(workspace, settings.size)?;
    if !settings.only.is_empty() {
        archives.retain(|archive| settings.only.iter().any(|only| archive.is(only)));
    }
    if archives.is_empty() {
        bail!(
            "--only leaves nothing: there are {}",
            images::ENDINGS.join(", ")
        );
    }
    let mut all = Vec::new();
    for archive in &archives {
        let contest = contest::of(archive, &binary, settings.vma.as_deref());
        all.push(Figures::new(
            archive,
            &contest,
            &contest::hold(archive, &binary, &contest, settings.runs)?,
        )?);
    }
    println!("{}", figures::table(&all, settings.runs));
    let json = workspace.target("bench/verify.json");
    write_json(&json, &settings, &all)?;
    println!("figures of every run: {}", json.display());
    Ok(())
}

fn write_json(path: &Path, settings: &Settings, all: &[Figures]) -> Result<()> {
    let value = serde_json::json!({
        "disk_bytes": settings.size,
        "runs": settings.runs,
        "processors": std::thread::available_parallelism()?.get(),
        "archives": all.iter().map(Figures::json).collect::<Vec<_>>(),
    });
    files::write(path, serde_json::to_string_pretty(&value)?)
}

fn parse(arguments: &[String]) -> Result<Settings> {
    let mut settings = Settings {
        size: 2048 * MEBIBYTE,
        runs: 9,
        binary: None,
        vma: None,
        only: Vec::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("`{word}` needs a value behind it"))
        };
        match word.as_str() {
            "--size" => {
                settings.size = number("--size", value()?)?
                    .checked_mul(MEBIBYTE)
                    .context("--size is a number of MiB, and this is too large")?;
            }
            "--runs" => settings.runs = usize::try_from(number("--runs", value()?)?)?,
            "--binary" => settings.binary = Some(value()?.into()),
            "--vma" => settings.vma = Some(value()?.into()),
            "--only" => settings.only.extend(value()?.split(',').map(str::to_owned)),
            _ => bail!("`{word}` is not expected; `cargo xtask help` shows what is"),
        }
    }
    Ok(settings)
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .with_context(|| format!("{name}: `{text}` is no number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Settings> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&words)
    }

    #[test]
    fn what_is_measured_without_options() {
        let settings = parsed(&[]).unwrap();
        assert_eq!((settings.size, settings.runs), (2 << 30, 9));
    }

    #[test]
    fn a_quick_run() {
        let settings = parsed(&["--size", "64", "--runs", "3", "--only", "vma.zst,vma.gz"]);
        let settings = settings.unwrap();
        assert_eq!((settings.size, settings.runs), (64 << 20, 3));
        assert_eq!(settings.only, ["vma.zst", "vma.gz"]);
    }

    #[test]
    fn nonsense_is_refused_by_its_name() {
        for (words, what) in [
            (&["--runs", "0"][..], "--runs"),
            (&["--size", "x"], "--size"),
            (&["--vma"], "needs a value"),
            (&["--fast"], "`--fast`"),
        ] {
            let said = parsed(words).unwrap_err().to_string();
            assert!(said.contains(what), "{said}");
        }
    }
}
