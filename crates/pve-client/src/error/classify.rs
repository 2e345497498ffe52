//! From PVE's status and texts to a kind.
//!
//! PVE says the same thing in several ways: as HTTP status, as reason phrase, in the body's
//! `message` and `errors`, and as a text that carries another status in front
//! (`400 Parameter verification failed.\nstorage: …` inside a 500). `pvesh` has only the text. All
//! of that is read here and nowhere else.

use std::collections::BTreeMap;

use pve_types::Privilege;

use super::{Error, ErrorKind, NotSent};

/// What a server or `pvesh` said when it did not do what was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; `None` when there is none, as from `pvesh`.
    pub status: Option<u16>,
    /// The text, several lines perhaps.
    pub text: String,
    /// Parameters with texts, from the body's `errors`.
    pub parameters: BTreeMap<String, String>,
}

/// Reads a refusal.
pub fn refusal(refusal: Refusal) -> Error {
    let Refusal {
        status,
        text,
        mut parameters,
    } = refusal;
    let text = text.trim();
    let (inner, body) = split_status(text);
    let status = inner.or(status).unwrap_or(500);
    if body.starts_with("Parameter verification failed") {
        for (name, reason) in parameter_lines(body) {
            parameters.entry(name).or_insert(reason);
        }
    }
    let reason = if body.is_empty() {
        format!("status {status} without a text")
    } else {
        one_line(body)
    };
    let kind = match status {
        401 => ErrorKind::Unauthenticated,
        403 => forbidden(body),
        _ if !parameters.is_empty() || status == 400 => refused(body, parameters),
        404 => ErrorKind::NotFound,
        501 => ErrorKind::Server,
        595 => ErrorKind::NotSent(NotSent::OtherNode),
        502 | 503 | 504 | 596..=599 => ErrorKind::MayHaveBeenProcessed,
        _ => by_text(body),
    };
    Error::new(kind, reason)
}

/// A status that stands in front of the text: `403 Permission check failed (…)`.
fn split_status(text: &str) -> (Option<u16>, &str) {
    match text.split_once(' ') {
        Some((number, rest)) if number.len() == 3 => match number.parse() {
            Ok(status @ 400..=599) => (Some(status), rest.trim_start()),
            _ => (None, text),
        },
        _ => (None, text),
    }
}

/// The lines `name: text` after the first one. A line that has no name belongs to the one before.
fn parameter_lines(text: &str) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for line in text
        .lines()
        .skip(1)
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
    {
        let name = line.split_once(": ").filter(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        });
        match (name, parameters.last_mut()) {
            (Some((name, reason)), _) => parameters.push((name.to_owned(), reason.to_owned())),
            (None, Some((_, last))) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            (None, None) => {}
        }
    }
    parameters
}

fn refused(text: &str, parameters: BTreeMap<String, String>) -> ErrorKind {
    let all = || parameters.values().map(String::as_str).chain([text]);
    let any = |words: &[&str]| all().any(|text| words.iter().any(|word| text.contains(word)));
    if any(&["No such job", "No such storage", "no such task"]) {
        return ErrorKind::NotFound;
    }
    if any(&["already exists"]) {
        return ErrorKind::Conflict;
    }
    let parameters = parameters
        .into_iter()
        .map(|(name, text)| (name, text.trim_end().to_owned()))
        .collect();
    ErrorKind::Refused { parameters }
}

/// `Permission check failed (<path>, <Priv>[|<Priv>])`, or something else in the parentheses.
fn forbidden(text: &str) -> ErrorKind {
    let inside = text
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .map_or("", |(inside, _)| inside);
    if inside.ends_with("does not exist") {
        return ErrorKind::NotFound;
    }
    let named = inside
        .rsplit_once(", ")
        .filter(|(path, _)| path.starts_with('/'));
    let privileges: Vec<Privilege> = named
        .map(|(_, privileges)| {
            privileges
                .split('|')
                .filter_map(|name| name.trim().parse().ok())
                .collect()
        })
        .unwrap_or_default();
    ErrorKind::NotAllowed {
        path: named.map(|(path, _)| path.to_owned()),
        privileges,
    }
}

/// A plain 500: only the words tell.
fn by_text(text: &str) -> ErrorKind {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["nly root can", "nly root may", "only root@pam may"]) {
        return ErrorKind::NotAllowed {
            path: None,
            privileges: Vec::new(),
        };
    }
    // Before "does not exist": the storage is there, its folder is not.
    if has(&[
        "unable to activate storage",
        "is not online",
        "is not mounted",
    ]) {
        return ErrorKind::Server;
    }
    if has(&[
        "detected modified configuration",
        "already exists",
        "already defined",
        "already used",
    ]) {
        return ErrorKind::Conflict;
    }
    // Its lock file cannot even be opened: that is no lock that somebody could take away.
    if has(&["can't open file", "unable to open file"]) {
        return ErrorKind::Server;
    }
    if has(&[
        "is locked",
        "can't lock file",
        "cfs-lock",
        "got lock request timeout",
    ]) {
        return ErrorKind::Locked;
    }
    if has(&[
        "does not exist",
        "no such ",
        "No such job",
        "hostname lookup",
        "unable to find ",
    ]) {
        return ErrorKind::NotFound;
    }
    if has(&[
        "no options specified",
        "contains a line feed",
        "missing value for required option",
        "is limited to",
        "does not support",
        "no prune-backups options",
        "content type needs to be",
        "protection mode enabled",
        "cannot remove protected volume",
        "not running",
        "already running",
        "running container",
        "is disabled",
        "reserved name",
    ]) {
        return ErrorKind::Refused {
            parameters: BTreeMap::new(),
        };
    }
    ErrorKind::Server
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    words.join(" ")
}
