//! The multi-call binary: which modules there are, and which of them and which front a call means.

mod dispatch;
mod inventory;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use ansible_module::Source;
use clap::Command;
use module_kit::{Environment, Exit, Failure, Registered, ansible_front, cli_front};
use pve_storage::PveStorage;
use vzdump_job::VzdumpJob;

use dispatch::Call;

/// Every module, by name.
pub const MODULES: &[Registered] = &[
    Registered::of::<PveStorage>(),
    Registered::of::<VzdumpJob>(),
];

/// Runs what these arguments (with the program's own name first) ask for.
pub fn run(arguments: Vec<OsString>, environment: Environment<'_>) -> ExitCode {
    let names: Vec<&str> = MODULES
        .iter()
        .map(|module| module.declaration.name)
        .collect();
    match dispatch::call(&names, arguments) {
        Call::Ansible { module, source } => ansible_front::run(
            MODULES,
            module,
            &Source::from(source.as_os_str()),
            environment,
        ),
        Call::Command { module, arguments } => {
            match MODULES
                .iter()
                .find(|registered| registered.declaration.name == module)
            {
                Some(module) => cli_front::run(module, arguments, environment),
                None => Exit::Usage.into(),
            }
        }
        Call::Inventory(arguments) => inventory::run(arguments, environment),
        Call::Version => {
            writeln!(io::stdout(), "{}", version()).ok();
            Exit::Done.into()
        }
        Call::Help => {
            command().print_help().ok();
            Exit::Done.into()
        }
        Call::Unknown(name) => {
            let failure = Failure::usage(format!(
                "`{name}` is neither a module nor a file with arguments"
            ))
            .hint(format!(
                "The modules are {}; beside them there is `inventory`. `reprise --help` says more.",
                names.join(", ")
            ));
            cli_front::error(&failure);
            Exit::Usage.into()
        }
    }
}

fn version() -> String {
    format!(
        "reprise {} ({}, {})",
        env!("CARGO_PKG_VERSION"),
        env!("REPRISE_COMMIT"),
        env!("REPRISE_TARGET")
    )
}

/// The command above those of the modules, for its help.
fn command() -> Command {
    let modules = MODULES.iter().map(|module| {
        Command::new(module.declaration.name).about(module.declaration.short_description)
    });
    Command::new("reprise")
        .about("Backup, verification and recovery of Proxmox VE")
        .disable_help_subcommand(true)
        .subcommand_value_name("MODULE")
        .subcommand_help_heading("Modules")
        .subcommands(modules)
        .subcommand(inventory::command())
        .after_help("`reprise MODULE --help` names the options of a module. Called by Ansible, it takes its arguments as JSON from a file or, for `-`, from standard input.")
}
