//! Where a command finds what its flags do not say: the settings file and Terraform's variables.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches};
use tfvars::{Map, Variables};

use super::config::{self, Settings};
use crate::{Environment, Failure};

/// The flags of both; every command has them.
pub fn flags() -> Vec<Arg> {
    vec![
        Arg::new("config").long("config").value_name("FILE").help(
            "Settings file; else /etc/reprise/config.yml, then the user's (config.yml in the folder `reprise` of the config directory)",
        ),
        Arg::new("tfvars").long("tfvars").value_name("FILE").help(
            "Variables of Terraform (terraform.tfvars, *.tfvars.json): endpoint and credentials that no option, no variable of the environment and no settings file gives are read there",
        ),
        Arg::new("map")
            .long("map")
            .value_name("KEY=EXPRESSION")
            .action(ArgAction::Append)
            .help(
                "Where a thing stands in that file, such as `api_host=nodes.prod.ip`; over `tfvars_map` of the settings file",
            ),
    ]
}

pub(super) fn config(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("config").map(String::as_str)
}

/// The variables of Terraform that the flags or the settings file name, and their map.
///
/// # Errors
/// When a file cannot be read or understood, or the map is wrong.
pub fn variables(
    matches: &ArgMatches,
    environment: Environment<'_>,
) -> Result<Option<(Variables, Map)>, Failure> {
    let settings = config::find(config(matches), environment)?;
    tfvars(matches, settings.as_ref())
}

pub(super) fn tfvars(
    matches: &ArgMatches,
    settings: Option<&Settings>,
) -> Result<Option<(Variables, Map)>, Failure> {
    let mut map = Map::default();
    for pair in matches.get_many::<String>("map").into_iter().flatten() {
        map.add_pair(pair)
            .map_err(|error| Failure::from(error).while_doing("--map"))?;
    }
    let named = matches.get_one::<String>("tfvars").map(PathBuf::from);
    let (named, map) = match settings {
        None => (named, map),
        Some(settings) => {
            let named = match named {
                None => settings.tfvars()?,
                named => named,
            };
            (named, map.over(settings.tfvars_map()?))
        }
    };
    match named {
        Some(path) => Ok(Some((Variables::read(&path)?, map))),
        None if matches.contains_id("map") => Err(Failure::usage(
            "--map says where things stand in Terraform's variables, but no file of them is named",
        )
        .hint("Name it: `--tfvars terraform.tfvars`, or `tfvars:` in config.yml.")),
        None => Ok(None),
    }
}
