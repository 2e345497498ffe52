//! From the lab's addresses to an inventory and a file of secrets, as an operator would have
//! them.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::files;

/// lab.json, as much of it as we use.
#[derive(Debug, Deserialize)]
pub(super) struct Lab {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    name: String,
    url: String,
    ca_path: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Deserialize)]
struct Token {
    /// `user@realm!name`.
    id: String,
    secret: String,
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
        let mut hosts = Map::new();
        let mut secrets = Map::new();
        for node in &self.nodes {
            let token = node
                .tokens
                .first()
                .with_context(|| format!("the lab gave {} no token", node.name))?;
            let (user, token_id) = token
                .id
                .split_once('!')
                .with_context(|| format!("`{}` is not a token id (user@realm!name)", token.id))?;
            let (host, port) = node
                .url
                .trim_start_matches("https://")
                .trim_end_matches('/')
                .rsplit_once(':')
                .with_context(|| format!("`{}` has no port", node.url))?;
            let variables = json!({
                "ansible_connection": "local",
                "api_host": host,
                "api_port": port.parse::<u16>().with_context(|| format!("`{port}` is not a port"))?,
                "api_user": user,
                "api_token_id": token_id,
                "ca_path": node.ca_path,
            });
            hosts.insert(node.name.clone(), variables);
            secrets.insert(node.name.clone(), Value::from(token.secret.clone()));
        }
        let inventory = json!({ "all": { "children": { "pve": { "hosts": hosts } } } });
        Ok((inventory, json!({ "api_token_secrets": secrets })))
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
            "name": "pve1",
            "url": "https://127.0.0.1:38006/",
            "ca_path": "ca.pem",
            "tokens": [{ "id": "root@pam!reprise", "secret": "not-for-eyes" }],
        }]});
        files::write(&path("lab.json"), lab.to_string()).unwrap();
        read(&path("lab.json"))
            .unwrap()
            .write(&path("inventory"), &path("secrets"))
            .unwrap();

        let inventory = files::read_text(&path("inventory")).unwrap();
        assert!(!inventory.contains("not-for-eyes"));
        let inventory: Value = serde_json::from_str(&inventory).unwrap();
        let host = &inventory["all"]["children"]["pve"]["hosts"]["pve1"];
        assert_eq!(host["api_host"], "127.0.0.1");
        assert_eq!(host["api_port"], 38006);
        assert_eq!(host["api_user"], "root@pam");
        assert_eq!(host["api_token_id"], "reprise");

        let mode = std::fs::metadata(path("secrets"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let secrets: Value =
            serde_json::from_str(&files::read_text(&path("secrets")).unwrap()).unwrap();
        assert_eq!(secrets["api_token_secrets"]["pve1"], "not-for-eyes");
    }
}
