//! `cargo xtask build`: the static binary for both architectures.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::apt::{self, Needed};
use crate::program::Program;
use crate::workspace::{ARCHITECTURES, Architecture, Workspace};
use crate::{elf, environment, files};

/// What an architecture's binary may weigh with all modules in it.
const LARGEST_BINARY: u64 = 12_000_000;

/// The C side: ring compiles C and assembly.
const COMPILERS: [Needed; 3] = [
    Needed::program("musl-gcc", &["musl-tools"]),
    Needed::program("aarch64-linux-gnu-gcc", &["gcc-aarch64-linux-gnu"]),
    Needed::file(
        "/usr/aarch64-linux-gnu/include/stdint.h",
        &["libc6-dev-arm64-cross"],
    ),
];

/// Builds both and prints their sizes.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    apt::ensure(&COMPILERS)?;
    ensure_targets(workspace)?;
    for architecture in ARCHITECTURES {
        compile(workspace, architecture)?;
    }
    for architecture in ARCHITECTURES {
        let path = workspace.binary(architecture);
        let bytes = check(&path, architecture)
            .with_context(|| format!("{} cannot be shipped", path.display()))?;
        println!("{}: {}", path.display(), files::megabytes(bytes));
    }
    Ok(())
}

/// Builds the binary of this machine's own architecture as it is shipped, and returns its path.
pub(crate) fn own(workspace: &Workspace) -> Result<PathBuf> {
    let own = std::env::consts::ARCH;
    let architecture = ARCHITECTURES
        .into_iter()
        .find(|architecture| architecture.name == own)
        .with_context(|| format!("reprise is not built for {own}"))?;
    apt::ensure(&COMPILERS)?;
    ensure_targets(workspace)?;
    compile(workspace, architecture)?;
    Ok(workspace.binary(architecture))
}

fn compile(workspace: &Workspace, architecture: Architecture) -> Result<()> {
    println!("building reprise for {}", architecture.target);
    Program::cargo(workspace.root())
        .args([
            "build",
            "--config",
            &neutral_paths(workspace),
            "--release",
            "--locked",
            "--package",
            "reprise",
            "--target",
        ])
        .arg(architecture.target)
        .env(
            "REPRISE_COMMIT",
            workspace.commit().as_deref().unwrap_or("unknown"),
        )
        .next("the compiler's messages stand above")
        .run()?;
    let made = workspace
        .target(architecture.target)
        .join("release/reprise");
    files::copy(&made, &workspace.binary(architecture))?;
    Ok(())
}

/// Panic messages name source files: without this by their places on the machine that built
/// them, and two clones would not make the same binary.
fn neutral_paths(workspace: &Workspace) -> String {
    let mut flags = vec![format!(
        "--remap-path-prefix={}=.",
        workspace.root().display()
    )];
    if let Some(home) = environment::cargo_home() {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    format!("build.rustflags={flags:?}")
}

/// Whether the binary runs anywhere and is small enough; returns its size.
pub(crate) fn check(path: &Path, architecture: Architecture) -> Result<u64> {
    let bytes = files::read(path)?;
    elf::require_static(&bytes, architecture.elf_machine)?;
    let size = u64::try_from(bytes.len())?;
    if size > LARGEST_BINARY {
        bail!(
            "it has {}, more than the {} allowed; `cargo bloat` shows what grew",
            files::megabytes(size),
            files::megabytes(LARGEST_BINARY)
        );
    }
    Ok(size)
}

/// Adds the musl targets when rustup lacks them. A toolchain without rustup (a distribution's)
/// must bring them itself; cargo then says which is missing.
fn ensure_targets(workspace: &Workspace) -> Result<()> {
    let rustup = || Program::new("rustup").directory(workspace.root());
    let Ok(installed) = rustup().args(["target", "list", "--installed"]).output() else {
        return Ok(());
    };
    let missing: Vec<_> = ARCHITECTURES
        .iter()
        .map(|architecture| architecture.target)
        .filter(|target| !installed.lines().any(|line| line.trim() == *target))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    rustup()
        .args(["target", "add"])
        .args(missing)
        .next("check that rustup reaches its server")
        .run()
}
