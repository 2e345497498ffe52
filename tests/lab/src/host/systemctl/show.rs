//! What a unit is: `is-active`, `is-enabled`, `show`, `status`, `cat`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::arguments::Arguments;
use super::control::outdated;
use super::state::{Active, States};
use super::units::{Unit, names};
use super::{Node, Outcome};

/// Questions that are answered by one word for each unit.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn ask(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let verb = arguments.verb.as_str();
    if verb == "is-system-running" {
        return Ok(Outcome::said("running\n"));
    }
    let names = arguments.units();
    if names.is_empty() {
        return Ok(Outcome::failed(1, "Too few arguments.\n"));
    }
    let states = States::open(node)?;
    let mut outcome = Outcome::default();
    let mut any = false;
    for name in &names {
        if verb == "is-enabled" {
            let Some(unit) = Unit::find(node, name)? else {
                let _never = writeln!(
                    outcome.err,
                    "Failed to get unit file state for {name}: No such file or directory"
                );
                continue;
            };
            let enablement = unit.enablement(node);
            let _never = writeln!(outcome.out, "{enablement}");
            any |= matches!(enablement, "enabled" | "static");
        } else {
            let state = states.of(name).state;
            let _never = writeln!(outcome.out, "{state}");
            any |= state == verb.trim_start_matches("is-");
        }
    }
    outcome.code = match verb {
        _ if any => 0,
        "is-active" => 3,
        _ => 1,
    };
    Ok(outcome)
}

/// All properties of units as `Name=value`.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn show(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let wanted = arguments.values("--property");
    let mut blocks = Vec::new();
    if arguments.names.is_empty() {
        blocks.push(vec![
            ("Version", "252.39-1~deb12u1".to_owned()),
            ("SystemState", "running".to_owned()),
        ]);
    }
    for name in arguments.units() {
        blocks.push(properties(node, &name)?);
    }
    let texts: Vec<String> = blocks
        .into_iter()
        .map(|block| {
            let shown = block
                .into_iter()
                .filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
            shown
                .map(|(name, value)| {
                    if arguments.has("--value") {
                        format!("{value}\n")
                    } else {
                        format!("{name}={value}\n")
                    }
                })
                .collect()
        })
        .collect();
    Ok(Outcome::said(texts.join("\n")))
}

fn properties(node: &Node, name: &str) -> Result<Vec<(&'static str, String)>> {
    let states = States::open(node)?;
    let active = states.of(name);
    let mut properties = vec![("Id", name.to_owned()), ("Names", name.to_owned())];
    let Some(unit) = Unit::find(node, name)? else {
        properties.extend([
            ("Description", name.to_owned()),
            ("LoadState", "not-found".to_owned()),
            (
                "LoadError",
                format!("org.freedesktop.systemd1.NoSuchUnit \"Unit {name} not found.\""),
            ),
            ("ActiveState", active.state),
            ("SubState", active.sub),
            ("UnitFileState", String::new()),
            ("NeedDaemonReload", "no".to_owned()),
        ]);
        return Ok(properties);
    };
    let yes = |whether: bool| if whether { "yes" } else { "no" }.to_owned();
    let load = if unit.masked { "masked" } else { "loaded" };
    properties.extend([
        ("Description", unit.description().to_owned()),
        ("LoadState", load.to_owned()),
        ("ActiveState", active.state.clone()),
        ("SubState", active.sub.clone()),
        ("FragmentPath", unit.path.clone()),
        ("DropInPaths", unit.drop_ins.join(" ")),
        ("UnitFileState", unit.enablement(node).to_owned()),
        ("UnitFilePreset", "enabled".to_owned()),
        ("StateChangeTimestamp", time(active.since)),
        ("CanStart", yes(!unit.masked)),
        ("CanStop", yes(!unit.masked)),
        (
            "CanReload",
            yes(unit.file.last("Service", "ExecReload").is_some()),
        ),
        ("NeedDaemonReload", yes(states.is_outdated(&unit))),
    ]);
    properties.extend(of_kind(node, &unit, &active)?);
    Ok(properties)
}

fn of_kind(node: &Node, unit: &Unit, active: &Active) -> Result<Vec<(&'static str, String)>> {
    let result = if active.state == "failed" {
        "exit-code"
    } else {
        "success"
    };
    let mut properties = vec![("Result", result.to_owned())];
    if let Some(activates) = unit.activates() {
        let calendars = unit.file.all("Timer", "OnCalendar");
        let calendars: Vec<_> = calendars
            .iter()
            .map(|when| format!("{{ OnCalendar={when} ; next_elapse=(null) }}"))
            .collect();
        properties.extend([
            ("Triggers", activates.clone()),
            ("Unit", activates),
            ("TimersCalendar", calendars.join(" ")),
            ("NextElapseUSecRealtime", String::new()),
            ("LastTriggerUSec", String::new()),
        ]);
    } else if unit.kind() == "service" {
        let kind = unit.file.last("Service", "Type").unwrap_or("simple");
        properties.extend([
            ("Type", kind.to_owned()),
            ("MainPID", "0".to_owned()),
            ("ExecMainStatus", active.status.to_string()),
            ("TriggeredBy", triggers_of(node, &unit.name)?.join(" ")),
        ]);
    }
    Ok(properties)
}

fn triggers_of(node: &Node, service: &str) -> Result<Vec<String>> {
    let mut triggers = Vec::new();
    for name in names(node) {
        let timer = Unit::find(node, &name)?;
        if timer.and_then(|timer| timer.activates()).as_deref() == Some(service) {
            triggers.push(name);
        }
    }
    Ok(triggers)
}

/// A time as systemd prints it; nothing for never.
pub(super) fn time(seconds: i64) -> String {
    if seconds == 0 {
        return String::new();
    }
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    Timestamp::from_second(seconds).map_or_else(
        |_| String::new(),
        |time| {
            time.to_zoned(zone)
                .strftime("%a %Y-%m-%d %H:%M:%S %Z")
                .to_string()
        },
    )
}

/// A unit for people.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn status(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for name in arguments.units() {
        let Some(unit) = Unit::find(node, &name)? else {
            outcome.and(Outcome::failed(
                4,
                format!("Unit {name} could not be found.\n"),
            ));
            continue;
        };
        let states = States::open(node)?;
        let active = states.of(&name);
        if states.is_outdated(&unit) {
            outcome.err.push_str(&outdated(&name));
        }
        let dot = if active.state == "active" {
            '\u{25cf}'
        } else {
            '\u{25cb}'
        };
        let since = match time(active.since) {
            time if time.is_empty() => String::new(),
            time => format!(" since {time}"),
        };
        let _never = writeln!(
            outcome.out,
            "{dot} {name} - {}\n     Loaded: loaded ({}; {}; preset: enabled)\n     Active: {} ({}){since}",
            unit.description(),
            unit.path,
            unit.enablement(node),
            active.state,
            active.sub,
        );
        if let Some(activates) = unit.activates() {
            let _never = writeln!(outcome.out, "   Triggers: \u{25cf} {activates}");
        }
        if active.state != "active" {
            outcome.code = 3;
        }
    }
    Ok(outcome)
}

/// The files of units.
///
/// # Errors
/// When one cannot be read.
pub(super) fn cat(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for name in arguments.units() {
        let Some(unit) = Unit::find(node, &name)?.filter(|unit| !unit.masked) else {
            outcome.and(Outcome::failed(1, format!("No files found for {name}.\n")));
            continue;
        };
        for path in [&unit.path].into_iter().chain(&unit.drop_ins) {
            let text =
                fs::read_to_string(node.at(path)).with_context(|| format!("cannot read {path}"))?;
            if !outcome.out.is_empty() {
                outcome.out.push('\n');
            }
            let _never = write!(outcome.out, "# {path}\n{text}");
        }
    }
    Ok(outcome)
}
