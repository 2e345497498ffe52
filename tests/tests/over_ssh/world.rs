//! A machine that is reached through ssh, and the program that is called here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use reprise_tests::environment;
use reprise_tests::process::{self, Ended, Watch};
use reprise_tests::sshd::Sshd;
use serde_json::Value;
use tempfile::TempDir;

/// A machine with an ssh server whose state, cache and home are in a folder of their own.
pub(crate) struct World {
    pub(crate) sshd: Sshd,
    folder: TempDir,
    errand: PathBuf,
}

impl World {
    /// Starts one; `None`, said aloud, when there is no sshd and nobody promised one.
    pub(crate) fn start() -> Result<Option<Self>> {
        Self::start_with(|_| String::new())
    }

    /// The same; its sshd is also told this, which may name the folder.
    pub(crate) fn start_with(more: impl Fn(&Path) -> String) -> Result<Option<Self>> {
        let Some(program) = environment::sshd()? else {
            eprintln!("not run: no sshd; {}", environment::HOW_TO_RUN);
            return Ok(None);
        };
        let folder = tempfile::Builder::new().prefix("reprise-on-").tempdir()?;
        for name in ["home", "near"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let own = more(folder.path());
        // The first word of a variable counts.
        let state = format!(
            "REPRISE_STATE_DIR={}",
            folder.path().join("state").display()
        );
        let home = format!("HOME={}", folder.path().join("home").display());
        let config = if own.contains("SetEnv") {
            format!("{own}\n")
        } else {
            format!("SetEnv {state} {home}\n{own}\n")
        };
        let world = Self {
            sshd: Sshd::start_with(&program, &config)?,
            folder,
            errand: environment::beside("errand")?,
        };
        world.know(&world.sshd.host_key()?)?;
        Ok(Some(world))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The far machine's file that the errand writes.
    pub(crate) fn file(&self) -> PathBuf {
        self.path("errand")
    }

    /// The key that is known of the machine.
    pub(crate) fn know(&self, key: &str) -> Result<()> {
        Ok(fs::write(self.path("known_hosts"), format!("far {key}"))?)
    }

    /// A configuration of ssh in which the machine is called `far`, on this port, and another one,
    /// called `down`, never answers.
    pub(crate) fn ssh_config(&self, port: u16) -> Result<PathBuf> {
        let path = self.path(&format!("ssh_config-{port}"));
        let host = |name: &str, port: u16| {
            format!(
                "Host {name}\n HostName 127.0.0.1\n Port {port}\n HostKeyAlias far\n \
                 IdentityFile {}\n IdentitiesOnly yes\n UserKnownHostsFile {}\n \
                 GlobalKnownHostsFile /dev/null\n",
                self.sshd.key().display(),
                self.path("known_hosts").display(),
            )
        };
        // A port that nothing listens on any more.
        let closed = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        fs::write(&path, host("far", port) + &host("down", closed))?;
        Ok(path)
    }

    /// The command with these arguments, on machines reached through this port.
    pub(crate) fn command(&self, port: u16, on: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = process::command(&self.errand);
        command
            .arg("--on")
            .arg(on)
            .arg("--file")
            .arg(self.file())
            .args(arguments)
            .env("HOME", self.path("near"))
            .env("REPRISE_SSH_CONFIG", self.ssh_config(port)?)
            .current_dir(self.path("near"));
        Ok(command)
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, port: u16, on: &str, arguments: &[&str]) -> Result<Ended> {
        process::run(self.command(port, on, arguments)?, b"", Watch::Nothing)
    }

    /// Runs it to its end on the machine itself.
    pub(crate) fn on_far(&self, arguments: &[&str]) -> Result<Ended> {
        self.run(self.sshd.port(), "far", arguments)
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&self, port: u16, arguments: &[&str]) -> Result<Child> {
        let mut command = self.command(port, "far", arguments)?;
        Ok(command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    }

    /// How often it was begun and ended there.
    pub(crate) fn done(&self) -> (usize, usize) {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        (count("begin"), count("end"))
    }

    /// Waits until somebody has begun there, and says which process that is.
    pub(crate) fn begun(&self) -> Result<u32> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_mins(1) {
            let text = fs::read_to_string(self.file()).unwrap_or_default();
            if let Some(line) = text.lines().rfind(|line| line.starts_with("begin ")) {
                return line
                    .trim_start_matches("begin ")
                    .parse()
                    .context("no process number");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("nobody began")
    }
}

/// Sends a signal to a process that this test started.
pub(crate) fn signal(name: &str, process: u32) -> Result<()> {
    let mut kill = process::command("kill");
    kill.arg(format!("-{name}")).arg(process.to_string());
    let ended = process::run(kill, b"", Watch::Nothing)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    Ok(())
}

/// The end of a child.
pub(crate) fn end_of(child: Child) -> Result<(Option<i32>, String, String)> {
    let output = child.wait_with_output()?;
    Ok((
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// Fails with everything that was printed unless it ended so and said all this.
#[track_caller]
pub(crate) fn ends(ended: &Ended, code: i32, says: &[&str]) {
    let output = ended.output();
    assert_eq!(ended.code, Some(code), "{output}");
    for part in says {
        assert!(output.contains(part), "no `{part}`: {output}");
    }
}

/// The results, one for each machine.
pub(crate) fn results(ended: &Ended) -> Result<Vec<Value>> {
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| ended.output()))
        .collect()
}
