//! The front that Ansible calls: a JSON object in, one line of JSON out.

use std::process::ExitCode;

use ansible_module::{Output, Parsed, Source, panic, take_selector};

use crate::clock::SystemClock;
use crate::connection;
use crate::context::Context;
use crate::driver::{Mode, Outcome, Registered};
use crate::exit::Exit;
use crate::{Environment, Failure};

/// Runs the module that the arguments name, or `named` by the program's own name.
///
/// Reads no settings file: what a play says is all there is.
pub fn run(
    modules: &[Registered],
    named: Option<&str>,
    source: &Source,
    environment: Environment<'_>,
) -> ExitCode {
    panic::install(Exit::NeedsAHand.code());
    let (output, exit) = result(modules, named, source, environment);
    let printed = output.exit_code(exit.code()).print();
    match (exit, printed) {
        (Exit::Done, Ok(())) => ExitCode::SUCCESS,
        // Ansible looks at `failed`, not at the code; 1 is what a module ends with by custom.
        _ => ExitCode::FAILURE,
    }
}

fn result(
    modules: &[Registered],
    named: Option<&str>,
    source: &Source,
    environment: Environment<'_>,
) -> (Output, Exit) {
    let mut arguments = match source.read() {
        Ok(arguments) => arguments,
        Err(error) => return (Output::from(&error), Exit::Usage),
    };
    let selected = take_selector(&mut arguments).or_else(|| named.map(str::to_owned));
    let known: Vec<&str> = modules
        .iter()
        .map(|module| module.declaration.name)
        .collect();
    let Some(name) = selected else {
        let message = format!(
            "the arguments do not say which module is meant: `{}` is missing. In a play use the modules' own names ({}), whose action plugins add it",
            ansible_module::SELECTOR,
            known.join(", ")
        );
        return (Output::empty().fail(message), Exit::Usage);
    };
    let Some(module) = modules
        .iter()
        .find(|module| module.declaration.name == name)
    else {
        let message = format!(
            "there is no module `{name}` in this binary; it has {}",
            known.join(", ")
        );
        return (Output::empty().fail(message), Exit::Usage);
    };
    match ansible_module::parse(&name, &module.declaration.spec, arguments, &|variable| {
        environment(variable)
    }) {
        Ok(parsed) => {
            panic::protect(&parsed.secrets);
            run_parsed(module, &parsed, environment)
        }
        Err(error) => (Output::from(&*error), Exit::Usage),
    }
}

fn run_parsed(
    module: &Registered,
    parsed: &Parsed,
    environment: Environment<'_>,
) -> (Output, Exit) {
    let mode = if parsed.control.check_mode {
        Mode::Check
    } else {
        Mode::Apply
    };
    let (options, connection) = connection::split(parsed.values.clone());
    let connect = || connection::client(&connection, environment);
    let context = Context::new(&SystemClock, &connect);
    let outcome = module.run(options, &context, mode, &mut |_| Ok(()));
    render(Output::of(parsed), outcome)
}

fn render(mut output: Output, outcome: Outcome) -> (Output, Exit) {
    output = output.change(outcome.changed.into());
    if let Some(preview) = outcome.preview {
        for warning in preview.warnings {
            output = output.warning(warning);
        }
        // After a failure half-way the diff would tell of more than was done.
        if outcome.failure.is_none() {
            if outcome.changed {
                output = output.diff(preview.diff);
            }
            output = output.field("actions", preview.actions);
        }
    }
    output = output.fields(outcome.report);
    match outcome.failure {
        None => (output, Exit::Done),
        Some(failure) => {
            let exit = failure.exit;
            (fail(output, failure), exit)
        }
    }
}

fn fail(mut output: Output, failure: Failure) -> Output {
    let message = failure.to_string();
    if !failure.done.is_empty() {
        output = output.field("done", failure.done);
    }
    if !failure.remaining.is_empty() {
        output = output.field("remaining", failure.remaining);
    }
    output.fail(message)
}
