//! `prunebackups`: what retention would remove, and its removal.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::backup::options::read_keep;
use crate::call::Call;
use crate::files::{self, Archive};
use crate::http::envelope::Reply;
use crate::node::NodeCore;
use crate::prune::{self, Keep, Mark};
use crate::refusal::Refusal;
use crate::schema::Schema;
use crate::storage::Storage;
use crate::task::worker::{Failure, Worker};

pub(super) fn dry_run(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.get(call.required("storage"))?;
    let wanted = Wanted::of_call(call);
    let keep = keep(call.node.schema, storage, wanted.keep.as_deref())?;
    files::activate(call.node, storage)?;
    let marks = marks(call.node, storage, &keep, &wanted);
    let entries: Vec<Value> = marks
        .iter()
        .map(|(archive, mark)| describe(storage, archive, *mark))
        .collect();
    Ok(Value::from(entries).into())
}

pub(super) fn prune(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("storage").to_owned();
    let path = format!("/storage/{id}");
    let wanted = Wanted::of_call(call);
    match wanted.vmid {
        Some(vmid) => {
            call.check(&path, &["Datastore.AllocateSpace"])?;
            call.check(&format!("/vms/{vmid}"), &["VM.Backup"])?;
        }
        None => call.check(&path, &["Datastore.Allocate"])?,
    }
    let task_id = match wanted.vmid {
        Some(vmid) => format!("{vmid}@{id}"),
        None => id.clone(),
    };
    Ok(call.start_task("prunebackups", &task_id, move |worker| {
        let storage = worker.state().storages.get(&id)?.clone();
        let keep = keep(worker.node.schema, &storage, wanted.keep.as_deref())?;
        files::activate(&worker.node, &storage)?;
        remove(worker, &storage, &keep, &wanted, "").map(|_| ())
    }))
}

/// Which backups are looked at, and what of them is to stay.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) keep: Option<String>,
    pub(crate) vmid: Option<u32>,
    pub(crate) kind: Option<String>,
}

impl Wanted {
    fn of_call(call: &Call<'_>) -> Self {
        let text = |name: &str| call.parameters.text(name).map(str::to_owned);
        Self {
            keep: text("prune-backups"),
            vmid: text("vmid").and_then(|vmid| vmid.parse().ok()),
            kind: text("type"),
        }
    }
}

/// Removes what retention does not keep and says so line by line; gives back how many there were.
pub(crate) fn remove(
    worker: &mut Worker,
    storage: &Storage,
    keep: &Keep,
    wanted: &Wanted,
    prefix: &str,
) -> Result<usize, Failure> {
    let node = Arc::clone(&worker.node);
    let mut removed = 0;
    for (archive, mark) in marks(&node, storage, keep, wanted) {
        if mark != Mark::Remove {
            continue;
        }
        let name = &archive.file.name;
        worker.say(format!(
            "{prefix}removing backup '{}:backup/{name}'",
            storage.id
        ))?;
        files::remove_archive(&archive.file.path, &format!("backup/{name}"), &storage.id)
            .map_err(Failure::new)?;
        removed += 1;
    }
    Ok(removed)
}

/// The retention that a parameter or else the storage asks for.
fn keep(schema: &Schema, storage: &Storage, parameter: Option<&str>) -> Result<Keep, Refusal> {
    let id = &storage.id;
    if !storage.holds("backup") {
        return Err(Refusal::failure(format!(
            "storage '{id}' does not support backups"
        )));
    }
    let none = || {
        Refusal::failure(format!(
            "no prune-backups options configured for storage '{id}'"
        ))
    };
    let own = storage.option("prune-backups");
    read_keep(schema, parameter.or(own).ok_or_else(none)?)
}

fn marks(node: &NodeCore, storage: &Storage, keep: &Keep, wanted: &Wanted) -> Vec<(Archive, Mark)> {
    let vmid = wanted.vmid;
    let kind = wanted.kind.as_deref();
    let archives: Vec<Archive> = files::archives(node, storage, &node.zone)
        .into_iter()
        .filter(|archive| vmid.is_none() || archive.name.vmid == vmid)
        .filter(|archive| kind.is_none_or(|kind| kind == archive.name.subtype))
        .collect();
    let mut groups: BTreeMap<(String, Option<u32>), Vec<usize>> = BTreeMap::new();
    for (index, archive) in archives
        .iter()
        .enumerate()
        .filter(|(_, a)| a.name.is_standard())
    {
        let group = (archive.name.subtype.clone(), archive.name.vmid);
        groups.entry(group).or_default().push(index);
    }
    let mut marks = vec![Mark::Renamed; archives.len()];
    for members in groups.values() {
        let entries: Vec<_> = members
            .iter()
            .filter_map(|index| archives.get(*index))
            .map(|archive| (archive.created, archive.protected))
            .collect();
        for (index, mark) in members.iter().zip(prune::mark(&entries, keep, &node.zone)) {
            if let Some(place) = marks.get_mut(*index) {
                *place = mark;
            }
        }
    }
    archives.into_iter().zip(marks).collect()
}

fn describe(storage: &Storage, archive: &Archive, mark: Mark) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put(
        "volid",
        format!("{}:backup/{}", storage.id, archive.file.name).into(),
    );
    put("type", archive.name.subtype.clone().into());
    put("ctime", archive.created.into());
    put("mark", mark.as_str().into());
    if let Some(vmid) = archive.name.vmid {
        // The number of a name that is not standard comes as text.
        let standard = archive.name.is_standard();
        put(
            "vmid",
            if standard {
                vmid.into()
            } else {
                vmid.to_string().into()
            },
        );
    }
    Value::Object(object)
}
