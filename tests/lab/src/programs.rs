//! The programs of a node that the lab brings along. They are one file under many names: a link
//! `pvesh` to the lab's program is the lab's `pvesh`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::pvesh;

/// The names under which the lab's program is another program.
pub const NAMES: [&str; 1] = ["pvesh"];

/// Runs the program of that name, when these words begin with one.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut words = words
        .into_iter()
        .map(|word| word.to_string_lossy().into_owned());
    let called = words.next()?;
    if called == pvesh::UNBORN {
        return Some(pvesh::become_worker());
    }
    if called.starts_with(pvesh::TITLE) {
        return Some(pvesh::run_worker(&called));
    }
    let name = Path::new(&called).file_name()?.to_str()?;
    match name {
        "pvesh" => Some(pvesh::run(words.collect())),
        _ => None,
    }
}
