//! Which binary goes to which machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind};
use crate::target::Target;

/// Where the running program's file is, also when it was replaced meanwhile.
const OWN: &str = "/proc/self/exe";

/// An architecture that there is a binary for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arch {
    /// `x86_64`.
    X86_64,
    /// `aarch64`.
    Aarch64,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// Its name, in Rust and in the name of the binary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// What `uname -m` calls it.
    pub(crate) const fn of_uname(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &["x86_64", "amd64"],
            Self::Aarch64 => &["aarch64", "arm64"],
        }
    }

    fn from_uname(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|arch| arch.of_uname().contains(&text))
    }
}

/// A binary and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) hash: String,
}

impl Program {
    fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hash.update(bytes);
        }
        Ok(Self {
            path: path.to_owned(),
            hash: hex::encode(hash.finalize()),
        })
    }

    /// Its name on the other machine.
    pub(crate) fn name(&self) -> String {
        format!("reprise-{}", self.hash.get(..16).unwrap_or(&self.hash))
    }
}

/// The binaries that are at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    by_arch: BTreeMap<Arch, Program>,
    looked: Vec<PathBuf>,
}

impl Programs {
    /// This program itself, and for other architectures `reprise_<arch>` in this folder or beside
    /// this program.
    ///
    /// # Errors
    /// When one that is there cannot be read.
    pub fn find(folder: Option<&Path>) -> Result<Self, Error> {
        let own = std::fs::read_link(OWN).ok();
        let beside = own.as_deref().and_then(Path::parent);
        let folders: Vec<&Path> = folder.into_iter().chain(beside).collect();
        let mut programs = Self {
            by_arch: BTreeMap::new(),
            looked: folders.iter().map(|folder| (*folder).to_owned()).collect(),
        };
        for arch in Arch::ALL {
            let path = if arch.name() == std::env::consts::ARCH {
                Some(PathBuf::from(OWN))
            } else {
                folders
                    .iter()
                    .map(|folder| folder.join(format!("reprise_{}", arch.name())))
                    .find(|path| path.is_file())
            };
            let Some(path) = path else { continue };
            let program = Program::read(&path).map_err(|error| {
                Error::new(
                    Kind::NotPlaced,
                    format!("cannot read the program `{}`: {error}", path.display()),
                )
            })?;
            programs.by_arch.insert(arch, program);
        }
        Ok(programs)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Arch, &Program)> {
        self.by_arch.iter().map(|(arch, program)| (*arch, program))
    }

    /// The one for a machine that says this of itself.
    pub(crate) fn of_uname(&self, uname: &str, target: &Target) -> Result<&Program, Error> {
        let refuse = |message: String| Error::new(Kind::NotPlaced, message);
        let Some(arch) = Arch::from_uname(uname) else {
            return Err(refuse(format!(
                "`{target}` is a machine of the architecture `{uname}`, and there is no program for it"
            ))
            .hint("There are programs for x86_64 and aarch64."));
        };
        self.by_arch.get(&arch).ok_or_else(|| {
            let looked: Vec<String> = self
                .looked
                .iter()
                .map(|folder| format!("`{}`", folder.display()))
                .collect();
            refuse(format!(
                "`{target}` needs the program for {}; this one is for {}, and there is no `reprise_{}` in {}",
                arch.name(),
                std::env::consts::ARCH,
                arch.name(),
                looked.join(" or ")
            ))
            .hint(format!(
                "Put `reprise_{}` of the same version there, or name its folder with `--binaries`.",
                arch.name()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_program_serves_its_own_architecture_and_files_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let target: Target = "root@pve1".parse().unwrap();
        let alone = Programs::find(Some(folder.path())).unwrap();
        let own = alone.of_uname(std::env::consts::ARCH, &target).unwrap();
        assert_eq!(own.hash.len(), 64);
        assert_eq!(own.name().len(), "reprise-".len() + 16);
        let other = Arch::ALL
            .into_iter()
            .find(|arch| arch.name() != std::env::consts::ARCH)
            .unwrap();
        let missing = alone.of_uname(other.name(), &target).unwrap_err();
        assert!(missing.message.contains("reprise_"), "{missing}");
        assert!(missing.to_string().contains("--binaries"), "{missing}");
        let name = format!("reprise_{}", other.name());
        std::fs::write(folder.path().join(name), "other").unwrap();
        let both = Programs::find(Some(folder.path())).unwrap();
        let found = both.of_uname(other.of_uname()[1], &target).unwrap();
        assert_eq!(found.hash, hex::encode(Sha256::digest(b"other")));
        let none = both.of_uname("riscv64", &target).unwrap_err();
        assert!(none.message.contains("riscv64"), "{none}");
    }
}
