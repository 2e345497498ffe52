//! The front that a person calls: `vzdump_job --id … --dry-run`.

mod command;
mod config;
pub(crate) mod given;
mod source;
pub(crate) mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use ansible_module::{Parsed, Secrets};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::clock::SystemClock;
use crate::connection;
use crate::context::Context;
use crate::driver::{Mode, Outcome, Preview, Registered};
use crate::exit::Exit;
use crate::{Environment, Failure, over_ssh};

pub use command::{command, common_flags};
pub use source::{flags as source_flags, variables};
pub use terminal::{error, print, usage};

/// Runs a module as a command; `arguments` are those after its name.
pub fn run(
    module: &Registered,
    arguments: impl IntoIterator<Item = OsString>,
    environment: Environment<'_>,
) -> ExitCode {
    let name = OsString::from(module.declaration.name);
    let matches = match command(module).try_get_matches_from(std::iter::once(name).chain(arguments))
    {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    match over_ssh::targets(&matches) {
        Ok(targets) if targets.is_empty() => {}
        Ok(targets) => return over_ssh::run(module, &matches, &targets, environment),
        Err(failure) => {
            return finish(&matches, (Outcome::failed(failure), Secrets::default()));
        }
    }
    let outcome = given::parsed(module, &matches, environment).map_or_else(
        |failure| (Outcome::failed(failure), Secrets::default()),
        |parsed| run_parsed(module, &matches, &parsed, environment),
    );
    finish(&matches, outcome)
}

fn run_parsed(
    module: &Registered,
    matches: &ArgMatches,
    parsed: &Parsed,
    environment: Environment<'_>,
) -> (Outcome, Secrets) {
    let mode = if matches.get_flag("dry-run") {
        Mode::Check
    } else {
        Mode::Apply
    };
    for warning in &parsed.warnings {
        terminal::warning(warning);
    }
    let (options, connection) = connection::split(parsed.values.clone());
    let connect = || connection::client(&connection, environment);
    let secrets = parsed.secrets.clone();
    let progress = |line: &str| terminal::progress(&secrets.mask_text(line));
    let context = Context::new(&SystemClock, &connect)
        .keeping_state(on_node::state_folder(environment))
        .telling(&progress);
    let consent: &mut dyn FnMut(&Preview) -> Result<(), Failure> = &mut |preview| {
        if matches.get_flag("yes") {
            Ok(())
        } else {
            terminal::ask(preview, &parsed.secrets)
        }
    };
    (
        module.run(options, &context, mode, consent),
        parsed.secrets.clone(),
    )
}

fn finish(matches: &ArgMatches, (outcome, secrets): (Outcome, Secrets)) -> ExitCode {
    let exit = outcome
        .failure
        .as_ref()
        .map_or(Exit::Done, |failure| failure.exit);
    let printed = if matches.get_flag("json") {
        let mut value = json(&outcome, exit);
        secrets.mask(&mut value);
        print(&value.to_string())
    } else {
        terminal::shown(&outcome, matches.get_flag("dry-run"), &secrets).print()
    };
    let lost = terminal::lost(outcome.changed && !matches.get_flag("dry-run"));
    terminal::ended(printed, exit, lost).into()
}

/// The same object that Ansible gets, without what only Ansible reads.
pub(crate) fn json(outcome: &Outcome, exit: Exit) -> Value {
    let mut object = Map::new();
    object.insert("changed".to_owned(), json!(outcome.changed));
    if let Some(preview) = &outcome.preview {
        object.insert("warnings".to_owned(), json!(preview.warnings));
        // After a failure half-way the diff would tell of more than was done.
        if outcome.failure.is_none() {
            if outcome.changed {
                object.insert("diff".to_owned(), json!(preview.diff));
            }
            object.insert("actions".to_owned(), json!(preview.actions));
        }
    }
    object.extend(outcome.report.clone());
    if let Some(failure) = &outcome.failure {
        object.insert("failed".to_owned(), json!(true));
        object.insert("msg".to_owned(), json!(failure.to_string()));
        if !failure.done.is_empty() || !failure.remaining.is_empty() {
            object.insert("done".to_owned(), json!(failure.done));
            object.insert("remaining".to_owned(), json!(failure.remaining));
        }
    }
    object.insert("exit_code".to_owned(), json!(exit));
    Value::Object(object)
}

#[cfg(test)]
mod tests;
