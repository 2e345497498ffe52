//! Request bodies and queries: form, JSON, and what PVE says to anything else.

use percent_encoding::percent_decode;
use serde_json::Value;

use crate::parameters::{Parameter, Parameters};
use crate::refusal::Refusal;

const DECODER: &str = "at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 917.";

/// Reads a query string or a form body into `parameters`.
pub(crate) fn form(text: &[u8], parameters: &mut Parameters) {
    for part in text.split(|byte| *byte == b'&') {
        if part.is_empty() {
            continue;
        }
        let (name, value) = match part.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let (name, rest) = part.split_at(at);
                (name, rest.get(1..).unwrap_or_default())
            }
            None => (part, &[][..]),
        };
        parameters.append(&unescape(name), unescape(value));
    }
}

fn unescape(text: &[u8]) -> String {
    let plain: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&plain).decode_utf8_lossy().into_owned()
}

/// Reads a body by its content type.
///
/// # Errors
/// What PVE's web server answers to bodies that it cannot read.
pub(crate) fn body(
    content_type: Option<&str>,
    body: &[u8],
    parameters: &mut Parameters,
) -> Result<(), Refusal> {
    let kind = content_type
        .and_then(|value| value.split(';').next())
        .map_or("", str::trim);
    match kind {
        "" | "application/x-www-form-urlencoded" => {
            form(body, parameters);
            Ok(())
        }
        "application/json" => json(body, parameters),
        other => Err(Refusal::plain(
            506,
            format!("upload 'Content-Type '{other}' not implemented"),
        )),
    }
}

fn json(body: &[u8], parameters: &mut Parameters) -> Result<(), Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| malformed(body, &error))?;
    let Value::Object(object) = value else {
        let text = "Not a HASH reference at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 957.\n";
        return Err(Refusal::plain(500, text));
    };
    for (name, value) in object {
        parameters.set(&name, parameter(value));
    }
    Ok(())
}

fn malformed(body: &[u8], error: &serde_json::Error) -> Refusal {
    let text = String::from_utf8_lossy(body);
    // serde counts columns from 1 and names the character that it could not use.
    let offset = if error.is_eof() {
        text.len()
    } else {
        error.column().saturating_sub(1)
    };
    let rest: String = text.chars().skip(offset).take(20).collect();
    let before = match rest.trim_end_matches('}') {
        "" => "(end of string)",
        rest => rest,
    };
    let what = if error.to_string().starts_with("key must be a string") {
        "'\"' expected"
    } else {
        "malformed JSON string, neither tag, array, object, number, string or atom"
    };
    let text = format!("{what}, at character offset {offset} (before \"{before}\") {DECODER}\n");
    Refusal::plain(500, text)
}

fn parameter(value: Value) -> Parameter {
    match value {
        Value::Null => Parameter::Undefined,
        Value::Object(_) => Parameter::Hash,
        Value::Array(items) => Parameter::List(items.into_iter().map(scalar).collect()),
        other => Parameter::Text(scalar(other)),
    }
}

fn scalar(value: Value) -> String {
    match value {
        Value::Bool(flag) => if flag { "1" } else { "0" }.to_owned(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: Option<&str>, text: &str) -> Result<Parameters, Refusal> {
        let mut parameters = Parameters::default();
        body(content_type, text.as_bytes(), &mut parameters).map(|()| parameters)
    }

    #[test]
    fn plus_and_percent_are_blanks_and_bytes() {
        let parameters = read(None, "a=x+y%20z&=q&b").unwrap();
        assert_eq!(parameters.text("a"), Some("x y z"));
        assert_eq!(parameters.text(""), Some("q"));
        assert_eq!(parameters.text("b"), Some(""));
    }

    #[test]
    fn json_scalars_become_text() {
        let parameters = read(
            Some("application/json; charset=utf-8"),
            r#"{"all":true,"n":5,"l":["a",1],"h":{},"u":null}"#,
        )
        .unwrap();
        assert_eq!(parameters.text("all"), Some("1"));
        assert_eq!(parameters.text("n"), Some("5"));
        assert_eq!(
            parameters.get("l"),
            Some(&Parameter::List(vec!["a".to_owned(), "1".to_owned()]))
        );
        assert_eq!(parameters.get("h"), Some(&Parameter::Hash));
        assert_eq!(parameters.get("u"), Some(&Parameter::Undefined));
    }

    #[test]
    fn broken_bodies_are_500_in_plain_text() {
        let refusal = read(Some("application/json"), "{bad").unwrap_err();
        assert_eq!(
            refusal.message(),
            "'\"' expected, at character offset 1 (before \"bad\") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 917.\n"
        );
        let refusal = read(Some("application/json"), "").unwrap_err();
        assert_eq!(
            refusal.message(),
            "malformed JSON string, neither tag, array, object, number, string or atom, at character offset 0 (before \"(end of string)\") at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 917.\n"
        );
        assert_eq!(
            read(Some("application/json"), "[1]").unwrap_err().status(),
            500
        );
        assert_eq!(read(Some("text/plain"), "a=1").unwrap_err().status(), 506);
    }
}
