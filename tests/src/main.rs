//! The program under test, as this build makes it: `reprise` and nothing else. Tests that
//! `cargo xtask` did not start run this one, so that they never try an old build.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary is where the environment is read"
    )]
    let environment = |name: &str| std::env::var(name).ok();
    reprise::run(std::env::args_os().collect(), &environment)
}
