//! The lab's program as this build makes it; the hosts of labs that tests start consist of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    reprise_lab::cli::run(&arguments)
}
