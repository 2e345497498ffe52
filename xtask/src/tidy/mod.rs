//! `cargo xtask tidy`: the rules of the repository that a program can check.

mod crates;
mod roles;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::files;
use crate::workspace::Workspace;

/// Folders that are made, not written.
const NOT_OURS: [&str; 5] = ["target", ".git", "__pycache__", ".ansible", ".cache"];

/// A file of the repository.
struct Source {
    /// Its path from the root, with `/`.
    name: String,
    path: PathBuf,
    size: u64,
    /// Its text; none when it is not text.
    text: Option<String>,
}

/// Checks all rules and prints every breach.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut sources = Vec::new();
    collect(workspace.root(), workspace.root(), &mut sources)?;
    let mut breaches = Vec::new();
    for source in &sources {
        text::check(source, &mut breaches);
    }
    crates::check(&sources, &mut breaches);
    roles::check(workspace, &mut breaches)?;
    if breaches.is_empty() {
        println!("{} files are tidy", sources.len());
        return Ok(());
    }
    for breach in &breaches {
        println!("{breach}");
    }
    bail!("{} rules are broken, listed above", breaches.len())
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for path in files::entries(folder)? {
        let base = files::name(&path);
        if NOT_OURS.contains(&base.as_str()) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, sources)?;
            continue;
        }
        let bytes = files::read(&path)?;
        sources.push(Source {
            name: path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned(),
            size: u64::try_from(bytes.len())?,
            text: String::from_utf8(bytes)
                .ok()
                .filter(|text| !text.contains('\0')),
            path,
        });
    }
    Ok(())
}

impl Source {
    /// What comes after the last dot.
    fn extension(&self) -> &str {
        self.path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
    }
}

#[cfg(test)]
fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        path: PathBuf::from(name),
        size: u64::try_from(text.len()).unwrap(),
        text: Some(text.to_owned()),
    }
}
