//! Process 1 of a node: makes the node's view of the world, then collects orphans.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::system::sethostname;
use rustix::thread::set_name;

use super::config::HostPlan;
use super::{capabilities, reap, view};

/// Runs until the namespace is ended.
///
/// # Errors
/// When the machine refuses a mount.
pub(crate) fn run(folder: &Path) -> Result<()> {
    let host = HostPlan::read(folder)?;
    // The id that the machine knows us by; inside of our namespace it is 1.
    let outside = fs::read_link("/proc/self").context("cannot read /proc/self")?;
    let outside = outside.display().to_string();
    fs::write(host.init_pid(), outside)
        .with_context(|| format!("cannot write {}", host.init_pid().display()))?;
    sethostname(host.name.as_bytes()).context("cannot name the node")?;
    view::enter(&host)?;
    capabilities::give_up()?;
    // Programs look here to find out what starts services.
    set_name(c"systemd").context("cannot name the first process")?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")
        .and_then(|()| out.flush())
        .context("nobody waits for the node")?;
    reap::for_ever()
}
