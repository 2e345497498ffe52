//! `pveversion` of a node.

use std::io::Write as _;
use std::process::ExitCode;

use crate::release::{KERNEL, RELEASE, REPOSITORY, VERSION, manager};

/// Prints the version, or with `-v` those of the packages that the lab knows of.
pub(super) fn main(arguments: &[String]) -> ExitCode {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        [] => format!("{} (running kernel: {KERNEL})\n", manager()),
        ["-v" | "-verbose" | "--verbose"] => format!(
            "proxmox-ve: {RELEASE}.0 (running kernel: {KERNEL})\n\
             pve-manager: {VERSION} (running version: {VERSION}/{REPOSITORY})\n"
        ),
        _ => {
            let _unheard = writeln!(
                std::io::stderr(),
                "400 unable to parse option\npveversion [--verbose]"
            );
            return ExitCode::from(255);
        }
    };
    let _unheard = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
