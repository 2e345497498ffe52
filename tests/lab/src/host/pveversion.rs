//! `pveversion` of a node.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::systemctl::FOLDER;
use crate::config::{KERNEL, REPOSITORY, Release};

/// The file of the node, in the lab's folder of it, that says its version.
pub(crate) const FILE: &str = "version";

/// Prints the version, or with `-v` those of the packages that the lab knows of.
pub(super) fn main(arguments: &[String]) -> ExitCode {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let file = Path::new("/").join(FOLDER).join(FILE);
    let version = std::fs::read_to_string(&file).unwrap_or_default();
    let release = Release::ALL
        .into_iter()
        .find(|release| release.version() == version.trim());
    let Some(release) = release else {
        let _unheard = writeln!(
            std::io::stderr(),
            "{} does not say the version of this node; start the lab again",
            file.display()
        );
        return ExitCode::FAILURE;
    };
    let text = match words.as_slice() {
        [] => format!("{} (running kernel: {KERNEL})\n", release.manager()),
        ["-v" | "-verbose" | "--verbose"] => format!(
            "proxmox-ve: {}.0 (running kernel: {KERNEL})\n\
             pve-manager: {version} (running version: {version}/{REPOSITORY})\n",
            release.short(),
            version = release.version(),
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
