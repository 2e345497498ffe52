//! What tests ask a node about its host.

use std::fs;
use std::io;

use anyhow::{Context as _, Result};

use super::systemctl::{CALLS, FOLDER, RUN_UNITS, SystemctlCall};
use crate::node::Node;

impl Node {
    /// What `systemctl` was called with on the node, in order.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn systemctl_calls(&self) -> Result<Vec<SystemctlCall>> {
        let path = self.root().join(FOLDER).join(CALLS);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        text.lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} is not what systemctl wrote", path.display()))
    }

    /// From now on services that end by themselves really run when they are started on the node,
    /// as they do not by default.
    ///
    /// # Errors
    /// When the node's folder cannot be written.
    pub fn run_units(&self) -> Result<()> {
        let folder = self.root().join(FOLDER);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(RUN_UNITS), ""))
            .with_context(|| format!("cannot write into {}", folder.display()))
    }
}
