//! The aims of speed and memory: a run over 1000 guests and 200 jobs, with the binary that is
//! tested, side by side with one over five guests and two jobs.
//!
//! `cargo bench -p reprise-tests` measures the program as this build makes it; with `REPRISE_XTASK`
//! and `REPRISE_BIN_X86_64` set, the static binary of the tarball.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use reprise_lab::GuestKind;
use reprise_tests::job_rows;
use reprise_tests::program::Program;
use reprise_tests::site::{Site, add_guests};
use reprise_tests::trial::say;

/// How often each is run; the median counts.
const RUNS: usize = 9;
/// The aims.
const TIME: Duration = Duration::from_secs(1);
const MEMORY: u64 = 15 * 1000 * 1000;

fn main() -> ExitCode {
    // `cargo test --benches` asks with this whether it works, not how fast it is.
    let bench = std::env::args().any(|argument| argument == "--bench");
    if !bench {
        say("nothing was measured: `cargo bench -p reprise-tests` measures");
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<()> {
    let few = runs(5, 2)?;
    let many = runs(1000, 200)?;
    for (name, run) in [("5 guests, 2 jobs", &few), ("1000 guests, 200 jobs", &many)] {
        say(&format!(
            "{name:22} {:7.1} ms, {:5.1} MB",
            run.time.as_secs_f64() * 1000.0,
            megabytes(run.memory)
        ));
    }
    say(&format!(
        "ratio                  {:7.2} in time, {:5.2} in memory",
        many.time.as_secs_f64() / few.time.as_secs_f64(),
        megabytes(many.memory) / megabytes(few.memory)
    ));
    ensure!(
        many.time < TIME,
        "missed: a run took {:?}, the aim is {TIME:?}",
        many.time
    );
    ensure!(
        many.memory < MEMORY,
        "missed: a run held {:.1} MB, the aim is {:.0} MB",
        megabytes(many.memory),
        megabytes(MEMORY)
    );
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "megabytes for a reader, far below 2^53"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

struct Measured {
    time: Duration,
    memory: u64,
}

/// The median of the time and the most of the memory of several predictions, from start to end of
/// the process, the answers of the lab included.
fn runs(guests: u32, jobs: u32) -> Result<Measured> {
    let site = Site::start()?;
    let node = site.node()?;
    add_guests(node, GuestKind::Qemu, 1000, guests)?;
    for number in 0..jobs {
        let vmid = (1000 + number).to_string();
        node.add_job(
            &format!("job-{number}"),
            &[("schedule", "daily"), ("vmid", &vmid)],
        );
    }
    let server = site.server()?;
    let mut options = server.by_token()?;
    options.extend(job_rows::base(&server, "reprise-prod")?);
    options.insert("_ansible_check_mode".to_owned(), true.into());
    let program = Program::under_test()?;
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..RUNS {
        let ended = program.module_watched("vzdump_job", &options)?;
        let changed = ended.json()?.get("changed").cloned();
        ensure!(changed == Some(true.into()), "{}", ended.output());
        times.push(ended.time);
        memory = memory.max(ended.peak_memory);
    }
    times.sort_unstable();
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    Ok(Measured {
        time: median,
        memory,
    })
}
