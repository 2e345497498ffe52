//! `prunebackups`: what retention would remove.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::call::Call;
use crate::files::{self, Archive};
use crate::http::envelope::Reply;
use crate::prune::{self, Keep, Mark};
use crate::refusal::Refusal;
use crate::schema::{Schema, property_string};
use crate::storage::Storage;

pub(super) fn dry_run(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.get(call.required("storage"))?;
    let keep = keep(call, storage)?;
    files::activate(call.node, storage)?;
    let marks = marks(call, storage, &keep);
    let entries: Vec<Value> = marks
        .iter()
        .map(|(archive, mark)| describe(storage, archive, *mark))
        .collect();
    Ok(Value::from(entries).into())
}

fn keep(call: &Call<'_>, storage: &Storage) -> Result<Keep, Refusal> {
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
    let text = call
        .parameters
        .text("prune-backups")
        .or(own)
        .ok_or_else(none)?;
    let schema = Schema::load().map_err(|error| Refusal::failure(error.to_string()))?;
    let keys = schema.property_string("prune-backups").ok_or_else(none)?;
    let values =
        property_string::parse(schema, keys, text, "prune-backups").map_err(Refusal::failure)?;
    Ok(Keep::from_values(
        values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ))
}

fn marks(call: &Call<'_>, storage: &Storage, keep: &Keep) -> Vec<(Archive, Mark)> {
    let vmid = call
        .parameters
        .integer("vmid")
        .and_then(|vmid| u32::try_from(vmid).ok());
    let kind = call.parameters.text("type");
    let archives: Vec<Archive> = files::archives(call.node, storage, &call.node.zone)
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
        for (index, mark) in members
            .iter()
            .zip(prune::mark(&entries, keep, &call.node.zone))
        {
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
