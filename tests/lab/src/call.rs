//! One authenticated request on its way through a handler.

use std::sync::Arc;

use serde_json::Value;

use crate::access::identity::Identity;
use crate::access::rights::Held;
use crate::api::missing;
use crate::guest::GuestKind;
use crate::http::envelope::Reply;
use crate::node::NodeCore;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::state::State;
use crate::task::worker::{Failure, Worker};
use crate::task::{self, Foreground};

/// What a handler has: the node, its state, who asks, what for, and when.
pub(crate) struct Call<'request> {
    pub(crate) node: &'request Arc<NodeCore>,
    pub(crate) state: &'request mut State,
    pub(crate) identity: &'request Identity,
    /// Where tasks run that it starts; `None` is in the background.
    pub(crate) foreground: Option<&'request dyn Foreground>,
    pub(crate) parameters: Parameters,
    pub(crate) now: i64,
}

impl Call<'_> {
    /// A parameter that the schema makes obligatory.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.parameters.text(name).unwrap_or_default()
    }

    /// The privileges of the sender on a path, those of a pool included.
    pub(crate) fn rights(&self, path: &str) -> Held {
        self.state.rights(self.identity, path)
    }

    /// Whether the sender has one of these privileges.
    pub(crate) fn holds_any(&self, path: &str, privileges: &[&str]) -> bool {
        self.state.holds_any(self.identity, path, privileges)
    }

    /// Asks for all of these privileges.
    ///
    /// # Errors
    /// 403 that names the first missing one.
    pub(crate) fn check(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        self.state.check(self.identity, path, privileges)
    }

    /// Asks for one of these privileges.
    ///
    /// # Errors
    /// 403 that names all of them.
    pub(crate) fn check_any(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        self.state.check_any(self.identity, path, privileges)
    }

    /// Starts a task in the name of the sender and gives back its name as the answer.
    pub(crate) fn start_task(
        &self,
        kind: &str,
        id: &str,
        body: impl FnOnce(&mut Worker) -> Result<(), Failure> + Send + 'static,
    ) -> Reply {
        Value::from(self.start(kind, id, body)).into()
    }

    /// Starts a task in the name of the sender and gives back its name.
    pub(crate) fn start(
        &self,
        kind: &str,
        id: &str,
        body: impl FnOnce(&mut Worker) -> Result<(), Failure> + Send + 'static,
    ) -> String {
        task::start(self.node, self.identity, self.foreground, kind, id, body)
    }

    /// Whether the path names this node; others of its cluster were asked before, and no more can be
    /// found.
    ///
    /// # Errors
    /// The text of a failed name lookup.
    pub(crate) fn check_node(&self) -> Result<(), Refusal> {
        let name = self.required("node");
        if name == self.node.name || name == "localhost" {
            return Ok(());
        }
        Err(Refusal::failure(format!(
            "hostname lookup '{name}' failed - failed to get address info for: {name}: Name or service not known"
        )))
    }

    /// Whether the guest of the path, if it exists, is on this node.
    ///
    /// # Errors
    /// That its configuration is not here.
    pub(crate) fn check_home(&self, segments: &[String]) -> Result<(), Refusal> {
        let [_, node, kind, vmid, ..] = segments else {
            return Ok(());
        };
        let kind = match kind.as_str() {
            "qemu" => GuestKind::Qemu,
            "lxc" => GuestKind::Lxc,
            _ => return Ok(()),
        };
        let elsewhere = vmid.parse().ok().filter(|vmid| {
            let home = self.state.home(*vmid);
            home.is_some_and(|home| home != self.node.name)
        });
        elsewhere.map_or(Ok(()), |vmid| {
            Err(Refusal::failure(missing(node, kind, vmid)))
        })
    }
}
