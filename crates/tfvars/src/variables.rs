//! A file, read and understood.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::error::{Error, Kind};
use crate::tree::Tree;
use crate::{hcl, json};

/// No file of variables is larger; `/dev/zero` is.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The variables of a file. `Debug` shows names only.
#[derive(Debug)]
pub struct Variables {
    pub(crate) file: String,
    pub(crate) root: Tree,
}

impl Variables {
    /// Reads a file: HCL, or JSON when its name ends with `.json` or it begins with `{`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = text_of(path).map_err(|error| error.in_file(&name))?;
        let is_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        Self::understood(&name, &text, is_json)
    }

    /// Understands a text; `name` is how errors call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        Self::understood(name, text, false)
    }

    fn understood(name: &str, text: &str, is_json: bool) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = if is_json || text.trim_start().starts_with('{') {
            json::parse(text)
        } else {
            hcl::parse(text)
        };
        Ok(Self {
            root: root.map_err(|error| error.in_file(name))?,
            file: name.to_owned(),
        })
    }
}

fn text_of(path: &Path) -> Result<String, Error> {
    let unreadable =
        |error: std::io::Error| Error::new(Kind::Unreadable, format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LIMIT {
        return Err(Error::new(
            Kind::Unreadable,
            format!("is larger than {LIMIT} bytes; no file of variables is"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let line = String::from_utf8_lossy(before.unwrap_or_default())
            .matches('\n')
            .count()
            .saturating_add(1);
        Error::new(Kind::Syntax, "this is no text in UTF-8").at(line)
    })
}
