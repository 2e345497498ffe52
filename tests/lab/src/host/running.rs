//! Starting the hosts of a lab, and ending them with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};

use super::config::{self, HostPlan, HostsConfig, HostsPlan};
use super::keys::{self, Reached, SshdConfig};
use super::program::PROGRAMS;
use super::view::{LAB_PROGRAM, SFTP_PROGRAM};
use super::{files, process, sshd_view};
use crate::config::Release;
use crate::programs::NAMES;

/// How to log in to a node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SshLogin {
    /// Where it listens.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// Whom to log in as.
    pub user: String,
    /// The client's private key.
    pub key: PathBuf,
    /// The file with the node's real key.
    pub known_hosts: PathBuf,
    /// A configuration for `ssh -F`, in which the node has its name.
    pub config: PathBuf,
}

/// A node that gets a host.
#[derive(Debug)]
pub(crate) struct HostedNode<'a> {
    pub(crate) name: &'a str,
    pub(crate) time_zone: &'a str,
    pub(crate) release: Release,
    /// The certificate of the authority that signed its own.
    pub(crate) authority: &'a Path,
    /// Folders that it shares with other nodes: where they are there, and where on this machine.
    pub(crate) shared: &'a [(PathBuf, PathBuf)],
}

/// The running hosts. They end when this is dropped, and when the process that holds it is gone.
#[derive(Debug)]
pub(crate) struct Hosts {
    child: Child,
    orders: Arc<Mutex<Orders>>,
    logins: BTreeMap<String, SshLogin>,
}

#[derive(Debug)]
struct Orders {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Hosts {
    /// Starts hosts for these nodes of the lab in a folder.
    ///
    /// # Errors
    /// When the machine refuses namespaces, with what to do about it, or a program is missing.
    pub(crate) fn start(
        config: &HostsConfig,
        directory: &Path,
        nodes: &[HostedNode<'_>],
    ) -> Result<Self> {
        let directory = directory
            .canonicalize()
            .with_context(|| format!("cannot find {}", directory.display()))?;
        let folder = directory.join("hosts");
        make_folder(&folder)?;
        let key = folder.join("id_ed25519");
        let authorized = folder.join("authorized_keys");
        write(&authorized, &keys::make(&key)?)?;
        sshd_view::write(&folder)?;

        let mut reached = Vec::new();
        for node in nodes {
            let key = prepare(config, &directory.join(node.name), node, &authorized)?;
            reached.push((node.name.to_owned(), key));
        }
        let plan = HostsPlan {
            sshd: config.sshd.clone(),
            program: config.program.clone(),
            accounts: folder.clone(),
            nodes: nodes.iter().map(|node| directory.join(node.name)).collect(),
        };
        let plan_file = folder.join("plan.json");
        config::write(&plan_file, &plan)?;
        let (mut hosts, ports) = Self::start_plan(&plan, &plan_file, &folder.join("hosts.log"))?;

        let reached: Vec<_> = reached
            .into_iter()
            .filter_map(|(name, key)| {
                let port = *ports.get(&name)?;
                Some(Reached { name, port, key })
            })
            .collect();
        let known_hosts = directory.join("known_hosts");
        let ssh_config = directory.join("ssh_config");
        write(&known_hosts, &keys::known_hosts(&reached))?;
        write(&ssh_config, &keys::ssh_config(&reached, &key, &known_hosts))?;
        for host in reached {
            let login = SshLogin {
                host: "127.0.0.1".to_owned(),
                port: host.port,
                user: "root".to_owned(),
                key: key.clone(),
                known_hosts: known_hosts.clone(),
                config: ssh_config.clone(),
            };
            hosts.logins.insert(host.name, login);
        }
        Ok(hosts)
    }

    fn start_plan(
        plan: &HostsPlan,
        file: &Path,
        log: &Path,
    ) -> Result<(Self, BTreeMap<String, u16>)> {
        let errors =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = process::command(&plan.program)
            .arg("host-outer")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {}", plan.program.display()))?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().context("the hosts have no output")?);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        let Some(ports) = read.ok().and_then(|_| serde_json::from_str(&line).ok()) else {
            drop(input);
            let _ended = child.wait();
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!("the lab's nodes cannot be hosts: {}", said.trim_end());
        };
        let hosts = Self {
            child,
            orders: Arc::new(Mutex::new(Orders { input, output })),
            logins: BTreeMap::new(),
        };
        Ok((hosts, ports))
    }

    /// How to log in to a node.
    pub(crate) fn login(&self, node: &str) -> Option<&SshLogin> {
        self.logins.get(node)
    }

    /// The switch of a node.
    pub(crate) fn switch(&self, node: &str) -> Switch {
        Switch {
            node: node.to_owned(),
            orders: Arc::clone(&self.orders),
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // The end of its input ends the supervisor, and that ends all others.
        drop(lock(&self.orders).input.take());
        let _ended = self.child.wait();
    }
}

/// Lets nobody in to a node any more, and lets them in again.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    node: String,
    orders: Arc<Mutex<Orders>>,
}

impl Switch {
    /// Ends all connections and refuses new ones. What runs on the node goes on.
    ///
    /// # Errors
    /// When the hosts have ended.
    pub(crate) fn off(&self) -> Result<()> {
        self.order("down")
    }

    /// Lets logins in again.
    ///
    /// # Errors
    /// When the hosts have ended.
    pub(crate) fn on(&self) -> Result<()> {
        self.order("up")
    }

    fn order(&self, word: &str) -> Result<()> {
        let mut orders = lock(&self.orders);
        let input = orders.input.as_mut().context("the hosts have ended")?;
        writeln!(input, "{word} {}", self.node).context("the hosts have ended")?;
        let mut answer = String::new();
        let read = orders.output.read_line(&mut answer);
        ensure!(
            read.is_ok() && matches!(answer.trim(), "closed" | "open"),
            "the host of {} does not obey: {answer}",
            self.node
        );
        Ok(())
    }
}

fn lock(orders: &Mutex<Orders>) -> std::sync::MutexGuard<'_, Orders> {
    orders.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything of a node's host that lies on disk; gives back its public key.
fn prepare(
    config: &HostsConfig,
    folder: &Path,
    node: &HostedNode<'_>,
    authorized_keys: &Path,
) -> Result<String> {
    let plan = HostPlan {
        name: node.name.to_owned(),
        folder: folder.to_owned(),
        program: config.program.clone(),
        sftp_server: config.sftp_server()?,
        shown: config.shown.clone(),
        shared: node.shared.to_vec(),
    };
    for folder in [folder.join("ssh"), plan.view(), plan.programs()] {
        make_folder(&folder)?;
    }
    files::lay_out(&plan.root(), node)?;
    for name in [LAB_PROGRAM, SFTP_PROGRAM] {
        write(&plan.programs().join(name), "")?;
    }
    for name in PROGRAMS.map(|(name, _)| name).into_iter().chain(NAMES) {
        let link = plan.programs().join(name);
        if !link.is_symlink() {
            symlink(LAB_PROGRAM, &link)
                .with_context(|| format!("cannot make {}", link.display()))?;
        }
    }
    let host_key = folder.join("ssh/host_key");
    let public = keys::make(&host_key)?;
    let sshd = SshdConfig {
        host_key: &host_key,
        authorized_keys,
        program: &config.program,
        folder,
    };
    write(&plan.sshd_config(), &sshd.text())?;
    config::write(&HostPlan::file(folder), &plan)?;
    Ok(public)
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
