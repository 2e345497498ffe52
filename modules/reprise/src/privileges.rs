//! `reprise privileges`: the least rights of the modules, as the lines that make a token with them.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use module_kit::privileges::{Grant, Holder, Missing, Need, grants, lines};
use module_kit::{Exit, Failure, Registered, cli_front};
use serde_json::{Value, json};

use crate::MODULES;

/// The word of the command.
pub(crate) const NAME: &str = "privileges";

/// The command.
pub(crate) fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let holder = Holder::default();
    Command::new(NAME)
        .about("Prints the lines that make a token with the least rights for the modules")
        .long_about("Prints the `pveum` lines that make a token with the least rights for the modules: run them as root on a node. Nothing is sent anywhere. An entry on a deeper path replaces, for the same user, those above it: give the token a user of its own.")
        .arg(
            Arg::new("module")
                .value_name("MODULE")
                .num_args(0..)
                .value_parser(PossibleValuesParser::new(
                    // What asks Proxmox VE nothing needs no right there.
                    MODULES
                        .iter()
                        .filter(|module| !module.declaration.operations.is_empty())
                        .map(|module| module.declaration.name),
                ))
                .help("For these modules; for all when none is named"),
        )
        .arg(
            several(text("operation", "NAME", "Only for these values of `state`"))
                .value_parser(PossibleValuesParser::new(operations())),
        )
        .arg(
            several(text("without", "CASE", "Leave out what is needed only in this case"))
                .value_parser(PossibleValuesParser::new(conditions().map(|(name, _)| name))),
        )
        .arg(several(text("storage", "ID", "The storages that archives go to; the rights are then on these and not on all")))
        .arg(text("user", "USER@REALM", "Who gets the rights").default_value(holder.user))
        .arg(text("token", "NAME", "The name of the token").default_value(holder.token))
        .arg(text("role-prefix", "TEXT", "What the names of the roles begin with").default_value(holder.role_prefix))
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print all of it as JSON, with what each right is for"),
        )
        .after_long_help(cases())
}

fn several(arg: Arg) -> Arg {
    arg.action(ArgAction::Append).value_delimiter(',')
}

fn needs() -> impl Iterator<Item = (&'static Registered, &'static str, &'static Need)> {
    MODULES.iter().flat_map(|module| {
        module
            .declaration
            .operations
            .iter()
            .flat_map(move |operation| {
                operation
                    .needs
                    .iter()
                    .map(move |need| (module, operation.name, need))
            })
    })
}

fn operations() -> Vec<&'static str> {
    let mut names: Vec<&str> = needs().map(|(_, operation, _)| operation).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn conditions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut all: Vec<_> = needs()
        .filter_map(|(_, _, need)| need.when)
        .map(|condition| (condition.name, condition.text))
        .collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
}

fn cases() -> String {
    let lines: Vec<String> = conditions()
        .map(|(name, text)| format!("  {name:<10} when {text}"))
        .collect();
    format!("Cases in which more is needed:\n{}", lines.join("\n"))
}

/// Runs it; `arguments` are those after its name.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let words = std::iter::once(OsString::from(NAME)).chain(arguments);
    let matches = match command()
        .bin_name("reprise privileges")
        .try_get_matches_from(words)
    {
        Ok(matches) => matches,
        Err(error) => return cli_front::usage(&error),
    };
    match text(&matches).and_then(|text| cli_front::print(&text)) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            cli_front::error(&failure);
            failure.exit.into()
        }
    }
}

fn text(matches: &ArgMatches) -> Result<String, Failure> {
    let list = |name: &str| -> Vec<String> {
        matches
            .get_many::<String>(name)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    };
    let one = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let holder = checked(Holder {
        user: one("user"),
        token: one("token"),
        storages: list("storage"),
        role_prefix: one("role-prefix"),
    })?;
    let (modules, operations, without) = (list("module"), list("operation"), list("without"));
    let wanted =
        |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
    let chosen: Vec<_> = needs()
        .filter(|(module, operation, need)| {
            wanted(&modules, module.declaration.name)
                && wanted(&operations, operation)
                && need
                    .when
                    .is_none_or(|condition| !without.iter().any(|name| name == condition.name))
        })
        .collect();
    if chosen.is_empty() {
        return Err(Failure::usage(format!(
            "{} has no operation `{}`",
            modules.join(", "),
            operations.join(", ")
        )));
    }
    let grants = grants(chosen.iter().map(|(_, _, need)| *need), &holder);
    let lines = lines(&grants, &holder);
    if matches.get_flag("json") {
        return Ok(format!("{:#}", json(&chosen, &grants, &lines)));
    }
    let mut text = vec![
        "# As root on a node. The last line prints the secret once.".to_owned(),
        "# A role that is there already: `pveum role modify` in place of `pveum role add`."
            .to_owned(),
    ];
    text.extend(lines);
    Ok(text.join("\n"))
}

/// These words go into lines that root copies into a shell.
fn checked(holder: Holder) -> Result<Holder, Failure> {
    let plain = |text: &str, more: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|sign| sign.is_ascii_alphanumeric() || more.contains(sign))
    };
    let realm = holder
        .user
        .split_once('@')
        .is_some_and(|(user, realm)| plain(user, "._-+") && plain(realm, "._-"));
    let refuse = |what: &str, text: &str| Err(Failure::usage(format!("`{text}` is no {what}")));
    if !realm {
        return refuse(
            "user of Proxmox VE; one is `name@realm`, such as `reprise@pve`",
            &holder.user,
        );
    }
    if !plain(&holder.token, "._-") {
        return refuse("name of a token", &holder.token);
    }
    if !plain(&holder.role_prefix, "._-") {
        return refuse("name of a role", &holder.role_prefix);
    }
    match holder.storages.iter().find(|id| !plain(id, "._-")) {
        Some(id) => refuse("id of a storage", id),
        None => Ok(holder),
    }
}

fn json(chosen: &[(&Registered, &str, &Need)], grants: &[Grant], lines: &[String]) -> Value {
    let needs: Vec<Value> = chosen
        .iter()
        .map(|(module, operation, need)| {
            json!({
                "module": module.declaration.name,
                "operation": operation,
                "privilege": need.privilege,
                "path": need.on.shown(),
                "why": need.why,
                "when": need.when.map(|condition| condition.name),
                "without_it": match need.missing {
                    Missing::Refused => "refused",
                    Missing::Unknown => "unknown",
                },
            })
        })
        .collect();
    let grants: Vec<Value> = grants
        .iter()
        .map(
            |grant| json!({"path": grant.path, "role": grant.role, "privileges": grant.privileges}),
        )
        .collect();
    json!({"needs": needs, "grants": grants, "lines": lines})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ansible_module::option::OptionSpec;
    use pve_types::Privilege;

    use super::*;

    fn of(arguments: &[&str]) -> Result<String, Failure> {
        let words = std::iter::once(NAME).chain(arguments.iter().copied());
        text(&command().try_get_matches_from(words).unwrap())
    }

    #[test]
    fn every_module_declares_what_each_of_its_states_needs() {
        for module in MODULES {
            let declared: BTreeSet<&str> = module
                .declaration
                .operations
                .iter()
                .map(|operation| operation.name)
                .collect();
            let is_state = |option: &&OptionSpec| option.name == "state";
            if let Some(state) = module.declaration.spec.options().find(is_state) {
                let states: BTreeSet<&str> = state.choices.iter().copied().collect();
                assert_eq!(declared, states, "{}", module.declaration.name);
            }
            let connects = module
                .declaration
                .spec
                .options()
                .any(|option| option.name == "api_host");
            assert_eq!(
                connects,
                !declared.is_empty(),
                "{}",
                module.declaration.name
            );
        }
        for (module, _, need) in needs() {
            let known: Result<Privilege, _> = need.privilege.parse();
            assert!(known.is_ok(), "{}: {need:?}", module.declaration.name);
        }
    }

    #[test]
    fn a_case_has_one_meaning() {
        let names: Vec<&str> = conditions().map(|(name, _)| name).collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), distinct.len());
        command().debug_assert();
    }

    #[test]
    fn less_is_needed_for_less() {
        let absent = of(&["vzdump_job", "--operation", "absent"]).unwrap();
        assert!(
            absent.contains("--privs \"Sys.Audit,Sys.Modify\""),
            "{absent}"
        );
        assert!(!absent.contains("/storage"), "{absent}");
        let run = of(&[
            "vzdump_job",
            "--operation",
            "run",
            "--storage",
            "a,b",
            "--without",
            "retention,limits",
        ])
        .unwrap();
        assert!(run.contains("acl modify /storage/b "), "{run}");
        assert!(
            !run.contains("Sys.Modify") && !run.contains("Datastore.Allocate,"),
            "{run}"
        );
    }

    #[test]
    fn what_is_printed_can_be_copied_into_a_shell() {
        for arguments in [
            ["--user", "a b@pve"],
            ["--user", "reprise"],
            ["--user", "a;reboot@pve"],
            ["--token", "a$(b)"],
            ["--role-prefix", "a'b"],
            ["--storage", "a/../b"],
        ] {
            assert_eq!(
                of(&arguments).unwrap_err().exit,
                Exit::Usage,
                "{arguments:?}"
            );
        }
        let wrong = of(&["pve_storage", "--operation", "run"]).unwrap_err();
        assert!(
            wrong.message.contains("pve_storage has no operation `run`"),
            "{wrong}"
        );
    }

    #[test]
    fn json_says_what_each_right_is_for() {
        let value: Value = serde_json::from_str(&of(&["pve_storage", "--json"]).unwrap()).unwrap();
        assert_eq!(value["needs"][0]["privilege"], "Datastore.Audit");
        assert_eq!(value["needs"][0]["without_it"], "refused");
        assert_eq!(value["grants"][1]["path"], "/storage");
    }
}
