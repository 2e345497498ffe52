//! `reprise inventory`: the nodes that Terraform's variables name, as an inventory for Ansible.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use module_kit::{Environment, Exit, Failure, cli_front};
use serde_json::Value;

/// The word of the command.
pub(crate) const NAME: &str = "inventory";

/// The command.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Prints the nodes of terraform.tfvars as an inventory for Ansible")
        .long_about("Reads the nodes that Terraform's variables name and prints an inventory for Ansible, as JSON: every node in the group `pve` and in that of its environment (`prod`, `lab`, `mon`). Credentials are read, so that broken ones are told, and never printed; `--tfvars` gives them to the command of every module.")
        .args(cli_front::source_flags())
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .conflicts_with("host")
                .help("The whole inventory, which is the default; Ansible asks so"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("NAME")
                .help("The variables of one host only"),
        )
        .after_long_help(keys())
}

/// What a map can name, and where each stands without one.
fn keys() -> String {
    let lines: Vec<String> = tfvars::Key::ALL
        .iter()
        .map(|key| match key.defaults() {
            [] => format!("  {}", key.name()),
            defaults => format!("  {}: else {}", key.name(), defaults.join(", ")),
        })
        .collect();
    format!(
        "Keys of a map, and the first of these places that is there:\n{}",
        lines.join("\n")
    )
}

/// Runs it; `arguments` are those after its name.
pub(crate) fn run(arguments: Vec<OsString>, environment: Environment<'_>) -> ExitCode {
    let words = std::iter::once(OsString::from(NAME)).chain(arguments);
    let matches = match command()
        .bin_name("reprise inventory")
        .try_get_matches_from(words)
    {
        Ok(matches) => matches,
        Err(error) => return cli_front::usage(&error),
    };
    match inventory(&matches, environment).and_then(|value| cli_front::print(&format!("{value:#}")))
    {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            cli_front::error(&failure);
            failure.exit.into()
        }
    }
}

fn inventory(matches: &ArgMatches, environment: Environment<'_>) -> Result<Value, Failure> {
    let Some((file, map)) = cli_front::variables(matches, environment)? else {
        return Err(Failure::usage("no file of Terraform's variables is named")
            .hint("Name it: `--tfvars terraform.tfvars`, or `tfvars:` in config.yml."));
    };
    let inventory = tfvars::inventory(&file, &map)?;
    let Some(name) = matches.get_one::<String>("host") else {
        return Ok(inventory.to_value());
    };
    let hosts = inventory.hosts();
    if let Some(host) = hosts.iter().find(|host| host.name == *name) {
        return Ok(host.variables());
    }
    let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    Err(Failure::new(
        Exit::NothingFound,
        format!(
            "the inventory has no host `{name}`; it has {}",
            names.join(", ")
        ),
    ))
}
