//! `reprise-archives corpus DIR`: what `cargo xtask check corpus` runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["corpus", folder] => reprise_archives::corpus::run(Path::new(folder)),
        _ => bail!("usage: reprise-archives corpus DIR"),
    }
}
