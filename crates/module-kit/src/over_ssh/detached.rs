//! The run itself, which outlives the connection.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ansible_module::Parsed;
use on_node::detached::Running;
use serde_json::{Map, Value, json};

use super::far;
use super::wire::{Event, Request};
use crate::clock::{Clock as _, SystemClock};
use crate::connection;
use crate::context::Context;
use crate::driver::{Consent, Mode, Outcome, Preview, Registered};
use crate::exit::Exit;
use crate::{Environment, Failure};

/// Progress is written down no more often: somebody reads it, and it stays for a week.
const PACE: Duration = Duration::from_millis(400);

/// Does what the request on standard input says, in this process, and writes what happens into the
/// folder of the run.
pub fn run(modules: &[Registered], folder: &OsStr, environment: Environment<'_>) -> ExitCode {
    // A message could hold a secret, and this is written down.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        let place = place.as_deref().unwrap_or("an unknown place");
        writeln!(io::stderr(), "a defect: panic at {place}").ok();
    }));
    let running = match Running::begin(Path::new(folder)) {
        Ok(running) => running,
        Err(error) => {
            writeln!(io::stderr(), "{error}").ok();
            return Exit::Failed.into();
        }
    };
    let id = running.run.about.id.clone();
    running.event(&json(&Event::Started {
        run: id.clone(),
        at: running.run.about.started,
    }));
    let (event, exit) = done(modules, &running, &id, environment);
    match running.result(&event) {
        Ok(()) => exit.into(),
        Err(error) => {
            writeln!(io::stderr(), "the result cannot be written: {error}").ok();
            Exit::NeedsAHand.into()
        }
    }
}

fn done(
    modules: &[Registered],
    running: &Running,
    id: &str,
    environment: Environment<'_>,
) -> (Value, Exit) {
    let asked = serde_json::from_value::<Request>(running.request.clone())
        .map_err(|error| Failure::usage(format!("the request does not fit: {error}")))
        .and_then(|request| {
            let module = far::module(modules, &request)?;
            let parsed = far::parsed(module, &request, environment)?;
            Ok((module, parsed, request.agreed))
        });
    let (module, parsed, agreed) = match asked {
        Ok(asked) => asked,
        Err(failure) => {
            let exit = failure.exit;
            let event = Event::Result {
                run: Some(id.to_owned()),
                at: SystemClock.now(),
                outcome: Box::new(Outcome::failed(failure).into()),
            };
            return (json(&event), exit);
        }
    };
    let outcome = carried_out(
        module,
        &parsed,
        environment,
        Mode::Apply,
        &mut |preview| consent(agreed.as_deref(), preview, &parsed),
        &|event| running.event(&json(event)),
    );
    let exit = outcome
        .failure
        .as_ref()
        .map_or(Exit::Done, |failure| failure.exit);
    let event = result(&parsed, Some(id), SystemClock.now(), outcome);
    (event, exit)
}

/// Between the plan that was shown and this one the machine may have changed.
fn consent(agreed: Option<&[String]>, preview: &Preview, parsed: &Parsed) -> Result<(), Failure> {
    let now: Vec<String> = preview
        .actions
        .iter()
        .map(|sentence| parsed.secrets.mask_text(sentence))
        .collect();
    match agreed {
        Some(agreed) if agreed != now => Err(Failure::refused(format!(
            "the plan is another one than the one that was agreed to; now it is: {}",
            now.join("; ")
        ))
        .hint("Nothing was done. Something changed there meanwhile: look at the plan again.")),
        _ => Ok(()),
    }
}

/// Takes the module through its steps on this machine, telling events without secrets.
pub(super) fn carried_out(
    module: &Registered,
    parsed: &Parsed,
    environment: Environment<'_>,
    mode: Mode,
    consent: &mut Consent<'_>,
    tell: &(dyn Fn(&Event) + Sync),
) -> Outcome {
    let (options, _) = connection::split(parsed.values.clone());
    // On the node it is `pvesh`: a request has no options of a connection.
    let connect = || connection::client(&Map::new(), environment);
    let last: Mutex<Option<Instant>> = Mutex::new(None);
    let progress = |line: &str| {
        let Ok(mut last) = last.lock() else { return };
        if last.is_none_or(|last| last.elapsed() >= PACE) {
            *last = Some(Instant::now());
            tell(&Event::Progress {
                text: parsed.secrets.mask_text(line),
            });
        }
    };
    let task = |upid: &str| {
        tell(&Event::Task {
            upid: upid.to_owned(),
        });
    };
    let context = Context::new(&SystemClock, &connect)
        .keeping_state(on_node::state_folder(environment))
        .telling(&progress)
        .telling_tasks(&task);
    module.run(options, &context, mode, consent)
}

/// The last event, without secrets.
pub(super) fn result(parsed: &Parsed, run: Option<&str>, at: i64, outcome: Outcome) -> Value {
    let mut outcome = json(&super::wire::Outcome::from(outcome));
    parsed.secrets.mask(&mut outcome);
    json!({"event": "result", "run": run, "at": at, "outcome": outcome})
}

fn json(value: &impl serde::Serialize) -> Value {
    // None of these types has anything that JSON lacks.
    serde_json::to_value(value).unwrap_or_default()
}
