//! What differs from run to run, and must differ in the same way: an identifier that was new in
//! the recording is new here, one that was kept is kept.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::check::text_of;

/// Numbers that depend on the moment, the machine or the file system.
const VOLATILE_NUMBERS: [&str; 2] = ["ctime", "used"];

/// Parts of texts that are never the same twice.
const VOLATILE_TEXT: &str = concat!(
    r"UPID:(?:[^:]*):(?:[^:]*):(?:[^:]*):(?:[^:]*):",
    r"|vzdumptmp\d+",
    r"|, [\d.]+[KMGT]?i?B/s",
    r"|\(\d\d:\d\d:\d\d\)",
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    r"|archive file size: \S+",
    r"|ctime=\d+",
);

/// Identifiers: each of the recording stands for one of this run.
const IDENTIFIER: &str = concat!(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"|BC:24:11(?::[0-9A-F]{2}){3}",
    r"|\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d",
);

/// What identifiers of the recording stand for, both ways.
#[derive(Debug, Default)]
pub(super) struct Varying {
    here: BTreeMap<String, String>,
    recorded: BTreeMap<String, String>,
}

impl Varying {
    /// A request of the recording in the words of this run.
    pub(super) fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let mut text = text.clone();
                for (recorded, here) in self.here.iter().filter(|(old, new)| old != new) {
                    text = text.replace(recorded, here);
                }
                text.into()
            }
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(object) => object
                .iter()
                .map(|(name, value)| (name.clone(), self.fill_value(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    /// Notes which archive of this run is which of the recording.
    pub(super) fn learn_archive(&mut self, recorded: &Value, log: &[String]) {
        let Ok(stamp) = Regex::new(r"creating vzdump archive '[^']*(\d{4}_\S{14})\.") else {
            return;
        };
        let found = |line: &str| Some(stamp.captures(line)?.get(1)?.as_str().to_owned());
        let old = lines(recorded).into_iter().find_map(found);
        let new = log.iter().find_map(|line| found(line));
        if let (Some(old), Some(new)) = (old, new) {
            self.same(&old, &new);
        }
    }

    /// The first difference of two bodies.
    pub(super) fn difference(&mut self, want: &Value, got: &Value) -> Option<String> {
        self.compare(want, got, "$")
    }

    fn compare(&mut self, want: &Value, got: &Value, path: &str) -> Option<String> {
        match (want, got) {
            (Value::String(want), Value::String(got)) => {
                let digest = path.ends_with(".digest") && want.len() == got.len();
                let found = self.text_difference(want, got).filter(|_| !digest);
                found.map(|text| format!("{path}: {text}"))
            }
            (Value::Object(wanted), Value::Object(object)) => {
                if let Some(key) = object.keys().find(|key| !wanted.contains_key(*key)) {
                    return Some(format!("{path}.{key} is there and should not be"));
                }
                wanted.iter().find_map(|(key, want)| {
                    let place = format!("{path}.{key}");
                    match object.get(key) {
                        None => Some(format!("{place} is missing, wanted {want}")),
                        Some(got) if may_differ(key, wanted, want, got) => None,
                        Some(got) => self.compare(want, got, &place),
                    }
                })
            }
            (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
                let (wanted, items) = (by_volume(wanted), by_volume(items));
                let mut pairs = wanted.into_iter().zip(items).enumerate();
                pairs.find_map(|(index, (want, got))| {
                    self.compare(want, got, &format!("{path}[{index}]"))
                })
            }
            (want, got) if want == got => None,
            (want, got) => Some(format!("{path}: {got}, wanted {want}")),
        }
    }

    /// The first difference of two logs.
    pub(super) fn log_difference(&mut self, recorded: &Value, log: &[String]) -> Option<String> {
        // How often progress is told depends on the speed of the machine.
        let is_told = |line: &str| !line.starts_with("progress ");
        let mut wanted = lines(recorded);
        wanted.retain(|line| is_told(line));
        let mut log: Vec<&str> = log.iter().map(String::as_str).collect();
        log.retain(|line| is_told(line));
        for (want, got) in wanted.iter().zip(&log) {
            if want.contains("starting new backup job") {
                // PVE writes the options into this line in random order.
                let words = |line: &str| {
                    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
                    words.sort();
                    words.join(" ")
                };
                if words(want) == words(got) {
                    continue;
                }
            }
            if let Some(difference) = self.text_difference(want, got) {
                return Some(difference);
            }
        }
        match (wanted.get(log.len()), log.get(wanted.len())) {
            (Some(missing), _) => Some(format!("the line `{missing}` is missing")),
            (_, Some(extra)) => Some(format!("the line `{extra}` is too much")),
            _ => None,
        }
    }

    /// Whether two texts differ in more than what always varies.
    pub(super) fn text_difference(&mut self, want: &str, got: &str) -> Option<String> {
        let differs = || Some(format!("`{got}`, wanted `{want}`"));
        let Ok(volatile) = Regex::new(VOLATILE_TEXT) else {
            return differs();
        };
        let Ok(identifier) = Regex::new(IDENTIFIER) else {
            return differs();
        };
        let plain = |text: &str| {
            let text = volatile.replace_all(text, "<varies>");
            identifier.replace_all(&text, "<id>").into_owned()
        };
        if plain(want) != plain(got) {
            return differs();
        }
        let old = identifier.find_iter(want).map(|found| found.as_str());
        let new = identifier.find_iter(got).map(|found| found.as_str());
        let pairs: Vec<_> = old.zip(new).collect();
        let all_fit = pairs.into_iter().all(|(old, new)| self.same(old, new));
        if all_fit { None } else { differs() }
    }

    // Whether an identifier of the recording can be that one here; if so, it is from now on.
    fn same(&mut self, recorded: &str, here: &str) -> bool {
        match (self.here.get(recorded), self.recorded.get(here)) {
            (None, None) => {
                self.here.insert(recorded.to_owned(), here.to_owned());
                self.recorded.insert(here.to_owned(), recorded.to_owned());
                true
            }
            (bound, _) => bound.is_some_and(|bound| bound == here),
        }
    }
}

// The size of a compressed archive depends on the times in it.
fn may_differ(key: &str, object: &Map<String, Value>, want: &Value, got: &Value) -> bool {
    let archive = object.get("content").and_then(Value::as_str) == Some("backup");
    let volatile = VOLATILE_NUMBERS.contains(&key) || (key == "size" && archive);
    volatile && want.is_i64() && got.is_i64()
}

// Lists come in the order of Perl's hashes.
fn by_volume(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    items.sort_by_key(|item| (text_of(item, "volid"), text_of(item, "name")));
    items
}

fn lines(task: &Value) -> Vec<&str> {
    let log = task.get("log").and_then(Value::as_array);
    log.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const A: &str = "6a35c5c5-aaaa-4bbb-8ccc-000000000001";
    const B: &str = "6a35c5c5-aaaa-4bbb-8ccc-000000000002";

    #[test]
    fn an_identifier_that_was_new_must_be_new_here() {
        let mut varying = Varying::default();
        assert_eq!(varying.text_difference(A, B), None);
        assert_eq!(varying.text_difference(A, B), None);
        assert!(varying.text_difference(B, B).is_some());
        assert!(varying.text_difference(A, A).is_some());
    }

    #[test]
    fn rates_vary_and_amounts_do_not() {
        let mut varying = Varying::default();
        let line = "Total bytes read: 20480 (20KiB, 16MiB/s)";
        let other = "Total bytes read: 20480 (20KiB, 3.2GiB/s)";
        assert_eq!(varying.text_difference(line, other), None);
        let wrong = other.replace("20480", "10240");
        assert!(varying.text_difference(line, &wrong).is_some());
    }

    #[test]
    fn a_volume_too_few_is_a_difference() {
        let mut varying = Varying::default();
        let volume = |id: &str| json!({"volid": id, "ctime": 1, "content": "images", "size": 8});
        let want = json!([volume("a"), volume("b")]);
        assert_eq!(
            varying.difference(&want, &json!([volume("b"), volume("a")])),
            None
        );
        assert!(
            varying
                .difference(&want, &json!([volume("a")]))
                .is_some_and(|text| text.contains("wanted"))
        );
    }
}
