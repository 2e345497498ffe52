//! The seam through which every other program is started.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use wait4::Wait4 as _;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) status: ExitStatus,
    pub(crate) wall: Duration,
    /// Of all its threads, in the program and in the kernel.
    pub(crate) cpu: Duration,
    /// The most that was in memory at once, in bytes.
    pub(crate) memory: u64,
}

/// A program that is about to be started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    environment: Vec<(OsString, Option<OsString>)>,
    next: Option<String>,
}

impl Program {
    /// The program of this name or path.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            arguments: Vec::new(),
            directory: None,
            environment: Vec::new(),
            next: None,
        }
    }

    /// The cargo that runs us, at the root of the workspace.
    pub(crate) fn cargo(root: &Path) -> Self {
        Self::new(crate::environment::cargo()).directory(root)
    }

    /// One argument more.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Several arguments more.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// The folder it runs in.
    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = Some(value.as_ref().to_owned());
        self.environment.push((name.as_ref().to_owned(), value));
        self
    }

    /// A variable that it must not see.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.environment.push((name.into(), None));
        self
    }

    /// What the reader of its failure should do next.
    pub(crate) fn next(mut self, advice: impl Into<String>) -> Self {
        self.next = Some(advice.into());
        self
    }

    /// Runs it on our terminal; anything but exit code 0 is an error.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self
            .command()
            .status()
            .with_context(|| self.not_started())?;
        if status.success() {
            Ok(())
        } else {
            bail!(self.failed(status, ""))
        }
    }

    /// Runs it and returns what it wrote to stdout; anything but exit code 0 is an error that
    /// shows what it wrote to both.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self.finished()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        bail!(self.failed(output.status, &said))
    }

    /// Runs it and returns what it wrote to stdout and then to stderr.
    pub(crate) fn output_of_both(&self) -> Result<String> {
        let output = self.finished()?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok(said);
        }
        bail!(self.failed(output.status, &said))
    }

    /// Runs it silently and returns whether it ended with exit code 0; a program that is not
    /// there did not.
    pub(crate) fn succeeds(&self) -> bool {
        self.finished().is_ok_and(|output| output.status.success())
    }

    /// Runs it and returns all that it left, whatever its exit code.
    pub(crate) fn finished(&self) -> Result<Output> {
        self.command()
            .stdin(Stdio::null())
            .output()
            .with_context(|| self.not_started())
    }

    /// Runs it without input and output, and returns how it ended and what it took. What it
    /// started and waited for counts too.
    pub(crate) fn measured(&self) -> Result<Cost> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let started = Instant::now();
        let child = command
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| self.not_started())?;
        let used = child
            .wait4()
            .with_context(|| format!("cannot wait for `{}`", self.line()))?;
        Ok(Cost {
            status: used.status,
            wall: started.elapsed(),
            cpu: used.rusage.utime + used.rusage.stime,
            memory: used.rusage.maxrss,
        })
    }

    /// Starts it with a pipe as its stdin and returns while it runs.
    pub(crate) fn start(&self) -> Result<Child> {
        self.command()
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| self.not_started())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the seam through which xtask starts programs"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// The command line as a reader would type it.
    pub(crate) fn line(&self) -> String {
        let mut line = self.name.to_string_lossy().into_owned();
        for argument in &self.arguments {
            let argument = argument.to_string_lossy();
            let plain =
                |character: char| character.is_alphanumeric() || "-_=./:,@+%".contains(character);
            let quote = if !argument.is_empty() && argument.chars().all(plain) {
                ""
            } else {
                "'"
            };
            let _ = write!(line, " {quote}{argument}{quote}");
        }
        line
    }

    fn not_started(&self) -> String {
        format!("could not start `{}`{}", self.line(), self.advice())
    }

    fn failed(&self, status: ExitStatus, said: &str) -> String {
        let how = status.code().map_or_else(
            || format!("was ended by a signal ({status})"),
            |code| format!("failed with exit code {code}"),
        );
        let said = if said.trim().is_empty() {
            String::new()
        } else {
            format!("\n{}", said.trim_end())
        };
        format!("`{}` {how}{}{said}", self.line(), self.advice())
    }

    fn advice(&self) -> String {
        self.next
            .as_ref()
            .map_or_else(String::new, |next| format!("; {next}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn failure_names_command_code_and_next_step() {
        let error = Program::new("sh")
            .args(["-c", "echo seen; exit 3"])
            .next("look at the script")
            .output()
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`sh -c 'echo seen; exit 3'` failed with exit code 3; look at the script\nseen"
        );
    }

    #[test]
    fn missing_program_is_named() {
        let error = Program::new("no-such-program")
            .next("install it")
            .run()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not start `no-such-program`; install it"
        );
    }

    #[test]
    fn the_cost_of_a_pipe_counts_its_parts() {
        let script = "dd if=/dev/zero bs=1M count=64 status=none | gzip > /dev/null; exit 3";
        let cost = Program::new("sh").args(["-c", script]).measured().unwrap();
        assert_eq!(cost.status.code(), Some(3));
        assert!(cost.cpu.as_millis() > 20, "{cost:?}");
        assert!(cost.wall.as_millis() > 20, "{cost:?}");
        assert!(cost.memory > 500_000, "{cost:?}");
    }

    #[test]
    fn environment_is_set_and_removed() {
        let seen = Program::new("sh")
            .args(["-c", "echo $ONE ${PATH-none}"])
            .env("ONE", "1")
            .without_env("PATH")
            .output();
        // Without PATH the shell itself is still found: it is looked up in ours.
        let seen = seen.unwrap();
        assert!(seen.starts_with('1'), "{seen}");
    }
}
