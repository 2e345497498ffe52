//! `start`, `stop`, `restart` and the like.

use anyhow::Result;

use super::arguments::Arguments;
use super::state::States;
use super::units::Unit;
use super::{Node, Outcome, RUN_UNITS, execute};

/// What is done with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start,
    Stop,
    Restart,
    TryRestart,
    Reload,
    ReloadOrRestart,
    ResetFailed,
}

impl Action {
    fn of(verb: &str) -> Option<Self> {
        Some(match verb {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "restart" => Self::Restart,
            "try-restart" => Self::TryRestart,
            "reload" => Self::Reload,
            "reload-or-restart" => Self::ReloadOrRestart,
            "reset-failed" => Self::ResetFailed,
            _ => return None,
        })
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::Reload => "reload",
            Self::ReloadOrRestart => "reload-or-restart",
            Self::ResetFailed => "reset failed state of unit",
        }
    }
}

/// Reads all unit files again.
///
/// # Errors
/// When one cannot be read.
pub(super) fn reload(node: &Node) -> Result<Outcome> {
    let mut states = States::open(node)?;
    states.reload(node)?;
    states.save()?;
    Ok(Outcome::default())
}

/// Runs one of these verbs.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn run(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let Some(action) = Action::of(&arguments.verb) else {
        return Ok(Outcome::failed(1, "Unknown command verb.\n"));
    };
    let mut names = arguments.units();
    if names.is_empty() {
        if action != Action::ResetFailed {
            return Ok(Outcome::failed(1, "Too few arguments.\n"));
        }
        names = States::open(node)?.names().cloned().collect();
    }
    all(node, action, &names)
}

/// Does it with all of these units, one after the other.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn all(node: &Node, action: Action, names: &[String]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for name in names {
        outcome.and(one(node, action, name)?);
    }
    Ok(outcome)
}

fn one(node: &Node, action: Action, name: &str) -> Result<Outcome> {
    let Some(unit) = Unit::find(node, name)? else {
        let verb = action.verb();
        let why = match action {
            Action::Stop | Action::ResetFailed | Action::TryRestart => "not loaded",
            _ => "not found",
        };
        let text = format!("Failed to {verb} {name}: Unit {name} {why}.\n");
        // Nothing to restart is no failure.
        return Ok(if action == Action::TryRestart {
            Outcome::default()
        } else {
            Outcome::failed(5, text)
        });
    };
    let mut states = States::open(node)?;
    let mut outcome = Outcome::default();
    if states.is_outdated(&unit) {
        outcome.err = outdated(name);
    }
    let active = states.of(name).state;
    let starts = match action {
        Action::Start | Action::Restart | Action::ReloadOrRestart => true,
        Action::TryRestart => active == "active",
        Action::Stop | Action::Reload | Action::ResetFailed => false,
    };
    if starts && unit.masked {
        let verb = action.verb();
        let text = format!("Failed to {verb} {name}: Unit {name} is masked.\n");
        return Ok(Outcome::failed(1, text));
    }
    match action {
        _ if starts && action == Action::Start && active == "active" => {}
        _ if starts => {
            // Others may ask while it runs, and it may call systemctl itself.
            drop(states);
            outcome.and(start(node, &unit)?);
            return Ok(outcome);
        }
        Action::Stop if active != "inactive" => states.set(&unit, "inactive", "dead", 0),
        Action::ResetFailed if active == "failed" => states.set(&unit, "inactive", "dead", 0),
        Action::Reload if active != "active" => {
            let text = format!("{name} is not active, cannot reload.\n");
            return Ok(Outcome::failed(1, text));
        }
        Action::Reload if unit.file.last("Service", "ExecReload").is_none() => {
            let text = format!(
                "Failed to reload {name}: Job type reload is not applicable for unit {name}.\n"
            );
            return Ok(Outcome::failed(1, text));
        }
        _ => {}
    }
    states.save()?;
    Ok(outcome)
}

fn start(node: &Node, unit: &Unit) -> Result<Outcome> {
    let runs = unit.is_oneshot() && node.lab()?.join(RUN_UNITS).exists();
    let code = if runs { execute::run(node, unit)? } else { 0 };
    let remains = matches!(
        unit.file.last("Service", "RemainAfterExit"),
        Some("yes" | "true" | "1" | "on")
    );
    let (state, sub) = match unit.kind() {
        _ if code != 0 => ("failed", "failed"),
        "service" if unit.is_oneshot() && remains => ("active", "exited"),
        "service" if unit.is_oneshot() => ("inactive", "dead"),
        "timer" | "path" => ("active", "waiting"),
        "socket" => ("active", "listening"),
        "service" => ("active", "running"),
        _ => ("active", "active"),
    };
    let mut states = States::open(node)?;
    states.set(unit, state, sub, code);
    states.save()?;
    if code == 0 {
        return Ok(Outcome::default());
    }
    let name = &unit.name;
    Ok(Outcome::failed(
        1,
        format!(
            "Job for {name} failed because the control process exited with error code.\nSee \
             \"systemctl status {name}\" and \"journalctl -xeu {name}\" for details.\n"
        ),
    ))
}

/// What is said about files that changed since they were read.
pub(super) fn outdated(name: &str) -> String {
    format!(
        "Warning: The unit file, source configuration file or drop-ins of {name} changed on disk. \
         Run 'systemctl daemon-reload' to reload units.\n"
    )
}
