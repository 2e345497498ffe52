//! Pythons of the machine, and the virtual environments made with them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::program::Program;
use crate::workspace::Workspace;
use crate::{apt, environment, files};

/// A release of ansible-core and the Pythons its controller runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Core {
    /// Its version, without the last number.
    pub(crate) minor: &'static str,
    oldest_python: u32,
    newest_python: u32,
}

/// The supported ones, oldest first; `tests/python/core-<minor>.txt` pins each.
pub(crate) const CORES: [Core; 6] = [
    Core {
        minor: "2.16",
        oldest_python: 10,
        newest_python: 12,
    },
    Core {
        minor: "2.17",
        oldest_python: 10,
        newest_python: 12,
    },
    Core {
        minor: "2.18",
        oldest_python: 11,
        newest_python: 13,
    },
    Core {
        minor: "2.19",
        oldest_python: 11,
        newest_python: 13,
    },
    Core {
        minor: "2.20",
        oldest_python: 12,
        newest_python: 14,
    },
    Core {
        minor: "2.21",
        oldest_python: 12,
        newest_python: 14,
    },
];

/// The oldest Python that the locked tools install on.
const OLDEST_PYTHON: u32 = 11;

/// A Python 3.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    path: PathBuf,
    minor: u32,
}

/// A virtual environment with ansible-core in it.
#[derive(Debug, Clone)]
pub(crate) struct Venv {
    folder: PathBuf,
    home: PathBuf,
    python_minor: u32,
}

impl Core {
    /// Where its answers, requirements and environment get their names from.
    fn runs_on(&self, python: &Python) -> bool {
        (self.oldest_python..=self.newest_python).contains(&python.minor)
    }

    /// A Python of this machine that it runs on; the system's first.
    pub(crate) fn python(&self) -> Result<Python> {
        let system = system().ok();
        let others = (self.oldest_python..=self.newest_python)
            .rev()
            .filter_map(named);
        system
            .into_iter()
            .chain(others)
            .find(|python| self.runs_on(python))
            .with_context(|| {
                format!(
                    "ansible-core {} needs Python 3.{} to 3.{}, and none is in PATH; install one, \
                     for instance python3.{}",
                    self.minor, self.oldest_python, self.newest_python, self.newest_python
                )
            })
    }

    /// An environment with this core and little else.
    pub(crate) fn venv(&self, workspace: &Workspace) -> Result<Venv> {
        let requirements = workspace.path(&format!("tests/python/core-{}.txt", self.minor));
        let name = format!("core-{}", self.minor);
        make(workspace, &self.python()?, &requirements, &name, self.minor)
    }
}

/// The environment with all tools, on the system's Python and the newest core it runs.
pub(crate) fn tools(workspace: &Workspace) -> Result<Venv> {
    let python = system()?;
    let core = newest_for(&python)?;
    let requirements = workspace.path("tests/python/requirements.txt");
    let name = format!("venv-{}", core.minor);
    make(workspace, &python, &requirements, &name, core.minor)
}

/// Whether the newest core of all is the one that [`tools`] has.
pub(crate) fn newest_of_all() -> Option<Core> {
    CORES.last().copied()
}

fn newest_for(python: &Python) -> Result<Core> {
    CORES
        .iter()
        .rev()
        .find(|core| core.runs_on(python))
        .copied()
        .with_context(|| {
            format!(
                "no supported ansible-core runs on Python 3.{}",
                python.minor
            )
        })
}

fn system() -> Result<Python> {
    let python = probe(Path::new("python3")).context(
        "there is no python3; install it (Debian: `apt-get install python3 python3-venv`)",
    )?;
    if python.minor < OLDEST_PYTHON {
        bail!(
            "python3 is 3.{}, and the test tools need 3.{OLDEST_PYTHON} or newer; put a newer one \
             first in PATH (Debian 12 has 3.11)",
            python.minor
        );
    }
    Ok(python)
}

/// `python3.N` from PATH, or from pyenv, whose commands refuse versions that are not selected.
fn named(minor: u32) -> Option<Python> {
    let name = format!("python3.{minor}");
    probe(Path::new(&name)).or_else(|| {
        environment::path_folders()
            .iter()
            .filter(|folder| folder.ends_with("shims"))
            .filter_map(|folder| files::entries(&folder.parent()?.join("versions")).ok())
            .flatten()
            .find_map(|version| probe(&version.join("bin").join(&name)))
    })
}

fn probe(path: &Path) -> Option<Python> {
    let said = Program::new(path)
        .args([
            "-c",
            "import sys; print(sys.version_info[1], sys.executable)",
        ])
        .output()
        .ok()?;
    let (minor, path) = said.trim().split_once(' ')?;
    Some(Python {
        path: PathBuf::from(path),
        minor: minor.parse().ok()?,
    })
}

fn make(
    workspace: &Workspace,
    python: &Python,
    requirements: &Path,
    name: &str,
    core: &str,
) -> Result<Venv> {
    let folder = workspace.target("tools").join(name);
    let home = workspace.target("tools/home");
    files::make_folder(&home)?;
    let venv = Venv {
        folder,
        home,
        python_minor: python.minor,
    };
    let made_from = format!(
        "{}\n{}",
        python.path.display(),
        files::read_text(requirements)?
    );
    let stamp = venv.folder.join("made-from");
    if files::read_text(&stamp).is_ok_and(|found| found == made_from) {
        return Ok(venv);
    }
    println!(
        "making {} with ansible-core {core} on Python 3.{}",
        venv.folder.display(),
        python.minor
    );
    if !Program::new(&python.path)
        .args(["-c", "import ensurepip"])
        .succeeds()
    {
        apt::install(&["python3-venv"])?;
    }
    Program::new(&python.path)
        .args(["-m", "venv", "--clear"])
        .arg(&venv.folder)
        .output()?;
    Program::new(venv.folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ])
        .arg(requirements)
        .next("check that pip reaches its package index")
        .run()?;
    let found = venv
        .program("python")
        .args([
            "-c",
            "import ansible.release; print(ansible.release.__version__)",
        ])
        .output()?;
    if !found.starts_with(&format!("{core}.")) {
        bail!(
            "{} installed ansible-core {} where {core} was expected",
            requirements.display(),
            found.trim()
        );
    }
    files::write(&stamp, made_from)?;
    Ok(venv)
}

impl Venv {
    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its Python, as `3.N`.
    pub(crate) fn python_version(&self) -> String {
        format!("3.{}", self.python_minor)
    }

    /// The home folder that its programs see.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// A program of it. The user's home and Ansible settings have no part in what it does, and
    /// it leaves nothing there.
    pub(crate) fn program(&self, name: &str) -> Program {
        let bin = self.folder.join("bin");
        let program = Program::new(bin.join(name))
            .env("PATH", environment::path_with(&bin))
            .env("HOME", &self.home)
            .env("LC_ALL", "C.UTF-8")
            .env("VIRTUAL_ENV", &self.folder)
            .without_env("PYTHONPATH")
            .without_env("PYTHONHOME");
        environment::names_with_prefix("ANSIBLE_")
            .iter()
            .fold(program, |program, name| program.without_env(name))
            .env("ANSIBLE_NOCOWS", "1")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{CORES, Python, newest_for};

    #[test]
    fn every_python_gets_the_newest_core_it_runs() {
        let core = |minor| {
            newest_for(&Python {
                path: PathBuf::new(),
                minor,
            })
            .map(|core| core.minor)
            .ok()
        };
        assert_eq!(core(10), Some("2.17"));
        assert_eq!(core(11), Some("2.19"));
        assert_eq!(core(12), Some("2.21"));
        assert_eq!(core(13), Some("2.21"));
        assert_eq!(core(9), None);
    }

    #[test]
    fn cores_stand_oldest_first() {
        assert!(CORES.is_sorted_by_key(|core| core.minor));
    }
}
