//! Collecting processes whose parent is gone, as the first process of a namespace has to.

use anyhow::{Context as _, Result};
use rustix::process::{WaitOptions, wait};
use signal_hook::consts::SIGCHLD;
use signal_hook::iterator::Signals;

/// Collects what ends, for ever.
///
/// # Errors
/// When signals cannot be received.
pub(crate) fn for_ever() -> Result<()> {
    let mut signals = Signals::new([SIGCHLD]).context("cannot listen for signals")?;
    collect();
    for _ in signals.forever() {
        collect();
    }
    Ok(())
}

/// The same, beside what else the process does.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn in_background() -> Result<()> {
    std::thread::Builder::new()
        .name("reap".to_owned())
        .spawn(for_ever)
        .map(drop)
        .context("cannot start a thread")
}

fn collect() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}
