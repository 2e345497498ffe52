//! `/nodes/{node}/storage`: which storages a node has and how full they are.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::files;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::storage::Storage;

const TO_SEE: [&str; 2] = ["Datastore.Audit", "Datastore.AllocateSpace"];

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let wanted = call.parameters.text("storage");
    if wanted.is_some_and(|id| call.state.storages.find(id).is_none()) {
        return Err(no_such_storage());
    }
    let contents: Vec<&str> =
        split_list(call.parameters.text("content").unwrap_or_default()).collect();
    let only_enabled = call.parameters.flag("enabled") == Some(true);
    let storages: Vec<Value> = call
        .state
        .storages
        .iter()
        .filter(|storage| wanted.is_none_or(|id| id == storage.id))
        .filter(|storage| storage.serves(&call.node.name))
        .filter(|storage| !only_enabled || !storage.is_disabled())
        .filter(|storage| {
            contents.is_empty() || contents.iter().any(|content| storage.holds(content))
        })
        .filter(|storage| call.holds_any(&format!("/storage/{}", storage.id), &TO_SEE))
        .map(|storage| {
            let mut object = describe(call, storage);
            object.insert("storage".to_owned(), storage.id.clone().into());
            Value::Object(object)
        })
        .collect();
    Ok(Value::from(storages).into())
}

pub(super) fn status(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.find(call.required("storage"));
    let storage = storage.filter(|storage| storage.serves(&call.node.name));
    let mut object = describe(call, storage.ok_or_else(no_such_storage)?);
    object.remove("used_fraction");
    Ok(Value::Object(object).into())
}

pub(super) fn index(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let parts = [
        "content",
        "download-url",
        "file-restore",
        "import-metadata",
        "prunebackups",
        "rrd",
        "rrddata",
        "status",
        "upload",
    ];
    Ok(Value::from(parts.map(|part| json!({ "subdir": part })).to_vec()).into())
}

fn no_such_storage() -> Refusal {
    Refusal::parameter("storage", "No such storage.")
}

fn describe(call: &Call<'_>, storage: &Storage) -> Map<String, Value> {
    let usage = files::usage(call.node, call.state, storage);
    let (total, used) = usage.unwrap_or((0, 0));
    let entry = json!({
        "type": storage.kind,
        "content": storage.content(),
        "shared": u8::from(storage.is_shared()),
        "enabled": u8::from(!storage.is_disabled()),
        "active": u8::from(usage.is_some()),
        "total": total,
        "used": used,
        "avail": total.saturating_sub(used),
    });
    let mut object = entry.as_object().cloned().unwrap_or_default();
    if usage.is_some() {
        object.insert("used_fraction".to_owned(), fraction(used, total).into());
    }
    object
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a fraction needs no more digits than a float has"
)]
fn fraction(used: u64, total: u64) -> f64 {
    if total == 0 {
        0.0
    } else {
        used as f64 / total as f64
    }
}
