//! How Python writes a value: the texts of `AnsibleModule` are made of `str()` and `repr()`.

use serde_json::{Number, Value};

/// The name of the value's type, as `native_type_name` of ansible-core gives it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if is_float(number) => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// Whether Python would read the number as a `float`.
fn is_float(number: &Number) -> bool {
    number.as_i64().is_none() && number.as_u64().is_none()
}

/// `str(value)`.
pub(crate) fn str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if is_float(number) => repr_float(float),
            _ => number.to_string(),
        },
        Value::String(text) => repr_text(text),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(repr).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", repr_text(key), repr(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The shortest digits that read back as the same number, with an exponent where Python has one.
fn repr_float(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    }
}

/// A text in quotes: single ones, unless the text has those and no double ones.
fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => {
                out.push('\\');
                out.push(character);
            }
            _ if is_printable(character) => out.push(character),
            _ => push_escaped(&mut out, character),
        }
    }
    out.push(quote);
    out
}

/// `str.isprintable()` of one character.
fn is_printable(character: char) -> bool {
    // The standard library escapes by the same Unicode categories as Python, and a combining
    // mark only at the start of a text: hence the letter in front.
    let probe = format!("a{character}");
    matches!(character, '\'' | '"') || probe.escape_debug().eq(probe.chars())
}

fn push_escaped(out: &mut String, character: char) {
    let code = u32::from(character);
    let escaped = match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    out.push_str(&escaped);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let cases = [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(-7), "-7"),
            (json!(1.0), "1.0"),
            (json!(1e16), "1e+16"),
            (json!(1e15), "1000000000000000.0"),
            (json!(0.00012), "0.00012"),
            (json!(1.25e-5), "1.25e-05"),
            (json!("it's"), r#""it's""#),
            (json!("both ' and \""), r#"'both \' and "'"#),
            (
                json!("a\n\u{7f}\u{e9}\u{200b}\u{e0001}"),
                "'a\\n\\x7f\u{e9}\\u200b\\U000e0001'",
            ),
            (json!("e\u{301}"), "'e\u{301}'"),
            (json!([1, "a", {"k": null}]), "[1, 'a', {'k': None}]"),
        ];
        for (value, expected) in cases {
            assert_eq!(repr(&value), expected);
        }
        assert_eq!(str(&json!("plain")), "plain");
    }
}
