//! A lab in the background: it outlives the terminal that started it, and is known by the process
//! id in its folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a lab may take to start, or to go, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);
const STEP: Duration = Duration::from_millis(50);

/// The lab of a folder.
#[derive(Debug)]
pub(crate) struct Background<'a> {
    directory: &'a Path,
}

impl<'a> Background<'a> {
    /// The one of this folder, whether it runs or not.
    pub(crate) const fn of(directory: &'a Path) -> Self {
        Self { directory }
    }

    /// Starts this program with these arguments and waits until the lab has written its addresses.
    /// What it says goes to a file, and is given back.
    ///
    /// # Errors
    /// When one runs already, or it ended before it was up, with what it said.
    pub(crate) fn start(&self, arguments: &[std::ffi::OsString]) -> Result<String> {
        if let Some(id) = self.running() {
            bail!(
                "the lab of {} already runs as process {id}",
                self.directory.display()
            );
        }
        fs::create_dir_all(self.directory)
            .with_context(|| format!("cannot make {}", self.directory.display()))?;
        let _old = fs::remove_file(self.addresses());
        let mut child = self.spawn(arguments)?;
        let id = self.id_file();
        fs::write(&id, format!("{}\n", child.id()))
            .with_context(|| format!("cannot write {}", id.display()))?;
        let start = Instant::now();
        while !self.addresses().exists() {
            let ended = child.try_wait().context("cannot look at the lab")?;
            ensure!(ended.is_none(), "{}", self.said());
            ensure!(
                start.elapsed() < PATIENCE,
                "the lab is not up after {} s; it said: {}",
                PATIENCE.as_secs(),
                self.said()
            );
            thread::sleep(STEP);
        }
        Ok(self.said())
    }

    fn spawn(&self, arguments: &[std::ffi::OsString]) -> Result<Child> {
        use std::os::unix::process::CommandExt as _;

        let log = self.log();
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = out.try_clone().context("cannot share the lab's log")?;
        let program = std::env::current_exe().context("this program does not know its place")?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the lab itself in the background, with the environment it was called in"
        )]
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .context("cannot start the lab in the background")
    }

    /// Ends it and waits until it is gone; `false` when it does not run.
    ///
    /// # Errors
    /// When it does not end.
    pub(crate) fn stop(&self) -> Result<bool> {
        let Some(id) = self.running() else {
            return Ok(false);
        };
        kill_process(id.pid, Signal::TERM).with_context(|| format!("cannot end process {id}"))?;
        let start = Instant::now();
        while is_lab(id.pid) {
            ensure!(
                start.elapsed() < PATIENCE,
                "process {id} does not end; look at it, and end it with `kill -9 {id}` if it is the lab"
            );
            thread::sleep(STEP);
        }
        let _gone = fs::remove_file(self.id_file());
        Ok(true)
    }

    /// The process, if it is still the lab: ids are used again.
    pub(crate) fn running(&self) -> Option<Running> {
        let id = fs::read_to_string(self.id_file()).ok()?;
        let id: u32 = id.trim().parse().ok()?;
        let pid = Pid::from_raw(i32::try_from(id).ok()?)?;
        is_lab(pid).then_some(Running { pid })
    }

    /// What it said at its start.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn addresses(&self) -> PathBuf {
        self.directory.join("lab.json")
    }

    fn id_file(&self) -> PathBuf {
        self.directory.join("lab.pid")
    }

    fn log(&self) -> PathBuf {
        self.directory.join("lab.log")
    }
}

/// A lab that runs; shown, its process id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pid: Pid,
}

impl std::fmt::Display for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.pid.as_raw_nonzero())
    }
}

fn is_lab(pid: Pid) -> bool {
    let process = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
    let command = fs::read(process).unwrap_or_default();
    // A process that has ended but was not waited for has an empty command line.
    let mut words = command.split(|byte| *byte == 0);
    let first = words.next().unwrap_or_default();
    (first.ends_with(b"reprise-lab") || first.ends_with(b"lab-under-test"))
        && words.next() == Some(b"up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_something_else_is_no_lab() {
        let folder = tempfile::tempdir().unwrap();
        let lab = Background::of(folder.path());
        assert!(lab.running().is_none());
        for id in ["1\n", "nonsense", "", "0", "-1"] {
            fs::write(folder.path().join("lab.pid"), id).unwrap();
            assert!(lab.running().is_none(), "{id}");
            assert!(!lab.stop().unwrap(), "{id}");
        }
    }
}
