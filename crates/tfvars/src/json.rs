//! The JSON syntax, as `*.tfvars.json` has it.
//!
//! Terraform takes texts in these files as they stand, so `$` and `${` in a password are what
//! they are. A text that is nothing but one `${…}` is taken for the mistake it is.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::tree::{Lines, Tree, Value};

/// How deep values may be nested; the same as the HCL parser's order of magnitude.
const DEPTH: usize = 100;

/// Understands a text.
pub(crate) fn parse(text: &str) -> Result<Tree, Error> {
    let lines = Lines::of(text);
    let root: &RawValue = serde_json::from_str(text).map_err(|error| broken(&error, 1))?;
    let tree = tree(root, text, &lines, DEPTH)?;
    match tree.value {
        Value::Object(_) => Ok(tree),
        other => Err(Error::new(
            Kind::Syntax,
            format!(
                "the file is {}; it should be an object of variables",
                other.what()
            ),
        )),
    }
}

/// Where it broke, and nothing else: the error's own text may quote a value.
fn broken(error: &serde_json::Error, first: usize) -> Error {
    let line = first.saturating_add(error.line().saturating_sub(1));
    Error::new(Kind::Syntax, "this is no JSON").at_column(line, error.column())
}

fn tree(raw: &RawValue, text: &str, lines: &Lines, depth: usize) -> Result<Tree, Error> {
    let source = raw.get();
    // The raw value lies in the text, so the distance of the two is its place there.
    let place = source.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let line = lines.at(place);
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new(Kind::Syntax, "values are nested too deeply").at(line));
    };
    let again = |error: serde_json::Error| broken(&error, line);
    let value = match source.as_bytes().first() {
        Some(b'{') => {
            let mut entries: Vec<(String, Tree)> = Vec::new();
            let mut reader = serde_json::Deserializer::from_str(source);
            for (name, raw) in reader.deserialize_map(Entries).map_err(again)? {
                let tree = tree(raw, text, lines, depth)?;
                if entries.iter().any(|(known, _)| *known == name) {
                    return Err(Error::new(
                        Kind::Syntax,
                        format!("`{}` stands twice", name.escape_debug()),
                    )
                    .at(tree.line));
                }
                entries.push((name, tree));
            }
            Value::Object(entries)
        }
        Some(b'[') => Value::List(
            serde_json::from_str::<Vec<&RawValue>>(source)
                .map_err(again)?
                .into_iter()
                .map(|raw| tree(raw, text, lines, depth))
                .collect::<Result<_, _>>()?,
        ),
        Some(b'"') => words(serde_json::from_str(source).map_err(again)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => Value::Number(source.to_owned()),
    };
    Ok(Tree { line, value })
}

fn words(text: String) -> Value {
    if text.starts_with("${") && text.ends_with('}') {
        Value::Foreign("a template")
    } else {
        Value::Text(text)
    }
}

/// The entries of an object, in order and with those that stand twice.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
            if entries.len() > 10_000 {
                return Err(A::Error::custom("too many entries"));
            }
        }
        Ok(entries)
    }
}
