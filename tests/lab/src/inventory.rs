//! The lab's nodes as an inventory for Ansible, which the demo, the scenarios, the documents and
//! everybody by hand share. It has no secrets: the key of the logins is a file that it names.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::SshLogin;
use crate::lab::Lab;

/// The environments, which are groups; a node is in the one that its name ends with.
const ENVIRONMENTS: [&str; 3] = ["prod", "lab", "mon"];

/// What of a socket's path a client adds to the folder of its shared connections: a slash, a name
/// that is ten digits of Ansible or `127.0.0.1-65535-root` of molecule, and a suffix of seventeen
/// while it is made.
const SOCKET_NAME: usize = 1 + 20 + 17;
/// How long the path of a socket may be.
const LONGEST_SOCKET: usize = 107;

/// An inventory on disk. It goes with the lab: it would name ports on which nobody listens.
#[derive(Debug)]
pub(crate) struct Inventory {
    file: PathBuf,
    _connections: Option<TempDir>,
}

impl Inventory {
    /// Writes the nodes of a lab that can be logged in to; without any there is no inventory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(lab: &Lab, file: PathBuf) -> Result<Option<Self>> {
        let logins: Vec<_> = lab
            .nodes()
            .iter()
            .filter_map(|node| Some((node.name(), node.ssh()?)))
            .collect();
        if logins.is_empty() {
            return Ok(None);
        }
        let (connections, short) = connections(file.parent().unwrap_or(Path::new("/")))?;
        std::fs::write(&file, text(&logins, &connections)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Some(Self {
            file,
            _connections: short,
        }))
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Inventory {
    fn drop(&mut self) {
        // What cannot be removed any more misleads nobody: the folder is gone.
        let _gone = std::fs::remove_file(&self.file);
    }
}

/// The folder of connections that are shared, and what removes it when it is not the lab's own.
fn connections(directory: &Path) -> Result<(PathBuf, Option<TempDir>)> {
    let own = directory.join("cp");
    if own.as_os_str().len() + SOCKET_NAME <= LONGEST_SOCKET {
        return Ok((own, None));
    }
    let short = tempfile::Builder::new()
        .prefix("reprise-")
        .tempdir()
        .context("cannot make a folder for shared connections")?;
    Ok((short.path().to_owned(), Some(short)))
}

fn text(logins: &[(&str, &SshLogin)], connections: &Path) -> Result<String> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for (name, login) in logins {
        let environment = name.rsplit('-').next().unwrap_or_default();
        let group = ENVIRONMENTS
            .into_iter()
            .find(|known| *known == environment)
            .unwrap_or("ungrouped");
        let node = json!({"ansible_host": login.host, "ansible_port": login.port});
        groups.entry(group).or_default().insert(name, node);
    }
    let mut inventory = String::from(
        "---\n# The nodes of the lab, as long as it runs; written by it at each start.\n",
    );
    inventory.push_str("all:\n  vars:\n");
    if let Some((_, login)) = logins.first() {
        for (name, value) in variables(login, connections) {
            let _never = writeln!(inventory, "    {name}: {}", serde_json::to_string(&value)?);
        }
    }
    inventory.push_str("  children:\n");
    for (group, nodes) in groups {
        let _never = writeln!(inventory, "    {group}:\n      hosts:");
        for (name, node) in nodes {
            let _never = writeln!(inventory, "        {name}: {node}");
        }
    }
    Ok(inventory)
}

/// What all nodes have in common. The user's own settings of ssh have no part in it.
fn variables(login: &SshLogin, connections: &Path) -> [(&'static str, Value); 6] {
    let options = format!(
        "-F none -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes \
         -o GlobalKnownHostsFile=none -o 'UserKnownHostsFile=\"{}\"'",
        login.known_hosts.display()
    );
    [
        ("ansible_user", json!(login.user)),
        ("ansible_ssh_private_key_file", json!(login.key)),
        ("ansible_ssh_common_args", json!(options)),
        ("ansible_host_key_checking", json!(true)),
        ("ansible_control_path_dir", json!(connections)),
        ("ansible_python_interpreter", json!("auto_silent")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(port: u16) -> SshLogin {
        SshLogin {
            host: "127.0.0.1".to_owned(),
            port,
            user: "root".to_owned(),
            key: "/lab/hosts/id_ed25519".into(),
            known_hosts: "/la b/known_hosts".into(),
            config: "/lab/ssh_config".into(),
        }
    }

    #[test]
    fn nodes_stand_in_the_group_of_their_environment() {
        let (first, second) = (login(2201), login(2202));
        let text = text(
            &[("pve-prod", &first), ("pve1", &second)],
            Path::new("/lab/cp"),
        )
        .unwrap();
        let expected = "  children:\n    prod:\n      hosts:\n        \
             pve-prod: {\"ansible_host\":\"127.0.0.1\",\"ansible_port\":2201}\n    \
             ungrouped:\n      hosts:\n        \
             pve1: {\"ansible_host\":\"127.0.0.1\",\"ansible_port\":2202}\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(
            text.contains("    ansible_host_key_checking: true\n"),
            "{text}"
        );
        let known = r#"-o 'UserKnownHostsFile=\"/la b/known_hosts\"'"#;
        assert!(text.contains(known), "{text}");
    }

    #[test]
    fn a_deep_folder_has_its_connections_elsewhere() {
        let (own, short) = connections(Path::new("/home/ann/reprise/target/lab")).unwrap();
        assert_eq!(own, Path::new("/home/ann/reprise/target/lab/cp"));
        assert!(short.is_none());
        // The longest folder in which molecule can make its sockets, and one more.
        let fits = PathBuf::from(format!("/{}", "x".repeat(65)));
        assert!(connections(&fits).unwrap().1.is_none());
        let deep = PathBuf::from(format!("/{}", "x".repeat(66)));
        let (elsewhere, short) = connections(&deep).unwrap();
        assert!(!elsewhere.starts_with(&deep));
        assert!(short.is_some_and(|short| short.path().is_dir()));
    }
}
