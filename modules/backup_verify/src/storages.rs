//! The storages that archives are on: which, where, and what is on them.

use std::path::PathBuf;
use std::thread;

use module_kit::rights::hidden_storage;
use module_kit::{Exit, Failure, joined};
use pve_client::api::{NodeStatus, Permissions, Resources, Storage};
use pve_client::{Client, Gap, Seen};
use pve_coverage::{Sight, StorageContent, Target};
use pve_types::NodeName;

use crate::asked::gap;
use crate::files::Folder;
use crate::sharing::ReadBy;
use crate::spec::Ask;

/// The backup storages.
#[derive(Debug)]
pub(crate) struct Storages {
    visible: Vec<Storage>,
    /// Every storage that can be seen, as jobs meet it.
    pub(crate) targets: Vec<Target>,
    /// Why others may be hidden.
    pub(crate) hidden: Option<Gap>,
}

/// A storage on a node that is asked for its archives.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    storage: &'a Storage,
    node: NodeName,
    is_shared: bool,
}

/// The storages that take backups. One that was named and is not there is an error, unless it may
/// be hidden.
pub(crate) fn chosen(
    ask: &Ask,
    storages: Seen<Storage>,
    permissions: &Permissions,
    unseen: &mut Vec<String>,
) -> Result<Storages, Failure> {
    for id in &ask.storages {
        match storages
            .visible
            .iter()
            .find(|storage| storage.storage == *id)
        {
            Some(storage) if storage.is_disabled() => {
                return Err(Failure::refused(format!("storage `{id}` is disabled"))
                    .hint("Its archives cannot be listed. Enable it, or leave it out."));
            }
            Some(storage) if storage.takes_backups() => {}
            Some(_) => {
                return Err(Failure::new(
                    Exit::NothingFound,
                    format!("storage `{id}` has no `backup` in its content"),
                )
                .hint("No archives are there. Nothing was verified."));
            }
            None => match hidden_storage(permissions, id.as_str()) {
                Some(gap) => unseen.push(format!("storage `{id}`: {gap}")),
                None => {
                    return Err(Failure::new(
                        Exit::NothingFound,
                        format!("storage `{id}` does not exist"),
                    )
                    .hint("`pvesm status` on a node lists the storages. Nothing was verified."));
                }
            },
        }
    }
    let mut visible = storages.visible;
    let targets = visible.iter().map(target).collect();
    visible.retain(|storage| storage.takes_backups() && !storage.is_disabled());
    if !ask.coverage && !ask.storages.is_empty() {
        visible.retain(|storage| ask.storages.contains(&storage.storage));
    }
    Ok(Storages {
        visible,
        targets,
        // The right that shows archives shows their storage, too: one is enough to name.
        hidden: storages.gaps.first().and_then(|seen| {
            gap(
                "Datastore.AllocateSpace",
                &seen.path,
                "storages and the archives on them may be hidden",
            )
        }),
    })
}

fn target(storage: &Storage) -> Target {
    Target {
        storage: storage.storage.clone(),
        takes_backups: storage.takes_backups(),
        is_disabled: storage.is_disabled(),
        nodes: storage.nodes.clone(),
    }
}

impl Storages {
    /// Each storage on each node that has its own content; a shared one on one node. Where no
    /// guests are judged, a node lists only what it has itself.
    pub(crate) fn places(
        &self,
        ask: &Ask,
        resources: &Resources,
        here: Option<&NodeName>,
    ) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        for storage in &self.visible {
            let mut nodes: Vec<&NodeName> = resources
                .nodes
                .iter()
                .filter(|node| has(storage, &node.node))
                .map(|node| &node.node)
                .collect();
            // This node first, then those that answer.
            nodes.sort_by_key(|node| {
                let is_online = resources
                    .nodes
                    .iter()
                    .any(|known| known.node == **node && known.status == NodeStatus::Online);
                (Some(*node) != here, !is_online)
            });
            let is_shared = is_shared(storage, resources);
            if is_shared {
                nodes.truncate(1);
            } else if !ask.coverage && here.is_some() {
                nodes.retain(|node| Some(*node) == here);
            }
            places.extend(nodes.into_iter().map(|node| Place {
                storage,
                node: node.clone(),
                is_shared,
            }));
        }
        places
    }

    /// The folders with archives that are on this node.
    pub(crate) fn folders(
        &self,
        ask: &Ask,
        resources: &Resources,
        here: Option<&NodeName>,
        verify_node: Option<&NodeName>,
    ) -> Vec<Folder> {
        let Some(here) = here else {
            return Vec::new();
        };
        self.visible
            .iter()
            .filter(|storage| ask.storages.is_empty() || ask.storages.contains(&storage.storage))
            .filter(|storage| has(storage, here))
            .filter_map(|storage| {
                Some(Folder {
                    storage: storage.storage.clone(),
                    node: here.clone(),
                    path: folder(storage)?,
                    read_by: if is_shared(storage, resources) {
                        let online = online_with(storage, resources);
                        ReadBy::of_shared(here, verify_node, &online)
                    } else {
                        ReadBy::Here
                    },
                })
            })
            .collect()
    }
}

fn has(storage: &Storage, node: &NodeName) -> bool {
    storage
        .nodes
        .as_ref()
        .is_none_or(|nodes| nodes.iter().any(|name| *node == name.as_str()))
}

/// Whether all nodes see the same on it.
fn is_shared(storage: &Storage, resources: &Resources) -> bool {
    let mut on_nodes = resources.storages.visible.iter();
    storage.shared == Some(true)
        || on_nodes.any(|on_node| on_node.shared && on_node.storage == storage.storage)
}

/// The nodes that have it and are online.
fn online_with<'a>(storage: &Storage, resources: &'a Resources) -> Vec<&'a NodeName> {
    let online = resources
        .nodes
        .iter()
        .filter(|node| node.status == NodeStatus::Online);
    online
        .map(|node| &node.node)
        .filter(|node| has(storage, node))
        .collect()
}

/// The folder with the archives of a storage made of files.
fn folder(storage: &Storage) -> Option<PathBuf> {
    let path = PathBuf::from(storage.path.as_deref()?);
    let own = storage
        .other
        .get("content-dirs")
        .into_iter()
        .flat_map(|dirs| dirs.split(','))
        .find_map(|dir| dir.trim().strip_prefix("backup="));
    Some(path.join(own.unwrap_or("dump").trim_start_matches('/')))
}

/// Lists what is there. A node that does not answer is told, and stops nothing.
pub(crate) fn contents(
    client: &Client,
    places: &[Place<'_>],
    online: &[NodeName],
) -> Vec<StorageContent> {
    thread::scope(|scope| {
        let running: Vec<_> = places
            .iter()
            .map(|place| scope.spawn(|| content(client, place, online)))
            .collect();
        running.into_iter().map(joined).collect()
    })
}

fn content(client: &Client, place: &Place<'_>, online: &[NodeName]) -> StorageContent {
    let storage = &place.storage.storage;
    let archives = if online.contains(&place.node) {
        match client.archives(&place.node, storage, None) {
            Ok(archives) => Sight::Listed(archives),
            Err(error) => Sight::Failed(error.to_string()),
        }
    } else {
        Sight::Failed("the node is offline".to_owned())
    };
    StorageContent {
        storage: storage.clone(),
        node: place.node.clone(),
        is_pbs: place.storage.kind == "pbs",
        is_shared: place.is_shared,
        retention: place.storage.prune_backups,
        archives,
    }
}
