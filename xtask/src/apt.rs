//! Debian packages: what is missing is installed with one line, or the line is printed.

use std::path::Path;

use anyhow::{Result, bail};

use crate::environment::find_program;
use crate::program::Program;

/// Something that must be on the machine, and the packages that bring it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needed {
    what: What,
    packages: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
enum What {
    Program(&'static str),
    File(&'static str),
}

impl Needed {
    /// A program in `PATH`.
    pub(crate) const fn program(name: &'static str, packages: &'static [&'static str]) -> Self {
        Self {
            what: What::Program(name),
            packages,
        }
    }

    /// A file at a fixed place.
    pub(crate) const fn file(path: &'static str, packages: &'static [&'static str]) -> Self {
        Self {
            what: What::File(path),
            packages,
        }
    }

    fn is_there(&self) -> bool {
        match self.what {
            What::Program(name) => find_program(name).is_some(),
            What::File(path) => Path::new(path).exists(),
        }
    }
}

/// Installs what of this is missing. Only packages that start no service belong here; for the
/// others see [`crate::unpacked`].
pub(crate) fn ensure(needed: &[Needed]) -> Result<()> {
    let missing: Vec<_> = needed.iter().filter(|needed| !needed.is_there()).collect();
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|needed| needed.packages)
        .copied()
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages)?;
    if let Some(still) = missing.iter().find(|needed| !needed.is_there()) {
        bail!(
            "{:?} is still missing after `{}` was installed",
            still.what,
            still.packages.join(" ")
        );
    }
    Ok(())
}

/// Installs packages as root or through a sudo that asks nothing.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get install --yes --no-install-recommends {}",
        packages.join(" ")
    );
    let Some(become_root) = way_to_root() else {
        bail!(
            "Debian packages are missing and this user may not install them (not root, and \
             `sudo -n` asks for a password); run this line as root, then try again:\n  {line}"
        );
    };
    update_if_empty(become_root)?;
    println!("installing: {}", packages.join(" "));
    as_root(become_root, "apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .next("when a package is not found, run `apt-get update` as root and try again")
        .run()
}

/// A new machine has no package lists at all; then nothing can be found.
fn update_if_empty(become_root: &[&str]) -> Result<()> {
    if has_lists() {
        return Ok(());
    }
    as_root(become_root, "apt-get")
        .arg("update")
        .next("check that the machine reaches its Debian mirror")
        .run()
}

/// Whether `apt-get update` ever ran here.
pub(crate) fn has_lists() -> bool {
    std::fs::read_dir("/var/lib/apt/lists").is_ok_and(|lists| {
        lists
            .flatten()
            .any(|list| list.file_name().to_string_lossy().contains("_Packages"))
    })
}

fn way_to_root() -> Option<&'static [&'static str]> {
    let user = Program::new("id").arg("-u").output().ok()?;
    if user.trim() == "0" {
        return Some(&[]);
    }
    Program::new("sudo")
        .args(["-n", "true"])
        .succeeds()
        .then_some(&["sudo", "-n"])
}

fn as_root(become_root: &[&str], program: &str) -> Program {
    let words: Vec<_> = become_root
        .iter()
        .copied()
        .chain(["env", "DEBIAN_FRONTEND=noninteractive", program])
        .collect();
    let (first, rest) = words.split_first().unwrap_or((&program, &[]));
    Program::new(first).args(rest)
}
