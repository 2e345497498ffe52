//! `reprise-archives corpus DIR` and `reprise-archives sweep FILE [--write]`: what
//! `cargo xtask check corpus` and `cargo xtask check sweep` run; `image DIR BYTES` for
//! `cargo xtask bench verify`; `seeds FOLDER` for
//! `cargo xtask fuzz`; `page`: docs/formats/detection.md, which `cargo xtask codegen` writes.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

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
        ["sweep", file] => reprise_archives::figures::check(Path::new(file)),
        ["sweep", file, "--write"] => reprise_archives::figures::write(Path::new(file)),
        ["page"] => {
            print!("{}", reprise_archives::page::page()?);
            Ok(ExitCode::SUCCESS)
        }
        ["seeds", folder] => reprise_archives::seeds::write(Path::new(folder)),
        _ => {
            bail!(
                "usage: reprise-archives corpus DIR | image DIR BYTES | sweep FILE [--write] | seeds FOLDER | page"
            )
        }
    }
}
