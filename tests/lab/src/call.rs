//! One authenticated request on its way through a handler.

use crate::access::identity::Identity;
use crate::access::rights::Held;
use crate::node::NodeCore;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::state::State;

/// What a handler has: the node, its state, who asks, what for, and when.
pub(crate) struct Call<'request> {
    pub(crate) node: &'request NodeCore,
    pub(crate) state: &'request mut State,
    pub(crate) identity: &'request Identity,
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
        let access = &self.state.access;
        let mut held = access.held(self.identity, path);
        if let Some(pool) = self.state.pool_of_path(path) {
            for (privilege, propagates) in access.held(self.identity, &format!("/pool/{pool}")) {
                let flag = held.entry(privilege).or_insert(false);
                *flag = *flag || propagates;
            }
        }
        held
    }

    /// Whether the sender has one of these privileges.
    pub(crate) fn holds_any(&self, path: &str, privileges: &[&str]) -> bool {
        if self.identity.is_root() {
            return true;
        }
        let held = self.rights(path);
        privileges
            .iter()
            .any(|privilege| held.contains_key(*privilege))
    }

    /// Asks for all of these privileges.
    ///
    /// # Errors
    /// 403 that names the first missing one.
    pub(crate) fn check(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        match privileges
            .iter()
            .find(|privilege| !self.holds_any(path, &[privilege]))
        {
            None => Ok(()),
            Some(missing) => Err(Refusal::forbidden(&format!("{path}, {missing}"))),
        }
    }

    /// Asks for one of these privileges.
    ///
    /// # Errors
    /// 403 that names all of them.
    pub(crate) fn check_any(&self, path: &str, privileges: &[&str]) -> Result<(), Refusal> {
        if self.holds_any(path, privileges) {
            return Ok(());
        }
        Err(Refusal::forbidden(&format!(
            "{path}, {}",
            privileges.join("|")
        )))
    }

    /// Whether the path names this node; others cannot be found, for each node stands alone.
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
}
