//! What the hosts of a lab are started with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Where distributions keep the server of sftp.
const SFTP_SERVERS: [&str; 3] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
];

/// Hosts for the nodes of a lab.
#[derive(Clone, Debug)]
pub struct HostsConfig {
    /// The lab's own program, which also is `systemctl` and others on the nodes.
    pub program: PathBuf,
    /// OpenSSH's server.
    pub sshd: PathBuf,
    /// The server of sftp; looked for where distributions keep it when absent.
    pub sftp_server: Option<PathBuf>,
    /// More of this machine that the nodes see, read-only and under the same path.
    pub shown: Vec<PathBuf>,
}

impl HostsConfig {
    /// With this program of the lab and this sshd.
    pub fn new(program: impl Into<PathBuf>, sshd: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            sshd: sshd.into(),
            sftp_server: None,
            shown: Vec::new(),
        }
    }

    /// With this server of sftp.
    #[must_use]
    pub fn with_sftp_server(mut self, path: impl Into<PathBuf>) -> Self {
        self.sftp_server = Some(path.into());
        self
    }

    /// Showing the nodes this folder of the machine too, read-only.
    #[must_use]
    pub fn showing(mut self, path: impl Into<PathBuf>) -> Self {
        self.shown.push(path.into());
        self
    }

    /// The server of sftp that is there.
    pub(crate) fn sftp_server(&self) -> Result<PathBuf> {
        let usual = || {
            SFTP_SERVERS
                .iter()
                .map(PathBuf::from)
                .find(|path| path.is_file())
        };
        self.sftp_server.clone().or_else(usual).with_context(|| {
            format!(
                "there is no sftp-server at {}; install openssh-sftp-server or name one (--sftp-server, REPRISE_SFTP_SERVER)",
                SFTP_SERVERS.join(", ")
            )
        })
    }
}

/// One host, as its processes read it from a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HostPlan {
    /// The node's name.
    pub(crate) name: String,
    /// The node's folder; everything of the host lies in it.
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) sftp_server: PathBuf,
    pub(crate) shown: Vec<PathBuf>,
    /// Folders that other nodes have too: where they are there, and where on this machine.
    pub(crate) shared: Vec<(PathBuf, PathBuf)>,
}

impl HostPlan {
    /// The folder that stands for `/`.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// An empty folder that gets the root and everything around it mounted.
    pub(crate) fn view(&self) -> PathBuf {
        self.folder.join("view")
    }

    /// The lab's own programs, laid over those of the machine.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// The configuration of its sshd.
    pub(crate) fn sshd_config(&self) -> PathBuf {
        self.folder.join("ssh/sshd_config")
    }

    /// What its sshd says.
    pub(crate) fn sshd_log(&self) -> PathBuf {
        self.folder.join("ssh/sshd.log")
    }

    /// The process id of the node's first process.
    pub(crate) fn init_pid(&self) -> PathBuf {
        self.folder.join("init.pid")
    }

    /// The plan itself, for the processes of the node.
    pub(crate) fn file(folder: &Path) -> PathBuf {
        folder.join("host.json")
    }

    /// Reads the plan of the node in this folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        read(&Self::file(folder))
    }
}

/// All hosts of a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HostsPlan {
    pub(crate) sshd: PathBuf,
    pub(crate) program: PathBuf,
    /// `passwd` and others as sshd sees them.
    pub(crate) accounts: PathBuf,
    /// The folders of the nodes.
    pub(crate) nodes: Vec<PathBuf>,
}

impl HostsPlan {
    /// Reads the plan.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        read(file)
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what the lab wrote", file.display()))
}

/// Writes a plan.
pub(crate) fn write(file: &Path, plan: &impl Serialize) -> Result<()> {
    std::fs::write(file, serde_json::to_vec_pretty(plan)?)
        .with_context(|| format!("cannot write {}", file.display()))
}
