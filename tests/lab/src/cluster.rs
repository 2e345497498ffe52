//! Nodes that are one cluster: they share what the API changes, and keep files, tasks and guests
//! apart. A node that stands alone is the only member of its own.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::access::ticket::Signer;
use crate::node::NodeCore;
use crate::state::State;

/// What the nodes of a cluster have in common.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) state: Mutex<State>,
    /// A ticket of one node is good on all of them.
    pub(crate) signer: Signer,
    // Said once, when all of them are there.
    members: OnceLock<Vec<Weak<NodeCore>>>,
}

impl Cluster {
    /// One without nodes.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self {
            state: Mutex::default(),
            signer: Signer::new(secret),
            members: OnceLock::new(),
        }
    }

    /// Says which nodes it has, in their order. Later calls change nothing.
    pub(crate) fn consist_of<'node>(&self, nodes: impl Iterator<Item = &'node Arc<NodeCore>>) {
        let nodes = nodes.map(Arc::downgrade).collect();
        self.members.set(nodes).ok();
    }

    /// Its nodes.
    pub(crate) fn members(&self) -> impl Iterator<Item = Arc<NodeCore>> {
        self.members
            .get()
            .into_iter()
            .flatten()
            .filter_map(Weak::upgrade)
    }

    /// One of its nodes.
    pub(crate) fn member(&self, name: &str) -> Option<Arc<NodeCore>> {
        self.members().find(|node| node.name == name)
    }

    /// Whether a node of this name is there and not down.
    pub(crate) fn has_online(&self, name: &str) -> bool {
        self.member(name).is_some_and(|node| node.is_online())
    }
}
