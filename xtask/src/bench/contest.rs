//! Who is compared with whom, and the runs.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use super::images::Archive;
use crate::program::{Cost, Program};

/// What a rival must not be beaten by: our figure is at most this part of its.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Aim {
    pub(super) wall: Option<f64>,
    pub(super) cpu: Option<f64>,
}

const NO_AIM: Aim = Aim {
    wall: None,
    cpu: None,
};

/// One program on one archive.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) name: String,
    program: Program,
    pub(super) aim: Aim,
}

/// Ours first, then those it is compared with.
pub(super) fn of(archive: &Archive, binary: &Path, vma: Option<&Path>) -> Vec<Runner> {
    let path = &archive.path;
    let mut runners = vec![Runner {
        name: "backup_verify".to_owned(),
        program: ours(path, binary),
        aim: NO_AIM,
    }];
    let mut rival = |name: &str, program: Program, aim: Aim| {
        runners.push(Runner {
            name: name.to_owned(),
            program,
            aim,
        });
    };
    let (format, codec) = archive
        .ending
        .split_once('.')
        .unwrap_or((archive.ending, ""));
    let aims = |wall, cpu| Aim { wall, cpu };
    match codec {
        "zst" => {
            let test = Program::new("zstd").args(["-q", "-t"]).arg(path);
            rival("zstd -t", test, aims(Some(1.10), Some(1.9)));
            let mut pipe = |name: &str, command: &str, reader: &Path| {
                // The names are arguments of the shell, so that no character in them matters.
                let pipe = Program::new("sh")
                    .arg("-c")
                    .arg(format!("zstd -q -dc \"$1\" | {command}"))
                    .arg("sh")
                    .arg(path)
                    .arg(reader);
                rival(name, pipe, NO_AIM);
            };
            if format == "tar" {
                pipe("zstd -dc | tar -t", "\"$2\" -t -f -", Path::new("tar"));
            } else if let Some(vma) = vma {
                pipe("zstd -dc | vma verify", "\"$2\" verify /dev/stdin", vma);
            }
        }
        "gz" => rival(
            "gzip -t",
            Program::new("gzip").arg("-t").arg(path),
            aims(Some(0.4), None),
        ),
        "lzo" => rival(
            "lzop -t",
            Program::new("lzop").arg("-t").arg(path),
            aims(Some(0.8), None),
        ),
        _ => {
            if let Some(vma) = vma {
                let verify = Program::new(vma).arg("verify").arg(path);
                rival("vma verify", verify, NO_AIM);
            }
        }
    }
    rival("sha256sum", Program::new("sha256sum").arg(path), NO_AIM);
    runners
}

/// Our program. It must not remember what it read in the round before.
fn ours(path: &Path, binary: &Path) -> Program {
    Program::new(binary)
        .args(["backup_verify", "--json", "--parallel", "1"])
        .args(["--remember=false", "--path"])
        .arg(path)
}

/// A run that reads nothing is quick, and is no figure.
fn reads_all(archive: &Archive, binary: &Path) -> Result<()> {
    let said: Value = serde_json::from_str(&ours(&archive.path, binary).output()?)?;
    let (read, size) = (
        said.pointer("/summary/bytes_read").and_then(Value::as_u64),
        archive.path.metadata()?.len(),
    );
    if read != Some(size) {
        bail!(
            "`backup_verify` read {read:?} bytes of the {size} of `{}`",
            archive.path.display()
        );
    }
    Ok(())
}

/// Runs everybody in turn, so that what else the machine does meets all of them alike. The
/// result has the runs of each.
pub(super) fn hold(
    archive: &Archive,
    binary: &Path,
    runners: &[Runner],
    runs: usize,
) -> Result<Vec<Vec<Cost>>> {
    reads_all(archive, binary)?;
    let mut costs: Vec<Vec<Cost>> = runners.iter().map(|_| Vec::new()).collect();
    for round in 1..=runs {
        println!("{}: round {round} of {runs}", archive.ending);
        for (runner, costs) in runners.iter().zip(&mut costs) {
            // Everybody finds the file in the page cache, also where memory is short.
            Program::new("cat").arg(&archive.path).measured()?;
            let cost = runner.program.measured()?;
            if !cost.status.success() {
                bail!(
                    "`{}` failed ({}); run it by hand to see why",
                    runner.program.line(),
                    cost.status
                );
            }
            costs.push(cost);
        }
    }
    Ok(costs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ending: &'static str, vma: Option<&Path>) -> Vec<String> {
        let archive = Archive {
            path: "/a".into(),
            ending,
        };
        of(&archive, Path::new("/reprise"), vma)
            .into_iter()
            .map(|runner| runner.name)
            .collect()
    }

    #[test]
    fn every_archive_has_its_rivals() {
        let vma = Some(Path::new("/vma"));
        assert_eq!(
            names("vma.zst", vma),
            [
                "backup_verify",
                "zstd -t",
                "zstd -dc | vma verify",
                "sha256sum"
            ]
        );
        assert_eq!(
            names("vma.zst", None),
            ["backup_verify", "zstd -t", "sha256sum"]
        );
        assert_eq!(
            names("tar.zst", vma),
            ["backup_verify", "zstd -t", "zstd -dc | tar -t", "sha256sum"]
        );
        assert_eq!(
            names("vma.lzo", None),
            ["backup_verify", "lzop -t", "sha256sum"]
        );
        assert_eq!(
            names("vma", vma),
            ["backup_verify", "vma verify", "sha256sum"]
        );
    }
}
