//! Tests that need more than this repository: they run when it is there, are counted as ignored
//! when nobody promised it, and fail when `cargo xtask` promised it and did not bring it.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::environment::{HOW_TO_RUN, Tools};

/// A test that needs something.
#[derive(Clone, Copy, Debug)]
pub struct Needing<T: 'static> {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub test: fn(&T) -> Result<()>,
}

/// A test that needs the tools of plays.
pub type WithTools = Needing<Tools>;

/// Lists the tests of a file: `tests![first, second]`.
#[macro_export]
macro_rules! tests {
    ($($test:ident),+ $(,)?) => {
        &[$($crate::trial::Needing {
            name: concat!(module_path!(), "::", stringify!($test)),
            test: $test,
        }),+]
    };
}

/// Runs them all with the tools of plays.
pub fn main(groups: &[&[WithTools]]) -> ExitCode {
    run(
        &Tools::find(),
        "ansible-playbook and the built tarball",
        groups,
    )
}

/// Runs them all with what they need, which was looked for before.
pub fn run<T: Clone + Send>(
    tools: &Result<Option<T>>,
    needs: &str,
    groups: &[&[Needing<T>]],
) -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = matches!(tools, Ok(None));
    if missing && !arguments.list {
        say(&format!(
            "the tests of this binary do not run: they need {needs}; {HOW_TO_RUN}"
        ));
    }
    let trials = groups.iter().copied().flatten().map(|test| {
        let tools = tools.as_ref().map_err(ToString::to_string).cloned();
        let run = test.test;
        Trial::test(test.name, move || match tools {
            Ok(Some(tools)) => run(&tools).map_err(|error| Failed::from(format!("{error:#}"))),
            Ok(None) => Err(Failed::from(HOW_TO_RUN)),
            Err(error) => Err(Failed::from(error)),
        })
        .with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Says something whatever becomes of the test.
pub fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
