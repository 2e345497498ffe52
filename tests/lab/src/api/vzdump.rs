//! `/nodes/{node}/vzdump`: starting a backup, its defaults, the configuration in an archive.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::volume::{VolumeId, check_access};
use crate::archive_config;
use crate::backup;
use crate::backup::options::{Options, sorted_keep};
use crate::call::Call;
use crate::files;
use crate::http::envelope::Reply;
use crate::parameters::{Parameters, split_list};
use crate::refusal::Refusal;
use crate::schema::{Schema, property_string};
use crate::template::check_notes_template;

const ROOT_ONLY: [&str; 4] = ["dumpdir", "job-id", "script", "tmpdir"];
const NEED_SYS_MODIFY: [&str; 3] = ["bwlimit", "ionice", "performance"];

pub(super) fn start(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let parameters = &call.parameters;
    let wrong = ROOT_ONLY
        .iter()
        .find(|name| parameters.contains(name) && !call.identity.is_root());
    if let Some(name) = wrong {
        return Err(Refusal::parameter(name, "Only root may set this option."));
    }
    check_options(parameters)?;
    check_rights(call)?;
    let vmids = selection(call)?;
    let id = match vmids.as_slice() {
        [vmid] => vmid.to_string(),
        _ => String::new(),
    };
    let options = Options::new(parameters, vmids);
    Ok(call.start_task("vzdump", &id, move |worker| backup::run(worker, &options)))
}

fn check_options(parameters: &Parameters) -> Result<(), Refusal> {
    let filled = |name: &str| {
        let text = parameters.text(name);
        text.is_some_and(|text| !text.is_empty() && text != "0")
    };
    let conflict = |name: &str, other: &str| {
        let text = format!("option conflicts with option '{other}'");
        Err(Refusal::parameter(name, text))
    };
    for name in ["all", "exclude", "pool"] {
        if filled("vmid") && filled(name) {
            return conflict(name, "vmid");
        }
    }
    if parameters.contains("maxfiles") && parameters.contains("prune-backups") {
        return conflict("prune-backups", "maxfiles");
    }
    if let Some(template) = parameters.text("notes-template")
        && let Err(error) = check_notes_template(template)
    {
        return Err(Refusal::parameter("notes-template", format!("{error}\n")));
    }
    let selects = ["all", "exclude", "pool", "stop", "vmid"];
    if selects.iter().any(|name| filled(name)) {
        return Ok(());
    }
    Err(Refusal::parameter("vmid", "property is missing"))
}

fn check_rights(call: &Call<'_>) -> Result<(), Refusal> {
    let parameters = &call.parameters;
    let storage = format!("/storage/{}", parameters.text("storage").unwrap_or("local"));
    if let Some(pool) = parameters.text("pool")
        && !call.state.pools.contains_key(pool)
    {
        return Err(Refusal::failure(format!("pool '{pool}' does not exist")));
    }
    if NEED_SYS_MODIFY.iter().any(|name| parameters.contains(name)) {
        call.check("/", &["Sys.Modify"])?;
    }
    if parameters.contains("prune-backups") || parameters.contains("maxfiles") {
        call.check(&storage, &["Datastore.Allocate"])?;
    }
    if let Some(storage) = fleecing_storage(call.node.schema, parameters) {
        call.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    if parameters.flag("stop") == Some(true) {
        call.check(&format!("/nodes/{}", call.node.name), &["Sys.Modify"])?;
    }
    call.check(&storage, &["Datastore.AllocateSpace"])
}

fn fleecing_storage(schema: &Schema, parameters: &Parameters) -> Option<String> {
    let keys = schema.property_string("backup-fleecing")?;
    let text = parameters.text("fleecing")?;
    let values = property_string::parse(schema, keys, text, "fleecing").ok()?;
    values.get("storage").cloned()
}

fn selection(call: &Call<'_>) -> Result<Vec<u32>, Refusal> {
    let numbers = |name: &str| -> BTreeSet<u32> {
        let text = call.parameters.text(name).unwrap_or_default();
        split_list(text)
            .filter_map(|vmid| vmid.parse().ok())
            .collect()
    };
    // Guests of other nodes are passed over, also when they are named.
    let here = |vmid: &u32| {
        let home = call.state.home(*vmid);
        home.is_none_or(|home| home == call.node.name)
    };
    let named = numbers("vmid");
    if !named.is_empty() {
        return Ok(named.into_iter().filter(here).collect());
    }
    let guests: BTreeSet<u32> = if let Some(pool) = call.parameters.text("pool") {
        let pool = call.state.pools.get(pool);
        pool.map(|pool| pool.guests.clone()).unwrap_or_default()
    } else {
        // Only here exceptions mean something.
        let excluded = numbers("exclude");
        let all = call.state.guests.keys().copied();
        all.filter(|vmid| !excluded.contains(vmid)).collect()
    };
    Ok(guests.into_iter().filter(here).collect())
}

pub(super) fn defaults(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.parameters.text("storage").unwrap_or("local");
    let path = format!("/storage/{id}");
    call.check_any(&path, &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    let storage = call.state.storages.get(id)?;
    let mut defaults = json!({
        "all": 0,
        "bwlimit": 0,
        "compress": "0",
        "fleecing": {"enabled": 0},
        "ionice": 7,
        "lockwait": 180,
        "mailnotification": "always",
        "mode": "snapshot",
        "notification-mode": "auto",
        "notification-policy": "always",
        "performance": {"max-workers": 16, "pbs-entries-max": 1_048_576},
        "pigz": 0,
        "quiet": 0,
        "remove": 1,
        "stdexcludes": 1,
        "stop": 0,
        "stopwait": 10,
        "storage": id,
        "zstd": 1,
    });
    if let Some(object) = defaults.as_object_mut() {
        if let Some(path) = storage.path() {
            object.insert("dumpdir".to_owned(), format!("{path}/dump").into());
        }
        let keep = storage.option("prune-backups").unwrap_or("keep-all=1");
        let keep = sorted_keep(keep).replace(", ", ",");
        object.insert("prune-backups".to_owned(), keep.into());
    }
    Ok(defaults.into())
}

pub(super) fn extract_config(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let text = call.required("volume");
    let storage = text.split(':').next().unwrap_or_default();
    let volume = VolumeId::parse(text, storage)?;
    // Reading its configuration asks for more than reading an archive.
    let path = format!("/storage/{}", volume.storage);
    call.check_any(&path, &["Datastore.AllocateSpace", "Datastore.Allocate"])
        .map_err(|_| Refusal::forbidden(&format!("{path}, Datastore.AllocateSpace")))?;
    match volume.owner().filter(|_| volume.is_backup()) {
        Some(vmid) => call.check(&format!("/vms/{vmid}"), &["VM.Backup"])?,
        None => check_access(call, &volume)?,
    }
    let storage = call.state.storages.get(&volume.storage)?;
    files::activate(call.node, storage)?;
    let file = volume.path(call.node, storage).unwrap_or_default();
    if !file.exists() {
        let name = volume.full();
        return Err(Refusal::failure(format!("volume '{name}' does not exist")));
    }
    let shown = volume.node_path(storage).unwrap_or_default();
    let config = archive_config::read(&file, &shown).map_err(Refusal::failure)?;
    Ok(Value::from(config).into())
}
