//! A request to the program on another machine, what happens meanwhile, and its end.

use std::time::Duration;

use openssh::{Child, ChildStderr, ChildStdin, ChildStdout, Session, Stdio};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::time::timeout;

use crate::error::{Error, Kind};
use crate::program::{Program, Programs};
use crate::script::{self, Answer};
use crate::session::{self, Settings};
use crate::target::Target;
use crate::{PROTOCOL, SERVE};

/// What the caller makes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// More comes.
    More,
    /// That was the last one.
    Last,
}

/// A machine that says nothing for so long has lost us: events come more often than that.
const SILENCE: Duration = Duration::from_mins(1);

/// Lines that a login script of that machine may print before the program speaks.
const NOISE: usize = 200;

/// Sends one line to the program on this machine and hands every event to the caller, who says
/// which is the last; then tells the other side that it was read.
///
/// # Errors
/// When the machine is not reached, the program cannot be put there, or the connection is lost.
pub fn call(
    settings: &Settings,
    target: &Target,
    programs: &Programs,
    request: &Value,
    event: &mut dyn FnMut(Value) -> Line,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Error::new(
                Kind::NotReached,
                format!("cannot start talking to `{target}`: {error}"),
            )
        })?;
    runtime.block_on(async {
        tokio::select! {
            ended = exchange(settings, target, programs, request, event) => ended,
            _ = tokio::signal::ctrl_c() => Err(Error::new(
                Kind::Interrupted,
                format!("interrupted while talking to `{target}`"),
            )),
        }
    })
}

async fn exchange(
    settings: &Settings,
    target: &Target,
    programs: &Programs,
    request: &Value,
    event: &mut dyn FnMut(Value) -> Line,
) -> Result<(), Error> {
    let session = session::connect(settings, target).await?;
    let mut started = start(&session, target, programs).await?;
    if let Begun::Missing(uname) = &started {
        let program = programs.of_uname(uname, target)?;
        place(&session, target, program).await?;
        started = start(&session, target, programs).await?;
    }
    let Begun::Speaking(mut far) = started else {
        return Err(Error::new(
            Kind::NotPlaced,
            format!("the program was put on `{target}`, but it is not found there"),
        ));
    };
    let ended = talk(&mut far, target, request, event).await;
    // Whatever happens now changes nothing about the result.
    drop(far);
    timeout(Duration::from_secs(5), session.close()).await.ok();
    ended
}

/// A command of the shell there.
struct Remote<'s> {
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
    // Its channel is closed when it is dropped.
    _child: Child<&'s Session>,
}

/// The far side, speaking.
struct Far<'s> {
    remote: Remote<'s>,
    hello: Value,
}

enum Begun<'s> {
    Speaking(Box<Far<'s>>),
    Missing(String),
}

async fn start<'s>(
    session: &'s Session,
    target: &Target,
    programs: &Programs,
) -> Result<Begun<'s>, Error> {
    let mut remote = shell(session, target, &script::start(programs, SERVE)).await?;
    for _ in 0..NOISE {
        let Some(line) = next(&mut remote.lines).await else {
            break;
        };
        match script::answer(&line) {
            Some(Answer::Missing(uname)) => return Ok(Begun::Missing(uname)),
            Some(Answer::System(name)) => {
                return Err(Error::new(
                    Kind::NotPlaced,
                    format!("`{target}` runs {name}; the program runs on Linux"),
                ));
            }
            _ => {}
        }
        let hello: Option<Value> = serde_json::from_str(&line).ok();
        if let Some(hello) = hello.filter(|hello| is(hello, "hello")) {
            return Ok(Begun::Speaking(Box::new(Far { remote, hello })));
        }
    }
    let said = all(&mut remote.errors).await;
    Err(Error::new(
        Kind::LostBefore,
        format!("the program on `{target}` did not start{}", because(&said)),
    )
    .hint(format!(
        "Nothing was done. Try again; `{}` shows whether the machine lets commands run.",
        target.by_hand()
    )))
}

fn is(event: &Value, name: &str) -> bool {
    event.get("event").and_then(Value::as_str) == Some(name)
}

async fn talk(
    far: &mut Far<'_>,
    target: &Target,
    request: &Value,
    event: &mut dyn FnMut(Value) -> Line,
) -> Result<(), Error> {
    let spoken = far.hello.get("protocol").and_then(Value::as_u64);
    if spoken != Some(u64::from(PROTOCOL)) {
        return Err(Error::new(
            Kind::NotPlaced,
            format!(
                "the program on `{target}` speaks version {spoken:?}, not {PROTOCOL}: this is a defect"
            ),
        ));
    }
    let lost = |said: &str| {
        Error::new(
            Kind::LostAfter,
            format!("the connection to `{target}` was lost{}", because(said)),
        )
    };
    if send(&mut far.remote.input, request).await.is_err() {
        return Err(lost(&all(&mut far.remote.errors).await));
    }
    loop {
        let line = match timeout(SILENCE, next(&mut far.remote.lines)).await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(lost(&all(&mut far.remote.errors).await)),
            Err(_) => return Err(lost("it has said nothing for a minute")),
        };
        let Ok(value) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if event(value) == Line::Last {
            break;
        }
    }
    // It was read; when this gets lost the next call is told the result once more.
    if send(&mut far.remote.input, &serde_json::json!({"read": true}))
        .await
        .is_ok()
    {
        timeout(Duration::from_secs(5), next(&mut far.remote.lines))
            .await
            .ok();
    }
    Ok(())
}

async fn send(input: &mut ChildStdin, value: &Value) -> std::io::Result<()> {
    input.write_all(format!("{value}\n").as_bytes()).await?;
    input.flush().await
}

async fn place(session: &Session, target: &Target, program: &Program) -> Result<(), Error> {
    let mut why = Vec::new();
    // Of two folders, the second is tried when the first one is full.
    for skipped in 0..2 {
        match upload(session, target, program, skipped).await? {
            Answer::Placed => return Ok(()),
            Answer::Unplaced(text) => why.push(text),
            Answer::NoPlace(text) => {
                why.push(text);
                break;
            }
            other => {
                return Err(Error::new(
                    Kind::NotPlaced,
                    format!("the program arrived on `{target}` damaged ({other:?})"),
                )
                .hint("Nothing was done. Try again."));
            }
        }
    }
    let why = why.join("; ");
    let next = if why.contains("No space left") || why.contains("quota") {
        "Make room there: the program takes some megabytes in `/var/lib/reprise/bin`."
    } else {
        "It needs a folder there that it may write and run programs from: `/var/lib/reprise/bin` or `~/.cache/reprise`; `REPRISE_STATE_DIR` in that machine's environment names another one."
    };
    Err(Error::new(
        Kind::NotPlaced,
        format!("the program cannot be put on `{target}`: {why}"),
    )
    .hint(next))
}

async fn upload(
    session: &Session,
    target: &Target,
    program: &Program,
    skipped: usize,
) -> Result<Answer, Error> {
    let mut file = File::open(&program.path).await.map_err(|error| {
        Error::new(
            Kind::NotPlaced,
            format!(
                "cannot read the program `{}`: {error}",
                program.path.display()
            ),
        )
    })?;
    let Remote {
        mut input,
        mut lines,
        mut errors,
        _child: child,
    } = shell(session, target, &script::place(program, skipped)).await?;
    // The other side may stop reading when its disk is full; what it says then counts.
    let sent = tokio::io::copy(&mut file, &mut input).await;
    drop(input);
    while let Some(line) = next(&mut lines).await {
        if let Some(answer) = script::answer(&line) {
            return Ok(answer);
        }
    }
    let said = all(&mut errors).await;
    drop(child);
    let said = match sent {
        Err(error) if said.trim().is_empty() => error.to_string(),
        _ => said,
    };
    Err(Error::new(
        Kind::LostBefore,
        format!(
            "the connection to `{target}` was lost while the program was put there{}",
            because(&said)
        ),
    )
    .hint("Nothing was done. Try again."))
}

async fn shell<'s>(
    session: &'s Session,
    target: &Target,
    script: &str,
) -> Result<Remote<'s>, Error> {
    let failed = |why: String| {
        Error::new(
            Kind::LostBefore,
            format!("cannot run anything on `{target}`: {why}"),
        )
    };
    let mut child = session
        .shell(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let pipes = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    );
    let (Some(input), Some(output), Some(errors)) = pipes else {
        return Err(failed("it has no standard input or output".to_owned()));
    };
    Ok(Remote {
        input,
        lines: BufReader::new(output).lines(),
        errors,
        _child: child,
    })
}

/// The next line; `None` when there is none, for whatever reason.
async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    lines.next_line().await.ok().flatten()
}

/// What was said on standard error until it was closed, or for a moment.
async fn all(errors: &mut ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut some = errors.take(4096);
    timeout(Duration::from_secs(2), some.read_to_end(&mut bytes))
        .await
        .ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn because(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => String::new(),
        lines => format!(": {}", lines.join("; ")),
    }
}
