//! The handlers: one file a topic, one line a path.
//!
//! A handler gets a request that is authenticated, allowed by the rule of the schema and valid
//! against it. To serve one more path: write its function and add its line to [`handler`].

#![expect(
    clippy::unnecessary_wraps,
    reason = "every handler has the type of the table, also one that cannot fail"
)]

mod access;
mod acl;
mod agent;
mod content;
mod coverage;
mod create;
mod destroy;
mod guest_config;
mod guests;
mod jobs;
mod move_volume;
mod node_storage;
mod pools;
mod power;
mod prunebackups;
mod resources;
mod roles;
mod schedule;
mod snapshots;
mod storages;
mod tasks;
mod tokens;
mod upload;
mod users;
mod version;
mod volume;
mod vzdump;

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;

pub(crate) use guests::missing;
pub(crate) use power::boot;
pub(crate) use prunebackups::{Wanted, remove};

type Handler = fn(&mut Call<'_>) -> Result<Reply, Refusal>;

/// The handler of a path of the schema; `None` while the lab does not serve it.
pub(crate) fn handler(key: &str) -> Option<Handler> {
    Some(match key {
        "GET /version" => version::version,
        "GET /nodes/{node}/time" => version::time,
        "GET /cluster/backup" => jobs::list,
        "POST /cluster/backup" => jobs::create,
        "GET /cluster/backup/{id}" => jobs::get,
        "PUT /cluster/backup/{id}" => jobs::update,
        "DELETE /cluster/backup/{id}" => jobs::delete,
        "GET /cluster/backup/{id}/included_volumes" => coverage::included_volumes,
        "GET /cluster/backup-info" => coverage::index,
        "GET /cluster/backup-info/not-backed-up" => coverage::not_backed_up,
        "GET /cluster/jobs/schedule-analyze" => schedule::analyze,
        "GET /cluster/nextid" => guests::next_id,
        "GET /cluster/resources" => resources::list,
        "GET /cluster/tasks" => tasks::list_of_cluster,
        "GET /nodes" => resources::nodes,
        "GET /nodes/{node}/status" => resources::status,
        "POST /nodes/{node}/qemu" => create::qemu,
        "POST /nodes/{node}/lxc" => create::lxc,
        "GET /nodes/{node}/qemu/{vmid}" => create::index_qemu,
        "GET /nodes/{node}/lxc/{vmid}" => create::index_lxc,
        "GET /nodes/{node}/qemu" => guests::list_qemu,
        "GET /nodes/{node}/qemu/{vmid}/config" => guests::config_qemu,
        "GET /nodes/{node}/qemu/{vmid}/status/current" => guests::status_qemu,
        "GET /nodes/{node}/lxc" => guests::list_lxc,
        "GET /nodes/{node}/lxc/{vmid}/config" => guests::config_lxc,
        "GET /nodes/{node}/lxc/{vmid}/status/current" => guests::status_lxc,
        "DELETE /nodes/{node}/qemu/{vmid}" => destroy::qemu,
        "PUT /nodes/{node}/qemu/{vmid}/config" => guest_config::put_qemu,
        "POST /nodes/{node}/qemu/{vmid}/status/start" => power::start_qemu,
        "POST /nodes/{node}/qemu/{vmid}/status/stop" => power::stop_qemu,
        "POST /nodes/{node}/qemu/{vmid}/status/shutdown" => power::shutdown_qemu,
        "POST /nodes/{node}/qemu/{vmid}/status/reboot" => power::reboot_qemu,
        "GET /nodes/{node}/qemu/{vmid}/snapshot" => snapshots::list_qemu,
        "POST /nodes/{node}/qemu/{vmid}/snapshot" => snapshots::create_qemu,
        "GET /nodes/{node}/qemu/{vmid}/snapshot/{snapname}"
        | "GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}" => snapshots::index,
        "DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}" => snapshots::delete_qemu,
        "GET /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config" => snapshots::config_qemu,
        "PUT /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config" => snapshots::update_qemu,
        "POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback" => snapshots::rollback_qemu,
        "DELETE /nodes/{node}/lxc/{vmid}" => destroy::lxc,
        "PUT /nodes/{node}/lxc/{vmid}/config" => guest_config::put_lxc,
        "POST /nodes/{node}/lxc/{vmid}/status/start" => power::start_lxc,
        "POST /nodes/{node}/lxc/{vmid}/status/stop" => power::stop_lxc,
        "POST /nodes/{node}/lxc/{vmid}/status/shutdown" => power::shutdown_lxc,
        "POST /nodes/{node}/lxc/{vmid}/status/reboot" => power::reboot_lxc,
        "GET /nodes/{node}/lxc/{vmid}/snapshot" => snapshots::list_lxc,
        "POST /nodes/{node}/lxc/{vmid}/snapshot" => snapshots::create_lxc,
        "DELETE /nodes/{node}/lxc/{vmid}/snapshot/{snapname}" => snapshots::delete_lxc,
        "GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config" => snapshots::config_lxc,
        "PUT /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config" => snapshots::update_lxc,
        "POST /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback" => snapshots::rollback_lxc,
        "POST /nodes/{node}/qemu/{vmid}/config" => guest_config::post_qemu,
        "GET /nodes/{node}/qemu/{vmid}/pending" => guests::pending_qemu,
        "GET /nodes/{node}/lxc/{vmid}/pending" => guests::pending_lxc,
        "POST /nodes/{node}/status" => resources::command,
        "POST /nodes/{node}/qemu/{vmid}/move_disk" => move_volume::qemu,
        "POST /nodes/{node}/lxc/{vmid}/move_volume" => move_volume::lxc,
        "GET /nodes/{node}/storage" => node_storage::list,
        "GET /nodes/{node}/storage/{storage}" => node_storage::index,
        "GET /nodes/{node}/storage/{storage}/status" => node_storage::status,
        "GET /nodes/{node}/storage/{storage}/content" => content::list,
        "GET /nodes/{node}/storage/{storage}/content/{volume}" => content::get,
        "PUT /nodes/{node}/storage/{storage}/content/{volume}" => content::update,
        "DELETE /nodes/{node}/storage/{storage}/content/{volume}" => content::delete,
        "GET /nodes/{node}/storage/{storage}/prunebackups" => prunebackups::dry_run,
        "DELETE /nodes/{node}/storage/{storage}/prunebackups" => prunebackups::prune,
        "POST /nodes/{node}/storage/{storage}/upload" => upload::start,
        "GET /nodes/{node}/tasks" => tasks::list_of_node,
        "GET /nodes/{node}/tasks/{upid}" => tasks::index,
        "DELETE /nodes/{node}/tasks/{upid}" => tasks::stop,
        "GET /nodes/{node}/tasks/{upid}/status" => tasks::status,
        "GET /nodes/{node}/tasks/{upid}/log" => tasks::log,
        "POST /nodes/{node}/vzdump" => vzdump::start,
        "GET /nodes/{node}/vzdump/defaults" => vzdump::defaults,
        "GET /nodes/{node}/vzdump/extractconfig" => vzdump::extract_config,
        "GET /pools" => pools::list,
        "POST /pools" => pools::create,
        "PUT /pools" | "PUT /pools/{poolid}" => pools::update,
        "DELETE /pools" | "DELETE /pools/{poolid}" => pools::delete,
        "GET /pools/{poolid}" => pools::get,
        "GET /storage" => storages::list,
        "POST /storage" => storages::create,
        "GET /storage/{storage}" => storages::get,
        "PUT /storage/{storage}" => storages::update,
        "DELETE /storage/{storage}" => storages::delete,
        _ => return access_control(key).or_else(|| said_by_guests(key)),
    })
}

fn access_control(key: &str) -> Option<Handler> {
    Some(match key {
        "POST /access/ticket" => access::login,
        "GET /access/permissions" => access::permissions,
        "GET /access/acl" => acl::list,
        "PUT /access/acl" => acl::update,
        "GET /access/roles" => roles::list,
        "POST /access/roles" => roles::create,
        "GET /access/roles/{roleid}" => roles::get,
        "PUT /access/roles/{roleid}" => roles::update,
        "DELETE /access/roles/{roleid}" => roles::delete,
        "GET /access/users" => users::list,
        "POST /access/users" => users::create,
        "GET /access/users/{userid}" => users::get,
        "PUT /access/users/{userid}" => users::update,
        "DELETE /access/users/{userid}" => users::delete,
        "GET /access/users/{userid}/token" => tokens::list,
        "GET /access/users/{userid}/token/{tokenid}" => tokens::get,
        "POST /access/users/{userid}/token/{tokenid}" => tokens::create,
        "DELETE /access/users/{userid}/token/{tokenid}" => tokens::delete,
        "GET /access/ticket" => access::ticket,
        "PUT /access/users/{userid}/token/{tokenid}" => tokens::update,
        _ => return None,
    })
}

fn said_by_guests(key: &str) -> Option<Handler> {
    Some(match key {
        "POST /nodes/{node}/qemu/{vmid}/agent/ping" => agent::ping,
        "GET /nodes/{node}/qemu/{vmid}/agent/get-osinfo" => agent::os_information,
        "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces" => agent::interfaces_qemu,
        "GET /nodes/{node}/lxc/{vmid}/interfaces" => agent::interfaces_lxc,
        _ => return None,
    })
}

/// What lies below the access control.
const BELOW_ACCESS: &str = "users groups roles acl domains openid tfa ticket password";

/// What lies below the cluster.
const BELOW_CLUSTER: &str = "acme backup backup-info ceph config firewall ha jobs log mapping \
    metrics notifications nextid options replication resources status tasks sdn";

/// What lies below a node; the schema does not carry these lists.
const BELOW_NODE: &str = "aplinfo apt capabilities ceph certificates config disks dns firewall \
    hardware hosts journal lxc migrateall netstat network qemu query-url-metadata replication \
    report rrd rrddata scan services spiceshell startall status stopall storage subscription \
    suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan sdn";

/// The lists of what lies below a path, which the schema does not carry.
pub(crate) fn index(method: &str, segments: &[String], node: &str) -> Option<Value> {
    if method != "GET" {
        return None;
    }
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (key, names) = match path.as_slice() {
        [] => ("subdir", "version cluster nodes storage access pools"),
        ["access"] => ("subdir", BELOW_ACCESS),
        ["cluster"] => ("name", BELOW_CLUSTER),
        ["cluster", "jobs"] => ("subdir", "realm-sync schedule-analyze"),
        ["nodes", name] if *name == node => ("name", BELOW_NODE),
        _ => return None,
    };
    Some(
        names
            .split_whitespace()
            .map(|name| json!({ key: name }))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn the_list_of_what_is_not_served_is_true() {
        let keys = Schema::of(crate::config::Release::Eight).unwrap().keys();
        let missing: Vec<_> = keys.filter(|key| handler(key).is_none()).collect();
        let listed: Vec<_> = include_str!("../../NOT_YET.md")
            .lines()
            .filter(|line| {
                ["GET /", "POST /", "PUT /", "DELETE /"]
                    .iter()
                    .any(|verb| line.starts_with(verb))
            })
            .collect();
        assert_eq!(listed, missing, "NOT_YET.md:\n{}", missing.join("\n"));
    }
}
