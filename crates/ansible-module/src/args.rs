//! Reading the arguments: one JSON object, from a file or from standard input.

use std::{
    ffi::OsStr,
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

/// The key by which the action plugin tells a program of many modules which one is meant.
///
/// Names that begin with `_` are refused as options ([`check_spec`](crate::check_spec)), so it
/// never hides one.
pub const SELECTOR: &str = "_module";

/// Where the arguments come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input: the program was called with `-`.
    Stdin,
    /// The file that Ansible put beside the program.
    File(PathBuf),
}

impl From<&OsStr> for Source {
    fn from(argument: &OsStr) -> Self {
        if argument == "-" {
            Self::Stdin
        } else {
            Self::File(PathBuf::from(argument))
        }
    }
}

/// Why there are no arguments. Never shows what was read: it may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Nothing could be read.
    #[error(
        "cannot read the module's arguments from {origin}: {cause}; call the program with the path of a JSON file, or with `-` for standard input"
    )]
    Unreadable {
        /// The file, or standard input.
        origin: String,
        /// What the system says.
        cause: io::Error,
    },
    /// It is no JSON.
    #[error("the module's arguments from {origin} are not JSON: {cause}")]
    NotJson {
        /// The file, or standard input.
        origin: String,
        /// What is wrong with it, and where.
        cause: String,
    },
    /// It is JSON, but no object.
    #[error("the module's arguments from {origin} must be one JSON object, not a {found}")]
    NotAnObject {
        /// The file, or standard input.
        origin: String,
        /// The type found instead, in Python's word.
        found: &'static str,
    },
}

impl Source {
    /// Reads all arguments.
    pub fn read(&self) -> Result<Map<String, Value>, InputError> {
        match self {
            Self::Stdin => read_from(io::stdin().lock(), "standard input"),
            Self::File(path) => read_file(path),
        }
    }
}

fn read_file(path: &Path) -> Result<Map<String, Value>, InputError> {
    let origin = format!("`{}`", path.display());
    match fs::File::open(path) {
        Ok(file) => read_from(file, &origin),
        Err(cause) => Err(InputError::Unreadable { origin, cause }),
    }
}

/// Reads all arguments from `reader`; `origin` names it in an error.
pub fn read_from(mut reader: impl Read, origin: &str) -> Result<Map<String, Value>, InputError> {
    let origin = origin.to_owned();
    let mut bytes = Vec::new();
    if let Err(cause) = reader.read_to_end(&mut bytes) {
        return Err(InputError::Unreadable { origin, cause });
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let cause = format!("byte {} is no UTF-8", error.utf8_error().valid_up_to());
            return Err(InputError::NotJson { origin, cause });
        }
    };
    match parse_json(&text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(InputError::NotAnObject {
            origin,
            found: crate::python::type_name(&other),
        }),
        Err(cause) => Err(InputError::NotJson { origin, cause }),
    }
}

/// Takes the selector out of the arguments.
pub fn take_selector(arguments: &mut Map<String, Value>) -> Option<String> {
    match arguments.shift_remove(SELECTOR)? {
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// Parses JSON, and refuses whole numbers beyond 64 bits instead of rounding them.
pub(crate) fn parse_json(text: &str) -> Result<Value, String> {
    let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match oversized_integer(text) {
        Some(at) => Err(format!(
            "the whole number at byte {at} does not fit in 64 bits; put it in quotes"
        )),
        None => Ok(value),
    }
}

/// Where in valid JSON a whole number stands that `i64` cannot hold.
fn oversized_integer(text: &str) -> Option<usize> {
    let mut in_text = false;
    let mut rest = text.char_indices().peekable();
    while let Some((start, character)) = rest.next() {
        match character {
            '"' => in_text = !in_text,
            '\\' if in_text => {
                rest.next();
            }
            '-' | '0'..='9' if !in_text => {
                let mut end = text.len();
                while let Some((at, next)) = rest.peek().copied() {
                    if !matches!(next, '0'..='9' | '.' | 'e' | 'E' | '+' | '-') {
                        end = at;
                        break;
                    }
                    rest.next();
                }
                let number = text.get(start..end).unwrap_or_default();
                if !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err() {
                    return Some(start);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &[u8]) -> Result<Value, String> {
        read_from(text, "a test")
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_object_is_read_and_its_selector_taken() {
        let mut arguments =
            read_from(&br#"{"_module": "echo", "a": 1, "b": 2}"#[..], "a test").unwrap();
        assert_eq!(take_selector(&mut arguments).as_deref(), Some("echo"));
        assert_eq!(take_selector(&mut arguments), None);
        assert_eq!(Value::Object(arguments), json!({"a": 1, "b": 2}));
    }

    #[test]
    fn what_cannot_be_read_is_told_without_its_content() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "are not JSON: EOF"),
            (
                b"{\"password\": hunter2}",
                "are not JSON: expected value at line 1",
            ),
            (b"[1]", "must be one JSON object, not a list"),
            (b"{\"a\": \"\xff\"}", "byte 7 is no UTF-8"),
            (
                b"{\"a\": \"1\\\"2\", \"b\": [99999999999999999999]}",
                "at byte 20 does not fit",
            ),
        ];
        for (text, expected) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("a test"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let numbers = br#"{"a": -9223372036854775808, "b": 1e30, "c": "99999999999999999999"}"#;
        assert!(read(numbers).is_ok());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let source = Source::from(OsStr::new("/nonexistent/args"));
        let error = source.read().unwrap_err().to_string();
        assert!(error.contains("`/nonexistent/args`"), "{error}");
        assert_eq!(Source::from(OsStr::new("-")), Source::Stdin);
    }
}
