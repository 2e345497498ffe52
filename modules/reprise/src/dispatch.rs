//! Which front a call means, and which module. Pure but for one question to the file system.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use module_kit::over_ssh;

use crate::{inventory, privileges};

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Call<'a> {
    /// The Ansible front; the module, if the program's name says it.
    Ansible {
        module: Option<&'a str>,
        source: OsString,
    },
    /// The command of a module.
    Command {
        module: &'a str,
        arguments: Vec<OsString>,
    },
    /// The inventory, which is no module.
    Inventory(Vec<OsString>),
    /// The rights that the modules need.
    Privileges(Vec<OsString>),
    /// The other side of `--on`: speaks with a program on another machine.
    Serve,
    /// A run of it, in this folder.
    DetachedRun(OsString),
    /// The version.
    Version,
    /// The list of modules.
    Help,
    /// A word that is nothing.
    Unknown(String),
}

/// What the arguments mean, the program's own name first.
///
/// Called as `AnsiballZ_*`, or with `-` or a file as its only argument: the Ansible front. Called by
/// a module's name, or with one as first argument: its command. A module's name wins over a file
/// of that name, so that a folder's content cannot change what a command means. The flags of `--on`
/// may stand before the module, as a machine stands before the command in `ssh HOST COMMAND`.
pub(crate) fn call<'a>(modules: &[&'a str], arguments: Vec<OsString>) -> Call<'a> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_owned();
    let rest: Vec<OsString> = arguments.collect();
    let named = find(modules, &program);
    let by_ansible = program.to_string_lossy().starts_with("AnsiballZ_");
    match (rest.first(), named) {
        (Some(first), _) if by_ansible || is_source(first, rest.len(), modules) => Call::Ansible {
            module: named,
            source: first.clone(),
        },
        (None, _) if by_ansible => Call::Ansible {
            module: None,
            source: OsString::from("-"),
        },
        (_, Some(module)) => Call::Command {
            module,
            arguments: rest,
        },
        (None, None) => Call::Help,
        (Some(first), None) => {
            let before = before_module(&rest);
            let name = rest.get(before).unwrap_or(first);
            match find(modules, name) {
                Some(module) => Call::Command {
                    module,
                    arguments: without(rest, before),
                },
                None if before == 0 => word(first, rest.iter().skip(1).cloned()),
                // What is no module is not done on other machines.
                None => Call::Unknown(name.to_string_lossy().into_owned()),
            }
        }
    }
}

/// How many words are flags of `--on` and their values.
fn before_module(words: &[OsString]) -> usize {
    let mut count: usize = 0;
    while let Some(flag) = words
        .get(count)
        .and_then(|word| word.to_str())
        .and_then(|word| word.strip_prefix("--"))
    {
        let (name, length) = match flag.split_once('=') {
            Some((name, _)) => (name, 1),
            None => (flag, 2),
        };
        if !over_ssh::FLAGS.contains(&name) {
            break;
        }
        count = count.saturating_add(length);
    }
    count
}

fn without(words: Vec<OsString>, index: usize) -> Vec<OsString> {
    let others = words.into_iter().enumerate();
    others
        .filter(|(at, _)| *at != index)
        .map(|(_, word)| word)
        .collect()
}

fn is_source(first: &OsStr, count: usize, modules: &[&str]) -> bool {
    let is_word = WORDS.iter().any(|word| first == *word) || find(modules, first).is_some();
    count == 1 && (first == "-" || (!is_word && Path::new(first).is_file()))
}

/// The commands of the program itself.
const WORDS: [&str; 4] = [
    inventory::NAME,
    privileges::NAME,
    over_ssh::SERVE,
    over_ssh::DETACHED,
];

fn word<'a>(first: &OsStr, rest: impl Iterator<Item = OsString>) -> Call<'a> {
    match first.to_str() {
        Some(inventory::NAME) => Call::Inventory(rest.collect()),
        Some(privileges::NAME) => Call::Privileges(rest.collect()),
        Some(over_ssh::SERVE) => Call::Serve,
        Some(over_ssh::DETACHED) => Call::DetachedRun(rest.last().unwrap_or_default()),
        Some("--version" | "-V") => Call::Version,
        Some("--help" | "-h" | "help") => Call::Help,
        _ => Call::Unknown(first.to_string_lossy().into_owned()),
    }
}

fn find<'a>(modules: &[&'a str], name: &OsStr) -> Option<&'a str> {
    modules.iter().copied().find(|module| name == *module)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULES: [&str; 2] = ["pve_storage", "vzdump_job"];

    fn of(arguments: &[&str]) -> Call<'static> {
        call(&MODULES, arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn ansible_calls_by_prefix_whatever_stands_there() {
        assert_eq!(
            of(&["/tmp/x/AnsiballZ_reprise_x86_64", "/tmp/x/args"]),
            Call::Ansible {
                module: None,
                source: "/tmp/x/args".into()
            }
        );
    }

    #[test]
    fn a_dash_or_a_file_alone_is_the_ansible_front() {
        assert_eq!(
            of(&["reprise", "-"]),
            Call::Ansible {
                module: None,
                source: "-".into()
            }
        );
        let file = std::env::current_exe().unwrap();
        assert_eq!(
            call(&MODULES, vec!["vzdump_job".into(), file.clone().into()]),
            Call::Ansible {
                module: Some("vzdump_job"),
                source: file.into()
            }
        );
    }

    #[test]
    fn a_module_is_named_by_the_program_or_the_first_argument() {
        let arguments = vec![OsString::from("--id"), OsString::from("a")];
        assert_eq!(
            of(&["/usr/local/bin/vzdump_job", "--id", "a"]),
            Call::Command {
                module: "vzdump_job",
                arguments: arguments.clone()
            }
        );
        assert_eq!(
            of(&["reprise", "vzdump_job", "--id", "a"]),
            Call::Command {
                module: "vzdump_job",
                arguments
            }
        );
    }

    #[test]
    fn the_machine_may_stand_before_the_module() {
        let command = |arguments: &[&str]| Call::Command {
            module: "vzdump_job",
            arguments: arguments.iter().map(OsString::from).collect(),
        };
        assert_eq!(
            of(&["reprise", "--on", "root@pve1", "vzdump_job", "--id", "a"]),
            command(&["--on", "root@pve1", "--id", "a"])
        );
        assert_eq!(
            of(&["reprise", "--on=a,b", "--ssh-config", "f", "vzdump_job"]),
            command(&["--on=a,b", "--ssh-config", "f"])
        );
        // A machine that is called like a module is a machine.
        assert_eq!(
            of(&["reprise", "--on", "pve_storage", "vzdump_job"]),
            command(&["--on", "pve_storage"])
        );
        // Nothing else is done elsewhere, and no other flag stands there.
        for (arguments, unknown) in [
            (&["reprise", "--on", "a", "inventory"][..], "inventory"),
            (&["reprise", "--on", "a", "serve"], "serve"),
            (&["reprise", "--on", "a"], "--on"),
            (&["reprise", "--on"], "--on"),
            (&["reprise", "--yes", "vzdump_job"], "--yes"),
            (&["reprise", "--on", "a", "--yes", "vzdump_job"], "--yes"),
        ] {
            assert_eq!(of(arguments), Call::Unknown(unknown.to_owned()));
        }
    }

    #[test]
    fn ansible_without_arguments_reads_standard_input() {
        assert_eq!(
            of(&["AnsiballZ_vzdump_job.py"]),
            Call::Ansible {
                module: None,
                source: "-".into()
            }
        );
        assert_eq!(
            of(&["vzdump_job", "-"]),
            Call::Ansible {
                module: Some("vzdump_job"),
                source: "-".into()
            }
        );
    }

    #[test]
    fn a_file_with_more_arguments_is_no_front() {
        let file = std::env::current_exe().unwrap();
        let text = file.to_str().unwrap();
        assert_eq!(of(&["reprise", text, "--yes"]), Call::Unknown(text.into()));
        assert_eq!(
            of(&["vzdump_job", text, "--yes"]),
            Call::Command {
                module: "vzdump_job",
                arguments: vec![text.into(), "--yes".into()]
            }
        );
        // A folder or a file that is not there is no source of arguments.
        assert_eq!(of(&["reprise", "/"]), Call::Unknown("/".into()));
        assert_eq!(
            of(&["reprise", "/nonexistent"]),
            Call::Unknown("/nonexistent".into())
        );
    }

    #[test]
    fn a_module_without_arguments_is_its_command() {
        assert_eq!(
            of(&["vzdump_job"]),
            Call::Command {
                module: "vzdump_job",
                arguments: vec![]
            }
        );
        assert_eq!(
            of(&["reprise", "pve_storage"]),
            Call::Command {
                module: "pve_storage",
                arguments: vec![]
            }
        );
    }

    #[test]
    fn no_program_name_at_all_is_help() {
        assert_eq!(call(&MODULES, vec![]), Call::Help);
        assert_eq!(of(&["reprise", "-h"]), Call::Help);
        assert_eq!(of(&["reprise", "-V"]), Call::Version);
    }

    #[test]
    fn words_of_the_program_itself() {
        assert_eq!(of(&["reprise"]), Call::Help);
        assert_eq!(
            of(&["reprise", "inventory", "--list"]),
            Call::Inventory(vec!["--list".into()])
        );
        assert_eq!(
            of(&["reprise", "privileges", "vzdump_job"]),
            Call::Privileges(vec!["vzdump_job".into()])
        );
        // A module's own argument is not the program's.
        assert_eq!(
            of(&["vzdump_job", "inventory"]),
            Call::Command {
                module: "vzdump_job",
                arguments: vec!["inventory".into()]
            }
        );
        assert_eq!(of(&["reprise", "--version"]), Call::Version);
        assert_eq!(
            of(&["reprise", "vzdump_jobs"]),
            Call::Unknown("vzdump_jobs".into())
        );
    }
}
