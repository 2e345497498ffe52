//! The lab: starts the nodes, keeps them in one thread of its own, stops them when dropped.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::config::LabConfig;
use crate::host::{HostedNode, Hosts};
use crate::http::server::{self, Command};
use crate::http::tls;
use crate::network::{Network, Present};
use crate::node::Node;

/// A running lab. Dropping it ends every node; the files stay.
#[derive(Debug)]
pub struct Lab {
    nodes: Vec<Node>,
    hosts: Option<Hosts>,
    thread: Option<JoinHandle<()>>,
    // Holds the port of the guests.
    _port_keeper: Option<TcpListener>,
}

struct Listening {
    core: Arc<crate::node::NodeCore>,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    commands: UnboundedReceiver<Command>,
}

impl Lab {
    /// Starts the nodes; when it returns, they answer.
    ///
    /// # Errors
    /// When a folder cannot be made or no port is free.
    pub fn start(config: &LabConfig) -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        let mut listening = Vec::new();
        let present = Present::default();
        let common = config.is_cluster.then(new_cluster).transpose()?;
        let (guest_port, port_keeper) = match config.guest_port {
            Some(port) => (port, None),
            None => free_port().map(|(port, keeper)| (port, Some(keeper)))?,
        };
        for (index, node) in config.nodes.iter().enumerate() {
            let index = u8::try_from(index).unwrap_or(u8::MAX);
            let network = Network::new(index, guest_port, Arc::clone(&present));
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .with_context(|| format!("no free port for node {}", node.name))?;
            listener
                .set_nonblocking(true)
                .context("cannot prepare the listener")?;
            let port = listener
                .local_addr()
                .context("the listener has no address")?
                .port();
            let (sender, commands) = unbounded_channel();
            let cluster = common.clone().map_or_else(new_cluster, Ok)?;
            let (node, certificate) = Node::prepare(node, config, port, network, sender, cluster)?;
            listening.push(Listening {
                core: Arc::clone(&node.core),
                listener,
                acceptor: TlsAcceptor::from(certificate.config),
                commands,
            });
            nodes.push(node);
        }
        for node in &nodes {
            let cluster = &node.core.cluster;
            let cores = nodes.iter().map(|node| &node.core);
            cluster.consist_of(cores.filter(|core| Arc::ptr_eq(&core.cluster, cluster)));
        }
        let hosts = start_hosts(config, &mut nodes)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the lab")?;
        let thread = std::thread::Builder::new()
            .name("reprise-lab".to_owned())
            .spawn(move || runtime.block_on(serve_all(listening)))
            .context("cannot start the thread of the lab")?;
        Ok(Self {
            nodes,
            hosts,
            thread: Some(thread),
            _port_keeper: port_keeper,
        })
    }

    /// All nodes, in the order of the configuration.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node by its name.
    ///
    /// # Errors
    /// When the lab has none of this name.
    pub fn node(&self, name: &str) -> anyhow::Result<&Node> {
        let names = || {
            self.nodes
                .iter()
                .map(Node::name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        self.nodes
            .iter()
            .find(|node| node.name() == name)
            .with_context(|| format!("the lab has no node {name}, only {}", names()))
    }
}

fn start_hosts(config: &LabConfig, nodes: &mut [Node]) -> anyhow::Result<Option<Hosts>> {
    let Some(wanted) = &config.hosts else {
        return Ok(None);
    };
    let hosted: Vec<_> = nodes
        .iter()
        .zip(&config.nodes)
        .map(|(node, config)| HostedNode {
            name: &config.name,
            time_zone: &config.time_zone,
            release: config.release,
            authority: node.ca_path(),
            shared: &node.core.shared,
        })
        .collect();
    let hosts = Hosts::start(wanted, &config.directory, &hosted)?;
    for node in nodes {
        node.attach(&hosts);
    }
    Ok(Some(hosts))
}

fn new_cluster() -> anyhow::Result<Arc<Cluster>> {
    Ok(Arc::new(Cluster::new(tls::random()?)))
}

// Held at an address that no guest has, it is not given to anybody else.
fn free_port() -> anyhow::Result<(u16, TcpListener)> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for guests")?;
    let address = listener.local_addr().context("the port has no number")?;
    Ok((address.port(), listener))
}

async fn serve_all(listening: Vec<Listening>) {
    let mut servers = tokio::task::JoinSet::new();
    for node in listening {
        servers.spawn(server::serve(
            node.core,
            node.listener,
            node.acceptor,
            node.commands,
        ));
    }
    while servers.join_next().await.is_some() {}
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.core.network.close();
        }
        // What runs on the nodes ends before the nodes do.
        drop(self.hosts.take());
        // Without a sender of commands a server ends.
        self.nodes.clear();
        if let Some(thread) = self.thread.take() {
            // A panic in a server has been printed already; here it changes nothing.
            let _panicked = thread.join();
        }
    }
}
