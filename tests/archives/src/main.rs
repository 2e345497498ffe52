//! `reprise-archives corpus DIR` and `reprise-archives sweep FILE [--write]`: what
//! `cargo xtask check corpus` and `cargo xtask check sweep` run; `seeds FOLDER` for
//! `cargo xtask fuzz`; `page`: docs/formats/detection.md, which `cargo xtask codegen` writes.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["corpus", folder] => reprise_archives::corpus::run(Path::new(folder)),
        ["sweep", file] => reprise_archives::figures::check(Path::new(file)),
        ["sweep", file, "--write"] => reprise_archives::figures::write(Path::new(file)),
        ["page"] => {
            print!("{}", reprise_archives::page::page()?);
            Ok(ExitCode::SUCCESS)
        }
        ["seeds", folder] => reprise_archives::seeds::write(Path::new(folder)),
        _ => {
            bail!("usage: reprise-archives corpus DIR | sweep FILE [--write] | seeds FOLDER | page")
        }
    }
}
