//! Three nodes of three environments, as an operator has them, and the variables by which plays
//! reach them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reprise_lab::{Clock, HostsConfig, Lab, LabConfig, Node, demo};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::environment::{Tools, told};

/// The environments; each has the node `pve-` and its name.
pub const ENVIRONMENTS: [&str; 3] = ["prod", "lab", "mon"];

/// A lab of three nodes with the guests of the demo.
#[derive(Debug)]
pub struct Nodes {
    lab: Lab,
    _folder: TempDir,
}

impl Nodes {
    /// Nodes that are an API.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("reprise-nodes-")
            .tempdir()?;
        let config = LabConfig::new(folder.path());
        Self::of(&config, folder)
    }

    /// Nodes that are an API and report a new storage only so long after it was made, by this
    /// clock.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn with_storage_report(after: Duration, clock: &Clock) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("reprise-nodes-")
            .tempdir()?;
        let config = LabConfig::new(folder.path())
            .with_storage_report(after)
            .with_clock(clock.clone());
        Self::of(&config, folder)
    }

    /// Nodes that can be logged in to.
    ///
    /// # Errors
    /// When the lab cannot be started.
    pub fn with_hosts(tools: &Tools) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("reprise-nodes-")
            .tempdir()?;
        let mut hosts = HostsConfig::new(lab_program()?, &tools.sshd);
        if let Some(server) = told("REPRISE_SFTP_SERVER") {
            hosts = hosts.with_sftp_server(server);
        }
        let config = LabConfig::new(folder.path()).with_hosts(hosts);
        Self::of(&config, folder)
    }

    fn of(config: &LabConfig, folder: TempDir) -> Result<Self> {
        let lab = Lab::start(config)?;
        demo::seed(&lab)?;
        Ok(Self {
            lab,
            _folder: folder,
        })
    }

    /// The node of an environment.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, environment: &str) -> Result<&Node> {
        self.lab.node(&format!("pve-{environment}"))
    }

    /// The jobs of the node of an environment.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn jobs(&self, environment: &str) -> Result<Vec<Value>> {
        self.list(environment, "/cluster/backup")
    }

    /// What the API lists there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn list(&self, environment: &str, path: &str) -> Result<Vec<Value>> {
        let node = self.node(environment)?;
        let server = crate::server::Server::of_node(node, demo::ADMIN_TOKEN, secret(node)?);
        let listed = crate::api::Api::new(&server)?.get(path)?;
        Ok(listed.as_array().cloned().unwrap_or_default())
    }

    /// How many calls to change something the nodes have seen.
    ///
    /// # Errors
    /// Never, unless the lab lost a node.
    pub fn writes(&self) -> Result<usize> {
        let mut writes: usize = 0;
        for environment in ENVIRONMENTS {
            let journal = self.node(environment)?.journal();
            writes = writes.saturating_add(journal.iter().filter(|entry| entry.is_write()).count());
        }
        Ok(writes)
    }

    /// The variables of a node that is reached through its API.
    ///
    /// # Errors
    /// When it has no token.
    pub fn by_api(&self, environment: &str) -> Result<Value> {
        let node = self.node(environment)?;
        Ok(json!({"reprise_api": {
            "api_host": node.url(),
            "api_token_id": demo::ADMIN_TOKEN,
            "api_token_secret": secret(node)?,
            "ca_path": node.ca_path(),
        }}))
    }

    /// The variables of a node that is logged in to as root.
    ///
    /// # Errors
    /// When the lab has no hosts.
    pub fn by_ssh(&self, environment: &str) -> Result<Value> {
        let login = self.node(environment)?.ssh().context("no host")?;
        Ok(json!({
            "ansible_connection": "ssh",
            "ansible_host": login.host,
            "ansible_port": login.port,
            "ansible_user": login.user,
            "ansible_ssh_private_key_file": login.key,
            "ansible_ssh_common_args": format!(
                "-F none -o UserKnownHostsFile={} -o LogLevel=ERROR",
                login.known_hosts.display()
            ),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_remote_tmp": "/root/.ansible/tmp",
        }))
    }
}

fn secret(node: &Node) -> Result<String> {
    node.tokens()
        .remove(demo::ADMIN_TOKEN)
        .context("the lab gave no token with all rights")
}

/// The program of the lab, made beside the tests.
fn lab_program() -> Result<std::path::PathBuf> {
    let test = std::env::current_exe().context("this test does not know where it lies")?;
    test.parent()
        .and_then(|folder| folder.parent())
        .map(|folder| folder.join("lab-under-test"))
        .filter(|path| path.is_file())
        .context("the lab's program was not built beside the tests")
}
