//! From the words of `pvesh` to the `data` of PVE, or to an error.

use std::collections::BTreeMap;

use pve_types::Upid;
use serde_json::Value;

use super::program::{End, Ran, Silence};
use crate::{Error, ErrorKind, NotSent, Refusal, refusal};

/// How much of a foreign text is shown.
const SHOWN: usize = 300;

/// What a read gave.
pub(super) fn read(ran: &Ran) -> Result<Value, Error> {
    done(ran)?;
    json(&ran.stdout).ok_or_else(|| {
        Error::protocol(format!(
            "the answer of `pvesh` is no JSON: {}",
            shown(&ran.stdout)
        ))
    })
}

/// What a write gave. PVE may print lines about what it does, and then nothing.
pub(super) fn written(ran: &Ran) -> Result<Value, Error> {
    done(ran)?;
    Ok(json(&ran.stdout).unwrap_or(Value::Null))
}

/// Was it done? What stands on stderr then, of the locale or the system's log, means nothing.
pub(super) fn done(ran: &Ran) -> Result<(), Error> {
    match ran.end {
        End::Done => Ok(()),
        End::Failed(code) => Err(refused(&ran.stderr, code)),
        End::Killed(signal) => Err(Error::new(
            ErrorKind::MayHaveBeenProcessed,
            format!("`pvesh` was ended by signal {signal}"),
        )),
    }
}

/// The error of a program that gave no answer at all.
pub(super) fn silent(silence: Silence, program: &std::path::Path) -> Error {
    let program = program.display();
    match silence {
        Silence::NotStarted(error) => {
            Error::settings(format!("`{program}` cannot be started: {error}"))
        }
        Silence::TooLong => Error::new(
            ErrorKind::MayHaveBeenProcessed,
            format!("`{program}` gave no answer in time"),
        ),
        Silence::TooMuch => Error::protocol("the answer is larger than any of PVE's"),
        Silence::Lost(error) => Error::new(
            ErrorKind::MayHaveBeenProcessed,
            format!("it cannot be told how `{program}` ended: {error}"),
        ),
    }
}

/// The JSON of an answer: all of it, or its last lines after lines of another kind. No text is no
/// result.
fn json(stdout: &str) -> Option<Value> {
    let text = stdout.trim();
    if text.is_empty() {
        return Some(Value::Null);
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    text.match_indices('\n')
        .filter_map(|(end, _)| text.get(end..))
        .find_map(|rest| serde_json::from_str(rest).ok())
}

/// The task whose id stands at the end: on a line of its own as a JSON text, or, when another node
/// did the work, at the end of one long text in which all lines are joined.
pub(super) fn upid(stdout: &str) -> Option<Upid> {
    let last = stdout.trim().lines().next_back()?;
    let (_, id) = last.rsplit_once("UPID:")?;
    let end = id.rfind(':')?;
    let rest = id.get(end..)?;
    if !rest.chars().all(|c| matches!(c, ':' | '"' | '\\' | 'n')) {
        return None;
    }
    format!("UPID:{}:", id.get(..end)?).parse().ok()
}

/// The error that stderr tells. The number means nothing: it is a leftover of some other error.
fn refused(stderr: &str, code: i32) -> Error {
    let mut unknown = BTreeMap::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in without_noise(stderr) {
        if let Some(name) = line.strip_prefix("Unknown option: ") {
            unknown.insert(
                name.trim().to_owned(),
                "PVE does not know it here".to_owned(),
            );
        } else if is_usage(line) || (is_proxy(line) && !lines.is_empty()) {
            break;
        } else if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    // What stands before a line with a status are remarks about something else.
    let start = lines.iter().position(|line| has_status(line)).unwrap_or(0);
    let text = lines.get(start..).unwrap_or_default().join("\n");
    let text = text.trim();
    if text.is_empty() && unknown.is_empty() {
        return Error::new(
            ErrorKind::Server,
            format!("`pvesh` ended with {code} and did not say why"),
        );
    }
    if text.starts_with("please run as root") {
        return Error::new(
            ErrorKind::NotSent(NotSent::Settings),
            "`pvesh` works for root only",
        );
    }
    if let Some(refused) = text.strip_prefix("setsid: ") {
        return Error::settings(format!("`pvesh` cannot be started: {refused}"));
    }
    // Over https this is `501 Method 'GET /x' not implemented`.
    let status = text.contains("' handler defined for '").then_some(501);
    refusal(Refusal {
        status,
        text: text.to_owned(),
        parameters: unknown,
    })
}

/// The lines of stderr without what Perl and the system say about themselves.
fn without_noise(stderr: &str) -> impl Iterator<Item = &str> {
    let mut locale = false;
    stderr.lines().filter(move |line| {
        if line.starts_with("perl: warning:") {
            // `Please check that your locale settings:` is followed by lines that begin with a tab
            // or spaces.
            locale = true;
            return false;
        }
        locale = locale && line.starts_with([' ', '\t']);
        !(locale
            || line.contains("setlocale:")
            || line.starts_with("locale: ")
            || line.contains("to syslog")
            || line.starts_with("Use of uninitialized value"))
    })
}

/// `pvesh get <api_path> [OPTIONS] …`, which ends every error about parameters.
fn is_usage(line: &str) -> bool {
    line.starts_with("USAGE: ") || (line.starts_with("pvesh ") && line.contains("<api_path>"))
}

/// What the node in between says after the error of the one that did it.
fn is_proxy(line: &str) -> bool {
    line.starts_with("proxy handler failed: ")
}

fn has_status(line: &str) -> bool {
    line.split_once(' ').is_some_and(|(number, _)| {
        number.len() == 3 && number.parse().is_ok_and(|status: u16| status >= 400)
    })
}

fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(stdout: &str) -> Ran {
        Ran {
            stdout: stdout.to_owned(),
            stderr: "perl: warning: Setting locale failed.\n".to_owned(),
            end: End::Done,
        }
    }

    fn error(stderr: &str) -> Error {
        refused(stderr, 255)
    }

    #[test]
    fn json_stands_on_the_last_lines() {
        assert_eq!(read(&said("")).unwrap(), Value::Null);
        assert_eq!(read(&said("\"101\"\n")).unwrap(), json!("101"));
        assert_eq!(
            read(&said("trying to acquire lock...\n OK\n[{\"a\":1}]\n")).unwrap(),
            json!([{"a": 1}])
        );
        assert_eq!(
            read(&said("a line\n{\n \"a\": 1\n}\n")).unwrap(),
            json!({"a": 1})
        );
        let wrong = read(&said("<html>\n")).unwrap_err();
        assert_eq!(wrong.kind(), &ErrorKind::Protocol);
        assert_eq!(
            written(&said("update VM 110: -onboot 1\n")).unwrap(),
            Value::Null
        );
    }

    #[test]
    fn the_task_stands_at_the_end() {
        let id = "UPID:pve1:00002CA4:000B698F:6B017E6E:vzdump:300:root@pam:";
        let plain = format!("INFO: starting\nINFO: UPID:x\n\"{id}\"\n");
        assert_eq!(upid(&plain).unwrap().to_string(), id);
        assert_eq!(upid(&format!("{id}\n")).unwrap().to_string(), id);
        let joined = format!("\"INFO: startingINFO: done\\\"{id}\\\"\"\n");
        assert_eq!(upid(&joined).unwrap().to_string(), id);
        assert_eq!(upid("INFO: Backup of UPID:pve1 goes on\n"), None);
        assert_eq!(upid("OK\n"), None);
        assert_eq!(upid(""), None);
    }

    #[test]
    fn noise_and_usage_are_cut_off() {
        let error = error(
            "perl: warning: Setting locale failed.\n\
             perl: warning: Please check that your locale settings:\n\
             \tLC_ALL = \"de_DE.UTF-8\"\n    are supported and installed on your system.\n\
             400 Parameter verification failed.\n\
             schedule: invalid format - invalid calendar event 'foo' - Context(\"weekday\")\n\n\n\
             pvesh create <api_path> [OPTIONS] [FORMAT_OPTIONS]\n",
        );
        let ErrorKind::Refused { parameters } = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(
            parameters["schedule"],
            "invalid format - invalid calendar event 'foo' - Context(\"weekday\")"
        );
        assert_eq!(parameters.len(), 1);
        assert!(!error.to_string().contains("api_path"));
    }

    #[test]
    fn through_another_node() {
        let error = error(
            "storage 'nope' does not exist\nproxy handler failed: command '/usr/bin/ssh -e none' failed: exit code 255\n",
        );
        assert!(error.is_not_found());
        assert_eq!(error.text(), "storage 'nope' does not exist");
        let alone = refused(
            "proxy handler failed: command '/usr/bin/ssh' failed: exit code 255\n",
            255,
        );
        assert_eq!(alone.kind(), &ErrorKind::Server);
    }

    #[test]
    fn nothing_said_and_killed() {
        assert!(error("").text().contains("ended with 255"));
        let killed = Ran {
            stdout: String::new(),
            stderr: String::new(),
            end: End::Killed(9),
        };
        let error = done(&killed).unwrap_err().of_write();
        assert_eq!(error.kind(), &ErrorKind::MayHaveBeenProcessed);
        assert!(!error.retry_is_safe());
        assert!(done(&killed).unwrap_err().of_read().retry_is_safe());
    }
}
