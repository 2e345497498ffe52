//! `reprise-lab`: see [`reprise_lab::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    reprise_lab::cli::run(&arguments)
}
