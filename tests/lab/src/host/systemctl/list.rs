//! Lists: units, their files, timers.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::show::time;
use super::state::{Active, States};
use super::units::{Unit, names};
use super::{Node, Outcome};

/// A table: column names, rows, and what is counted below.
struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    counted: &'static str,
}

impl Table {
    fn print(&self, arguments: &Arguments) -> Outcome {
        if arguments.values("--output").contains(&"json") {
            return Outcome::said(format!("{}\n", self.json()));
        }
        let legend = !arguments.has("--no-legend");
        let header: Vec<String> = self
            .columns
            .iter()
            .map(|name| name.to_uppercase())
            .collect();
        let lines = legend.then_some(&header).into_iter().chain(&self.rows);
        let width = |column: usize| {
            let cells = lines.clone().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let mut text = String::new();
        for row in lines.clone() {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            text.push_str(cells.join(" ").trim_end());
            text.push('\n');
        }
        if legend {
            let _never = writeln!(text, "\n{} {} listed.", self.rows.len(), self.counted);
        }
        Outcome::said(text)
    }

    fn json(&self) -> Value {
        let row = |cells: &Vec<String>| -> Value {
            let pairs = self.columns.iter().zip(cells);
            Value::Object(
                pairs
                    .map(|(name, cell)| ((*name).to_owned(), json!(cell)))
                    .collect(),
            )
        };
        Value::Array(self.rows.iter().map(row).collect())
    }
}

/// The units that fit the patterns, types and states that were named.
fn chosen(node: &Node, arguments: &Arguments) -> Result<Vec<(Unit, Active)>> {
    let states = States::open(node)?;
    let kinds = arguments.values("--type");
    let mut chosen = Vec::new();
    for name in names(node) {
        let Some(unit) = Unit::find(node, &name)? else {
            continue;
        };
        let fits = arguments.names.is_empty()
            || arguments
                .names
                .iter()
                .any(|pattern| matches(pattern, &name));
        if fits && (kinds.is_empty() || kinds.contains(&unit.kind())) {
            chosen.push((unit, states.of(&name)));
        }
    }
    Ok(chosen)
}

// Only the star: nothing else stands in patterns of unit names.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = pattern.split('*');
    let Some(after) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
        return false;
    };
    rest = after;
    let Some(last) = pattern.contains('*').then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// `list-units`: what does something, and with `--all` the rest.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn units(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let wanted = arguments.values("--state");
    let shown = chosen(node, arguments)?.into_iter().filter(|(_, active)| {
        if wanted.is_empty() {
            arguments.has("--all") || active.state != "inactive"
        } else {
            wanted.contains(&active.state.as_str()) || wanted.contains(&active.sub.as_str())
        }
    });
    let rows = shown
        .map(|(unit, active)| {
            let description = unit.description().to_owned();
            let load = if unit.masked { "masked" } else { "loaded" };
            vec![
                unit.name,
                load.to_owned(),
                active.state,
                active.sub,
                description,
            ]
        })
        .collect();
    let table = Table {
        columns: &["unit", "load", "active", "sub", "description"],
        rows,
        counted: "loaded units",
    };
    Ok(table.print(arguments))
}

/// `list-unit-files`.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn unit_files(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let wanted = arguments.values("--state");
    let mut rows = Vec::new();
    for (unit, _) in chosen(node, arguments)? {
        let state = unit.enablement(node);
        if wanted.is_empty() || wanted.contains(&state) {
            rows.push(vec![unit.name, state.to_owned(), "enabled".to_owned()]);
        }
    }
    let nothing = rows.is_empty() && !arguments.names.is_empty();
    let table = Table {
        columns: &["unit_file", "state", "preset"],
        rows,
        counted: "unit files",
    };
    let mut outcome = table.print(arguments);
    outcome.code = u8::from(nothing);
    Ok(outcome)
}

/// `list-timers`. None of them ever fires, so there is no next time.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn timers(node: &Node, arguments: &Arguments) -> Result<Outcome> {
    let mut rows = Vec::new();
    for (unit, active) in chosen(node, arguments)? {
        let shown = active.state == "active" || arguments.has("--all");
        if let Some(activates) = unit.activates().filter(|_| shown) {
            let last = match time(states_of(node, &activates)?.since) {
                time if time.is_empty() => "-".to_owned(),
                time => time,
            };
            let dash = || "-".to_owned();
            rows.push(vec![dash(), dash(), last, dash(), unit.name, activates]);
        }
    }
    let table = Table {
        columns: &["next", "left", "last", "passed", "unit", "activates"],
        rows,
        counted: "timers",
    };
    Ok(table.print(arguments))
}

fn states_of(node: &Node, name: &str) -> Result<Active> {
    Ok(States::open(node)?.of(name))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        assert!(matches("reprise-*.timer", "reprise-verify.timer"));
        assert!(matches("*", "a.service"));
        assert!(matches("a.service", "a.service"));
        assert!(!matches("a", "a.service"));
        assert!(!matches("reprise-*.timer", "reprise-verify.service"));
        assert!(matches("*verify*", "reprise-verify.service"));
    }
}
