//! From a path and its parameters to a handler: what https and `pvesh` have in common.

use std::sync::Arc;

use serde_json::Value;

use crate::access::identity::Identity;
use crate::api;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::node::NodeCore;
use crate::parameters::{Parameter, Parameters};
use crate::permission;
use crate::refusal::Refusal;
use crate::schema::validate::validate;
use crate::task::Foreground;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'request> {
    pub(crate) method: &'request str,
    /// The decoded parts of the path.
    pub(crate) segments: &'request [String],
    /// The path as error texts show it.
    pub(crate) api_path: &'request str,
}

impl Target<'_> {
    /// Calls it for somebody. Tasks that it starts run in the foreground of a caller that has one.
    ///
    /// # Errors
    /// What PVE refuses, in the order in which PVE looks.
    pub(crate) fn call(
        self,
        node: &Arc<NodeCore>,
        identity: &Identity,
        foreground: Option<&dyn Foreground>,
        mut parameters: Parameters,
    ) -> Result<Reply, Refusal> {
        if let Some(other) = self.other_node(node) {
            if !other.is_online() {
                return Err(Refusal::empty(595, "No route to host"));
            }
            return self.call(&other, identity, foreground, parameters);
        }
        let now = node.clock.now();
        if let Some(index) = api::index(self.method, self.segments, &node.name) {
            return Ok(index.into());
        }
        let schema = node.schema;
        let unknown = || Refusal::not_implemented(self.method, self.api_path);
        let found = schema
            .find(self.method, self.segments)
            .ok_or_else(unknown)?;
        let handler = api::handler(found.key).ok_or_else(unknown)?;
        for (name, value) in &found.path_values {
            let value = Parameter::Text(value.clone());
            if parameters.get(name).is_some_and(|sent| *sent != value) {
                let text = "duplicate parameter (already defined in URI) with conflicting values!";
                return Err(Refusal::parameter(name, text));
            }
            parameters.set(name, value);
        }
        let mut state = node.state();
        let mut call = Call {
            node,
            state: &mut state,
            identity,
            foreground,
            parameters,
            now,
        };
        permission::check(
            found.endpoint.permissions.as_ref().unwrap_or(&Value::Null),
            &call,
        )?;
        if found.endpoint.is_proxied() {
            call.check_node()?;
            call.check_home(self.segments)?;
        }
        call.parameters = validate(schema, found.endpoint, std::mem::take(&mut call.parameters))?;
        handler(&mut call)
    }

    /// The other node of the cluster that the path names: it is asked, and its answer passed on.
    fn other_node(self, node: &NodeCore) -> Option<Arc<NodeCore>> {
        match self.segments {
            [first, name, ..] if first == "nodes" && *name != node.name => {
                node.cluster.member(name)
            }
            _ => None,
        }
    }
}
