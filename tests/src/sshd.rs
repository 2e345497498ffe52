//! An SSH server on loopback with throw-away keys, as whoever runs the tests.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{self, Watch};

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Sshd {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(program: &Path) -> Result<Self> {
        Self::start_with(program, "")
    }

    /// Starts one whose configuration also says this.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_with(program: &Path, more: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("reprise-sshd-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        for name in ["host", "user"] {
            let mut keygen = process::command("ssh-keygen");
            keygen
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(name));
            let ended = process::run(keygen, b"", Watch::Nothing)?;
            ensure!(ended.code == Some(0), "ssh-keygen: {}", ended.output());
        }
        fs::copy(at("user.pub"), at("authorized"))?;
        // Nobody else may take the port between here and the server's start but by bad luck.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {host}\nAuthorizedKeysFile {keys}\n\
             PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nMaxSessions 50\n{more}",
            host = at("host").display(),
            keys = at("authorized").display(),
        );
        fs::write(at("config"), config)?;
        fs::set_permissions(at("host"), fs::Permissions::from_mode(0o600))?;
        let log = fs::File::create(at("log"))?;
        let mut command = process::command(program);
        command
            .args(["-D", "-e", "-f"])
            .arg(at("config"))
            .stdout(Stdio::null())
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self {
            child,
            port,
            folder,
        };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait()? {
                bail!("sshd ended with {status}: {}", self.log());
            }
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("sshd does not listen: {}", self.log())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The private key that it lets in.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    /// The keys that it lets in.
    pub fn authorized(&self) -> PathBuf {
        self.folder.path().join("authorized")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its public key, as a line of `known_hosts` has it behind the name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn host_key(&self) -> Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("host.pub"))?)
    }

    /// The variables of a host that is reached through it.
    pub fn host(&self) -> Value {
        json!({
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": self.key(),
            "ansible_ssh_common_args": "-F none -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
            "ansible_control_path_dir": self.folder.path().join("control"),
        })
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}
