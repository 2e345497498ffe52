//! The suite that holds on the lab and on a real server: here against the lab, with a FILE as
//! `cargo xtask test --real FILE` takes it, and against the server of that FILE when it is given.

#![cfg(test)]

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use reprise_tests::ansible::Controller;
use reprise_tests::environment::{Tools, told};
use reprise_tests::server::Server;
use reprise_tests::site::Site;
use reprise_tests::{suite, tests, trial};

/// The site in a FILE, and read from it.
fn file_of(site: &Site) -> Result<Server> {
    let file = tempfile::NamedTempFile::new()?;
    let server = Server {
        limited: Some(site.limited()?),
        ..site.server()?
    };
    std::fs::write(file.path(), serde_json::to_vec(&server)?)?;
    Server::read(file.path())
}

fn on_the_lab(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    suite::run(&Controller::new(tools)?, &file_of(&site)?)
}

fn foreign_clients_on_the_lab(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    suite::run_foreign(&Controller::new(tools)?, &file_of(&site)?)
}

fn real_server() -> Result<Server> {
    Server::read(Path::new(&told("REPRISE_REAL").unwrap_or_default()))
}

fn on_a_real_server(tools: &Tools) -> Result<()> {
    suite::run(&Controller::new(tools)?, &real_server()?)
}

fn foreign_clients_on_a_real_server(tools: &Tools) -> Result<()> {
    suite::run_foreign(&Controller::new(tools)?, &real_server()?)
}

fn main() -> ExitCode {
    if told("REPRISE_REAL").is_some() {
        return trial::main(&[tests![
            on_the_lab,
            foreign_clients_on_the_lab,
            on_a_real_server,
            foreign_clients_on_a_real_server,
        ]]);
    }
    trial::say("no real server: `cargo xtask test --real FILE` runs the same against one");
    trial::main(&[tests![on_the_lab, foreign_clients_on_the_lab]])
}
