//! The lab's nodes as hosts: through real ssh, scp and sftp.

#![cfg(test)]

mod cluster;
mod isolation;
mod lifetime;
mod login;
mod on_node;
mod refused;
mod services;
mod unprivileged;

use std::process::ExitCode;

use reprise_tests::environment::HostTools;
use reprise_tests::trial;

fn main() -> ExitCode {
    trial::run(
        &HostTools::find(),
        "sshd and sftp-server",
        &[
            login::TESTS,
            services::TESTS,
            isolation::TESTS,
            lifetime::TESTS,
            unprivileged::TESTS,
            refused::TESTS,
            on_node::TESTS,
            cluster::TESTS,
        ],
    )
}
