//! The installed tarball through a real `ansible-playbook`, against the lab.

#![cfg(test)]

mod backup;
mod emulated;
mod failures;
mod hosts;
mod inventory;
mod leaks;
mod plays;
mod preflight;
mod program;
mod site;
mod token;
mod verify;
mod ways;

use std::process::ExitCode;

use reprise_tests::trial;

fn main() -> ExitCode {
    trial::main(&[
        plays::TESTS,
        site::TESTS,
        backup::TESTS,
        preflight::TESTS,
        program::TESTS,
        token::TESTS,
        inventory::TESTS,
        ways::TESTS,
        failures::TESTS,
        leaks::TESTS,
        hosts::TESTS,
        verify::TESTS,
        emulated::tests(),
    ])
}
