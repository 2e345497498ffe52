//! The build tasks of the repository: `cargo xtask help` lists them.
//!
//! One file per command; every program is started through [`program::Program`], every variable
//! of the environment is read in [`environment`].
#![expect(
    clippy::print_stdout,
    reason = "the terminal is where a build task reports"
)]
#![expect(
    clippy::print_stderr,
    reason = "the terminal is where a build task reports"
)]

mod apt;
mod bench;
mod build;
mod check;
mod codegen;
mod command_line;
mod demo;
mod dist;
mod elf;
mod environment;
mod files;
mod foreign;
mod fuzz;
mod gates;
mod lab;
mod oracle;
mod program;
mod python;
mod setup;
mod stage;
mod tidy;
mod unpacked;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command_line::run(&environment::arguments()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
