//! A dictionary written as text: a JSON object, or `key=value` pairs.

use serde_json::{Map, Value};

use crate::args;

/// Reads `{"k": 1}`, `k=v,k2=v2` or `k=v k2="v 2"`.
pub(crate) fn from_text(text: &str) -> Result<Map<String, Value>, String> {
    if text.starts_with('{') {
        match args::parse_json(text) {
            Ok(Value::Object(map)) => Ok(map),
            _ => Err("unable to evaluate string as dictionary".to_owned()),
        }
    } else if text.contains('=') {
        fields(text.trim())
            .iter()
            .map(|field| field.split_once('='))
            .map(|pair| pair.map(|(key, value)| (key.to_owned(), Value::from(value))))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                "unable to evaluate string in the \"key=value\" format as dictionary".to_owned()
            })
    } else {
        Err("dictionary requested, could not parse JSON or key=value".to_owned())
    }
}

/// Splits at commas and blanks that no quote and no backslash protects.
fn fields(text: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => field.extend(characters.next()),
            '\'' | '"' if quote.is_none() => quote = Some(character),
            _ if quote == Some(character) => quote = None,
            ',' | ' ' if quote.is_none() => fields.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
    }
    fields.push(field);
    fields.retain(|field| !field.is_empty());
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_may_be_quoted_and_escaped() {
        let map = from_text(r#" a=1, b="x, y" c=it\'s d='q"q' e== "#).unwrap();
        assert_eq!(
            Value::Object(map),
            json!({"a": "1", "b": "x, y", "c": "it's", "d": "q\"q", "e": "="})
        );
    }

    #[test]
    fn what_is_no_dictionary_is_refused() {
        for text in ["{'a': 1}", "{", "a=1, b", "abc", ""] {
            assert!(from_text(text).is_err(), "{text}");
        }
    }
}
