//! Whether an answer is the recorded one, except where the recording itself says that it varies.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::Value;

use super::paths::{Names, Step, concrete, shape};
use super::text_of;
use crate::http::envelope::Answer;

/// The rules of one record.
#[derive(Debug, Default)]
struct Rules {
    volatile: BTreeSet<Vec<Step>>,
    shapes: BTreeMap<Vec<Step>, Regex>,
    unordered: BTreeSet<Vec<Step>>,
    unordered_parts: BTreeSet<Vec<Step>>,
}

/// The first difference between an answer and a recorded one. `recorded` and `here` are what the
/// names of the scenario stood for in the recording and stand for now.
pub(super) fn difference(
    record: &Value,
    answer: &Answer,
    recorded: &Names,
    here: &Names,
) -> Option<String> {
    let response = record.get("response")?;
    if response.get("status").and_then(Value::as_u64) != Some(answer.status.into()) {
        return Some(format!(
            "status {} {}, wanted {response}",
            answer.status, answer.reason
        ));
    }
    let volatile = strings(record, "volatile");
    let reason = text_of(response, "reason");
    if !volatile.contains(&"reason") && reason != answer.reason {
        return Some(format!("reason {}, wanted {reason}", answer.reason));
    }
    let kind = response.get("content_type").and_then(Value::as_str);
    if kind != answer.content_type {
        return Some(format!("type {:?}, wanted {kind:?}", answer.content_type));
    }
    let got = serde_json::from_str(&answer.body).unwrap_or_else(|_| answer.body.clone().into());
    let want = response.get("body").unwrap_or(&Value::Null);
    let rules = Rules::of(record, want, recorded, here);
    rules.compare(want, &got, &mut Vec::new())
}

fn strings<'value>(value: &'value Value, name: &str) -> Vec<&'value str> {
    let list = value.get(name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

impl Rules {
    fn of(record: &Value, body: &Value, recorded: &Names, here: &Names) -> Self {
        let places = |name: &str| -> BTreeSet<Vec<Step>> {
            let paths = strings(record, name).into_iter();
            paths
                .flat_map(|path| concrete(path, body, recorded))
                .collect()
        };
        let mut rules = Self {
            volatile: places("volatile"),
            shapes: BTreeMap::new(),
            unordered: places("unordered_paths"),
            unordered_parts: places("unordered_comma"),
        };
        let shapes = record.get("shapes").and_then(Value::as_object);
        for (path, text) in shapes.into_iter().flatten() {
            let regex = text.as_str().and_then(|text| shape(text, here));
            for place in concrete(path, body, recorded) {
                rules
                    .shapes
                    .extend(regex.clone().map(|regex| (place, regex)));
            }
        }
        rules
    }

    fn compare(&self, want: &Value, got: &Value, path: &mut Vec<Step>) -> Option<String> {
        if self.volatile.contains(path) {
            return self.compare_volatile(want, got, path);
        }
        match (want, got) {
            (Value::String(want), Value::String(got)) => self.compare_texts(want, got, path),
            (Value::Object(wanted), Value::Object(object)) => {
                let keys: BTreeSet<&String> = wanted.keys().chain(object.keys()).collect();
                keys.into_iter().find_map(|key| {
                    path.push(Step::Key(key.clone()));
                    let found = match (wanted.get(key), object.get(key)) {
                        (Some(want), Some(got)) => self.compare(want, got, path),
                        (want, got) => Some(say(path, &want, &got)),
                    };
                    path.pop();
                    found
                })
            }
            (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
                self.compare_lists(wanted, items, path)
            }
            (want, got) if want == got => None,
            (want, got) => Some(say(path, want, got)),
        }
    }

    fn compare_volatile(&self, want: &Value, got: &Value, path: &[Step]) -> Option<String> {
        if let (Some(shape), Value::String(text)) = (self.shapes.get(path), got) {
            return (!shape.is_match(text)).then(|| say(path, want, got));
        }
        let same = std::mem::discriminant(want) == std::mem::discriminant(got);
        (!same).then(|| say(path, want, got))
    }

    fn compare_texts(&self, want: &str, got: &str, path: &[Step]) -> Option<String> {
        let secret = ["<ticket>", "<csrf>", "<token-secret>", "<password>"].contains(&want);
        // The recording cut long texts off.
        let cut = want
            .strip_suffix(" ...")
            .is_some_and(|start| got.starts_with(start));
        let parts = |text: &str, separator: char| {
            let mut parts: Vec<String> = text.split(separator).map(str::to_owned).collect();
            parts.sort();
            parts
        };
        let same_parts = self.unordered_parts.contains(path) && parts(want, ',') == parts(got, ',');
        // PVE writes the options into this line in random order.
        let job = want.contains("starting new backup job") && parts(want, ' ') == parts(got, ' ');
        let same = want == got || secret || cut || same_parts || job;
        (!same).then(|| say(path, &want, &got))
    }

    fn compare_lists(
        &self,
        wanted: &[Value],
        items: &[Value],
        path: &mut Vec<Step>,
    ) -> Option<String> {
        let mut in_order = None;
        if !self.unordered.contains(path) {
            in_order = wanted
                .iter()
                .zip(items)
                .enumerate()
                .find_map(|(index, (want, got))| self.compare_item(index, want, got, path));
            // Lists of objects come in the order of Perl's hashes; those of log lines do not.
            let objects = wanted.iter().all(Value::is_object);
            let lines = wanted.iter().any(|item| item.get("t").is_some());
            if in_order.is_none() || !objects || lines {
                return in_order;
            }
        }
        let mut left: Vec<&Value> = items.iter().collect();
        for (index, want) in wanted.iter().enumerate() {
            let place = left
                .iter()
                .position(|got| self.compare_item(index, want, got, path).is_none());
            match place {
                Some(place) => {
                    left.remove(place);
                }
                None => return in_order.or_else(|| Some(say(path, want, &left))),
            }
        }
        None
    }

    fn compare_item(
        &self,
        index: usize,
        want: &Value,
        got: &Value,
        path: &mut Vec<Step>,
    ) -> Option<String> {
        path.push(Step::Index(index));
        let found = self.compare(want, got, path);
        path.pop();
        found
    }
}

fn say(path: &[Step], want: &impl std::fmt::Debug, got: &impl std::fmt::Debug) -> String {
    let steps: Vec<String> = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!(".{key}"),
            Step::Index(index) => format!("[{index}]"),
        })
        .collect();
    let (got, want) = (brief(got), brief(want));
    format!("${}: {got}, wanted {want}", steps.concat())
}

// Whole lists would bury what differs.
fn brief(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
