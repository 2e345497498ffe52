//! What can be typed after `cargo xtask`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{
    bench, build, check, codegen, demo, dist, fuzz, gates, lab, oracle, setup, stage, tidy,
};

/// One command.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "build",
        usage: "",
        about: "build the static binary for both architectures into target/dist",
        run: |workspace, arguments| done(arguments, || build::run(workspace)),
    },
    Command {
        name: "codegen",
        usage: "[--check]",
        about: "write the generated files; --check fails when one is out of date",
        run: |workspace, arguments| {
            codegen::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "stage",
        usage: "",
        about: "put the collection together under target/collection",
        run: |workspace, arguments| {
            done(arguments, || {
                build::run(workspace)?;
                stage::run(workspace)?;
                // Scenarios of molecule start in the staged tree and want the lab.
                lab::launcher(workspace).map(|_| ())
            })
        },
    },
    Command {
        name: "dist",
        usage: "",
        about: "write the Galaxy tarball into target/dist, the same for the same input",
        run: |workspace, arguments| done(arguments, || dist::run(workspace)),
    },
    Command {
        name: "setup",
        usage: "[ansible]",
        about: "install what the other commands need, or Ansible alone, below target/tools except Debian packages",
        run: |workspace, arguments| {
            setup::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "demo",
        usage: "",
        about: "build, install, and configure and back up a simulated cluster over ssh",
        run: |workspace, arguments| done(arguments, || demo::run(workspace)),
    },
    Command {
        name: "test",
        usage: "[--deep] [--real FILE] [--only GATE,...] [--list]",
        about: "run all gates; --deep adds the full sweep, the answers of other tools, and the oldest and the newest ansible-core",
        run: gates::run,
    },
    Command {
        name: "oracle",
        usage: "[--check]",
        about: "ask every ansible-core again how it validates arguments, and keep the answers",
        run: |workspace, arguments| {
            oracle::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "tidy",
        usage: "",
        about: "check the rules of the repository",
        run: |workspace, arguments| done(arguments, || tidy::run(workspace)),
    },
    Command {
        name: "check",
        usage: "scenario|prune|pvesh|losses [FILE] | corpus [DIR] | sweep [--write]",
        about: "compare the lab with what was recorded on a real node, or our verdicts with archives whose truth is known, or with every byte of small ones flipped; fails below the bar",
        run: |workspace, arguments| {
            check::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "bench",
        usage: "verify [--size MIB] [--runs NUMBER] [--only vma.zst,...] [--vma PROGRAM] [--binary FILE]",
        about: "measure the released binary beside the tools people check archives with",
        run: |workspace, arguments| {
            bench::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "fuzz",
        usage: "[TARGET] [--minutes N]",
        about: "run the fuzzer over the readers of archives and of the ledger, ten minutes each",
        run: |workspace, arguments| {
            fuzz::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
    Command {
        name: "lab",
        usage: "up [--no-hosts]|down|status",
        about: "start or stop the simulated cluster in the background",
        run: |workspace, arguments| {
            lab::run(workspace, arguments)?;
            Ok(ExitCode::SUCCESS)
        },
    },
];

/// Runs the command that the arguments name.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("{}", help());
        return Ok(ExitCode::from(2));
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        println!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(&Workspace::new()?, rest),
        None => bail!("there is no command `{name}`; `cargo xtask help` lists them"),
    }
}

/// The names of all commands, for the rule that documents name only these.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name)
}

fn help() -> String {
    let mut text = String::from("Build tasks of Reprise: cargo xtask COMMAND\n");
    for Command {
        name, usage, about, ..
    } in COMMANDS
    {
        let _ = write!(text, "\n  {name} {usage}\n      {about}");
    }
    text
}

/// For commands that take no argument.
fn done(arguments: &[String], run: impl FnOnce() -> Result<()>) -> Result<ExitCode> {
    if let Some(extra) = arguments.first() {
        bail!("`{extra}` is not expected here; `cargo xtask help` shows what is");
    }
    run()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::{help, names, run};

    #[test]
    fn help_names_every_command() {
        let help = help();
        for name in names() {
            assert!(help.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    #[test]
    fn unknown_commands_and_arguments_are_refused() {
        let unknown = run(&["biuld".to_owned()]).unwrap_err().to_string();
        assert!(unknown.contains("no command `biuld`"), "{unknown}");
        let extra = run(&["tidy".to_owned(), "now".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(extra.contains("`now` is not expected"), "{extra}");
    }
}
