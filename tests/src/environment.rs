//! What `cargo xtask test` told these tests. Under it a missing variable is an error; without it
//! what needs the variable does not run, and says so.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// How to have everything run.
pub const HOW_TO_RUN: &str = "run `cargo xtask test --only tests`";

/// A variable of the environment, if it is set to something.
pub fn told(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the front of the tests")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// Whether `cargo xtask` runs the tests: then nothing may be missing.
pub fn by_xtask() -> bool {
    told("REPRISE_XTASK").is_some()
}

/// What plays need.
#[derive(Clone, Debug)]
pub struct Tools {
    /// A virtual environment with `bin/ansible-playbook`.
    pub venv: PathBuf,
    /// A collections path with the installed tarball.
    pub collections: PathBuf,
    /// An SSH server.
    pub sshd: PathBuf,
    /// What clients that nobody here wrote need.
    pub foreign: Foreign,
}

/// What clients that nobody here wrote need.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// A collections path with community.proxmox.
    pub collections: PathBuf,
    /// A Python with proxmoxer.
    pub python: PathBuf,
}

impl Tools {
    /// The tools; `None` when nobody named them and nobody promised to.
    ///
    /// # Errors
    /// When `cargo xtask` runs the tests and a variable is missing.
    pub fn find() -> Result<Option<Self>> {
        let path = |name: &str| told(name).map(PathBuf::from);
        let found = (
            path("REPRISE_VENV"),
            path("REPRISE_COLLECTIONS"),
            path("REPRISE_SSHD"),
            path("REPRISE_FOREIGN").zip(path("REPRISE_FOREIGN_PYTHON")),
        );
        if let (Some(venv), Some(collections), Some(sshd), Some(foreign)) = found {
            let (foreign, python) = foreign;
            return Ok(Some(Self {
                venv,
                collections,
                sshd,
                foreign: Foreign {
                    collections: foreign,
                    python,
                },
            }));
        }
        anyhow::ensure!(
            !by_xtask(),
            "REPRISE_VENV, REPRISE_COLLECTIONS, REPRISE_SSHD, REPRISE_FOREIGN or \
             REPRISE_FOREIGN_PYTHON is not set although REPRISE_XTASK is"
        );
        Ok(None)
    }
}

/// An SSH server.
///
/// # Errors
/// When `cargo xtask` runs the tests and did not name it.
pub fn sshd() -> Result<Option<PathBuf>> {
    let found = told("REPRISE_SSHD").map(PathBuf::from);
    anyhow::ensure!(
        found.is_some() || !by_xtask(),
        "REPRISE_SSHD is not set although REPRISE_XTASK is"
    );
    Ok(found)
}

/// What hosts of a lab are made of.
#[derive(Clone, Debug)]
pub struct HostTools {
    /// An SSH server.
    pub sshd: PathBuf,
    /// A server of sftp.
    pub sftp_server: PathBuf,
    /// The lab's program.
    pub lab: PathBuf,
}

impl HostTools {
    /// The tools; `None` when nobody named them and nobody promised to.
    ///
    /// # Errors
    /// When `cargo xtask` runs the tests and a variable is missing.
    pub fn find() -> Result<Option<Self>> {
        let found = told("REPRISE_SSHD").zip(told("REPRISE_SFTP_SERVER"));
        anyhow::ensure!(
            found.is_some() || !by_xtask(),
            "REPRISE_SSHD or REPRISE_SFTP_SERVER is not set although REPRISE_XTASK is"
        );
        let Some((sshd, sftp_server)) = found else {
            return Ok(None);
        };
        Ok(Some(Self {
            sshd: sshd.into(),
            sftp_server: sftp_server.into(),
            lab: beside("lab-under-test")?,
        }))
    }
}

/// Prometheus's checker of metrics.
///
/// # Errors
/// When `cargo xtask` runs the tests and did not name it.
pub fn promtool() -> Result<Option<PathBuf>> {
    let found = told("REPRISE_PROMTOOL").map(PathBuf::from);
    anyhow::ensure!(
        found.is_some() || !by_xtask(),
        "REPRISE_PROMTOOL is not set although REPRISE_XTASK is"
    );
    Ok(found)
}

/// The emulator and the binary of the other architecture.
///
/// # Errors
/// When `cargo xtask` runs the tests and a variable is missing.
pub fn emulated() -> Result<Option<(PathBuf, PathBuf)>> {
    let found = told("REPRISE_QEMU_AARCH64").zip(told("REPRISE_BIN_AARCH64"));
    anyhow::ensure!(
        found.is_some() || !by_xtask(),
        "REPRISE_QEMU_AARCH64 or REPRISE_BIN_AARCH64 is not set although REPRISE_XTASK is"
    );
    Ok(found.map(|(emulator, binary)| (emulator.into(), binary.into())))
}

/// The binary that is tested: the released one under `cargo xtask`, else the one of this build.
///
/// # Errors
/// When it is not there.
pub fn binary() -> Result<PathBuf> {
    let name = format!(
        "REPRISE_BIN_{}",
        std::env::consts::ARCH.to_ascii_uppercase()
    );
    if by_xtask() {
        return told(&name)
            .map(PathBuf::from)
            .with_context(|| format!("{name} is not set although REPRISE_XTASK is"));
    }
    beside("reprise-under-test")
}

/// A program that this build made beside the tests.
///
/// # Errors
/// When it is not there.
pub fn beside(name: &str) -> Result<PathBuf> {
    // target/debug/deps/by_hand-… → target/debug/reprise-under-test.
    let test = std::env::current_exe().context("this test does not know where it lies")?;
    let built = test
        .parent()
        .and_then(|folder| folder.parent())
        .map(|folder| folder.join(name))
        .filter(|path| path.is_file());
    built.with_context(|| format!("{name} was not built beside the tests"))
}

/// `systemd-analyze`.
///
/// # Errors
/// When `cargo xtask` runs the tests and did not name it.
pub fn systemd_analyze() -> Result<Option<PathBuf>> {
    let found = told("REPRISE_SYSTEMD_ANALYZE").map(PathBuf::from);
    anyhow::ensure!(
        found.is_some() || !by_xtask(),
        "REPRISE_SYSTEMD_ANALYZE is not set although REPRISE_XTASK is"
    );
    Ok(found)
}
