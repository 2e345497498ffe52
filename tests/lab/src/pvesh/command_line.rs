//! The words of a call, and what they mean.

use super::getopt::{self, Takes};
use super::output::Format;
use super::refused::{self, Refused};
use crate::parameters::{Parameter, Parameters};
use crate::schema::{Endpoint, Found, Property, Schema};

/// What `pvesh` says when it is not told a command that it knows.
pub(super) const USAGE: &str = "USAGE: pvesh <COMMAND> [ARGS] [OPTIONS]

       pvesh create <api_path> [OPTIONS] [FORMAT_OPTIONS]
       pvesh delete <api_path> [OPTIONS] [FORMAT_OPTIONS]
       pvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]
       pvesh ls <api_path> [OPTIONS] [FORMAT_OPTIONS]
       pvesh set <api_path> [OPTIONS] [FORMAT_OPTIONS]
       pvesh usage <api_path> [OPTIONS]

       pvesh help [<extra-args>] [OPTIONS]
";

/// The commands that call the API, and their methods.
pub(super) const VERBS: [(&str, &str); 4] = [
    ("get", "GET"),
    ("set", "PUT"),
    ("create", "POST"),
    ("delete", "DELETE"),
];

/// What is wanted.
#[derive(Debug)]
pub(super) enum Command {
    /// A call of the API.
    Call(Call),
    /// What lies below a path.
    List(String),
    /// How a path is called.
    Usage(String),
    /// What `pvesh` can do.
    Help,
}

/// A call of the API.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) verb: &'static str,
    pub(super) method: &'static str,
    /// As it was typed.
    pub(super) path: String,
    pub(super) parameters: Parameters,
    pub(super) style: Style,
    /// The line that ends errors about parameters.
    pub(super) usage: String,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) format: Format,
    pub(super) quiet: bool,
    pub(super) header: bool,
    pub(super) border: bool,
    pub(super) human_readable: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            format: Format::Text,
            quiet: false,
            header: true,
            border: true,
            human_readable: true,
        }
    }
}

/// The options of every command.
const OF_ALL: [(&str, Takes); 6] = [
    ("human-readable", Takes::Perhaps),
    ("noborder", Takes::Perhaps),
    ("noheader", Takes::Perhaps),
    ("noproxy", Takes::Perhaps),
    ("output-format", Takes::One),
    ("quiet", Takes::Perhaps),
];

/// Reads the words after `pvesh`.
///
/// # Errors
/// What `pvesh` says to words that it does not understand.
pub(super) fn read(schema: &Schema, words: &[String]) -> Result<Command, Refused> {
    // Only here, before the command, does it have a meaning.
    let words = match words {
        [first, rest @ ..] if first == "--noproxy" || first == "-noproxy" => rest,
        words => words,
    };
    let Some((command, words)) = words.split_first() else {
        return Err(Refused::new(format!(
            "ERROR: no command specified\n{USAGE}"
        )));
    };
    if command == "help" {
        return Ok(Command::Help);
    }
    let verb = VERBS.iter().find(|(verb, _)| verb == command);
    let is_other = command == "ls" || command == "usage";
    if verb.is_none() && !is_other {
        let text = format!("ERROR: unknown command 'pvesh {command}'\n{USAGE}");
        return Err(Refused::new(text));
    }
    let usage = refused::usage(command, None);
    let position = words.iter().position(|word| !word.starts_with('-'));
    let Some(path) = position.and_then(|position| words.get(position)) else {
        return Err(Refused::usage("400 not enough arguments", &usage));
    };
    match (verb, command.as_str()) {
        (None, "usage") => Ok(Command::Usage(path.clone())),
        (None, _) => Ok(Command::List(path.clone())),
        (Some((verb, method)), _) => {
            let mut words = words.to_vec();
            if let Some(position) = position {
                words.remove(position);
            }
            read_call(schema, verb, method, path, &words).map(Command::Call)
        }
    }
}

/// The parts of a path.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn read_call(
    schema: &Schema,
    verb: &'static str,
    method: &'static str,
    path: &str,
    words: &[String],
) -> Result<Call, Refused> {
    let found = schema.find(method, &segments(path));
    let is_index = method == "GET" && segments(path).len() < 3;
    if found.is_none() && !is_index {
        return Err(Refused::no_handler(verb, path));
    }
    let usage = refused::usage(
        verb,
        found
            .as_ref()
            .map(|found| (found.endpoint, found.path_values.as_slice())),
    );
    let read = getopt::read(words, &names(found.as_ref()), |name| {
        exact(found.as_ref(), name)
    });
    if !read.warnings.is_empty() {
        let text = format!("{}\n400 unable to parse option", read.warnings.join("\n"));
        return Err(Refused::usage(&text, &usage));
    }
    if !read.rest.is_empty() {
        return Err(Refused::usage("400 too many arguments", &usage));
    }
    let mut style = Style::default();
    let mut parameters = Parameters::default();
    for (name, value) in read.options {
        // `quiet` is also an option of vzdump, which never sees it.
        let of_all = OF_ALL.iter().find(|(known, _)| *known == name);
        let property = found
            .as_ref()
            .filter(|_| of_all.is_none())
            .and_then(|found| found.endpoint.property(&name));
        let is_boolean =
            property.is_some_and(|property| property.kind.as_deref() == Some("boolean"));
        let switch = of_all.is_some_and(|(_, takes)| *takes == Takes::Perhaps);
        let value = if is_boolean || switch {
            boolean(&value)
                .ok_or_else(|| Refused::usage("400 unable to parse boolean option", &usage))?
                .to_owned()
        } else {
            value
        };
        match (property, name.as_str()) {
            (Some(property), _) if takes(property) == Takes::Many => {
                parameters.append(&name, value);
            }
            (Some(_), _) | (None, "noproxy") => parameters.set(&name, Parameter::Text(value)),
            (None, "output-format") => style.format = format(&value, &usage)?,
            (None, "quiet") => style.quiet = value == "1",
            (None, "noheader") => style.header = value != "1",
            (None, "noborder") => style.border = value != "1",
            (None, _) => style.human_readable = value == "1",
        }
    }
    Ok(Call {
        verb,
        method,
        path: path.to_owned(),
        parameters,
        style,
        usage,
    })
}

fn names(found: Option<&Found<'_>>) -> Vec<(String, Takes)> {
    let of_all = OF_ALL
        .iter()
        .map(|(name, takes)| ((*name).to_owned(), *takes));
    let mut names: Vec<(String, Takes)> = of_all.collect();
    if let Some(found) = found {
        let properties = found.endpoint.properties().iter();
        names.extend(
            properties
                .filter(|(name, _)| !is_in_path(found, name))
                .map(|(name, property)| (name.clone(), takes(property))),
        );
    }
    names
}

fn is_in_path(found: &Found<'_>, name: &str) -> bool {
    found.path_values.iter().any(|(given, _)| given == name)
}

// `scsi3` is `scsi[0-30]` in the schema.
fn exact(found: Option<&Found<'_>>, name: &str) -> Option<(String, Takes)> {
    let found = found?;
    let endpoint: &Endpoint = found.endpoint;
    let property = endpoint
        .property(name)
        .filter(|_| !is_in_path(found, name))?;
    Some((name.to_owned(), takes(property)))
}

fn takes(property: &Property) -> Takes {
    match property.kind.as_deref() {
        Some("boolean") => Takes::Perhaps,
        Some("array") => Takes::Many,
        _ if property.is_list() => Takes::Many,
        _ => Takes::One,
    }
}

fn boolean(text: &str) -> Option<&'static str> {
    match text.trim().to_lowercase().as_str() {
        "" | "1" | "on" | "yes" | "true" => Some("1"),
        "0" | "off" | "no" | "false" => Some("0"),
        _ => None,
    }
}

fn format(name: &str, usage: &str) -> Result<Format, Refused> {
    Format::of(name).ok_or_else(|| {
        Refused::usage(
            &format!(
                "400 Parameter verification failed.\noutput-format: value '{name}' does not have a value in the enumeration 'text, json, json-pretty, yaml'"
            ),
            usage,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(words: &[&str]) -> Result<Call, Refused> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match read(Schema::of(crate::config::Release::Eight).unwrap(), &words)? {
            Command::Call(call) => Ok(call),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arrays_repeat_and_booleans_have_many_words() {
        let call = call(&[
            "create",
            "/cluster/backup",
            "--enabled",
            "no",
            "--exclude-path",
            "/a",
            "--exclude-path=/b",
            "--vmid",
            "100",
            "--vmid",
            "101",
            "--all=on",
            "--repeat-missed",
            "--output-format=json",
        ])
        .unwrap();
        assert_eq!(call.method, "POST");
        assert_eq!(call.style.format, Format::Json);
        assert_eq!(call.parameters.text("enabled"), Some("0"));
        assert_eq!(call.parameters.text("all"), Some("1"));
        assert_eq!(call.parameters.text("repeat-missed"), Some("1"));
        let list = |words: [&str; 2]| Parameter::List(words.map(str::to_owned).to_vec());
        assert_eq!(
            call.parameters.get("exclude-path"),
            Some(&list(["/a", "/b"]))
        );
        assert_eq!(call.parameters.get("vmid"), Some(&list(["100", "101"])));
    }

    #[test]
    fn numbered_options_are_known_and_others_are_not() {
        let known = call(&["set", "/nodes/pve1/qemu/100/config", "--scsi3", "none"]).unwrap();
        assert_eq!(known.parameters.text("scsi3"), Some("none"));
        let refused = call(&["get", "/cluster/nextid", "--bogus", "1"]).unwrap_err();
        assert_eq!(
            refused.text,
            "Unknown option: bogus\n400 unable to parse option\n\
             pvesh get <api_path> [OPTIONS] [FORMAT_OPTIONS]\n"
        );
        let refused = call(&["create", "/cluster/nextid"]).unwrap_err();
        assert_eq!(refused.code, 1);
    }
}
