//! Labs whose nodes can be logged in to, and the logins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use reprise_lab::{HostsConfig, Lab, LabConfig, Node, NodeConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::environment::HostTools;
use crate::process::{self, Ended, Watch};

/// The nodes of these labs.
pub const NODES: [&str; 2] = ["pve-prod", "pve-lab"];

/// How long something that happens at once may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node as somebody who logs in sees it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The file for `ssh -F`.
    pub config: PathBuf,
    /// Its root folder.
    pub root: PathBuf,
}

impl Host {
    /// A node of a lab of this process.
    ///
    /// # Errors
    /// When it has no host.
    pub fn of(node: &Node) -> Result<Self> {
        let login = node.ssh().context("the node cannot be logged in to")?;
        Ok(Self {
            name: node.name().to_owned(),
            config: login.config.clone(),
            root: node.root().to_owned(),
        })
    }

    /// `ssh`, `scp` or `sftp` that knows the node by its name.
    pub fn client(&self, program: &str) -> Command {
        let mut command = process::command(program);
        // No user's own settings, and no connection that an earlier test left behind.
        command
            .arg("-F")
            .arg(&self.config)
            .args(["-o", "BatchMode=yes", "-o", "ControlPath=none"])
            .args(["-o", "ConnectTimeout=20"]);
        command
    }

    /// Runs a line on the node.
    ///
    /// # Errors
    /// When `ssh` cannot be started.
    pub fn run(&self, line: &str) -> Result<Ended> {
        self.run_with(line, b"")
    }

    /// The same with this on its standard input.
    ///
    /// # Errors
    /// When `ssh` cannot be started.
    pub fn run_with(&self, line: &str, input: &[u8]) -> Result<Ended> {
        let mut ssh = self.client("ssh");
        ssh.arg(&self.name).arg(line);
        process::run(ssh, input, Watch::Nothing)
    }

    /// What a line prints; it has to succeed.
    ///
    /// # Errors
    /// When it fails.
    pub fn output(&self, line: &str) -> Result<String> {
        let ended = self.run(line)?;
        ensure!(
            ended.code == Some(0),
            "`{line}` on {} ended with {:?}: {}",
            self.name,
            ended.code,
            ended.output()
        );
        Ok(ended.stdout.trim_end().to_owned())
    }

    /// Its variables in an inventory.
    pub fn variables(&self) -> Value {
        json!({
            "ansible_connection": "ssh",
            "ansible_host": self.name,
            "ansible_ssh_common_args": format!("-F '{}'", self.config.display()),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_remote_tmp": "/root/.ansible/tmp",
        })
    }
}

/// A lab of this process.
#[derive(Debug)]
pub struct HostLab {
    /// The lab; `None` after its end.
    pub lab: Option<Lab>,
    folder: TempDir,
}

impl HostLab {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(tools: &HostTools) -> Result<Self> {
        Self::with(tools, |config| config)
    }

    /// Starts one that is set up otherwise.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn with(tools: &HostTools, change: impl FnOnce(LabConfig) -> LabConfig) -> Result<Self> {
        // A blank: paths of users have some.
        let folder = tempfile::Builder::new()
            .prefix("reprise hosts-")
            .tempdir()?;
        let hosts = HostsConfig::new(&tools.lab, &tools.sshd).with_sftp_server(&tools.sftp_server);
        let config = LabConfig::new(folder.path())
            .with_nodes(NODES.map(NodeConfig::new).into())
            .with_hosts(hosts);
        let lab = Lab::start(&change(config))?;
        Ok(Self {
            lab: Some(lab),
            folder,
        })
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One of its nodes.
    ///
    /// # Errors
    /// When it has ended or has no such node.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.lab.as_ref().context("the lab has ended")?.node(name)
    }

    /// The host of one of its nodes.
    ///
    /// # Errors
    /// When it has ended or has no such node.
    pub fn host(&self, name: &str) -> Result<Host> {
        Host::of(self.node(name)?)
    }
}

/// A lab that is a process of its own.
#[derive(Debug)]
pub struct LabProcess {
    /// The process; its standard input keeps it.
    pub child: Child,
    folder: PathBuf,
}

impl LabProcess {
    /// Starts the lab by a command that is given its last arguments here, and waits for it.
    ///
    /// # Errors
    /// When it ends before it is up, with what it said.
    pub fn start(mut command: Command, tools: &HostTools, folder: &Path) -> Result<Self> {
        let log = folder.join("log");
        let mut child = command
            .args(["up", "--hosts", "--until-stdin-closes", "--nodes"])
            .arg(NODES.join(","))
            .arg("--sshd")
            .arg(&tools.sshd)
            .arg("--sftp-server")
            .arg(&tools.sftp_server)
            .arg("--dir")
            .arg(folder.join("lab"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .context("cannot start the lab")?;
        let description = folder.join("lab/lab.json");
        let up = wait_until(|| Ok(description.exists() || child.try_wait()?.is_some()));
        if up.is_err() || !description.exists() {
            process::end(&mut child);
            bail!("the lab did not come up: {}", fs::read_to_string(&log)?);
        }
        Ok(Self {
            child,
            folder: folder.join("lab"),
        })
    }

    /// One of its hosts, as `lab.json` says.
    ///
    /// # Errors
    /// When that says nothing of it.
    pub fn host(&self, name: &str) -> Result<Host> {
        let text = fs::read(self.folder.join("lab.json"))?;
        let lab: Value = serde_json::from_slice(&text)?;
        let nodes = lab.get("nodes").and_then(Value::as_array);
        let node = nodes
            .into_iter()
            .flatten()
            .find(|node| node.pointer("/name").and_then(Value::as_str) == Some(name))
            .context("lab.json does not know the node")?;
        let text = |pointer: &str| {
            let value = node.pointer(pointer).and_then(Value::as_str);
            value.with_context(|| format!("lab.json has no {pointer} of {name}"))
        };
        Ok(Host {
            name: name.to_owned(),
            config: text("/ssh/config")?.into(),
            root: text("/root")?.into(),
        })
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself; a test that hangs is ended by who runs the tests.
        self.child.wait().ok();
    }
}

/// Waits until something is so.
///
/// # Errors
/// When it is not after half a minute.
pub fn wait_until(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so()? {
        ensure!(
            start.elapsed() < PATIENCE,
            "what was waited for did not happen in {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The ids and command lines of all processes in whose command line this stands.
///
/// # Errors
/// When /proc cannot be read.
pub fn processes_with(text: &str) -> Result<Vec<(u32, String)>> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // A process may be gone before its line is read.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if id != own && line.contains(text) {
            found.push((id, line));
        }
    }
    Ok(found)
}
