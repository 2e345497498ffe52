//! The multi-call binary: which modules there are, and which of them and which front a call means.

mod dispatch;
mod inventory;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use ansible_module::Source;
use backup_verify::BackupVerify;
use clap::Command;
use module_kit::{Environment, Exit, Failure, Registered, ansible_front, cli_front};
use pve_info::PveInfo;
use pve_storage::PveStorage;
use vzdump_job::VzdumpJob;

use dispatch::Call;

/// Every module, by name.
pub const MODULES: &[Registered] = &[
    Registered::of::<BackupVerify>(),
    Registered::of::<PveInfo>(),
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

#[cfg(test)]
mod tests {
    use ansible_module::option::{Kind, OptionSpec};
    use clap::{Arg, Command};

    use super::*;

    /// The flag of each option, by the rule of the reference: `_` is `-`, a sub-option stands after
    /// a dot, a secret comes from a file.
    fn expected(prefix: &str, option: &OptionSpec, flags: &mut Vec<String>) {
        let name = format!("{prefix}{}", option.name);
        match option.kind {
            Kind::Dict(below) if !below.is_empty() => below
                .iter()
                .for_each(|option| expected(&format!("{name}."), option, flags)),
            _ => flags.push(name.replace('_', "-") + if option.no_log { "-file" } else { "" }),
        }
    }

    fn long_flags(command: &Command) -> Vec<String> {
        command
            .get_arguments()
            .filter_map(Arg::get_long)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_option_of_every_module_has_its_flag_and_no_other_is_there() {
        for module in MODULES {
            let command = cli_front::command(module);
            // Names that collide and values that cannot be are found by clap itself.
            command.clone().debug_assert();
            let mut flags: Vec<String> = cli_front::common_flags()
                .iter()
                .filter_map(Arg::get_long)
                .map(str::to_owned)
                .collect();
            for option in module.declaration.spec.options() {
                expected("", option, &mut flags);
            }
            assert_eq!(long_flags(&command), flags, "{}", module.declaration.name);
        }
    }

    #[test]
    fn a_secret_has_no_flag_that_takes_it() {
        let mut secrets = 0;
        for module in MODULES {
            let flags = long_flags(&cli_front::command(module));
            let options = module.declaration.spec.options();
            for option in
                options.flat_map(|option| std::iter::once(option).chain(option.kind.suboptions()))
            {
                if option.no_log {
                    secrets += 1;
                    let name = option.name.replace('_', "-");
                    let plain =
                        |flag: &&String| **flag == name || flag.ends_with(&format!(".{name}"));
                    assert_eq!(flags.iter().find(plain), None);
                }
            }
        }
        let connected = MODULES.iter().filter(|module| {
            let mut options = module.declaration.spec.options();
            options.any(|option| option.name == "api_host")
        });
        // Password and token of the connection for each module that has one, and those of two
        // kinds of storage.
        assert_eq!(secrets, 2 * connected.count() + 2);
    }

    #[test]
    fn every_table_is_sound() {
        for module in MODULES {
            let faults = ansible_module::check_spec(&module.declaration.spec);
            assert_eq!(faults, [""; 0], "{}", module.declaration.name);
        }
    }

    #[test]
    fn modules_have_names_of_their_own_in_order() {
        let names: Vec<&str> = MODULES
            .iter()
            .map(|module| module.declaration.name)
            .collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn the_version_names_commit_and_target() {
        let version = version();
        assert!(version.starts_with(concat!("reprise ", env!("CARGO_PKG_VERSION"), " (")));
        assert!(version.ends_with(concat!(", ", env!("REPRISE_TARGET"), ")")));
    }

    #[test]
    fn help_names_every_module() {
        command().debug_assert();
        let help = command().render_help().to_string();
        for module in MODULES {
            assert!(help.contains(module.declaration.name), "{help}");
            assert!(
                help.contains(module.declaration.short_description),
                "{help}"
            );
        }
    }
}
