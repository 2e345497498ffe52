//! The program there: finds the run of a request, or starts it, and tells what it does.
//!
//! Environment and settings files of this machine say nothing about options: a command means the
//! same wherever it is typed.

use std::io::{self, BufRead as _, Write as _};
use std::process::ExitCode;

use ansible_module::Parsed;
use on_node::{Ended, Found, Locked, Run, Store};
use serde::Serialize;
use serde_json::{Value, json};

use super::detached;
use super::wire::{Event, Mode, Request};
use crate::clock::{Clock as _, SystemClock};
use crate::driver::{self, Registered};
use crate::exit::Exit;
use crate::{Environment, Failure};

/// How many lines of a dead run's standard error are told.
const LAST_WORDS: usize = 5;

/// Speaks with the near side on standard input and output.
pub fn run(modules: &[Registered], environment: Environment<'_>) -> ExitCode {
    on_node::prune_programs();
    if say(&json!({"event": "hello", "protocol": on_node::PROTOCOL})).is_err() {
        return Exit::Failed.into();
    }
    let mut line = String::new();
    // Half a request is none: it asked for nothing.
    let whole = io::stdin().lock().read_line(&mut line).is_ok() && line.ends_with('\n');
    let Some(value) = whole
        .then(|| serde_json::from_str::<Value>(&line).ok())
        .flatten()
    else {
        return Exit::Failed.into();
    };
    let mut told = Vec::new();
    let answered = answer(modules, &value, environment, &mut told);
    let exit = if answered.is_ok() {
        Exit::Done
    } else {
        Exit::Failed
    };
    if let Err(failure) = answered {
        tell_failure(failure);
    }
    // What nobody has read is told to the next one who asks.
    if was_read() {
        for run in told {
            run.mark_read();
        }
    }
    say(&json!({"event": "bye"})).ok();
    exit.into()
}

/// The near side says that it has the result.
fn was_read() -> bool {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).ok();
    serde_json::from_str::<Value>(&line).is_ok_and(|value| value.get("read") == Some(&json!(true)))
}

/// Answers a request. The runs whose end was told are added to those that were.
fn answer(
    modules: &[Registered],
    value: &Value,
    environment: Environment<'_>,
    told: &mut Vec<Run>,
) -> Result<(), Failure> {
    let request: Request = serde_json::from_value(value.clone())
        .map_err(|error| Failure::usage(format!("the request does not fit: {error}")))?;
    let module = module(modules, &request)?;
    let parsed = parsed(module, &request, environment)?;
    for text in &parsed.warnings {
        tell(&Event::Warning { text: text.clone() });
    }
    if request.mode == Mode::Check {
        look(module, &parsed, environment, driver::Mode::Check);
        return Ok(());
    }
    let store = Store::open(&on_node::state_folder(environment))?;
    let now = SystemClock.now();
    let locked = store.lock()?;
    locked.tidy(now);
    let key = on_node::key(&request.module, &Value::Object(parsed.invocation.clone()));
    let run = match locked.find(&key, now) {
        Found::Running(run) => {
            tell_found(&run, true);
            run
        }
        Found::Unread(run) => {
            tell_found(&run, false);
            run
        }
        Found::Nothing { lost } => {
            if let Some(lost) = lost {
                tell_lost(&lost);
                told.push(lost);
            }
            if request.mode == Mode::Plan {
                drop(locked);
                // Who only looks has nothing to agree to, and this is the run itself.
                let mode = if module.only_looks {
                    driver::Mode::Apply
                } else {
                    driver::Mode::Check
                };
                look(module, &parsed, environment, mode);
                return Ok(());
            }
            start(&locked, &key, &request, value, now)?
        }
    };
    // From here on others find it.
    drop(locked);
    let ended = on_node::follow(&run, &mut say_line);
    if ended != Ended::Unheard {
        told.push(run.clone());
    }
    match ended {
        Ended::Result | Ended::Unheard => Ok(()),
        Ended::Lost => {
            tell_lost(&run);
            Err(died(&run))
        }
    }
}

fn start(
    locked: &Locked<'_>,
    key: &str,
    request: &Request,
    value: &Value,
    now: i64,
) -> Result<Run, Failure> {
    let run = locked.create(key, &request.module, now)?;
    if let Err(error) = on_node::detached::start(&run, value) {
        // It never was one.
        run.mark_read();
        return Err(error.into());
    }
    Ok(run)
}

fn died(run: &Run) -> Failure {
    let tasks = run.tasks();
    let hint = if tasks.is_empty() {
        "It is not known to have started a task. Look at what is there before you try again."
            .to_owned()
    } else {
        format!(
            "Its tasks may go on: {}. Look at them before you try again.",
            tasks.join(", ")
        )
    };
    Failure::new(
        Exit::NeedsAHand,
        format!(
            "run `{}` ended without a result: its process was killed or the machine restarted",
            run.about.id
        ),
    )
    .hint(hint)
}

/// The module of a request.
pub(super) fn module<'a>(
    modules: &'a [Registered],
    request: &Request,
) -> Result<&'a Registered, Failure> {
    modules
        .iter()
        .find(|module| module.declaration.name == request.module)
        .ok_or_else(|| Failure::usage(format!("there is no module `{}` there", request.module)))
}

/// The options of a request.
pub(super) fn parsed(
    module: &Registered,
    request: &Request,
    environment: Environment<'_>,
) -> Result<Parsed, Failure> {
    let declaration = module.declaration;
    // Paths are those of this machine; nothing else of its environment counts.
    let home = |name: &str| (name == "HOME").then(|| environment(name)).flatten();
    ansible_module::parse(
        declaration.name,
        &declaration.spec,
        request.options.clone(),
        &home,
    )
    .map_err(|error| Failure::usage(error.message.clone()))
}

/// Only looks: nothing has to outlive anything.
fn look(module: &Registered, parsed: &Parsed, environment: Environment<'_>, mode: driver::Mode) {
    let outcome = detached::carried_out(module, parsed, environment, mode, &mut |_| Ok(()), &tell);
    say(&detached::result(parsed, None, SystemClock.now(), outcome)).ok();
}

fn tell_failure(failure: Failure) {
    let event = Event::Result {
        run: None,
        at: SystemClock.now(),
        outcome: Box::new(driver::Outcome::failed(failure).into()),
    };
    tell(&event);
}

fn tell_found(run: &Run, running: bool) {
    tell(&Event::Found {
        run: run.about.id.clone(),
        started: run.about.started,
        running,
    });
}

fn tell_lost(run: &Run) {
    tell(&Event::Lost {
        run: run.about.id.clone(),
        started: run.about.started,
        tasks: run.tasks(),
        words: run.last_words(LAST_WORDS),
    });
}

/// Who does not listen any more is told nothing; a run goes on all the same.
fn tell(event: &Event) {
    say(event).ok();
}

fn say(event: &impl Serialize) -> io::Result<()> {
    say_line(&serde_json::to_string(event)?)
}

fn say_line(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
