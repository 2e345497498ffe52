//! From the lab's addresses to an inventory and a file of secrets, as an operator would have
//! them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::files;

/// The token we use: it may declare storages and jobs, and little else.
const TOKEN: &str = "backup@pve!cli";

/// lab.json, as much of it as we use.
#[derive(Debug, Deserialize)]
pub(super) struct Lab {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    /// `pve-` and the environment.
    name: String,
    url: String,
    ca_path: String,
    /// Token id (`user@realm!name`) to secret.
    tokens: BTreeMap<String, String>,
}

/// Reads lab.json.
pub(super) fn read(path: &Path) -> Result<Lab> {
    serde_json::from_slice(&files::read(path)?)
        .with_context(|| format!("{} is not what the lab's README describes", path.display()))
}

impl Lab {
    /// Writes both files. The secrets have their own, which only its owner reads.
    pub(super) fn write(&self, inventory: &Path, secrets: &Path) -> Result<()> {
        let (hosts, tokens) = self.contents()?;
        files::write(inventory, serde_json::to_vec_pretty(&hosts)?)?;
        files::write(secrets, "")?;
        files::set_mode(secrets, 0o600)?;
        files::write(secrets, serde_json::to_vec_pretty(&tokens)?)
    }

    fn contents(&self) -> Result<(Value, Value)> {
        let mut environments = Map::new();
        let mut secrets = Map::new();
        for node in &self.nodes {
            let secret = node
                .tokens
                .get(TOKEN)
                .with_context(|| format!("the lab gave {} no token {TOKEN}", node.name))?;
            let environment = node.name.trim_start_matches("pve-");
            let hosts = json!({ &node.name: node.variables()? });
            environments.insert(environment.to_owned(), json!({ "hosts": hosts }));
            secrets.insert(node.name.clone(), Value::from(secret.as_str()));
        }
        let inventory = json!({ "all": { "children": { "pve": { "children": environments } } } });
        Ok((inventory, json!({ "api_token_secrets": secrets })))
    }
}

impl Node {
    fn variables(&self) -> Result<Value> {
        let (user, token_id) = TOKEN
            .split_once('!')
            .context("a token id is user@realm!name")?;
        let (host, port) = self
            .url
            .trim_start_matches("https://")
            .trim_end_matches('/')
            .rsplit_once(':')
            .with_context(|| format!("`{}` has no port", self.url))?;
        let port: u16 = port
            .parse()
            .with_context(|| format!("`{port}` is not a port"))?;
        Ok(json!({
            "ansible_connection": "local",
            "api_host": host,
            "api_port": port,
            "api_user": user,
            "api_token_id": token_id,
            "ca_path": self.ca_path,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::{Value, json};

    use super::read;
    use crate::files;

    #[test]
    fn secrets_stay_out_of_the_inventory() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lab = json!({ "nodes": [{
            "name": "pve-mon",
            "url": "https://127.0.0.1:38006/",
            "ca_path": "ca.pem",
            "tokens": { "backup@pve!cli": "not-for-eyes", "root@pam!reprise": "nor-this" },
        }]});
        files::write(&path("lab.json"), lab.to_string()).unwrap();
        read(&path("lab.json"))
            .unwrap()
            .write(&path("inventory"), &path("secrets"))
            .unwrap();

        let inventory = files::read_text(&path("inventory")).unwrap();
        assert!(!inventory.contains("not-for-eyes"));
        let inventory: Value = serde_json::from_str(&inventory).unwrap();
        let host = &inventory["all"]["children"]["pve"]["children"]["mon"]["hosts"]["pve-mon"];
        assert_eq!(host["api_host"], "127.0.0.1");
        assert_eq!(host["api_port"], 38006);
        assert_eq!(host["api_user"], "backup@pve");
        assert_eq!(host["api_token_id"], "cli");

        let mode = std::fs::metadata(path("secrets"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let secrets: Value =
            serde_json::from_str(&files::read_text(&path("secrets")).unwrap()).unwrap();
        assert_eq!(secrets["api_token_secrets"]["pve-mon"], "not-for-eyes");
    }
}
