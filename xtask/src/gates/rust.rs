//! Gates on the Rust side.

use anyhow::{Context as _, Result, ensure};

use super::context::Context;
use crate::program::Program;
use crate::python::{self, CORES, Venv};
use crate::{check, codegen as generator, oracle as validator, setup};

pub(super) fn fmt(context: &Context) -> Result<()> {
    cargo(context)
        .args(["fmt", "--all", "--check"])
        .next("run `cargo fmt --all`")
        .run()
}

pub(super) fn codegen(context: &Context) -> Result<()> {
    generator::run(context.workspace(), &["--check".to_owned()])
}

pub(super) fn clippy(context: &Context) -> Result<()> {
    cargo(context)
        .args([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}

pub(super) fn doc(context: &Context) -> Result<()> {
    cargo(context)
        .args([
            "doc",
            "--locked",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

pub(super) fn licenses(context: &Context) -> Result<()> {
    let deny = setup::cargo_deny(context.workspace())?;
    Program::new(deny)
        .args([
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "sources",
            "bans",
        ])
        .directory(context.workspace().root())
        .next("deny.toml says what is accepted and why")
        .run()
}

pub(super) fn tests(context: &Context) -> Result<()> {
    // One that fails must not hide the others.
    context
        .tests(&context.venv()?)?
        .args(["--workspace", "--no-fail-fast"])
        .run()
}

pub(super) fn sweep(context: &Context) -> Result<()> {
    check::run(context.workspace(), &["sweep".to_owned()])
}

pub(super) fn tools(context: &Context) -> Result<()> {
    cargo(context)
        .args(["test", "--locked", "--package", "reprise-archives"])
        .args(["--test", "archives", "--", "--ignored", "tools"])
        .next("tests/archives/figures/tools.json keeps what they said, and their versions")
        .run()
}

pub(super) fn oracle(context: &Context) -> Result<()> {
    validator::check(context.workspace(), &context.venv()?)
}

pub(super) fn oracle_all_cores(context: &Context) -> Result<()> {
    validator::run(context.workspace(), &["--check".to_owned()])
}

pub(super) fn tests_oldest_core(context: &Context) -> Result<()> {
    let core = CORES.first().context("no supported core")?;
    end_to_end(context, &core.venv(context.workspace())?)
}

pub(super) fn tests_newest_core(context: &Context) -> Result<()> {
    let core = python::newest_of_all().context("no supported core")?;
    end_to_end(context, &core.venv(context.workspace())?)
}

/// By hand, against a server that exists: only what was written for it.
pub(super) fn tests_on_the_real_thing(context: &Context, file: &str) -> Result<()> {
    let file = std::path::absolute(file)?;
    ensure!(
        file.is_file(),
        "{} is not there; CONTRIBUTING.md says what it holds",
        file.display()
    );
    context
        .tests(&context.venv()?)?
        .args([
            "--package",
            "reprise-tests",
            "--test",
            "real",
            "--",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("REPRISE_REAL", file)
        .run()
}

fn end_to_end(context: &Context, venv: &Venv) -> Result<()> {
    context
        .tests(venv)?
        .args(["--package", "reprise-tests"])
        .run()
}

fn cargo(context: &Context) -> Program {
    Program::cargo(context.workspace().root()).next("the messages stand above")
}
