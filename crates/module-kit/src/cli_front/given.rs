//! The options of a call: from the command line, the environment, the settings file and Terraform's
//! variables, in this order.

use ansible_module::{Parsed, option::OptionSpec};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Map, Value};

use super::{command, config, source};
use crate::connection;
use crate::driver::Registered;
use crate::{Environment, Failure};

/// The options of a call on this machine.
pub(crate) fn parsed(
    module: &Registered,
    matches: &ArgMatches,
    environment: Environment<'_>,
) -> Result<Parsed, Failure> {
    let options = collected(module, matches, environment)?;
    understood(module, options, environment)
}

/// The options of a call on other machines, as they are sent there and as they are understood
/// here. There the program goes through `pvesh`: how the API is reached from here is left out, and
/// refused when the command itself says it.
pub(crate) fn for_other_machines(
    module: &Registered,
    matches: &ArgMatches,
    environment: Environment<'_>,
) -> Result<(Map<String, Value>, Parsed), Failure> {
    let typed: Vec<String> = matches
        .ids()
        .map(clap::Id::as_str)
        .filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
        .filter(|id| connection::is_option(id))
        .map(|id| format!("--{}", id.replace('_', "-")))
        .collect();
    if !typed.is_empty() {
        return Err(Failure::usage(format!(
            "--on and {} are both given: with --on the program runs on the node as root and goes through `pvesh` there, so it needs no endpoint and no login",
            typed.join(", ")
        ))
        .hint("Leave one of them out. Those of the environment, of config.yml and of Terraform's variables are passed over."));
    }
    let of_connection = |variable: &str| {
        module
            .declaration
            .spec
            .options()
            .filter(|option| connection::is_option(option.name))
            .flat_map(|option| option.environment)
            .any(|name| *name == variable)
    };
    let environment = |name: &str| (!of_connection(name)).then(|| environment(name)).flatten();
    let collected = collected(module, matches, &environment)?;
    let (mut options, _) = connection::split(collected);
    // What this machine's environment says of other options counts here, and is sent.
    for option in module.declaration.spec.options() {
        if let Some(value) = from_environment(option, &environment) {
            options.entry(option.name).or_insert(Value::String(value));
        }
    }
    let parsed = understood(module, options.clone(), &environment)?;
    Ok((options, parsed))
}

fn from_environment(option: &OptionSpec, environment: Environment<'_>) -> Option<String> {
    option
        .environment
        .iter()
        .find_map(|variable| environment(variable))
}

fn collected(
    module: &Registered,
    matches: &ArgMatches,
    environment: Environment<'_>,
) -> Result<Map<String, Value>, Failure> {
    let declaration = module.declaration;
    let mut options = command::options(&declaration.spec, matches)?;
    let from_environment = |name: &str| {
        declaration
            .spec
            .options()
            .filter(|option| option.name == name)
            .find_map(|option| from_environment(option, environment))
    };
    // Before the settings file come the command line and the environment.
    let settings = config::find(source::config(matches), environment)?;
    if let Some(settings) = &settings {
        for (name, value) in settings.options(declaration)? {
            if from_environment(&name).is_none() {
                options.entry(name).or_insert(value);
            }
        }
    }
    // After all of them come the variables of Terraform.
    if let Some((file, map)) = source::tfvars(matches, settings.as_ref())? {
        let given = |name: &str| match options.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(value) => Some(value.to_string()),
            None => from_environment(name),
        };
        for (name, value) in tfvars::connection(&file, &map, &given)? {
            if declaration.spec.options().any(|option| option.name == name) {
                options.insert(name, value);
            }
        }
    }
    Ok(options)
}

fn understood(
    module: &Registered,
    options: Map<String, Value>,
    environment: Environment<'_>,
) -> Result<Parsed, Failure> {
    let declaration = module.declaration;
    ansible_module::parse(declaration.name, &declaration.spec, options, &|variable| {
        environment(variable)
    })
    .map_err(|error| {
        Failure::usage(error.message.clone())
            .hint(format!("`{} --help` names every option.", declaration.name))
    })
}
