//! A lab, and its `pvesh` as a program.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use reprise_lab::{GuestKind, Lab, LabConfig, Node, NodeConfig, VARIABLE};
use serde_json::Value;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A lab with one node `pve1` that has a storage for backups and two containers.
pub(crate) struct World {
    lab: Lab,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = LabConfig::new(folder.path()).with_nodes(vec![NodeConfig::new("pve1")]);
        let lab = Lab::start(&config).unwrap();
        let node = lab.node("pve1").unwrap();
        for (storage, content) in [("backups", "backup"), ("images", "images,rootdir")] {
            let path = format!("/srv/{storage}");
            node.add_storage(storage, "dir", &[("path", &path), ("content", content)])
                .unwrap();
        }
        for vmid in [300, 301] {
            let disk = format!("images:{vmid}/vm-{vmid}-disk-0.raw,size=1M");
            let config = [("hostname", "ct"), ("rootfs", disk.as_str())];
            node.add_guest(vmid, GuestKind::Lxc, &config).unwrap();
        }
        for name in reprise_lab::programs::NAMES {
            symlink(env!("CARGO_BIN_EXE_reprise-lab"), folder.path().join(name)).unwrap();
        }
        Self { lab, folder }
    }

    pub(crate) fn node(&self) -> &Node {
        self.lab.node("pve1").unwrap()
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "these tests are about the program"
        )]
        let mut command = Command::new(self.folder.path().join(program));
        command
            .env(VARIABLE, self.node().socket())
            .stdin(Stdio::null());
        command
    }

    /// Runs `pvesh` to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command("pvesh").args(words).output().unwrap()
    }

    /// Runs `pvesh … --output-format json`, which must succeed without a word on stderr.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let output = self
            .command("pvesh")
            .args(words)
            .args(["--output-format", "json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(stderr(&output), "", "{words:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Starts a backup and leaves it running.
    pub(crate) fn start_backup(&self, stdout: impl Into<Stdio>) -> Child {
        self.command("pvesh")
            .args(["create", "/nodes/pve1/vzdump", "--vmid", "300"])
            .args(["--storage", "backups", "--output-format", "json"])
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn active(&self) -> PathBuf {
        self.node().local("/var/log/pve/tasks/active")
    }

    /// The newest running task.
    pub(crate) fn running(&self) -> String {
        Self::wait_for("a running task", || {
            let list = fs::read_to_string(self.active()).unwrap_or_default();
            let first = list.lines().next()?;
            first.strip_suffix(" 0").map(str::to_owned)
        })
    }

    /// How a task ended, once it has.
    pub(crate) fn ended(&self, upid: &str) -> String {
        let path = format!("/nodes/pve1/tasks/{upid}/status");
        Self::wait_for("the end of the task", || {
            let status = self.json(&["get", &path])["exitstatus"].clone();
            status.as_str().map(str::to_owned)
        })
    }

    pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(start.elapsed() < PATIENCE, "{what} does not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The number of the process in a task's name.
pub(crate) fn pid(upid: &str) -> u32 {
    u32::from_str_radix(upid.split(':').nth(2).unwrap(), 16).unwrap()
}

/// The command line of a process, its words apart by blanks; `None` when it is gone.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    let line = fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    (!line.is_empty()).then(|| line.trim_end().to_owned())
}

/// The fields of `/proc/PID/stat` behind the name: state, parent, group, session.
pub(crate) fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().map(str::to_owned).collect()
}
