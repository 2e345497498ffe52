//! `enable`, `disable`, `mask` and the like: links below /etc/systemd/system.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::arguments::Arguments;
use super::units::{ETC, Unit};
use super::{Node, Outcome, control};

const NO_INSTALLATION: &str = "The unit files have no installation config (WantedBy=, RequiredBy=, \
Also=,\nAlias= settings in the [Install] section, and DefaultInstance= for template\nunits). This \
means they are not meant to be enabled or disabled using systemctl.\n";

/// Runs one of these verbs on all units that were named; each is looked for before any is changed.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn run(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let verb = arguments.verb.as_str();
    let names = arguments.units();
    if names.is_empty() {
        return Ok(Outcome::failed(1, "Too few arguments.\n"));
    }
    let mut outcome = Outcome::default();
    let mut units = Vec::new();
    for name in &names {
        let found = Unit::find(node, name)?;
        match found {
            None if matches!(verb, "enable" | "disable" | "reenable") => {
                let text = format!("Failed to {verb} unit: Unit file {name} does not exist.\n");
                return Ok(Outcome::failed(1, text));
            }
            Some(unit) if unit.masked && matches!(verb, "enable" | "reenable") => {
                let text = format!(
                    "Failed to {verb} unit: Unit file {} is masked.\n",
                    unit.path
                );
                return Ok(Outcome::failed(1, text));
            }
            found => units.push((name, found)),
        }
    }
    for (name, unit) in &units {
        match (verb, unit) {
            ("mask", unit) => outcome.and(mask(node, name, unit.as_ref())?),
            ("unmask", _) => outcome.and(unmask(node, name)?),
            ("enable", Some(unit)) => outcome.and(enable(node, unit)?),
            ("disable", Some(unit)) => outcome.and(disable(node, unit)?),
            ("reenable", Some(unit)) => {
                outcome.and(disable(node, unit)?);
                outcome.and(enable(node, unit)?);
            }
            _ => {}
        }
    }
    if arguments.has("--now") && outcome.code == 0 {
        let action = match verb {
            "enable" | "reenable" => control::Action::Start,
            _ => control::Action::Stop,
        };
        outcome.and(control::all(node, action, &names)?);
    }
    Ok(outcome)
}

fn enable(node: &Node, unit: &Unit) -> Result<Outcome> {
    let links = unit.links();
    if links.is_empty() && unit.file.words("Install", "Also").is_empty() {
        return Ok(Outcome {
            err: NO_INSTALLATION.to_owned(),
            ..Outcome::default()
        });
    }
    let mut outcome = Outcome::default();
    for link in links {
        outcome.and(connect(node, &link, &unit.path)?);
    }
    for also in unit.file.words("Install", "Also") {
        if let Some(other) = Unit::find(node, also)? {
            for link in other.links() {
                outcome.and(connect(node, &link, &other.path)?);
            }
        }
    }
    Ok(outcome)
}

fn connect(node: &Node, link: &str, target: &str) -> Result<Outcome> {
    let path = node.at(link);
    if fs::read_link(&path).is_ok_and(|found| found == Path::new(target)) {
        return Ok(Outcome::default());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make a folder for {link}"))?;
    }
    remove(&path, link)?;
    symlink(target, &path).with_context(|| format!("cannot make {link}"))?;
    Ok(Outcome {
        err: format!("Created symlink {link} \u{2192} {target}.\n"),
        ..Outcome::default()
    })
}

fn disable(node: &Node, unit: &Unit) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut links = unit.wanted_links(node);
    for also in unit.file.words("Install", "Also") {
        if let Some(other) = Unit::find(node, also)? {
            links.extend(other.wanted_links(node));
        }
    }
    if links.is_empty() && !unit.file.has_section("Install") {
        outcome.err.push_str(NO_INSTALLATION);
    }
    for link in links {
        remove(&node.at(&link), &link)?;
        let _never = writeln!(outcome.err, "Removed \"{link}\".");
    }
    Ok(outcome)
}

fn mask(node: &Node, name: &str, unit: Option<&Unit>) -> Result<Outcome> {
    let link = format!("{ETC}/{name}");
    if unit.is_some_and(|unit| unit.masked) {
        return Ok(Outcome::default());
    }
    if node.at(&link).exists() {
        let text = format!("Failed to mask unit: File {link} already exists.\n");
        return Ok(Outcome::failed(1, text));
    }
    let mut outcome = Outcome::default();
    if unit.is_none() {
        outcome.err = format!("Unit {name} does not exist, proceeding anyway.\n");
    }
    outcome.and(connect(node, &link, "/dev/null")?);
    Ok(outcome)
}

fn unmask(node: &Node, name: &str) -> Result<Outcome> {
    let link = format!("{ETC}/{name}");
    let masked = Unit::find(node, name)?.is_some_and(|unit| unit.masked);
    if !masked {
        return Ok(Outcome::default());
    }
    remove(&node.at(&link), &link)?;
    Ok(Outcome {
        err: format!("Removed \"{link}\".\n"),
        ..Outcome::default()
    })
}

fn remove(path: &Path, name: &str) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {name}"))
        }
        _ => Ok(()),
    }
}
