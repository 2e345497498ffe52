//! Results on standard output: JSON with sorted keys as Perl's `JSON` writes it, YAML, tables.
//!
//! A real node knows of each call which columns a table has, their titles and units. Here a table
//! shows every key there is, as it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::command_line::Style;

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    JsonPretty,
    Yaml,
}

impl Format {
    /// By its name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "json-pretty" => Self::JsonPretty,
            "yaml" => Self::Yaml,
            _ => return None,
        })
    }
}

/// A result as it is printed; nothing of no result.
pub(super) fn write(value: &Value, style: Style) -> String {
    if style.quiet || value.is_null() {
        return String::new();
    }
    match style.format {
        Format::Json => format!("{}\n", json(value)),
        Format::JsonPretty => {
            format!("{}\n", pretty(value, 0))
        }
        Format::Yaml => {
            format!("---{}\n", yaml(value, 0))
        }
        Format::Text => text(value, style),
    }
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut pairs: Vec<_> = object.iter().collect();
    pairs.sort_by_key(|(name, _)| *name);
    pairs
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Number(number) => self::number(number),
        other => other.to_string(),
    }
}

// Perl writes fifteen digits, Rust as many as are needed.
fn number(number: &serde_json::Number) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    // `1.15755780496398e-1`: one digit, and fourteen behind the point.
    let scientific = format!("{value:.14e}");
    let rounded: f64 = scientific.parse().unwrap_or(value);
    rounded.to_string()
}

fn json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let pairs: Vec<String> = sorted(object)
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), json(value)))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        other => scalar(other),
    }
}

fn pretty(value: &Value, depth: usize) -> String {
    let indent = "   ".repeat(depth + 1);
    let close = "   ".repeat(depth);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("{indent}{}", pretty(item, depth + 1)))
                .collect();
            format!("[\n{}\n{close}]", items.join(",\n"))
        }
        Value::Object(object) if !object.is_empty() => {
            let pairs: Vec<String> = sorted(object)
                .into_iter()
                .map(|(name, value)| {
                    let name = Value::from(name.as_str());
                    format!("{indent}{name} : {}", pretty(value, depth + 1))
                })
                .collect();
            format!("{{\n{}\n{close}}}", pairs.join(",\n"))
        }
        other => json(other),
    }
}

// With what stands before it: a blank, or the start of a line.
fn yaml(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| {
                let inner = yaml(item, depth + 1);
                // The first key stands behind the dash.
                format!("\n{indent}- {}", inner.trim_start())
            });
            items.collect::<Vec<_>>().concat()
        }
        Value::Object(object) if !object.is_empty() => {
            let pairs = sorted(object).into_iter().map(|(name, value)| {
                let depth = if value.is_array() { depth } else { depth + 1 };
                format!("\n{indent}{name}:{}", yaml(value, depth))
            });
            pairs.collect::<Vec<_>>().concat()
        }
        Value::Null => " ~".to_owned(),
        Value::String(string) => format!(" {}", yaml_text(string)),
        other => format!(" {}", json(other)),
    }
}

// Perl quotes what would be read as something else.
fn yaml_text(text: &str) -> String {
    let plain = !text.is_empty()
        && text.parse::<f64>().is_err()
        && !text.contains('\n')
        && !text.contains(": ")
        && !text.starts_with(|first: char| "!&*{}[]|>@`'\"#%,?:-~ ".contains(first))
        && !text.ends_with([':', ' '])
        && !matches!(text, "true" | "false" | "null");
    if plain {
        return text.to_owned();
    }
    if text.contains('\n') {
        return Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

fn text(value: &Value, style: Style) -> String {
    match value {
        Value::Object(object) => {
            let rows = sorted(object).into_iter();
            let rows = rows.map(|(name, value)| vec![name.clone(), cell(value)]);
            table(
                &["key".to_owned(), "value".to_owned()],
                rows.collect(),
                style,
            )
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let objects = || items.iter().filter_map(Value::as_object);
            let names: BTreeSet<&String> = objects().flat_map(Map::keys).collect();
            let rows = objects().map(|object| {
                let cells = names
                    .iter()
                    .map(|name| object.get(*name).map_or_else(String::new, cell));
                cells.collect()
            });
            let titles: Vec<String> = names.iter().map(|name| (*name).clone()).collect();
            let mut rows: Vec<Vec<String>> = rows.collect();
            rows.sort();
            table(&titles, rows, style)
        }
        Value::Array(items) => {
            let lines: Vec<String> = items.iter().map(|item| cell(item) + "\n").collect();
            lines.concat()
        }
        other => format!("{}\n", cell(other)),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => json(other),
    }
}

fn table(titles: &[String], rows: Vec<Vec<String>>, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells
                .flat_map(|cell| cell.lines())
                .map(|line| line.chars().count());
            let title = if style.header {
                title.chars().count()
            } else {
                0
            };
            widest.max().unwrap_or(0).max(title)
        })
        .collect();
    let rule = |left: char, fill: char, cross: char, right: char| {
        let parts: Vec<String> = widths
            .iter()
            .map(|width| String::from(fill).repeat(width + 2))
            .collect();
        format!("{left}{}{right}\n", parts.join(&cross.to_string()))
    };
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        if style.border {
            format!("│ {} │\n", cells.join(" │ "))
        } else {
            format!("{}\n", cells.join(" "))
        }
    };
    let mut lines = Vec::new();
    if style.header {
        lines.push(line(titles));
    }
    for row in rows {
        // A cell with several lines is several rows, without a rule between them.
        let height = row
            .iter()
            .map(|cell| cell.lines().count())
            .max()
            .unwrap_or(1)
            .max(1);
        let part = |number: usize| {
            let cells = row.iter();
            cells
                .map(|cell| cell.lines().nth(number).unwrap_or_default().to_owned())
                .collect()
        };
        let parts: Vec<Vec<String>> = (0..height).map(part).collect();
        lines.push(parts.iter().map(|cells| line(cells)).collect());
    }
    if !style.border {
        return lines.concat();
    }
    let mut text = rule('┌', '─', '┬', '┐');
    for (number, line) in lines.iter().enumerate() {
        if number == 1 && style.header {
            text.push_str(&rule('╞', '═', '╪', '╡'));
        } else if number > 0 {
            text.push_str(&rule('├', '─', '┼', '┤'));
        }
        text.push_str(line);
    }
    text.push_str(&rule('└', '─', '┴', '┘'));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value, format: Format) -> String {
        let style = Style {
            format,
            ..Style::default()
        };
        write(value, style)
    }

    #[test]
    fn keys_are_sorted_and_numbers_have_fifteen_digits() {
        let value = json!({"b": 0.115_755_780_496_398_45, "a": [1, "x/ä"], "c": 2.0});
        assert_eq!(
            written(&value, Format::Json),
            "{\"a\":[1,\"x/ä\"],\"b\":0.115755780496398,\"c\":2}\n"
        );
        assert_eq!(written(&Value::Null, Format::Json), "");
        assert_eq!(written(&json!("101"), Format::Json), "\"101\"\n");
        assert_eq!(written(&json!("101"), Format::Text), "101\n");
    }

    // As a real node printed them.
    #[test]
    fn the_other_formats() {
        let version = json!({"version": "8.4.21", "release": "8.4", "repoid": "0123456789abcdef"});
        assert_eq!(
            written(&version, Format::JsonPretty),
            "{\n   \"release\" : \"8.4\",\n   \"repoid\" : \"0123456789abcdef\",\n   \"version\" : \"8.4.21\"\n}\n"
        );
        assert_eq!(
            written(&version, Format::Yaml),
            "---\nrelease: '8.4'\nrepoid: 0123456789abcdef\nversion: 8.4.21\n"
        );
        assert_eq!(
            written(&version, Format::Text),
            "┌─────────┬──────────────────┐\n│ key     │ value            │\n╞═════════╪══════════════════╡\n│ release │ 8.4              │\n├─────────┼──────────────────┤\n│ repoid  │ 0123456789abcdef │\n├─────────┼──────────────────┤\n│ version │ 8.4.21           │\n└─────────┴──────────────────┘\n"
        );
        let jobs = json!([{"id": "j1", "exclude": "110"}, {"id": "j2", "enabled": 0}]);
        assert_eq!(
            written(&jobs, Format::Yaml),
            "---\n- exclude: '110'\n  id: j1\n- enabled: 0\n  id: j2\n"
        );
    }
}
