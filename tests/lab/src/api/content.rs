//! The files on a storage: lists of them, and notes and protection of one.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::volume::{VolumeId, check_access};
use crate::archive;
use crate::call::Call;
use crate::files::{self, Archive, Protection, StoredFile};
use crate::http::envelope::Reply;
use crate::refusal::Refusal;
use crate::storage::Storage;
use crate::task::worker::{Failure, Worker};

const KINDS: [&str; 5] = ["backup", "images", "iso", "snippets", "vztmpl"];

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.get(call.required("storage"))?;
    files::activate(call.node, storage)?;
    let wanted = call.parameters.text("content");
    let vmid = call.parameters.integer("vmid");
    let mut entries = Vec::new();
    for kind in KINDS {
        let held = storage.holds(kind) || (kind == "images" && storage.holds("rootdir"));
        let asked =
            wanted.is_none_or(|wanted| wanted == kind || (kind == "images" && wanted == "rootdir"));
        if held && asked {
            entries.extend(entries_of(call, storage, kind));
        }
    }
    entries.retain(|entry| is_shown(call, entry, vmid, wanted));
    entries.sort_by(|a, b| text(a, "volid").cmp(text(b, "volid")));
    Ok(Value::from(entries).into())
}

fn text<'value>(value: &'value Value, name: &str) -> &'value str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn entries_of(call: &Call<'_>, storage: &Storage, kind: &str) -> Vec<Value> {
    match kind {
        "backup" => files::archives(call.node, storage, &call.node.zone)
            .iter()
            .map(|archive| backup(storage, archive))
            .collect(),
        "images" => super::volume::images(call, storage),
        kind => files::folder(call.node, storage, kind)
            .map(|folder| files::files_of(&folder))
            .unwrap_or_default()
            .iter()
            .filter_map(|file| other(storage, kind, file))
            .collect(),
    }
}

fn backup(storage: &Storage, archive: &Archive) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put(
        "volid",
        format!("{}:backup/{}", storage.id, archive.file.name).into(),
    );
    put("content", "backup".into());
    put("format", archive.name.format.clone().into());
    put("subtype", archive.name.subtype.clone().into());
    put("size", archive.file.size.into());
    put("ctime", archive.created.into());
    if let Some(vmid) = archive.name.vmid {
        put("vmid", vmid.into());
    }
    if archive.protected {
        put("protected", 1.into());
    }
    if let Some(first) = files::notes(&archive.file.path).lines().next() {
        put("notes", first.into());
    }
    Value::Object(object)
}

fn other(storage: &Storage, kind: &str, file: &StoredFile) -> Option<Value> {
    let ends = |suffix: &str| file.name.ends_with(suffix);
    let format = match kind {
        "iso" if ends(".iso") || ends(".img") => "iso",
        "snippets" => "snippet",
        "vztmpl" if ends(".tar.gz") => "tgz",
        "vztmpl" if ends(".tar.zst") => "tzst",
        "vztmpl" if ends(".tar.xz") => "txz",
        "vztmpl" if ends(".tar") => "tar",
        _ => return None,
    };
    Some(json!({
        "volid": format!("{}:{kind}/{}", storage.id, file.name),
        "content": kind,
        "format": format,
        "size": file.size,
        "ctime": file.changed,
    }))
}

fn is_shown(call: &Call<'_>, entry: &Value, vmid: Option<i64>, wanted: Option<&str>) -> bool {
    if vmid.is_some_and(|vmid| entry.get("vmid").and_then(Value::as_i64) != Some(vmid)) {
        return false;
    }
    let content = text(entry, "content");
    if wanted.is_some_and(|wanted| wanted != content) {
        return false;
    }
    let Ok(volume) = VolumeId::parse(text(entry, "volid"), call.required("storage")) else {
        return false;
    };
    check_access(call, &volume).is_ok()
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let volume = VolumeId::of_call(call)?;
    check_access(call, &volume)?;
    let storage = call.state.storages.get(&volume.storage)?;
    files::activate(call.node, storage)?;
    let path = volume.path(call.node, storage);
    let metadata = path.as_ref().and_then(|path| std::fs::metadata(path).ok());
    let (Some(path), Some(metadata)) = (path, metadata) else {
        let text = format!("volume_size_info on '{}' failed - no format", volume.full());
        return Err(Refusal::failure(text));
    };
    let used = std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
    let mut info = json!({
        "path": volume.node_path(storage).unwrap_or_default(),
        "size": metadata.len().div_ceil(512) * 512,
        "used": used,
        "format": "raw",
    });
    if let Some(object) = info.as_object_mut().filter(|_| volume.is_backup()) {
        object.insert("notes".to_owned(), files::notes(&path).into());
        object.insert(
            "protected".to_owned(),
            u8::from(files::is_protected(&path)).into(),
        );
    }
    Ok(info.into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let volume = VolumeId::of_call(call)?;
    check_access(call, &volume)?;
    let storage = call.state.storages.get(&volume.storage)?;
    files::activate(call.node, storage)?;
    let notes = call.parameters.text("notes");
    let protected = call.parameters.flag("protected");
    if (notes.is_some() || protected.is_some()) && !volume.is_backup() {
        let name = if notes.is_some() {
            "notes"
        } else {
            "protected"
        };
        return Err(Refusal::failure(format!(
            "only backups support attribute '{name}'"
        )));
    }
    let path = volume.path(call.node, storage).unwrap_or_default();
    if let Some(notes) = notes {
        files::set_notes(&path, notes)?;
    }
    match protected {
        Some(true) if !files::is_protected(&path) => {
            check_limit(call, storage, &volume)?;
            files::set_protected(&path, Protection::On)?;
        }
        Some(false) => files::set_protected(&path, Protection::Off)?,
        _ => {}
    }
    Ok(Value::Null.into())
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.get(call.required("storage"))?;
    let volume = VolumeId::of_call(call)?;
    let owner = volume.owner();
    let path = format!("/storage/{}", storage.id);
    match owner.filter(|_| volume.is_backup()) {
        Some(vmid) => {
            call.check(&path, &["Datastore.AllocateSpace"])?;
            call.check(&format!("/vms/{vmid}"), &["VM.Backup"])?;
        }
        None => call.check(&path, &["Datastore.Allocate"])?,
    }
    files::activate(call.node, storage)?;
    let file = volume.path(call.node, storage).unwrap_or_default();
    let shown = volume.node_path(storage).unwrap_or_default();
    let id = match owner {
        Some(vmid) => format!("{vmid}@{}", storage.id),
        None => storage.id.clone(),
    };
    // The state is not touched: with `delay` this handler waits for the task while it holds it.
    let body = move |worker: &mut Worker| {
        let name = volume.full();
        if file.exists() {
            let short = name.split_once(':').map_or("", |(_, short)| short);
            files::remove_volume(&file, short, &volume.storage).map_err(Failure::new)?;
        } else {
            worker.say(format!("disk image '{shown}' does not exist"))?;
        }
        worker.say(format!("Removed volume '{name}'"))
    };
    let upid = call.start("imgdel", &id, body);
    let Some(delay) = call.parameters.integer("delay") else {
        return Ok(Value::from(upid).into());
    };
    let patience = Duration::from_secs(u64::try_from(delay).unwrap_or(0));
    match call.node.tasks.wait(&upid, patience) {
        None => Ok(Value::from(upid).into()),
        Some(end) if end.status == "OK" => Ok(Value::Null.into()),
        Some(end) => Err(Refusal::failure(end.status)),
    }
}

fn check_limit(call: &Call<'_>, storage: &Storage, volume: &VolumeId) -> Result<(), Refusal> {
    let own = storage
        .option("max-protected-backups")
        .and_then(|text| text.parse::<i64>().ok());
    let unlimited = call.holds_any(&format!("/storage/{}", storage.id), &["Datastore.Allocate"]);
    let limit = own.unwrap_or(if unlimited { -1 } else { 5 });
    let Ok(limit) = usize::try_from(limit) else {
        return Ok(());
    };
    let owner = archive::owner(&volume.file);
    let protected = files::archives(call.node, storage, &call.node.zone)
        .iter()
        .filter(|archive| archive.protected && (owner.is_none() || archive.name.vmid == owner))
        .count();
    if protected < limit {
        return Ok(());
    }
    Err(Refusal::failure(format!(
        "The number of protected backups per guest is limited to {limit} on storage '{}'",
        storage.id
    )))
}
