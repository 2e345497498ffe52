//! `cargo xtask codegen [--check]`: everything that is generated from the modules' declarations.

mod documentation;
mod markdown;
mod output;
mod privileges;
mod return_values;
mod roles;
mod runtime;
mod stub;
mod yaml;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let check = std::env::args().any(|argument| argument == "--check");
    let files = generated()?;
    if check {
        Ok(files.check())
    } else {
        files.write()
    }
}

/// Everything that is generated.
fn generated() -> anyhow::Result<output::Files> {
    let mut files = output::Files::new();
    for module in reprise::MODULES {
        stub::generate(module, &mut files)?;
        markdown::module(module, &mut files)?;
    }
    runtime::generate(&mut files);
    markdown::index(&mut files)?;
    markdown::exit_codes(&mut files)?;
    markdown::findings(&mut files)?;
    markdown::metrics(&mut files)?;
    files.add("docs/formats/detection.md", reprise_archives::page::page()?);
    roles::generate(&mut files)?;
    markdown::flags(&mut files)?;
    privileges::page(&mut files)?;
    privileges::readme(&mut files)?;
    Ok(files)
}

#[cfg(test)]
mod tests;
