//! YAML as yamllint and readers want it: block style, quotes only where they are needed. Older
//! rules count too: `PyYAML` takes `12:30` for a number and `no` for a boolean.

use serde_json::Value;

/// `key: value` with everything below it.
pub(crate) fn entry(key: &str, value: &Value) -> String {
    let mut out = String::new();
    write_entry(&mut out, 0, key, value);
    out
}

fn write_entry(out: &mut String, depth: usize, key: &str, value: &Value) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(&scalar(&Value::from(key)));
    out.push(':');
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            out.push('\n');
            for (key, value) in entries {
                write_entry(out, depth.saturating_add(1), key, value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&"  ".repeat(depth.saturating_add(1)));
                // A list of lists or of objects is written as JSON, which YAML contains.
                out.push_str("- ");
                out.push_str(&scalar(item));
                out.push('\n');
            }
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Words that YAML 1.1 reads as something else than a text.
const WORDS: [&str; 8] = ["y", "yes", "n", "no", "true", "false", "on", "off"];

fn is_plain(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with(' ')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-/. ".contains(c))
        && !WORDS.contains(&lower.as_str())
        && lower != "null"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::entry;

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({
            "text": "local-backup", "path": "/var/lib/x", "time": "12:30", "words": "no",
            "number": 7, "flag": true, "nothing": null, "list": ["a", "b c", "3"],
            "deep": {"empty": {}, "none": [], "more": {"x": "{{ y }}"}}, "on": 1,
        });
        let text = entry("all", &value);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, json!({"all": value}), "{text}");
        assert!(text.contains("  text: local-backup\n"), "{text}");
        assert!(text.contains("  time: \"12:30\"\n"), "{text}");
    }
}
