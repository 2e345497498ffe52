//! `nodes.*.ip`, and what it finds in a file.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::error::{Error, Kind};
use crate::tree::{Tree, Value};

/// As many names as an error lists.
const SHOWN: usize = 20;

/// Where a value stands: names with dots between them, `*` for every entry.
///
/// Also `nodes[0].ip`, and `nodes["pve.example"].ip` for names with a dot in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The entry of this name, or of a list the element of this number.
    Name(String),
    /// Every entry.
    Every,
}

/// A value that an expression led to.
#[derive(Debug, Clone)]
pub(crate) struct Found<'a> {
    /// The names on the way.
    pub(crate) path: Vec<String>,
    /// What the last `*` stood for.
    pub(crate) label: Option<String>,
    /// In what it stands, the innermost last.
    pub(crate) parents: Vec<&'a Tree>,
    pub(crate) tree: &'a Tree,
}

impl Found<'_> {
    /// The way as a person writes it.
    pub(crate) fn shown(&self) -> String {
        shown(&self.path)
    }
}

fn shown(path: &[String]) -> String {
    let mut text = String::new();
    for name in path {
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if plain {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        } else {
            let _unused = write!(text, "[\"{}\"]", name.escape_debug());
        }
    }
    text
}

impl Expression {
    /// Every value that it leads to; an error when there is none, or one of several is not there.
    pub(crate) fn find<'a>(&self, root: &'a Tree) -> Result<Vec<Found<'a>>, Error> {
        let mut found = vec![Found {
            path: Vec::new(),
            label: None,
            parents: Vec::new(),
            tree: root,
        }];
        for step in &self.steps {
            let mut next = Vec::new();
            for place in &found {
                next.extend(place.step(step)?);
            }
            found = next;
        }
        Ok(found)
    }

    /// What of it is there, without a word about the rest. What would have to be evaluated is
    /// there, wherever it stands on the way.
    pub(crate) fn there<'a>(&self, root: &'a Tree) -> Vec<&'a Tree> {
        let mut found = vec![root];
        for step in &self.steps {
            found = found
                .into_iter()
                .flat_map(|tree| match (&tree.value, step) {
                    (Value::Foreign(_), _) => vec![tree],
                    (Value::Object(entries), Step::Every) => {
                        entries.iter().map(|(_, tree)| tree).collect()
                    }
                    (Value::List(list), Step::Every) => list.iter().collect(),
                    (Value::List(list), Step::Name(number)) => number
                        .parse::<usize>()
                        .ok()
                        .and_then(|number| list.get(number))
                        .into_iter()
                        .collect(),
                    (_, Step::Name(name)) => tree.entry(name).into_iter().collect(),
                    _ => Vec::new(),
                })
                .collect();
        }
        found
    }
}

impl<'a> Found<'a> {
    fn step(&self, step: &Step) -> Result<Vec<Self>, Error> {
        let inside: Vec<(String, &'a Tree)> = match &self.tree.value {
            Value::Object(entries) => entries
                .iter()
                .map(|(name, tree)| (name.clone(), tree))
                .collect(),
            Value::List(list) => list
                .iter()
                .enumerate()
                .map(|(number, tree)| (number.to_string(), tree))
                .collect(),
            Value::Foreign(what) => return Err(not_plain(&self.shown(), what, self.tree)),
            other => {
                return Err(Error::new(
                    Kind::Missing,
                    format!(
                        "`{}` is {} and has nothing below it",
                        self.shown(),
                        other.what()
                    ),
                )
                .at(self.tree.line));
            }
        };
        match step {
            Step::Name(wanted) => match inside.iter().find(|(name, _)| name == wanted) {
                Some((name, tree)) => Ok(vec![self.below(name, tree, self.label.clone())]),
                None => Err(self.missing(wanted, &inside)),
            },
            Step::Every if inside.is_empty() => Err(Error::new(
                Kind::Missing,
                format!("`{}` is empty", self.shown()),
            )
            .at(self.tree.line)),
            Step::Every => Ok(inside
                .iter()
                .map(|(name, tree)| self.below(name, tree, Some(name.clone())))
                .collect()),
        }
    }

    fn below(&self, name: &str, tree: &'a Tree, label: Option<String>) -> Self {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        let mut parents = self.parents.clone();
        parents.push(self.tree);
        Self {
            path,
            label,
            parents,
            tree,
        }
    }

    fn missing(&self, wanted: &str, inside: &[(String, &Tree)]) -> Error {
        let wanted = wanted.escape_debug();
        let names = names(inside.iter().map(|(name, _)| name.as_str()));
        if self.path.is_empty() {
            let message = format!("there is no variable `{wanted}`; the file has {names}");
            return Error::new(Kind::Missing, message);
        }
        let message = format!("`{}` has no `{wanted}`; it has {names}", self.shown());
        Error::new(Kind::Missing, message).at(self.tree.line)
    }
}

/// Names for a sentence.
pub(crate) fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    let mut shown: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|name| {
            let short: String = name.chars().take(64).collect();
            format!("`{}`", short.escape_debug())
        })
        .collect();
    match all.len().saturating_sub(SHOWN) {
        0 if shown.is_empty() => return "nothing".to_owned(),
        0 => {}
        more => shown.push(format!("{more} more")),
    }
    shown.join(", ")
}

/// What would have to be evaluated stands where a value is needed.
pub(crate) fn not_plain(path: &str, what: &str, tree: &Tree) -> Error {
    Error::new(
        Kind::NotPlain,
        format!("`{path}` is {what}, not a plain value; nothing is evaluated here"),
    )
    .at(tree.line)
    .hint("Write the value itself, as Terraform demands of files of variables, or give it in another way: an option, the environment or config.yml.")
}

impl FromStr for Expression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                Kind::Map,
                format!("`{}` is no expression: {why}", text.escape_debug()),
            )
            .hint("Expressions are such as `proxmox_endpoint`, `nodes.prod.ip`, `nodes.*.ip`, `nodes[0].ip`, `nodes[\"a.b\"].ip`.")
        };
        let mut steps = Vec::new();
        let mut rest = text.strip_prefix("var.").unwrap_or(text);
        loop {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = match inside.strip_prefix('"') {
                    Some(quoted) => quoted
                        .split_once("\"]")
                        .map(|(name, after)| (Step::Name(name.to_owned()), after)),
                    None => inside
                        .split_once(']')
                        .map(|(name, after)| (step(name), after)),
                }
                .ok_or_else(|| wrong("`[` is not closed"))?;
                steps.push(step);
                rest = after;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                if name.is_empty() {
                    return Err(wrong("a name is missing"));
                }
                if name != "*" && !name.chars().all(fits) {
                    return Err(wrong(
                        "a name has letters, digits, `_` and `-`; others stand in `[\"…\"]`",
                    ));
                }
                steps.push(step(name));
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => break,
                None if rest.starts_with('[') => {}
                None => return Err(wrong("after `]` comes `.` or nothing")),
            }
        }
        if steps
            .iter()
            .any(|step| matches!(step, Step::Name(name) if name.is_empty()))
        {
            return Err(wrong("a name is empty"));
        }
        Ok(Self { steps })
    }
}

fn step(name: &str) -> Step {
    match name {
        "*" => Step::Every,
        name => Step::Name(name.to_owned()),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Name(name) => shown(std::slice::from_ref(name)),
                Step::Every => "*".to_owned(),
            })
            .collect();
        formatter.write_str(&names.join(".").replace(".[", "["))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    const FILE: &str = "nodes = {\n  prod = { ip = \"192.0.2.10\" }\n  \"a.b\" = { ip = \"192.0.2.11\" }\n}\nlist = [{ ip = \"192.0.2.12\" }]\nempty = {}\nhost = \"h\"\n";

    fn paths(expression: &str) -> Result<Vec<String>, Error> {
        let expression: Expression = expression.parse()?;
        let file = Variables::parse("f", FILE)?;
        let found = expression.find(&file.root)?;
        Ok(found.iter().map(Found::shown).collect())
    }

    #[test]
    fn expressions_find_what_they_name() {
        for (expression, want) in [
            ("host", vec!["host"]),
            ("var.host", vec!["host"]),
            ("nodes.prod.ip", vec!["nodes.prod.ip"]),
            ("nodes.*.ip", vec!["nodes.prod.ip", "nodes[\"a.b\"].ip"]),
            ("nodes[\"a.b\"].ip", vec!["nodes[\"a.b\"].ip"]),
            ("list[0].ip", vec!["list.0.ip"]),
            ("list.0.ip", vec!["list.0.ip"]),
            ("list[*].ip", vec!["list.0.ip"]),
        ] {
            assert_eq!(paths(expression).unwrap(), want, "{expression}");
        }
    }

    #[test]
    fn what_is_missing_says_what_is_there() {
        for (expression, says) in [
            (
                "hots",
                "there is no variable `hots`; the file has `nodes`, `list`, `empty`, `host`",
            ),
            (
                "nodes.prd.ip",
                "line 1: `nodes` has no `prd`; it has `prod`, `a.b`",
            ),
            (
                "nodes.*.address",
                "line 2: `nodes.prod` has no `address`; it has `ip`",
            ),
            ("list.1.ip", "line 5: `list` has no `1`; it has `0`"),
            ("empty.*", "line 6: `empty` is empty"),
            (
                "host.ip",
                "line 7: `host` is a text and has nothing below it",
            ),
        ] {
            let error = paths(expression).unwrap_err();
            assert_eq!(error.kind(), Kind::Missing);
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn what_is_no_expression() {
        for text in [
            "", ".", "a.", "a..b", "a b", "a[", "a[\"b\"", "a[0]b", "a[]", "${var.a}",
        ] {
            let error = text.parse::<Expression>().unwrap_err();
            assert_eq!(error.kind(), Kind::Map, "{text}");
        }
    }

    #[test]
    fn an_expression_is_shown_as_it_is_written() {
        for text in ["a", "nodes.*.ip", "nodes[\"a.b\"].ip"] {
            assert_eq!(text.parse::<Expression>().unwrap().to_string(), text);
        }
    }
}
