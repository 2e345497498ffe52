//! Where the modules are pointed at, in the form of `cargo xtask test --real FILE`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A server, what may be done with it and how it is reached. Keys that are not known here are
/// other tests' business.
#[derive(Clone, Serialize, Deserialize)]
pub struct Server {
    /// `https://host:port`.
    pub url: String,
    /// The node.
    pub node: String,
    /// A token with all rights, `user@realm!name`.
    pub token_id: String,
    /// Its secret.
    pub token_secret: String,
    /// A user that may do the same.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The authority that signed the certificate.
    pub ca_path: String,
    /// The fingerprint of the certificate.
    pub fingerprint: String,
    /// Storages for backups, and their folders as seen from here.
    pub storages: BTreeMap<String, String>,
    /// A command prefix that runs a command on the node as root; empty when there is none.
    #[serde(default)]
    pub exec: Vec<String>,
    /// A container that may be backed up and overwritten.
    pub ct: u32,
    /// A virtual machine that may be backed up and overwritten.
    pub vm: u32,
    /// Guest ids that the tests may use, first and last.
    pub free_ids: [u32; 2],
    /// A token with the rights of `suite::rights::ENOUGH` and no other; without one it is made
    /// through `exec`.
    #[serde(default)]
    pub limited: Option<Limited>,
}

/// A token with few rights.
#[derive(Clone, Serialize, Deserialize)]
pub struct Limited {
    /// `user@realm!name`.
    pub token_id: String,
    /// Its secret.
    pub token_secret: String,
}

// Secrets stay out of what a failing test prints.
impl fmt::Debug for Limited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Limited")
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A node of the lab where nothing but the token is used.
    pub fn of_node(node: &reprise_lab::Node, token_id: &str, token_secret: String) -> Self {
        Self {
            url: node.url(),
            node: node.name().to_owned(),
            token_id: token_id.to_owned(),
            token_secret,
            user: "root@pam".to_owned(),
            password: node.password().to_owned(),
            ca_path: node.ca_path().display().to_string(),
            fingerprint: node.fingerprint().to_owned(),
            storages: BTreeMap::new(),
            exec: Vec::new(),
            ct: 0,
            vm: 0,
            free_ids: [0, 0],
            limited: None,
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or lacks something.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} does not describe a server", path.display()))
    }

    /// Its name or address, and the port.
    ///
    /// # Errors
    /// When the url has none.
    pub fn endpoint(&self) -> Result<(&str, u16)> {
        let rest = self
            .url
            .strip_prefix("https://")
            .context("the url has no https://")?;
        let (host, port) = rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .context("the url has no port")?;
        Ok((host, port.parse().context("the port is no number")?))
    }

    /// The options of the connection but for trust and login.
    fn reached(&self) -> Result<Map<String, Value>> {
        let (host, port) = self.endpoint()?;
        Ok(map(json!({"api_host": host, "api_port": port})))
    }

    /// The options of the connection: by token, trusting the authority.
    ///
    /// # Errors
    /// When the url is none.
    pub fn by_token(&self) -> Result<Map<String, Value>> {
        let mut options = self.reached()?;
        options.extend(map(json!({
            "api_token_id": self.token_id,
            "api_token_secret": self.token_secret,
            "ca_path": self.ca_path,
        })));
        Ok(options)
    }

    /// The options of the connection: by password, trusting this certificate alone.
    ///
    /// # Errors
    /// When the url is none.
    pub fn by_password(&self) -> Result<Map<String, Value>> {
        let mut options = self.reached()?;
        options.extend(map(json!({
            "api_user": self.user,
            "api_password": self.password,
            "fingerprint": self.fingerprint,
        })));
        Ok(options)
    }

    /// The storage that jobs of the tests name.
    ///
    /// # Errors
    /// When the file names none.
    pub fn storage(&self) -> Result<&str> {
        let own = self.storages.keys().find(|name| *name != "local");
        own.or_else(|| self.storages.keys().next())
            .map(String::as_str)
            .context("no storage is named")
    }
}

// Secrets stay out of what a failing test prints.
impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("url", &self.url)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// The entries of a JSON object; of anything else none.
pub fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// These options over those; null takes one away.
pub fn merged(mut options: Map<String, Value>, more: Value) -> Map<String, Value> {
    for (name, value) in map(more) {
        if value.is_null() {
            options.remove(&name);
        } else {
            options.insert(name, value);
        }
    }
    options
}
