//! The binary of the other architecture, under an emulator that is called by its path.

use anyhow::{Context as _, Result, ensure};
use reprise_tests::environment::{self, HOW_TO_RUN, Tools};
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use reprise_tests::site::Site;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::json;

const TESTS: &[WithTools] = tests![aarch64_does_the_same];

/// The tests that can run: without `cargo xtask` there may be no binary for aarch64.
pub(crate) fn tests() -> &'static [WithTools] {
    match environment::emulated() {
        Ok(None) => {
            reprise_tests::trial::say(&format!(
                "aarch64_does_the_same does not run: no binary for aarch64 is named; {HOW_TO_RUN}"
            ));
            &[]
        }
        Ok(Some(_)) | Err(_) => TESTS,
    }
}

fn aarch64_does_the_same(_tools: &Tools) -> Result<()> {
    let (emulator, binary) = environment::emulated()?.context("nothing to emulate")?;
    let program = Program::emulated(emulator, binary)?;
    let version = program.by_hand(["--version"])?;
    ensure!(
        version.stdout.contains("aarch64-unknown-linux-musl"),
        "{}",
        version.output()
    );
    let site = Site::start()?;
    let server = site.server()?;
    let mut options = server.by_token()?;
    options.extend(reprise_tests::job_rows::base(&server, "reprise-prod")?);
    let check = merged(options.clone(), json!({"_ansible_check_mode": true}));
    for (options, changed) in [(&check, true), (&options, true), (&options, false)] {
        let result = program.module("vzdump_job", options)?;
        ensure!(
            result["changed"] == changed && result["exit_code"] == 0,
            "{result}"
        );
    }
    Ok(())
}
