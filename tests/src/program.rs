//! Calling the binary in the ways that Ansible and a person call it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::environment;
use crate::process::{self, Ended, Watch};

/// The binary, with a home of its own.
#[derive(Debug)]
pub struct Program {
    binary: PathBuf,
    home: TempDir,
    emulator: Option<PathBuf>,
    /// Words before the binary: a program that runs it.
    prefix: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Program {
    /// The binary that is tested.
    ///
    /// # Errors
    /// When it is not there.
    pub fn under_test() -> Result<Self> {
        Ok(Self {
            binary: environment::binary()?,
            home: tempfile::tempdir()?,
            emulator: None,
            prefix: Vec::new(),
            variables: Vec::new(),
        })
    }

    /// A binary of another architecture, run by an emulator.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn emulated(emulator: PathBuf, binary: PathBuf) -> Result<Self> {
        Ok(Self {
            binary,
            home: tempfile::tempdir()?,
            emulator: Some(emulator),
            prefix: Vec::new(),
            variables: Vec::new(),
        })
    }

    /// With this in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Run by these words, which end where the binary's name would begin.
    #[must_use]
    pub fn run_by(mut self, prefix: Vec<String>) -> Self {
        self.prefix = prefix;
        self
    }

    /// The home folder of its calls.
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    fn command(&self) -> Command {
        let emulator = self.emulator.iter().map(|path| path.as_os_str().to_owned());
        let mut words = self
            .prefix
            .iter()
            .map(Into::into)
            .chain(emulator)
            .chain([self.binary.as_os_str().to_owned()]);
        let mut command = process::command(words.next().unwrap_or_default());
        command.args(words);
        command
            .env("HOME", self.home.path())
            // Root's state on this machine is not ours to write.
            .env("REPRISE_STATE_DIR", self.home.path().join("state"))
            .current_dir(self.home.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// As Ansible calls it: a module's arguments in a file.
    ///
    /// # Errors
    /// When it cannot be run or prints no JSON.
    pub fn module(&self, name: &str, arguments: &Map<String, Value>) -> Result<Value> {
        self.module_ended(name, arguments)?.json()
    }

    /// The same, with everything that it printed.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn module_ended(&self, name: &str, arguments: &Map<String, Value>) -> Result<Ended> {
        self.module_of(name, arguments, Watch::Nothing)
    }

    /// The same, looking at its memory.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn module_watched(&self, name: &str, arguments: &Map<String, Value>) -> Result<Ended> {
        self.module_of(name, arguments, Watch::Memory)
    }

    fn module_of(&self, name: &str, arguments: &Map<String, Value>, watch: Watch) -> Result<Ended> {
        let mut arguments = arguments.clone();
        arguments.insert("_module".to_owned(), name.into());
        let file = tempfile::NamedTempFile::new_in(self.home.path())?;
        fs::write(file.path(), Value::Object(arguments).to_string())?;
        let mut command = self.command();
        command.arg(file.path());
        process::run(command, b"", watch)
    }

    /// Starts it as Ansible does, and leaves it running.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_module(&self, name: &str, arguments: &Map<String, Value>) -> Result<Child> {
        let mut arguments = arguments.clone();
        arguments.insert("_module".to_owned(), name.into());
        let file = self.home.path().join("started.json");
        fs::write(&file, Value::Object(arguments).to_string())?;
        let mut command = self.command();
        command
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// Starts it as a person does, and leaves it running; what it prints comes through pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_by_hand<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<Child> {
        let mut command = self.command();
        command
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// The same, with the arguments on standard input.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn module_by_stdin(&self, name: &str, arguments: &Map<String, Value>) -> Result<Ended> {
        let mut arguments = arguments.clone();
        arguments.insert("_module".to_owned(), name.into());
        let mut command = self.command();
        command.arg("-");
        let input = Value::Object(arguments).to_string();
        process::run(command, input.as_bytes(), Watch::Nothing)
    }

    /// As a person calls it.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn by_hand<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Ended> {
        self.by_hand_watched(arguments, Watch::Nothing)
    }

    /// The same, looking at something meanwhile.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn by_hand_watched<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
        watch: Watch,
    ) -> Result<Ended> {
        let mut command = self.command();
        command.args(arguments);
        process::run(command, b"", watch)
    }
}
