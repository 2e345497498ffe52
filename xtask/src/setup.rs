//! `cargo xtask setup`: what the gates need beyond Rust.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::apt::{self, Needed};
use crate::program::Program;
use crate::python::{self, Venv};
use crate::workspace::Workspace;
use crate::{foreign, unpacked};

/// The licence checker, pinned: a new version may bring new opinions.
const CARGO_DENY: &str = "0.20.2";

/// What the end-to-end tests call: ssh into a host of their own, su to a user without rights.
const TEST_PROGRAMS: [Needed; 3] = [
    Needed::program("ssh", &["openssh-client"]),
    Needed::program("setfacl", &["acl"]),
    Needed::program("su", &["util-linux"]),
];

/// Installs all of it, or only what plays need.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => everything(workspace),
        ["ansible"] => ansible(workspace).map(|_| ()),
        _ => bail!("`cargo xtask setup` takes nothing, or `ansible` for Ansible alone"),
    }
}

fn ansible(workspace: &Workspace) -> Result<Venv> {
    let venv = python::tools(workspace)?;
    println!("venv: {}", venv.folder().display());
    Ok(venv)
}

fn everything(workspace: &Workspace) -> Result<()> {
    test_programs()?;
    let venv = ansible(workspace)?;
    println!(
        "foreign clients: {}",
        foreign::collections(workspace, &venv)?.display()
    );
    println!("qemu: {}", unpacked::qemu_aarch64(workspace)?.display());
    println!("sshd: {}", unpacked::sshd(workspace)?.display());
    println!(
        "sftp-server: {}",
        unpacked::sftp_server(workspace)?.display()
    );
    println!("promtool: {}", unpacked::promtool(workspace)?.display());
    println!("cargo-deny: {}", cargo_deny(workspace)?.display());
    Ok(())
}

/// The programs that the end-to-end tests call.
pub(crate) fn test_programs() -> Result<()> {
    apt::ensure(&TEST_PROGRAMS)
}

/// cargo-deny, compiled once.
pub(crate) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target("tools/cargo");
    let path = root.join("bin/cargo-deny");
    let current = Program::new(&path)
        .arg("--version")
        .output()
        .is_ok_and(|version| version.trim().ends_with(CARGO_DENY));
    if !current {
        println!("compiling cargo-deny {CARGO_DENY}, once; it takes some minutes");
        // Unoptimized: that takes a third of the time to compile, and checks as fast.
        Program::cargo(workspace.root())
            .args(["install", "cargo-deny", "--version", CARGO_DENY])
            .args(["--locked", "--debug", "--no-default-features", "--quiet"])
            .arg("--root")
            .arg(&root)
            .next("check that cargo reaches its registry")
            .run()?;
    }
    Ok(path)
}
