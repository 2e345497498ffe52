//! What several gates need, made when the first of them asks and kept for the others.

use std::cell::OnceCell;
use std::path::PathBuf;

use anyhow::{Result, anyhow};

use crate::program::Program;
use crate::python::{self, Venv};
use crate::workspace::{ARCHITECTURES, Workspace, collection_in};
use crate::{build, dist, files, foreign, setup, unpacked};

/// When a gate runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Always.
    Normal,
    /// With `--deep`.
    Deep,
}

/// A thing made once; a failure to make it is every asker's failure.
type Once<T> = OnceCell<Result<T, String>>;

/// The things.
pub(super) struct Context {
    workspace: Workspace,
    binaries: Once<()>,
    tarball: Once<PathBuf>,
    venv: Once<Venv>,
    collections: Once<PathBuf>,
}

impl Context {
    /// Nothing made yet.
    pub(super) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            binaries: OnceCell::new(),
            tarball: OnceCell::new(),
            venv: OnceCell::new(),
            collections: OnceCell::new(),
        }
    }

    /// The repository.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The release binaries stand in target/dist.
    pub(super) fn binaries(&self) -> Result<()> {
        once(&self.binaries, || build::run(&self.workspace))
    }

    /// The tarball; beside it the staged tree.
    pub(super) fn tarball(&self) -> Result<PathBuf> {
        once(&self.tarball, || {
            self.binaries()?;
            dist::write(&self.workspace)?;
            Ok(self.workspace.tarball())
        })
    }

    /// The Python tools.
    pub(super) fn venv(&self) -> Result<Venv> {
        once(&self.venv, || python::tools(&self.workspace))
    }

    /// A collections path with the tarball installed, for all who only read it.
    pub(super) fn collections(&self) -> Result<PathBuf> {
        once(&self.collections, || {
            let folder = self.workspace.target("gates/collections");
            self.install(&self.venv()?, &folder)?;
            Ok(folder)
        })
    }

    /// Installs the tarball as a user does, into an empty folder.
    pub(super) fn install(&self, venv: &Venv, into: &std::path::Path) -> Result<()> {
        let tarball = self.tarball()?;
        files::make_empty_folder(into)?;
        venv.program("ansible-galaxy")
            .args(["collection", "install", "--offline", "--collections-path"])
            .arg(into)
            .arg(tarball)
            .env("ANSIBLE_COLLECTIONS_PATH", into)
            .output()?;
        anyhow::ensure!(
            collection_in(into).join("MANIFEST.json").exists(),
            "ansible-galaxy reported success but installed nothing into {}",
            into.display()
        );
        Ok(())
    }

    /// The tests, told where everything is. They fail, and do not skip, when one of these
    /// variables is missing while `REPRISE_XTASK` is set.
    pub(super) fn tests(&self, venv: &Venv) -> Result<Program> {
        setup::test_programs()?;
        let collections = self.collections()?;
        let mut program = Program::cargo(self.workspace.root())
            .args(["test", "--locked"])
            .env("REPRISE_XTASK", "1")
            .env(
                "REPRISE_QEMU_AARCH64",
                unpacked::qemu_aarch64(&self.workspace)?,
            )
            .env("REPRISE_VENV", venv.folder())
            .env("REPRISE_COLLECTIONS", collections)
            .env("REPRISE_SSHD", unpacked::sshd(&self.workspace)?)
            .env(
                "REPRISE_SYSTEMD_ANALYZE",
                unpacked::systemd_analyze(&self.workspace)?,
            )
            .env(
                "REPRISE_SFTP_SERVER",
                unpacked::sftp_server(&self.workspace)?,
            )
            .env("REPRISE_PROMTOOL", unpacked::promtool(&self.workspace)?)
            .env(
                "REPRISE_FOREIGN",
                foreign::collections(&self.workspace, &self.venv()?)?,
            )
            .env(
                "REPRISE_FOREIGN_PYTHON",
                self.venv()?.folder().join("bin/python"),
            )
            .env("REPRISE_TARBALL", self.tarball()?)
            .next("the failing tests are named above");
        for architecture in ARCHITECTURES {
            let name = format!("REPRISE_BIN_{}", architecture.name.to_uppercase());
            program = program.env(name, self.workspace.binary(architecture));
        }
        Ok(program)
    }
}

fn once<T: Clone>(cell: &Once<T>, make: impl FnOnce() -> Result<T>) -> Result<T> {
    cell.get_or_init(|| make().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, OnceCell};

    use super::once;

    #[test]
    fn made_once_and_its_failure_kept() {
        let calls = Cell::new(0);
        let cell = OnceCell::new();
        for _ in 0..2 {
            let error = once::<()>(&cell, || {
                calls.set(calls.get() + 1);
                anyhow::bail!("no disk")
            });
            assert_eq!(error.unwrap_err().to_string(), "no disk");
        }
        assert_eq!(calls.get(), 1);
    }
}
