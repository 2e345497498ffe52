//! `/storage`: the definitions.

use serde_json::{Value, json};

use crate::call::Call;
use crate::files;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::storage::{Plugin, Storage};

const TO_SEE: [&str; 2] = ["Datastore.Audit", "Datastore.AllocateSpace"];

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let schema = call.node.schema;
    let digest = call.state.storages.digest();
    let kind = call.parameters.text("type");
    let storages: Vec<Value> = call
        .state
        .storages
        .iter()
        .filter(|storage| call.holds_any(&format!("/storage/{}", storage.id), &TO_SEE))
        .filter(|storage| kind.is_none_or(|kind| kind == storage.kind))
        .map(|storage| storage.to_json(schema, &digest))
        .collect();
    Ok(Value::from(storages).into())
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let schema = call.node.schema;
    let storage = call.state.storages.get(call.required("storage"))?;
    Ok(storage
        .to_json(schema, &call.state.storages.digest())
        .into())
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("storage").to_owned();
    let mut storage = Plugin::of(call.required("type"))?.create(&id, &call.parameters)?;
    storage.report_after(call.node.storage_report, call.now);
    let failed = |refusal: Refusal| refusal.with_prefix("create storage failed: ");
    if call.state.storages.find(&id).is_some() {
        let text = format!("storage ID '{id}' already defined");
        return Err(failed(Refusal::failure(text)));
    }
    if !storage.is_disabled() && storage.serves(&call.node.name) {
        files::activate(call.node, &storage).map_err(failed)?;
    }
    let answer = answer(&storage);
    call.state.storages.put(storage);
    Ok(answer)
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    change(call).map_err(|refusal| refusal.with_prefix("update storage failed: "))
}

fn change(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let digest = call.parameters.text("digest");
    if digest.is_some_and(|digest| digest != call.state.storages.digest()) {
        let text = "detected modified configuration - file changed by other user? Try again.";
        return Err(Refusal::failure(text));
    }
    let mut storage = call.state.storages.get(call.required("storage"))?.clone();
    let was_disabled = storage.is_disabled();
    let plugin = Plugin::of(storage.kind)?;
    let changes = plugin.change(&call.parameters)?;
    for name in split_list(call.parameters.text("delete").unwrap_or_default()) {
        plugin.check_delete(name)?;
        if changes.contains_key(name) {
            let text = format!("cannot set and delete property '{name}' at the same time!");
            return Err(Refusal::failure(text));
        }
        storage.options.remove(name);
    }
    storage.options.extend(changes);
    if was_disabled && !storage.is_disabled() {
        storage.report_after(call.node.storage_report, call.now);
    }
    let answer = answer(&storage);
    call.state.storages.put(storage);
    Ok(answer)
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("storage").to_owned();
    let failed = |refusal: Refusal| refusal.with_prefix("delete storage failed: ");
    call.state.storages.get(&id).map_err(failed)?;
    // The files stay where they are.
    call.state.storages.remove(&id);
    Ok(Value::Null.into())
}

fn answer(storage: &Storage) -> Reply {
    json!({"storage": storage.id, "type": storage.kind}).into()
}
