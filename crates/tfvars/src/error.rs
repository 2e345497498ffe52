//! What was wrong, in which file and line. Never with a value: it may be a secret.

use std::fmt;

/// What kind of thing was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The file cannot be read.
    Unreadable,
    /// The file is no HCL, no JSON, or no file of variables.
    Syntax,
    /// A value is a template or a reference, not a plain value.
    NotPlain,
    /// A value is not of the form that is needed.
    Unfit,
    /// The map itself is wrong.
    Map,
    /// Nothing is there under this name.
    Missing,
}

/// Why a file of variables does not tell what was asked. Holds no value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    hint: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            file: None,
            line: None,
            column: None,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    #[must_use]
    pub(crate) fn at_column(mut self, line: usize, column: usize) -> Self {
        self.column = Some(column);
        self.at(line)
    }

    /// What to do next, unless something better was said already.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    #[must_use]
    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// What kind of thing was wrong.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Without the hint.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!("line {line}"));
        let column = self.column.map(|column| format!("column {column}"));
        let place: Vec<String> = line.into_iter().chain(column).collect();
        let file = self.file.as_ref().map(|file| format!("`{file}`"));
        let place = (!place.is_empty()).then(|| place.join(", "));
        let place: Vec<String> = file.into_iter().chain(place).collect();
        if !place.is_empty() {
            write!(formatter, "{}: ", place.join(" "))?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
