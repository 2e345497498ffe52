//! The handlers: one file a topic, one line a path.
//!
//! A handler gets a request that is authenticated, allowed by the rule of the schema and valid
//! against it. To serve one more path: write its function and add its line to [`handler`].

mod access;
mod jobs;
mod storages;
mod version;

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

type Handler = fn(&mut Call<'_>) -> Result<Reply, Refusal>;

/// The handler of a path of the schema; `None` while the lab does not serve it.
pub(crate) fn handler(key: &str) -> Option<Handler> {
    Some(match key {
        "GET /version" => version::version,
        "POST /access/ticket" => access::login,
        "GET /access/permissions" => access::permissions,
        "GET /cluster/backup" => jobs::list,
        "POST /cluster/backup" => jobs::create,
        "GET /cluster/backup/{id}" => jobs::get,
        "PUT /cluster/backup/{id}" => jobs::update,
        "DELETE /cluster/backup/{id}" => jobs::delete,
        "GET /storage" => storages::list,
        "POST /storage" => storages::create,
        "GET /storage/{storage}" => storages::get,
        "PUT /storage/{storage}" => storages::update,
        "DELETE /storage/{storage}" => storages::delete,
        _ => return None,
    })
}

/// The lists of what lies below a path, which the schema does not carry.
pub(crate) fn index(method: &str, segments: &[String], node: &str) -> Option<Value> {
    if method != "GET" {
        return None;
    }
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => {
            let parts = ["version", "cluster", "nodes", "storage", "access", "pools"];
            Some(parts.map(|part| json!({ "subdir": part })).to_vec().into())
        }
        ["nodes", name] if *name == node => {
            let parts = [
                "aplinfo", "lxc", "qemu", "status", "storage", "tasks", "vzdump",
            ];
            Some(parts.map(|part| json!({ "name": part })).to_vec().into())
        }
        _ => None,
    }
}
