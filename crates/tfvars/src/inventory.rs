//! The hosts for Ansible. Credentials are read, so that a broken one is told, and never shown.

use serde_json::{Map as Object, Value as Json, json};

use crate::address::is_name;
use crate::connection::{address, host as api_host, token};
use crate::error::{Error, Kind};
use crate::expression::Found;
use crate::guard;
use crate::map::{Key, Map};
use crate::reader::{Reader, plain_text};
use crate::tree::Tree;
use crate::variables::Variables;

/// The group of all nodes.
const ALL_NODES: &str = "pve";

/// Names that Ansible or we give a meaning of their own.
const RESERVED: [&str; 4] = ["all", "ungrouped", "_meta", ALL_NODES];

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// Its name or address in the network.
    pub address: String,
    /// The user of SSH, if the file says so.
    pub user: Option<String>,
    /// Its environments.
    pub environments: Vec<String>,
    /// Where it was found.
    place: String,
}

/// The nodes that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    hosts: Vec<Host>,
}

/// Reads the nodes, and makes sure that everything the map names can be read.
pub fn inventory(file: &Variables, map: &Map) -> Result<Inventory, Error> {
    let reader = Reader::new(file, map);
    read(&reader).map_err(|error| error.in_file(&file.file))
}

fn read(reader: &Reader<'_>) -> Result<Inventory, Error> {
    let secrets = credentials(reader)?;
    let user = user(reader)?;
    let mut inventory = Inventory { hosts: Vec::new() };
    let mapped: Vec<Key> = Key::ENVIRONMENTS
        .into_iter()
        .filter(|key| reader.is_mapped(*key))
        .collect();
    for key in &mapped {
        for found in reader.nodes(*key)? {
            inventory.add(host(&found, *key, user.as_ref())?)?;
        }
    }
    if mapped.is_empty() || reader.is_mapped(Key::Nodes) {
        for found in reader.nodes(Key::Nodes)? {
            inventory.add(host(&found, Key::Nodes, user.as_ref())?)?;
        }
    }
    if inventory.hosts.is_empty()
        && let Some(address) = api_host(reader)?
    {
        inventory.hosts.push(Host {
            name: address.host.clone(),
            address: address.host,
            user,
            environments: Vec::new(),
            place: Key::ApiHost.name().to_owned(),
        });
    }
    if inventory.hosts.is_empty() {
        return Err(reader.nothing("no node is there", &[Key::Nodes, Key::ApiHost]));
    }
    if let Some(host) = inventory.hosts.iter().find(|host| {
        host.shows()
            .any(|text| secrets.iter().any(|secret| secret == text))
    }) {
        return Err(Error::new(
            Kind::Map,
            format!(
                "`{}` has the same value as a credential that the map names; it is not printed",
                host.place
            ),
        ));
    }
    Ok(inventory)
}

/// Reads every credential once: what is broken is told now, not at the next restore.
fn credentials(reader: &Reader<'_>) -> Result<Vec<String>, Error> {
    let mut secrets = Vec::new();
    for key in Key::ALL {
        if !key.is_nodes()
            && let Some((_, text)) = reader.value(key)?
            && key.is_secret()
        {
            secrets.push(text);
        }
    }
    if let Some(secret) = token(reader)?.and_then(|token| token.secret) {
        secrets.push(secret);
    }
    Ok(secrets)
}

fn user(reader: &Reader<'_>) -> Result<Option<String>, Error> {
    let Some((found, text)) = reader.value(Key::AnsibleUser)? else {
        return Ok(None);
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.starts_with('-') || !text.chars().all(fits) {
        let message = format!("`{}` is not the name of a user of SSH", found.shown());
        return Err(Error::new(Kind::Unfit, message).at(found.tree.line));
    }
    Ok(Some(text))
}

fn host(found: &Found<'_>, key: Key, user: Option<&String>) -> Result<Host, Error> {
    let address = address(found, &plain_text(found, key)?)?.host;
    // A variable alone has the whole file around it, not a node.
    let node = match found.parents.as_slice() {
        [_, .., node] => Some(*node),
        _ => None,
    };
    let label = found.label.clone().or_else(|| {
        let before = found.path.len().checked_sub(2)?;
        found.path.get(before).cloned()
    });
    let label = label.filter(|label| label.parse::<u64>().is_err());
    let said = |names: &[&str]| said(found, node, names, key);
    let named = said(&["name", "node_name", "hostname"])?;
    let environment = match said(&["environment", "env"])? {
        Some(group) => Some(group),
        None if key != Key::Nodes => Some(key.name().to_owned()),
        None => [
            named.as_deref(),
            label.as_deref(),
            found.path.first().map(String::as_str),
        ]
        .into_iter()
        .flatten()
        .find_map(environment),
    };
    let name = named.or(label).unwrap_or_else(|| match &environment {
        Some(environment) => format!("pve-{environment}"),
        None => address.clone(),
    });
    // A host and a group of one name are one too many for Ansible.
    let is_group = RESERVED.contains(&name.as_str())
        || environment.as_ref() == Some(&name)
        || self::environment(&name).as_ref() == Some(&name);
    let name = if is_group {
        format!("pve-{name}")
    } else {
        name
    };
    let unfit = |message: String| Err(Error::new(Kind::Unfit, message).at(found.tree.line));
    if !is_name(&name) && name != address {
        return unfit(format!(
            "the node at `{}` has a name that cannot be a host's",
            found.shown()
        ));
    }
    if environment
        .as_deref()
        .is_some_and(|group| !is_group_name(group))
    {
        return unfit(format!(
            "the environment of the node at `{}` cannot be the name of a group",
            found.shown()
        ));
    }
    Ok(Host {
        name,
        address,
        user: user.cloned(),
        environments: environment.into_iter().collect(),
        place: found.shown(),
    })
}

/// What a node says about itself.
fn said(
    found: &Found<'_>,
    node: Option<&Tree>,
    names: &[&str],
    key: Key,
) -> Result<Option<String>, Error> {
    for name in names {
        if let Some(tree) = node.and_then(|node| node.entry(name))
            && !tree.is_unset()
        {
            let mut path = found.path.clone();
            path.pop();
            path.push((*name).to_owned());
            let beside = Found {
                path,
                tree,
                ..found.clone()
            };
            return plain_text(&beside, key).map(Some);
        }
    }
    Ok(None)
}

/// The environment that a name speaks of.
fn environment(name: &str) -> Option<String> {
    guard::words(name).find(|word| Key::ENVIRONMENTS.iter().any(|key| key.name() == word))
}

fn is_group_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(fits)
        && !RESERVED.contains(&text)
}

impl Host {
    /// The variables of the host.
    pub fn variables(&self) -> Json {
        let mut variables = Object::new();
        variables.insert("ansible_host".to_owned(), json!(self.address));
        if let Some(user) = &self.user {
            variables.insert("ansible_user".to_owned(), json!(user));
        }
        Json::Object(variables)
    }

    /// Everything of it that is printed.
    fn shows(&self) -> impl Iterator<Item = &str> {
        [&self.name, &self.address]
            .into_iter()
            .chain(&self.user)
            .chain(&self.environments)
            .map(String::as_str)
    }
}

impl Inventory {
    fn add(&mut self, host: Host) -> Result<(), Error> {
        let Some(known) = self.hosts.iter_mut().find(|known| known.name == host.name) else {
            self.hosts.push(host);
            return Ok(());
        };
        if known.place != host.place {
            return Err(Error::new(
                Kind::Unfit,
                format!(
                    "`{}` and `{}` would both be the host `{}`",
                    known.place, host.place, host.name
                ),
            )
            .hint("Give the nodes a `name` each, or map them one by one."));
        }
        for environment in host.environments {
            if !known.environments.contains(&environment) {
                known.environments.push(environment);
            }
        }
        Ok(())
    }

    /// The hosts, in the order of the file.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// As Ansible reads it from a program.
    pub fn to_value(&self) -> Json {
        let mut groups: Vec<&String> = self
            .hosts
            .iter()
            .flat_map(|host| &host.environments)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let members = |belongs: &dyn Fn(&Host) -> bool| {
            let names: Vec<&str> = self
                .hosts
                .iter()
                .filter(|host| belongs(host))
                .map(|host| host.name.as_str())
                .collect();
            json!({ "hosts": names })
        };
        let variables: Object<String, Json> = self
            .hosts
            .iter()
            .map(|host| (host.name.clone(), host.variables()))
            .collect();
        let children: Vec<&str> = std::iter::once(ALL_NODES)
            .chain(groups.iter().map(|group| group.as_str()))
            .collect();
        let mut value = Object::new();
        value.insert("_meta".to_owned(), json!({ "hostvars": variables }));
        value.insert("all".to_owned(), json!({ "children": children }));
        value.insert(ALL_NODES.to_owned(), members(&|_| true));
        for group in groups {
            value.insert(
                group.clone(),
                members(&|host| host.environments.contains(group)),
            );
        }
        Json::Object(value)
    }
}
