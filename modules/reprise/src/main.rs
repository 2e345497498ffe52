//! `reprise`, the one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary is where the environment is read"
    )]
    let environment = |name: &str| std::env::var(name).ok();
    reprise::run(std::env::args_os().collect(), &environment)
}
