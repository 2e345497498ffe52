//! What `cargo xtask check corpus` and `cargo xtask bench verify` run.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["corpus", folder] => reprise_archives::corpus::run(Path::new(folder)),
        ["image", folder, size] => {
            let size = size.parse().context("the size is a number of bytes")?;
            reprise_archives::image::run(Path::new(folder), size)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("usage: reprise-archives corpus DIR | image DIR BYTES"),
    }
}
