//! Paths into recorded bodies: `$.data[id=node/pve1].cpu`.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

/// One step of a path into one body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What names stood for, by name.
pub(super) type Names = BTreeMap<String, String>;

/// The places of a body that a path stands for.
pub(super) fn concrete(path: &str, body: &Value, names: &Names) -> Vec<Vec<Step>> {
    let Ok(pattern) = Regex::new(r"\.([^.\[]+)|\[([^\]]*)\]") else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<Step>, &Value)> = vec![(Vec::new(), body)];
    for captures in pattern.captures_iter(path.get(1..).unwrap_or_default()) {
        let key = captures.get(1).map(|group| group.as_str());
        let selector = captures.get(2).map_or("", |group| group.as_str());
        let mut next = Vec::new();
        for (steps, value) in found {
            let extended = |step: Step| {
                let mut steps = steps.clone();
                steps.push(step);
                steps
            };
            match (key, value) {
                (Some(key), Value::Object(object)) => {
                    if let Some(inner) = object.get(key) {
                        next.push((extended(Step::Key(key.to_owned())), inner));
                    }
                }
                (None, Value::Array(items)) => {
                    for (index, item) in items.iter().enumerate() {
                        if selects(selector, index, item, names) {
                            next.push((extended(Step::Index(index)), item));
                        }
                    }
                }
                _ => {}
            }
        }
        found = next;
    }
    found.into_iter().map(|(steps, _)| steps).collect()
}

fn selects(selector: &str, index: usize, item: &Value, names: &Names) -> bool {
    if selector == "*" {
        return true;
    }
    let Some((key, wanted)) = selector.split_once('=') else {
        return selector.parse() == Ok(index);
    };
    let text = match item.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => return false,
    };
    shape(wanted, names).is_some_and(|shape| shape.is_match(&text))
}

/// A text with `<…>` for what changes and `${name}` for what a name stands for.
pub(super) fn shape(text: &str, names: &Names) -> Option<Regex> {
    let changing = Regex::new(r"<[^<>]*>|\$\{([^}]*)\}").ok()?;
    let mut pattern = String::from("(?s)^");
    let mut end = 0;
    for captures in changing.captures_iter(text) {
        let whole = captures.get(0)?;
        pattern.push_str(&regex_lite::escape(text.get(end..whole.start())?));
        match captures.get(1) {
            None => pattern.push_str(".*?"),
            Some(name) => match names.get(name.as_str()) {
                Some(value) => pattern.push_str(&regex_lite::escape(value)),
                None => pattern.push_str(".+?"),
            },
        }
        end = whole.end();
    }
    pattern.push_str(&regex_lite::escape(text.get(end..)?));
    pattern.push('$');
    Regex::new(&pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_choose_by_a_key() {
        let body = json!({"data": [{"id": "a", "x": 1}, {"id": "b", "x": 2}]});
        let names = Names::from([("n".to_owned(), "b".to_owned())]);
        let found = concrete("$.data[id=${n}].x", &body, &names);
        assert_eq!(
            found,
            [[
                Step::Key("data".into()),
                Step::Index(1),
                Step::Key("x".into())
            ]]
        );
        assert_eq!(concrete("$.data[*].x", &body, &names).len(), 2);
    }

    #[test]
    fn shapes_leave_only_the_marked_parts_open() {
        let shape = shape("took <n> s (100%)", &Names::new()).unwrap();
        assert!(shape.is_match("took 3 s (100%)"));
        assert!(!shape.is_match("took 3 s (50%)"));
    }
}
