//! The flags of a module's command, made from its table of options.

use std::fs;

use ansible_module::option::{ArgumentSpec, Default, Kind, OptionSpec};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use crate::Failure;
use crate::driver::Registered;
use crate::exit::Exit;
use crate::markup::plain_text;

/// The command of a module.
pub fn command(module: &Registered) -> Command {
    let declaration = module.declaration;
    let mut command = Command::new(declaration.name)
        .about(declaration.short_description)
        .long_about(
            declaration
                .description
                .iter()
                .map(|text| plain_text(text))
                .collect::<Vec<_>>()
                .join("\n\n"),
        )
        .after_long_help(exit_codes())
        .args(common_flags());
    for group in declaration.spec.groups {
        command = command.next_help_heading(group.title);
        for flag in group.options.iter().flat_map(|option| flags("", option)) {
            command = command.arg(flag);
        }
    }
    command
}

/// The flags that every command has.
pub fn common_flags() -> Vec<Arg> {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    let mut flags = vec![
        flag("dry-run", "Change nothing; say what would be done"),
        flag("yes", "Do not ask before it is done").visible_alias("force"),
        flag("json", "Print the result as JSON"),
    ];
    flags.extend(super::source::flags());
    flags.extend(crate::over_ssh::flags());
    flags
}

fn exit_codes() -> String {
    let lines: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()))
        .collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// The flags of one option. Those of a dict are its sub-options, as `--dict-option.sub-option`.
fn flags(prefix: &str, option: &OptionSpec) -> Vec<Arg> {
    if let Kind::Dict(suboptions) = option.kind
        && !suboptions.is_empty()
    {
        let prefix = format!("{}.", id(prefix, option));
        return suboptions
            .iter()
            .flat_map(|suboption| flags(&prefix, suboption))
            .collect();
    }
    let id = id(prefix, option);
    let long = id.replace('_', "-");
    let arg = Arg::new(id.clone()).help(help(option));
    if option.no_log {
        // Arguments of a program are visible to everyone on the machine: a secret is never one.
        return vec![arg.long(format!("{long}-file")).value_name("FILE")];
    }
    let arg = arg
        .long(long)
        .value_name(value_name(option.kind))
        .visible_aliases(option.aliases.iter().map(|alias| alias.replace('_', "-")))
        .allow_negative_numbers(true);
    let arg = match option.kind {
        Kind::Bool => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::List(_) => arg.action(ArgAction::Append).value_delimiter(','),
        _ => arg,
    };
    if option.choices.is_empty() {
        return vec![arg];
    }
    vec![arg.value_parser(PossibleValuesParser::new(option.choices.iter().copied()))]
}

fn id(prefix: &str, option: &OptionSpec) -> String {
    format!("{prefix}{}", option.name)
}

const fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Str => "TEXT",
        Kind::Int => "N",
        Kind::Float => "NUMBER",
        Kind::Bool => "true|false",
        Kind::Path => "PATH",
        Kind::Raw | Kind::Dict(_) => "VALUE",
        Kind::List(_) => "A,B,…",
    }
}

fn help(option: &OptionSpec) -> String {
    let mut help = option
        .description
        .iter()
        .map(|text| plain_text(text))
        .collect::<Vec<_>>()
        .join(" ");
    if option.no_log {
        help = format!("File that holds: {help}");
    }
    if option.required {
        help.push_str(" [required]");
    }
    match option.default {
        Default::None => {}
        Default::Str(text) => note(&mut help, "default", text),
        Default::Int(number) => note(&mut help, "default", &number.to_string()),
        Default::Bool(value) => note(&mut help, "default", &value.to_string()),
        Default::List(list) => note(&mut help, "default", &list.join(",")),
    }
    if !option.environment.is_empty() {
        note(&mut help, "env", &option.environment.join(", "));
    }
    help
}

fn note(help: &mut String, name: &str, value: &str) {
    for part in [" [", name, ": ", value, "]"] {
        help.push_str(part);
    }
}

/// The options that were given, as Ansible would send them.
pub(super) fn options(
    spec: &ArgumentSpec,
    matches: &ArgMatches,
) -> Result<Map<String, Value>, Failure> {
    let mut map = Map::new();
    for option in spec.options() {
        if let Some(value) = given("", option, matches)? {
            map.insert(option.name.to_owned(), value);
        }
    }
    Ok(map)
}

fn given(
    prefix: &str,
    option: &OptionSpec,
    matches: &ArgMatches,
) -> Result<Option<Value>, Failure> {
    let id = id(prefix, option);
    match option.kind {
        Kind::Dict(suboptions) if !suboptions.is_empty() => {
            let mut map = Map::new();
            for suboption in suboptions {
                if let Some(value) = given(&format!("{id}."), suboption, matches)? {
                    map.insert(suboption.name.to_owned(), value);
                }
            }
            Ok((!map.is_empty()).then_some(Value::Object(map)))
        }
        Kind::List(_) => Ok(matches.get_many::<String>(&id).map(|values| {
            Value::Array(values.map(|value| Value::String(value.clone())).collect())
        })),
        _ => match matches.get_one::<String>(&id) {
            None => Ok(None),
            Some(path) if option.no_log => secret(option.name, path).map(Some),
            Some(text) => Ok(Some(Value::String(text.clone()))),
        },
    }
}

/// A secret from its file, without the line break that editors leave.
fn secret(name: &str, path: &str) -> Result<Value, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {name} from `{path}`: {error}")))?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return Err(Failure::usage(format!(
            "`{path}` is empty; it should hold {name}"
        )));
    }
    Ok(Value::String(text.to_owned()))
}
