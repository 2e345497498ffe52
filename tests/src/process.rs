//! The one seam through which the tests start programs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A program that prints nothing for so long counts as hung. A play that takes a slow server
/// through every option of a job runs longer than this and says so task by task.
const PATIENCE: Duration = Duration::from_mins(4);

/// Nothing runs longer, whatever it prints.
const LONGEST: Duration = Duration::from_mins(25);

/// A command with an empty environment but for a search path.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is the seam of the tests")]
    let mut command = Command::new(program);
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it printed beside that.
    pub stderr: String,
    /// The command lines of all processes that were seen while it ran, if somebody watched.
    pub command_lines: BTreeSet<String>,
    /// The most memory it held, in bytes, as far as it was seen.
    pub peak_memory: u64,
    /// How long it ran.
    pub time: Duration,
}

impl Ended {
    /// Everything that it printed.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Its standard output as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("this is no JSON:\n{}", self.output()))
    }
}

/// What is looked at while a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Nothing.
    Nothing,
    /// The command lines of all processes, which everyone on the machine can read.
    CommandLines,
    /// Its memory.
    Memory,
}

/// Runs a command to its end with this on its standard input.
///
/// # Errors
/// When it cannot be started or does not end.
pub fn run(mut command: Command, input: &[u8], watch: Watch) -> Result<Ended> {
    // Files and no pipes: nothing that is printed can block.
    let mut stdin = tempfile::tempfile()?;
    stdin.write_all(input)?;
    stdin.rewind()?;
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let start = Instant::now();
    let mut child = command
        .stdin(stdin)
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let mut command_lines = BTreeSet::new();
    let mut peak_memory = 0;
    let mut sign_of_life = SignOfLife::new(start);
    let status = loop {
        match watch {
            Watch::CommandLines => see_command_lines(&mut command_lines),
            Watch::Memory => peak_memory = peak_memory.max(memory(child.id())),
            Watch::Nothing => {}
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let printed = size(&stdout).saturating_add(size(&stderr));
        if let Some(why) = sign_of_life.given_up(Instant::now(), printed) {
            end(&mut child);
            bail!(
                "{} {why}; it printed:\n{}\n{}",
                command.get_program().display(),
                text(stdout)?,
                text(stderr)?
            );
        }
        std::thread::sleep(match watch {
            Watch::Memory => Duration::from_millis(1),
            // To read all command lines is work, and a module runs for tens of milliseconds.
            Watch::CommandLines => Duration::from_millis(15),
            Watch::Nothing => Duration::from_millis(5),
        });
    };
    Ok(Ended {
        code: status.code(),
        stdout: text(stdout)?,
        stderr: text(stderr)?,
        command_lines,
        peak_memory,
        time: start.elapsed(),
    })
}

/// When a program last printed something.
struct SignOfLife {
    start: Instant,
    last: Instant,
    printed: u64,
}

impl SignOfLife {
    const fn new(start: Instant) -> Self {
        Self {
            start,
            last: start,
            printed: 0,
        }
    }

    /// Why a program that has printed so many bytes by now is not waited for any longer.
    fn given_up(&mut self, now: Instant, printed: u64) -> Option<String> {
        if printed != self.printed {
            self.printed = printed;
            self.last = now;
        }
        if now.duration_since(self.start) > LONGEST {
            return Some(format!("did not end in {LONGEST:?}"));
        }
        (now.duration_since(self.last) > PATIENCE)
            .then(|| format!("did not end, and printed nothing for {PATIENCE:?}"))
    }
}

fn size(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

/// Ends a child. One that has ended already is what was wanted.
pub fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

fn text(mut file: File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn see_command_lines(seen: &mut BTreeSet<String>) {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let is_process = process
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|byte| byte.is_ascii_digit());
        // A process may be gone before its line is read.
        if let Some(line) = is_process
            .then(|| fs::read(process.path().join("cmdline")).ok())
            .flatten()
            && !line.is_empty()
        {
            seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
}

/// The high-water mark of a process' memory in bytes; 0 when it is gone.
fn memory(process: u32) -> u64 {
    let status = Path::new("/proc").join(process.to_string()).join("status");
    let status = fs::read_to_string(status).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prints_is_alive_and_who_is_silent_is_not() {
        let start = Instant::now();
        let mut sign = SignOfLife::new(start);
        let minute = |count| start + Duration::from_mins(count);
        assert_eq!(sign.given_up(minute(3), 10), None);
        assert_eq!(sign.given_up(minute(6), 20), None);
        assert_eq!(sign.given_up(minute(9), 20), None);
        let why = sign.given_up(minute(11), 20).unwrap_or_default();
        assert!(why.contains("printed nothing"), "{why}");
    }

    #[test]
    fn printing_on_and_on_is_no_life() {
        let start = Instant::now();
        let mut sign = SignOfLife::new(start);
        let given_up = (0..40).find(|minute| {
            let now = start + Duration::from_mins(*minute);
            sign.given_up(now, *minute).is_some()
        });
        assert_eq!(given_up, Some(26));
    }
}
