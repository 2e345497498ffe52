//! Clients of Proxmox VE that nobody here wrote: the tests let them work on the lab. The collection
//! community.proxmox comes with the `ansible` package, and only its folder is unpacked.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::files;
use crate::python::Venv;
use crate::workspace::Workspace;

/// The folder in the package.
const FOLDER: &str = "ansible_collections/community/proxmox/";

/// Unpacks the files of a wheel that begin with a prefix.
const UNPACK: &str = "\
import sys, zipfile
wheel, into, prefix = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(into, [name for name in archive.namelist() if name.startswith(prefix)])
";

/// A collections path with it, below `target/tools`.
pub(crate) fn collections(workspace: &Workspace, venv: &Venv) -> Result<PathBuf> {
    let requirements = workspace.path("tests/python/foreign.txt");
    let pinned = files::read_text(&requirements)?;
    let folder = workspace.target("tools/foreign");
    let stamp = folder.join("made-from");
    if files::read_text(&stamp).is_ok_and(|found| found == pinned) {
        return Ok(folder);
    }
    println!("unpacking community.proxmox into {}", folder.display());
    files::make_empty_folder(&folder)?;
    let download = workspace.target("tools/packages/foreign");
    files::make_empty_folder(&download)?;
    venv.program("python")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--dest",
        ])
        .arg(&download)
        .arg("--requirement")
        .arg(&requirements)
        .next("check that pip reaches its package index")
        .run()?;
    let wheel = files::entries(&download)?
        .into_iter()
        .next()
        .context("pip reported success but downloaded nothing")?;
    venv.program("python")
        .args(["-c", UNPACK])
        .arg(&wheel)
        .arg(&folder)
        .arg(FOLDER)
        .output()?;
    ensure!(
        folder.join(FOLDER).join("MANIFEST.json").exists(),
        "{} has no {FOLDER}; tests/python/foreign.txt says which package it should be",
        wheel.display()
    );
    // Fifty megabytes that nobody reads again.
    files::make_empty_folder(&download)?;
    files::write(&stamp, pinned)?;
    Ok(folder)
}
