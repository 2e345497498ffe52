//! The lab: starts the nodes, keeps them in one thread of its own, stops them when dropped.

use std::net::{Ipv4Addr, TcpListener};
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use crate::config::LabConfig;
use crate::host::{HostedNode, Hosts};
use crate::http::server::{self, Command};
use crate::node::Node;

/// A running lab. Dropping it ends every node; the files stay.
#[derive(Debug)]
pub struct Lab {
    nodes: Vec<Node>,
    hosts: Option<Hosts>,
    thread: Option<JoinHandle<()>>,
}

struct Listening {
    core: std::sync::Arc<crate::node::NodeCore>,
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
        for node in &config.nodes {
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
            let (node, certificate) = Node::prepare(node, config, port, sender)?;
            listening.push(Listening {
                core: std::sync::Arc::clone(&node.core),
                listener,
                acceptor: TlsAcceptor::from(certificate.config),
                commands,
            });
            nodes.push(node);
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
            authority: node.ca_path(),
        })
        .collect();
    let hosts = Hosts::start(wanted, &config.directory, &hosted)?;
    for node in nodes {
        node.attach(&hosts);
    }
    Ok(Some(hosts))
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
