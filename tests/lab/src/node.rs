//! One node: what the server needs of it, and the handle that tests and the demo hold.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::ops::{Deref, DerefMut};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedSender;

use crate::backup::turn;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::{LabConfig, NodeConfig, Release};
use crate::fault::{FaultRule, Faults};
use crate::host::{Hosts, SshLogin};
use crate::http::server::Command;
use crate::http::tls;
use crate::journal::{Journal, JournalEntry};
use crate::network::{self, Network};
use crate::schema::Schema;
use crate::socket::{SOCKET, service::Service};
use crate::state::State;
use crate::supply::Supply;
use crate::task::fault::TaskFaultRule;
use crate::task::{Tasks, active};

/// What requests work on.
#[derive(Debug)]
pub(crate) struct NodeCore {
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) zone: TimeZone,
    pub(crate) release: Release,
    /// What its API accepts.
    pub(crate) schema: &'static Schema,
    /// The folder that stands for `/` of the node.
    pub(crate) root: PathBuf,
    pub(crate) fingerprint: String,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) delay_of_401: Duration,
    pub(crate) delay_of_pvesh: Duration,
    pub(crate) storage_report: Duration,
    pub(crate) supply: Supply,
    pub(crate) network: Network,
    /// Unix time of the start, for `uptime`.
    pub(crate) started: i64,
    pub(crate) tasks: Tasks,
    /// Which of them may make backups.
    pub(crate) backups: turn::Lock,
    /// What it has in common with the other nodes of its cluster.
    pub(crate) cluster: Arc<Cluster>,
    /// Folders that other nodes have too: where they are on the node, and where on this machine.
    pub(crate) shared: Vec<(PathBuf, PathBuf)>,
}

impl NodeCore {
    /// The state; a handler that panicked must not end the node.
    pub(crate) fn state(&self) -> StateGuard<'_> {
        let state = self.cluster.state.lock();
        StateGuard {
            state: state.unwrap_or_else(PoisonError::into_inner),
            node: &self.name,
            network: &self.network,
            changed: false,
        }
    }

    /// The node that a task runs on: a caller here may have started it on another one.
    pub(crate) fn of_task(self: &Arc<Self>, upid: &str) -> Arc<Self> {
        let name = upid.split(':').nth(1);
        name.and_then(|name| self.cluster.member(name))
            .unwrap_or_else(|| Arc::clone(self))
    }

    /// Whether the other nodes of its cluster see it.
    pub(crate) fn is_online(&self) -> bool {
        !self.supply.is_down()
    }

    /// Says what a guest does on its port.
    ///
    /// # Errors
    /// When there is no such guest.
    pub(crate) fn serve(&self, vmid: u32, service: network::Service) -> anyhow::Result<()> {
        let state = self.state();
        let there = state.is_on(vmid, &self.name);
        anyhow::ensure!(there, "node {} has no guest {vmid}", self.name);
        self.network.serve(vmid, service);
        self.network.follow(&state, &self.name);
        Ok(())
    }

    /// Where a path of the node lies on this machine. It never leaves the node's root, or the folder
    /// that the nodes share.
    pub(crate) fn local(&self, path: &str) -> PathBuf {
        let mut inside = PathBuf::new();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(name) => inside.push(name),
                Component::ParentDir => {
                    inside.pop();
                }
                _ => {}
            }
        }
        let shared = self.shared.iter().find_map(|(at, folder)| {
            let below = inside.strip_prefix(at).ok()?;
            Some(folder.join(below))
        });
        shared.unwrap_or_else(|| self.root.join(inside))
    }
}

/// The state while it is held. What changed of the guests is on the network when it is let go.
#[derive(Debug)]
pub(crate) struct StateGuard<'node> {
    state: MutexGuard<'node, State>,
    node: &'node str,
    network: &'node Network,
    changed: bool,
}

impl Deref for StateGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for StateGuard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.changed = true;
        &mut self.state
    }
}

impl Drop for StateGuard<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.state.settle(self.node);
            self.network.follow(&self.state, self.node);
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    // First, so that it is the first to end.
    _service: Service,
    pub(crate) core: Arc<NodeCore>,
    // The web server ends with it.
    _commands: UnboundedSender<Command>,
    password: String,
    port: u16,
    ca_path: PathBuf,
    ssh: Option<SshLogin>,
}

impl Node {
    /// Makes the folders, the certificate and the state, but does not listen yet.
    pub(crate) fn prepare(
        config: &NodeConfig,
        lab: &LabConfig,
        port: u16,
        network: Network,
        commands: UnboundedSender<Command>,
        cluster: Arc<Cluster>,
    ) -> anyhow::Result<(Self, tls::Certificate)> {
        let directory = &lab.directory;
        let root = directory.join(&config.name).join("root");
        std::fs::create_dir_all(&root)
            .with_context(|| format!("cannot make {}", root.display()))?;
        let ca_path = directory.join(&config.name).join("ca.pem");
        let certificate = tls::make(&config.name, &ca_path)?;
        let zone = TimeZone::get(&config.time_zone)
            .with_context(|| format!("node {} has an unknown time zone", config.name))?;
        let core = NodeCore {
            name: config.name.clone(),
            clock: lab.clock.clone(),
            zone,
            release: config.release,
            schema: Schema::of(config.release)?,
            tasks: Tasks::new(root.join(active::PATH.trim_start_matches('/'))),
            root,
            fingerprint: certificate.fingerprint.clone(),
            faults: Faults::default(),
            journal: Journal::default(),
            delay_of_401: lab.delay_of_401,
            delay_of_pvesh: lab.delay_of_pvesh,
            storage_report: lab.storage_report,
            supply: Supply::new(&commands),
            network,
            started: lab.clock.now(),
            backups: turn::Lock::default(),
            cluster,
            shared: shared_folders(lab)?,
        };
        let core = Arc::new(core);
        let node = Self {
            _service: Service::start(Arc::clone(&core))?,
            core,
            _commands: commands,
            password: config.password.clone(),
            port,
            ca_path,
            ssh: None,
        };
        node.install()?;
        Ok((node, certificate))
    }

    /// The name of the node.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address without the path of the API.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority that signed the server's.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// The SHA-256 fingerprint of the server certificate, in PVE's form.
    pub fn fingerprint(&self) -> &str {
        &self.core.fingerprint
    }

    /// The password of root@pam.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The secrets of all tokens by their full ids.
    pub fn tokens(&self) -> BTreeMap<String, String> {
        let mut tokens = BTreeMap::new();
        for (user, record) in &self.core.state().access.users {
            for (name, token) in &record.tokens {
                tokens.insert(format!("{user}!{name}"), token.secret.clone());
            }
        }
        tokens
    }

    /// The folder that stands for `/` of the node.
    pub fn root(&self) -> &Path {
        &self.core.root
    }

    /// Where a path of the node lies on this machine.
    pub fn local(&self, path: &str) -> PathBuf {
        self.core.local(path)
    }

    /// How to log in; absent when the lab has no hosts.
    pub fn ssh(&self) -> Option<&SshLogin> {
        self.ssh.as_ref()
    }

    pub(crate) fn attach(&mut self, hosts: &Hosts) {
        self.ssh = hosts.login(&self.core.name).cloned();
        self.core.supply.with_logins(hosts.switch(&self.core.name));
    }

    /// The socket at which the programs of the node reach it, as seen from this machine.
    pub fn socket(&self) -> PathBuf {
        self.core.local(SOCKET)
    }

    /// The folders of the storages by their names, as seen from here.
    pub fn storage_folders(&self) -> BTreeMap<String, PathBuf> {
        let state = self.core.state();
        let folder = |path: &str| self.core.local(path);
        state
            .storages
            .iter()
            .filter_map(|storage| Some((storage.id.clone(), folder(storage.path()?))))
            .collect()
    }

    /// What the node was asked since its start or the last [`Node::clear_journal`].
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.core.journal.entries()
    }

    /// Forgets what the node was asked.
    pub fn clear_journal(&self) {
        self.core.journal.clear();
    }

    /// Lets something go wrong.
    pub fn inject(&self, rule: FaultRule) {
        self.core.faults.add(rule);
    }

    /// Lets something go wrong in the middle of tasks.
    pub fn inject_into_tasks(&self, rule: TaskFaultRule) {
        self.core.tasks.inject(rule);
    }

    /// Takes all faults back. Tasks that hang already go on hanging.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
        self.core.tasks.clear_faults();
    }

    /// Closes the port and every connection, also those of logins; `pvesh` has no answer either. What
    /// runs on the host goes on.
    ///
    /// # Errors
    /// When the server has ended.
    pub fn down(&self) -> anyhow::Result<()> {
        let name = self.name();
        let off = self.core.supply.off();
        off.with_context(|| format!("node {name} does not go down"))
    }

    /// Listens again, on the same port.
    ///
    /// # Errors
    /// When somebody else holds the port by now.
    pub fn up(&self) -> anyhow::Result<()> {
        let name = self.name();
        let on = self.core.supply.on();
        on.with_context(|| format!("node {name} does not come back"))
    }

    /// Where the port of a guest is while it runs; `None` without such a guest.
    pub fn guest_endpoint(&self, vmid: u32) -> Option<SocketAddrV4> {
        let state = self.core.state();
        let here = state.is_on(vmid, self.name());
        let guest = state.guests.get(&vmid).filter(|_| here)?;
        Some(self.core.network.endpoint(vmid, guest))
    }

    /// The ports of all guests.
    pub fn guest_endpoints(&self) -> BTreeMap<u32, SocketAddrV4> {
        let state = self.core.state();
        let guests = state.guests.iter();
        let network = &self.core.network;
        guests
            .filter(|(vmid, _)| state.is_on(**vmid, self.name()))
            .map(|(vmid, guest)| (*vmid, network.endpoint(*vmid, guest)))
            .collect()
    }

    /// Says what a guest does on its port while it runs.
    ///
    /// # Errors
    /// When there is no such guest.
    pub fn set_service(&self, vmid: u32, service: network::Service) -> anyhow::Result<()> {
        self.core.serve(vmid, service)
    }
}

fn shared_folders(lab: &LabConfig) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let shared = lab.shared.iter().map(|path| {
        let at = path.strip_prefix("/").unwrap_or(path).to_owned();
        let folder = lab.directory.join("shared").join(&at);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot find {}", folder.display()))?;
        Ok((at, folder))
    });
    shared.collect()
}
