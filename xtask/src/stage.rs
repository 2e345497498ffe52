//! `cargo xtask stage`: the collection as Ansible wants it, put together from where its parts
//! live. They are copied: `ansible-galaxy` drops links that leave the collection.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::files;
use crate::workspace::{ARCHITECTURES, Workspace};

/// Source in the repository, and place in the collection.
const PARTS: [(&str, &str); 6] = [
    ("collection", "."),
    ("roles", "roles"),
    ("playbooks", "playbooks"),
    ("molecule", "extensions/molecule"),
    ("LICENSE", "LICENSE"),
    ("CHANGELOG.md", "CHANGELOG.md"),
];

/// What editors, Python and tests leave behind.
const LEFT_BEHIND: [&str; 5] = ["__pycache__", ".git", ".ansible", ".DS_Store", "output"];

/// Stages what `cargo xtask build` has left in target/dist.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let staged = workspace.staged();
    files::make_empty_folder(&staged)?;
    for (from, to) in PARTS {
        let from = workspace.path(from);
        if from.exists() {
            copy_tree(&from, &staged.join(to))?;
        }
    }
    for architecture in ARCHITECTURES {
        let binary = workspace.binary(architecture);
        let name = files::name(&binary);
        let inside = staged.join("files").join(&name);
        files::copy(&binary, &inside).context("run `cargo xtask build` first")?;
        files::set_mode(&inside, 0o755)?;
        link_module(&staged, &name)?;
    }
    println!("staged {}", staged.display());
    Ok(())
}

/// Ansible finds modules in plugins/modules, but its checkers read every real file there as
/// Python; links they skip.
fn link_module(staged: &Path, name: &str) -> Result<()> {
    let modules = staged.join("plugins/modules");
    files::make_folder(&modules)?;
    let link = modules.join(name);
    symlink(format!("../../files/{name}"), &link)
        .with_context(|| format!("could not make the link {}", link.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return copy_file(from, to);
    }
    files::make_folder(to)?;
    for entry in files::entries(from)? {
        let name = files::name(&entry);
        if !LEFT_BEHIND.contains(&name.as_str()) {
            copy_tree(&entry, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let kind = fs::symlink_metadata(from)
        .with_context(|| format!("could not look at {}", from.display()))?;
    if kind.is_symlink() {
        let aim = fs::read_link(from)
            .with_context(|| format!("could not read the link {}", from.display()))?;
        return symlink(&aim, to)
            .with_context(|| format!("could not make the link {}", to.display()));
    }
    files::copy(from, to)
}
