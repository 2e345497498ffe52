//! JSON of ASCII alone: what passes through any shell, locale and terminal unharmed.

use std::io;

use serde_json::{Value, ser::Formatter};

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for character in fragment.chars() {
            if character.is_ascii() && character != '\u{7f}' {
                write!(writer, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// The value on one line of ASCII.
pub(crate) fn to_line(value: &Value) -> String {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut line, Ascii);
    // A `Value` has text keys and no NaN, and a `Vec` takes all: this cannot fail. If it did, an
    // empty line would make Ansible report the module as failed.
    let written = serde::Serialize::serialize(value, &mut serializer);
    match written {
        Ok(()) => String::from_utf8_lossy(&line).into_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_else_is_escaped() {
        let value = json!({"k\u{e9}": "\u{7f}\n\"\\ \u{1f600} \u{2028}", "n": 1.5});
        let line = to_line(&value);
        assert_eq!(
            line,
            r#"{"k\u00e9":"\u007f\n\"\\ \ud83d\ude00 \u2028","n":1.5}"#
        );
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
