//! A page for people: whether everything is protected, guests × days, and everything that is wrong.
//!
//! | file | what it knows |
//! |---|---|
//! | `view` | what the page says |
//! | `headline` | the answer in one line |
//! | `matrix` | which day of which guest has an archive, and which is a hole |
//! | `words` | times, counts, and texts of others made harmless to read |
//! | `html`, `markdown` | how it is written |

mod headline;
mod html;
mod markdown;
mod matrix;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod words;

use std::path::Path;

pub(crate) use matrix::{id, instant};
pub(crate) use view::Made;

use crate::report::Report;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a browser.
    Html,
    /// For a ticket or a terminal.
    Markdown,
}

impl Format {
    /// What the ending of a file's name asks for.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "html" | "htm" => Some(Self::Html),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// The page of a result.
pub(crate) fn page(report: &Report, made: &Made, format: Format) -> String {
    let view = view::view(report, made);
    match format {
        Format::Html => html::page(&view),
        Format::Markdown => markdown::page(&view),
    }
}
