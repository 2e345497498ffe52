//! The archives of a benchmark, made once for each size by the tools that vzdump uses, with the
//! options that it gives them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apt::{self, Needed};
use crate::check;
use crate::files;
use crate::program::Program;
use crate::workspace::Workspace;

/// What is compared, by the ending of its name.
pub(super) const ENDINGS: [&str; 5] = ["vma.zst", "tar.zst", "vma.gz", "vma.lzo", "vma"];

const TOOLS: [Needed; 4] = [
    Needed::program("zstd", &["zstd"]),
    Needed::program("gzip", &["gzip"]),
    Needed::program("lzop", &["lzop"]),
    Needed::program("tar", &["tar"]),
];
const MACHINE: &str = "vzdump-qemu-100-2026_01_01-00_00_00.vma";
const CONTAINER: &str = "vzdump-lxc-200-2026_01_01-00_00_00.tar";

/// One archive.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub(super) path: PathBuf,
    /// The ending of its name.
    pub(super) ending: &'static str,
}

impl Archive {
    /// Whether this ending means it.
    pub(super) fn is(&self, ending: &str) -> bool {
        self.ending == ending
    }
}

/// The archives of a guest with a disk of this size, made if they are not there yet.
pub(super) fn archives(workspace: &Workspace, size: u64) -> Result<Vec<Archive>> {
    apt::ensure(&TOOLS)?;
    let folder = workspace.target("bench").join(size.to_string());
    let done = folder.join("complete");
    if !done.exists() {
        files::make_empty_folder(&folder)?;
        println!(
            "making archives of a disk of {} MiB below {}, once; it takes some minutes",
            size >> 20,
            folder.display()
        );
        make(workspace, &folder, size)?;
        files::write(&done, "")?;
    }
    Ok(ENDINGS
        .into_iter()
        .map(|ending| {
            let name = if ending.starts_with("tar") {
                CONTAINER
            } else {
                MACHINE
            };
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            Archive {
                path: folder.join(format!("{stem}.{ending}")),
                ending,
            }
        })
        .collect())
}

fn make(workspace: &Workspace, folder: &Path, size: u64) -> Result<()> {
    check::archives(workspace)?
        .arg("image")
        .arg(folder)
        .arg(size.to_string())
        .run()?;
    let machine = folder.join(MACHINE);
    std::fs::rename(folder.join("disk.vma"), &machine)
        .with_context(|| format!("could not rename to {}", machine.display()))?;
    let tool = |program: &str, arguments: &[&str]| {
        Program::new(program)
            .args(arguments)
            .directory(folder)
            .run()
    };
    // The configuration comes first and from a folder of its own, as in vzdump.
    tool(
        "tar",
        &[
            "--create",
            "--sparse",
            "--numeric-owner",
            "--file",
            CONTAINER,
            "--directory=config",
            "./etc/vzdump/pct.conf",
            "--directory=../tree",
            ".",
        ],
    )?;
    tool("rm", &["-r", "config", "tree"])?;
    let zstd = ["-q", "--rsyncable", "--threads=1"];
    tool("zstd", &[&zstd[..], &["--rm", CONTAINER]].concat())?;
    tool("zstd", &[&zstd[..], &[MACHINE]].concat())?;
    tool("gzip", &["--keep", "--rsyncable", MACHINE])?;
    tool("lzop", &[MACHINE])
}
