//! What both syntaxes become: values, each with its line.

use std::fmt;

/// A value and the line on which it begins.
pub(crate) struct Tree {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What stands in a file of variables.
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Tree>),
    /// In the order of the file.
    Object(Vec<(String, Tree)>),
    /// What would have to be evaluated; its kind, with an article.
    Foreign(&'static str),
}

impl Tree {
    /// The entry of an object.
    pub(crate) fn entry(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Object(entries) => entries
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, tree)| tree),
            _ => None,
        }
    }

    /// Whether it says nothing: `null`, or an empty text as templates have it.
    pub(crate) fn is_unset(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        }
    }
}

impl Value {
    /// What it is, with an article.
    pub(crate) const fn what(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Foreign(what) => what,
        }
    }
}

/// The shape only: any value may be a secret.
impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::List(list) => formatter.debug_list().entries(list).finish(),
            Value::Object(entries) => formatter
                .debug_map()
                .entries(entries.iter().map(|(key, tree)| (key, tree)))
                .finish(),
            value => formatter.write_str(value.what()),
        }
    }
}

/// Finds the line of a place in a text.
pub(crate) struct Lines {
    /// Where each line after the first begins.
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self {
            starts: text
                .match_indices('\n')
                .map(|(place, _)| place.saturating_add(1))
                .collect(),
        }
    }

    /// The line, from 1, of this byte.
    pub(crate) fn at(&self, place: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= place)
            .saturating_add(1)
    }
}
