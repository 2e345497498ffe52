//! Where things are in the repository, and what it calls itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::program::Program;

/// The version of all crates and of the collection.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Galaxy's namespace and name of the collection.
pub(crate) const NAMESPACE: &str = "reprise";
/// The name of the collection in its namespace.
pub(crate) const COLLECTION: &str = "pve";

/// An architecture the binary is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Architecture {
    /// As `uname -m` says it.
    pub(crate) name: &'static str,
    /// As rustc calls it.
    pub(crate) target: &'static str,
    /// `e_machine` of its ELF files.
    pub(crate) elf_machine: u16,
}

/// All of them; the first is the one most nodes have.
pub(crate) const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        name: "x86_64",
        target: "x86_64-unknown-linux-musl",
        elf_machine: 62,
    },
    Architecture {
        name: "aarch64",
        target: "aarch64-unknown-linux-musl",
        elf_machine: 183,
    },
];

/// The folders of the repository.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The repository this program was built from.
    pub(crate) fn new() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().context("xtask has no folder above it")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Its root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder by its path from the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where cargo and we put what is made.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.root.join("target").join(relative)
    }

    /// The finished binary of an architecture.
    pub(crate) fn binary(&self, architecture: Architecture) -> PathBuf {
        self.target("dist")
            .join(format!("reprise_{}", architecture.name))
    }

    /// The finished tarball.
    pub(crate) fn tarball(&self) -> PathBuf {
        self.target("dist")
            .join(format!("{NAMESPACE}-{COLLECTION}-{VERSION}.tar.gz"))
    }

    /// The collection as a tree, put together from its sources.
    pub(crate) fn staged(&self) -> PathBuf {
        collection_in(&self.target("collection"))
    }

    /// The commit that is checked out; none outside a clone.
    pub(crate) fn commit(&self) -> Option<String> {
        let commit = Program::new("git")
            .args(["rev-parse", "--short=12", "HEAD"])
            .directory(&self.root)
            .output()
            .ok()?;
        Some(commit.trim().to_owned())
    }
}

/// The collection's folder inside a collections path.
pub(crate) fn collection_in(collections: &Path) -> PathBuf {
    collections
        .join("ansible_collections")
        .join(NAMESPACE)
        .join(COLLECTION)
}
