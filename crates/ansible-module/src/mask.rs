//! Secrets, and how they are taken out of everything that leaves the program.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    mapping,
    option::{Kind, OptionSpec},
    python,
};

/// What stands where a whole value was a secret.
pub const PLACEHOLDER: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// What stands where a secret was part of a text.
const STARS: &str = "********";

/// The secrets of one call. Shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The longest first, so that no secret hides a longer one that holds it.
    texts: Vec<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// Adds one secret text; an empty one is none.
    pub fn add(&mut self, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            return;
        }
        // A text quoted into another (a JSON body, an error that shows its input) is escaped.
        let escaped = Value::from(text.as_str()).to_string();
        let escaped = escaped
            .strip_prefix('"')
            .and_then(|escaped| escaped.strip_suffix('"'));
        if let Some(escaped) = escaped {
            self.insert(escaped.to_owned());
        }
        self.insert(text);
    }

    fn insert(&mut self, text: String) {
        let order = |known: &String| {
            (std::cmp::Reverse(known.chars().count()), known.as_str())
                .cmp(&(std::cmp::Reverse(text.chars().count()), text.as_str()))
        };
        if let Err(position) = self.texts.binary_search_by(order) {
            self.texts.insert(position, text);
        }
    }

    /// Adds every text and number in a value, at any depth, as core does: not the keys, no
    /// booleans.
    pub fn add_value(&mut self, value: &Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => self.add(text.as_str()),
            Value::Number(_) => self.add(python::str(value)),
            Value::Array(elements) => elements.iter().for_each(|element| self.add_value(element)),
            Value::Object(map) => map.values().for_each(|element| self.add_value(element)),
        }
    }

    /// Adds everything of another collection.
    pub fn extend(&mut self, other: &Self) {
        for text in &other.texts {
            self.insert(text.clone());
        }
    }

    /// Whether the text is one of the secrets.
    pub fn contains(&self, text: &str) -> bool {
        self.texts.iter().any(|secret| secret == text)
    }

    /// The text without secrets.
    pub fn mask_text(&self, text: &str) -> String {
        if self.contains(text) {
            return PLACEHOLDER.to_owned();
        }
        self.texts
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, STARS))
    }

    /// Takes the secrets out of a value, at any depth, as `remove_values` of core does.
    ///
    /// Texts and numbers are masked; keys, booleans and null stay, so that the shape of a result
    /// never depends on a secret.
    pub fn mask(&self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => *text = self.mask_text(text),
            Value::Number(_) => {
                let number = python::str(value);
                if self.texts.iter().any(|secret| number.contains(secret)) {
                    *value = Value::from(PLACEHOLDER);
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.mask(element)),
            Value::Object(map) => self.mask_map(map),
        }
    }

    /// [`Self::mask`] for a map.
    pub fn mask_map(&self, map: &mut Map<String, Value>) {
        map.values_mut().for_each(|value| self.mask(value));
    }

    /// Collects the values of all secret options as they came, also by an alias, also where
    /// validation would stop.
    pub(crate) fn add_arguments(&mut self, options: &[OptionSpec], arguments: &Map<String, Value>) {
        for option in options {
            for name in names(option) {
                let Some(value) = arguments.get(name) else {
                    continue;
                };
                if option.no_log {
                    self.add_option(value);
                } else if let Some(options) = sub_options(&option.kind) {
                    self.add_sub_options(options, value);
                }
            }
        }
    }

    /// Adds the value of a secret option.
    pub(crate) fn add_option(&mut self, value: &Value) {
        // A bare zero is what core leaves out too: masking it would mask every `10`.
        if value.as_f64() != Some(0.0) {
            self.add_value(value);
        }
    }

    fn add_sub_options(&mut self, options: &[OptionSpec], value: &Value) {
        match value {
            Value::Object(map) => self.add_arguments(options, map),
            Value::Array(elements) => elements
                .iter()
                .for_each(|element| self.add_sub_options(options, element)),
            Value::String(text) => match mapping::from_text(text) {
                Ok(map) => self.add_arguments(options, &map),
                Err(_) if holds_secret(options) => self.add(text.as_str()),
                Err(_) => {}
            },
            _ => {}
        }
    }
}

/// The arguments with the value of every secret option replaced, and nothing but known options:
/// the value of a misspelled one may be the secret.
pub(crate) fn masked_arguments(
    options: &[OptionSpec],
    arguments: &Map<String, Value>,
    secrets: &Secrets,
) -> Map<String, Value> {
    let mut masked = Map::new();
    for option in options {
        for name in names(option) {
            if let Some(value) = arguments.get(name) {
                masked.insert(name.to_owned(), masked_option(option, value, secrets));
            }
        }
    }
    masked
}

fn masked_option(option: &OptionSpec, value: &Value, secrets: &Secrets) -> Value {
    if option.no_log && !value.is_null() {
        return Value::from(PLACEHOLDER);
    }
    sub_options(&option.kind).map_or_else(
        || masked_value(value, secrets),
        |options| masked_sub_options(options, value, secrets),
    )
}

fn masked_value(value: &Value, secrets: &Secrets) -> Value {
    let mut value = value.clone();
    secrets.mask(&mut value);
    value
}

fn masked_sub_options(options: &[OptionSpec], value: &Value, secrets: &Secrets) -> Value {
    match value {
        Value::Object(map) => Value::Object(masked_arguments(options, map, secrets)),
        Value::Array(elements) => elements
            .iter()
            .map(|element| masked_sub_options(options, element, secrets))
            .collect(),
        Value::Null => Value::Null,
        // Of the wrong shape: what in it is secret cannot be told.
        _ if holds_secret(options) => Value::from(PLACEHOLDER),
        other => masked_value(other, secrets),
    }
}

fn names(option: &OptionSpec) -> impl Iterator<Item = &'static str> {
    std::iter::once(option.name).chain(option.aliases.iter().copied())
}

/// The sub-options of a dict or of a list of dicts; none when any key may stand there.
pub(crate) fn sub_options(kind: &Kind) -> Option<&'static [OptionSpec]> {
    match kind {
        Kind::Dict(options) | Kind::List(Kind::Dict(options)) if !options.is_empty() => {
            Some(options)
        }
        _ => None,
    }
}

fn holds_secret(options: &[OptionSpec]) -> bool {
    options
        .iter()
        .any(|option| option.no_log || sub_options(&option.kind).is_some_and(holds_secret))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        for text in texts {
            secrets.add(*text);
        }
        secrets
    }

    #[test]
    fn the_longest_secret_goes_first() {
        let secrets = secrets(&["pass", "password1", ""]);
        assert_eq!(
            secrets.mask_text("password1, pass: 1"),
            "********, ********: 1"
        );
        assert_eq!(secrets.mask_text("password1"), PLACEHOLDER);
        assert_eq!(secrets.mask_text("nothing"), "nothing");
    }

    #[test]
    fn a_secret_inside_a_quoted_text_is_found() {
        let secrets = secrets(&["a\"b\nc", "d\""]);
        let body = json!({ "body": json!({"p": "a\"b\nc", "q": "d\""}).to_string() });
        let mut masked = body;
        secrets.mask(&mut masked);
        assert_eq!(
            masked,
            json!({"body": r#"{"p":"********","q":"********"}"#})
        );
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", secrets(&["hunter2"])), "Secrets(..)");
    }
}
