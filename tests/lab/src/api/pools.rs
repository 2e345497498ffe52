//! `/pools`.

use serde_json::{Map, Value, json};

use super::resources;
use crate::call::Call;
use crate::http::envelope::Reply;
use crate::parameters::split_list;
use crate::refusal::Refusal;
use crate::state::Pool;

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if let Some(wanted) = call.parameters.text("poolid").map(str::to_owned) {
        call.check(&format!("/pool/{wanted}"), &["Pool.Audit"])?;
        let pool = find(call, &wanted)?;
        let mut entry = describe(call, pool);
        entry.insert("poolid".to_owned(), wanted.into());
        return Ok(json!([entry]).into());
    }
    let pools: Vec<Value> = call
        .state
        .pools
        .iter()
        .filter(|(name, _)| call.holds_any(&format!("/pool/{name}"), &["Pool.Audit"]))
        .map(|(name, pool)| {
            let mut entry = Map::new();
            entry.insert("poolid".to_owned(), name.clone().into());
            if let Some(comment) = &pool.comment {
                entry.insert("comment".to_owned(), comment.clone().into());
            }
            Value::Object(entry)
        })
        .collect();
    Ok(Value::from(pools).into())
}

fn find<'call>(call: &'call Call<'_>, name: &str) -> Result<&'call Pool, Refusal> {
    let missing = || Refusal::failure(format!("pool '{name}' does not exist"));
    call.state.pools.get(name).ok_or_else(missing)
}

fn describe(call: &Call<'_>, pool: &Pool) -> Map<String, Value> {
    let mut members: Vec<Value> = pool
        .guests
        .iter()
        .filter_map(|vmid| {
            Some(Value::Object(resources::guest(
                call,
                *vmid,
                call.state.guests.get(vmid)?,
            )))
        })
        .collect();
    let storages = pool.storages.iter().map(|storage| {
        let node = &call.node.name;
        json!({"id": format!("storage/{node}/{storage}"), "node": node, "storage": storage, "type": "storage", "status": "available"})
    });
    members.extend(storages);
    let mut entry = Map::new();
    entry.insert("members".to_owned(), members.into());
    if let Some(comment) = &pool.comment {
        entry.insert("comment".to_owned(), comment.clone().into());
    }
    entry
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("poolid");
    let mut entry = describe(call, find(call, name)?);
    entry.insert("poolid".to_owned(), name.into());
    Ok(Value::Object(entry).into())
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("poolid").to_owned();
    if call.state.pools.contains_key(&name) {
        return Err(Refusal::failure(format!(
            "create pool failed: pool '{name}' already exists"
        )));
    }
    let comment = call.parameters.text("comment").map(str::to_owned);
    call.state.pools.insert(
        name,
        Pool {
            comment,
            ..Pool::default()
        },
    );
    Ok(Value::Null.into())
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("poolid").to_owned();
    let failed = |refusal: Refusal| refusal.with_prefix("update pools failed: ");
    let mut pool = find(call, &name).map_err(failed)?.clone();
    let removes = call.parameters.flag("delete") == Some(true);
    if let Some(comment) = call.parameters.text("comment") {
        pool.comment = Some(comment.to_owned());
    }
    for vmid in split_list(call.parameters.text("vms").unwrap_or_default()) {
        let Ok(vmid) = vmid.parse::<u32>() else {
            continue;
        };
        call.check_any(
            &format!("/vms/{vmid}"),
            &["VM.Allocate", "Permissions.Modify"],
        )?;
        if removes {
            if !pool.guests.remove(&vmid) {
                let text = format!("VM {vmid} is not a pool member");
                return Err(failed(Refusal::failure(text)));
            }
            continue;
        }
        if !call.state.guests.contains_key(&vmid) {
            return Err(failed(Refusal::failure(format!(
                "VM {vmid} does not exist"
            ))));
        }
        let present = call.state.pool_of_guest(vmid).map(str::to_owned);
        match present {
            Some(present)
                if present != name && call.parameters.flag("allow-move") != Some(true) =>
            {
                let text = format!(
                    "VM {vmid} belongs already to pool '{present}' and 'allow-move' is not set"
                );
                return Err(failed(Refusal::failure(text)));
            }
            Some(present) if present != name => {
                if let Some(other) = call.state.pools.get_mut(&present) {
                    other.guests.remove(&vmid);
                }
            }
            _ => {}
        }
        pool.guests.insert(vmid);
    }
    for storage in split_list(call.parameters.text("storage").unwrap_or_default()) {
        call.check_any(
            &format!("/storage/{storage}"),
            &["Datastore.Allocate", "Permissions.Modify"],
        )?;
        if removes {
            pool.storages.remove(storage);
        } else {
            pool.storages.insert(storage.to_owned());
        }
    }
    call.state.pools.insert(name, pool);
    Ok(Value::Null.into())
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let name = call.required("poolid").to_owned();
    let failed = |refusal: Refusal| refusal.with_prefix("delete pool failed: ");
    let pool = find(call, &name).map_err(failed)?;
    if !pool.guests.is_empty() || !pool.storages.is_empty() {
        let text = format!("pool '{name}' is not empty");
        return Err(failed(Refusal::failure(text)));
    }
    call.state.pools.remove(&name);
    Ok(Value::Null.into())
}
