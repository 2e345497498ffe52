//! The command here: asks every machine at once, shows what they say, asks the user.

use std::path::PathBuf;
use std::process::ExitCode;

use ansible_module::Secrets;
use clap::{Arg, ArgAction, ArgMatches};
use on_node::{Programs, Settings, Target};
use serde_json::{Map, Value};

use super::console::{self, Ended};
use super::events::Seen;
use super::wire::{Mode, Request};
use super::{agree, events};
use crate::cli_front::{given, terminal};
use crate::driver::{Outcome, Registered};
use crate::{Environment, Failure, joined};

/// In place of the user's `ssh_config`, when no flag says so.
const SSH_CONFIG: &str = "REPRISE_SSH_CONFIG";

/// The names of its flags; each has a value.
pub const FLAGS: [&str; 3] = ["on", "ssh-config", "binaries"];

/// The flags of it.
pub(crate) fn flags() -> Vec<Arg> {
    let [on, ssh_config, binaries] = FLAGS;
    vec![
        Arg::new(on)
            .long(on)
            .value_name("[USER@]HOST,…")
            .action(ArgAction::Append)
            .value_delimiter(',')
            .help("Do it on these machines, through ssh: this program is put there and does there what it would do here"),
        Arg::new(ssh_config)
            .long(ssh_config)
            .value_name("FILE")
            .requires(on)
            .help("With --on: configuration of ssh in place of your own [env: REPRISE_SSH_CONFIG]"),
        Arg::new(binaries)
            .long(binaries)
            .value_name("DIR")
            .requires(on)
            .help("With --on: folder with `reprise_x86_64` and `reprise_aarch64`, for machines of the other architecture; else they are looked for beside this program"),
    ]
}

/// The machines that are named, each once.
pub(crate) fn targets(matches: &ArgMatches) -> Result<Vec<Target>, Failure> {
    let mut targets: Vec<Target> = Vec::new();
    for text in matches.get_many::<String>("on").into_iter().flatten() {
        let target: Target = text.parse()?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

/// Everything that a call to a machine needs beside its name.
pub(super) struct Call<'a> {
    module: &'a Registered,
    options: Map<String, Value>,
    pub(super) secrets: Secrets,
    programs: Programs,
    settings: Settings,
    pub(super) several: bool,
}

/// Runs a module's command on these machines.
pub(crate) fn run(
    module: &Registered,
    matches: &ArgMatches,
    targets: &[Target],
    environment: Environment<'_>,
) -> ExitCode {
    match prepared(module, matches, targets, environment) {
        Ok(call) => {
            let ended = all(&call, matches, targets);
            console::finish(matches, &ended, call.several, &call.secrets)
        }
        Err(failure) => {
            let ended = [Ended {
                target: None,
                run: None,
                outcome: Outcome::failed(failure),
            }];
            console::finish(matches, &ended, false, &Secrets::default())
        }
    }
}

fn prepared<'a>(
    module: &'a Registered,
    matches: &ArgMatches,
    targets: &[Target],
    environment: Environment<'_>,
) -> Result<Call<'a>, Failure> {
    let (options, parsed) = given::for_other_machines(module, matches, environment)?;
    for warning in &parsed.warnings {
        terminal::warning(warning);
    }
    let path = |name: &str| matches.get_one::<String>(name).map(PathBuf::from);
    let config = path("ssh-config").or_else(|| {
        environment(SSH_CONFIG)
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    });
    if let Some(config) = config.as_ref().filter(|path| !path.is_file()) {
        return Err(Failure::usage(format!(
            "the configuration of ssh `{}` does not exist",
            config.display()
        )));
    }
    Ok(Call {
        module,
        options,
        secrets: parsed.secrets,
        programs: Programs::find(path("binaries").as_deref())?,
        settings: Settings { config },
        several: targets.len() > 1,
    })
}

fn all(call: &Call<'_>, matches: &ArgMatches, targets: &[Target]) -> Vec<Ended> {
    let mode = match (matches.get_flag("dry-run"), matches.get_flag("yes")) {
        (true, _) => Mode::Check,
        (false, true) => Mode::Apply,
        (false, false) => Mode::Plan,
    };
    let asked: Vec<(&Target, Option<Vec<String>>)> =
        targets.iter().map(|target| (target, None)).collect();
    let mut ended = at_once(call, mode, &asked);
    if mode == Mode::Plan {
        agree::agree(call, &mut ended);
    }
    ended
}

/// All machines at once; one that fails does not hide the others.
pub(super) fn at_once(
    call: &Call<'_>,
    mode: Mode,
    asked: &[(&Target, Option<Vec<String>>)],
) -> Vec<Ended> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = asked
            .iter()
            .map(|(target, agreed)| scope.spawn(|| one(call, target, mode, agreed.clone())))
            .collect();
        threads.into_iter().map(joined).collect()
    })
}

fn one(call: &Call<'_>, target: &Target, mode: Mode, agreed: Option<Vec<String>>) -> Ended {
    let request = Request {
        module: call.module.declaration.name.to_owned(),
        options: call.options.clone(),
        mode,
        agreed,
    };
    let request = serde_json::to_value(&request).unwrap_or_default();
    let mut seen = Seen::default();
    let told = on_node::call(
        &call.settings,
        target,
        &call.programs,
        &request,
        &mut |value| events::hear(call, target, value, &mut seen),
    );
    let (run, outcome) = seen.ended(told, target, mode);
    Ended {
        target: Some(target.clone()),
        run,
        outcome,
    }
}
