//! `cargo xtask fuzz [TARGET] [--minutes N]`: cargo-fuzz over what reads hostile bytes, beginning
//! with the corpus that is committed and keeping what it finds below `target/fuzz`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::check;
use crate::files;
use crate::program::Program;
use crate::workspace::Workspace;

/// The fuzzer, pinned.
const CARGO_FUZZ: &str = "0.13.2";
/// The compiler's sanitizers come with this target; the static one has none.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// Each is a file of `tests/fuzz/fuzz_targets`.
const TARGETS: [&str; 5] = ["vma", "tar", "lzop", "dump", "ledger"];
/// An input is not longer: the header of VMA alone has 12 KiB.
const LONGEST: u32 = 64 << 10;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    targets: Vec<&'a str>,
    minutes: u64,
}

/// Runs the targets one after the other.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    let fuzzer = cargo_fuzz(workspace)?;
    check::archives(workspace)?
        .arg("seeds")
        .arg(workspace.target("fuzz/corpus"))
        .run()?;
    for target in options.targets {
        let found = workspace.target(&format!("fuzz/corpus/{target}"));
        files::make_folder(&found)?;
        println!("fuzzing {target} for {} minutes", options.minutes);
        Program::new(&fuzzer)
            .args(["fuzz", "run", "--fuzz-dir", "tests/fuzz"])
            .args(["--target", TRIPLE, "--target-dir"])
            .arg(workspace.target("fuzz"))
            .arg(target)
            .arg(&found)
            .arg(workspace.path(&format!("tests/fuzz/corpus/{target}")))
            .arg("--")
            .arg(format!("-max_total_time={}", options.minutes * 60))
            .arg(format!("-max_len={LONGEST}"))
            // Threads that end while the fuzzer looks are no leak; it takes them for one.
            .arg("-detect_leaks=0")
            .arg("-print_final_stats=1")
            .directory(workspace.root())
            // The flags of the fuzzer are not stable; the compiler that is pinned takes them so.
            .env("RUSTC_BOOTSTRAP", "1")
            .next(format!(
                "the input that failed is below tests/fuzz/artifacts/{target}; when it is repaired, keep it as tests/fuzz/corpus/{target}/NAME"
            ))
            .run()?;
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Options<'_>> {
    let mut options = Options {
        targets: Vec::new(),
        minutes: 10,
    };
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        if argument == "--minutes" {
            let number = rest.next().context("--minutes needs a number")?;
            options.minutes = number
                .parse()
                .with_context(|| format!("`{number}` is no number of minutes"))?;
            ensure!(options.minutes > 0, "--minutes needs at least 1");
        } else if TARGETS.contains(&argument) {
            options.targets.push(argument);
        } else {
            bail!("`{argument}` is no target; they are {}", TARGETS.join(", "));
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

/// cargo-fuzz, compiled once.
fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target("tools/cargo-fuzz");
    let path = root.join("bin/cargo-fuzz");
    let version = Program::new(&path).arg("--version").output();
    if !version.is_ok_and(|version| version.trim().ends_with(CARGO_FUZZ)) {
        println!("compiling cargo-fuzz {CARGO_FUZZ}, once; it takes a minute");
        Program::cargo(workspace.root())
            .args(["install", "cargo-fuzz", "--version", CARGO_FUZZ])
            .args(["--locked", "--debug", "--quiet", "--root"])
            .arg(&root)
            .next("check that cargo reaches its registry")
            .run()?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, parse};
    use crate::workspace::Workspace;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn targets_and_minutes_are_read() {
        let line = words("tar --minutes 3");
        let options = parse(&line).unwrap();
        assert_eq!((options.targets, options.minutes), (vec!["tar"], 3));
        assert_eq!(parse(&[]).unwrap().targets, TARGETS);
        for wrong in ["zip", "--minutes", "--minutes x", "--minutes 0"] {
            assert!(parse(&words(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_target_has_its_file() {
        let workspace = Workspace::new().unwrap();
        for target in TARGETS {
            let file = format!("tests/fuzz/fuzz_targets/{target}.rs");
            assert!(workspace.path(&file).is_file(), "{file}");
        }
    }
}
