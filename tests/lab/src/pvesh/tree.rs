//! `pvesh ls` and `pvesh usage`: what lies below a path, and how it is called.

use std::sync::Arc;

use serde_json::Value;

use super::command_line::{VERBS, segments};
use super::refused::{Refused, required_options, usage as usage_of};
use super::server;
use crate::node::NodeCore;
use crate::schema::{Property, Schema};

/// The paths that list what lies below them, with the key that names it in the list. The committed
/// schema does not say it.
const LISTS: [(&str, &str); 26] = [
    ("/", "subdir"),
    ("/access", "subdir"),
    ("/access/roles", "roleid"),
    ("/access/users", "userid"),
    ("/access/users/{userid}/token", "tokenid"),
    ("/cluster", "name"),
    ("/cluster/backup", "id"),
    ("/cluster/backup-info", "subdir"),
    ("/cluster/jobs", "subdir"),
    ("/nodes", "node"),
    ("/nodes/{node}", "name"),
    ("/nodes/{node}/lxc", "vmid"),
    ("/nodes/{node}/lxc/{vmid}", "subdir"),
    ("/nodes/{node}/lxc/{vmid}/snapshot", "name"),
    ("/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", "cmd"),
    ("/nodes/{node}/qemu", "vmid"),
    ("/nodes/{node}/qemu/{vmid}", "subdir"),
    ("/nodes/{node}/qemu/{vmid}/snapshot", "name"),
    ("/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", "cmd"),
    ("/nodes/{node}/storage", "storage"),
    ("/nodes/{node}/storage/{storage}", "subdir"),
    ("/nodes/{node}/storage/{storage}/content", "volid"),
    ("/nodes/{node}/tasks", "upid"),
    ("/nodes/{node}/tasks/{upid}", "name"),
    ("/pools", "poolid"),
    ("/storage", "storage"),
];

fn key_of_list(path: &[String]) -> Option<&'static str> {
    let is_template = |template: &str| {
        let parts: Vec<&str> = template
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        parts.len() == path.len()
            && parts
                .iter()
                .zip(path)
                .all(|(part, given)| part.starts_with('{') || part == given)
    };
    let mut lists = LISTS.iter();
    lists
        .find(|(template, _)| is_template(template))
        .map(|(_, key)| *key)
}

/// What lies below a path, each with what can be done: `D` has something below it, `r` can be
/// read, `w` set, `c` created below and `d` deleted.
pub(super) fn list(node: &Arc<NodeCore>, path: &str) -> Result<String, Refused> {
    let schema = node.schema;
    let parts = segments(path);
    let childless = || Refused::new(format!("resource '{path}' does not define child links\n"));
    let key = key_of_list(&parts).ok_or_else(childless)?;
    let data = server::read(node, path).map_err(|refusal| match refusal.status() {
        501 => Refused::no_handler("get", path),
        _ => Refused::by_api(&refusal, &usage_of("ls", None)),
    })?;
    let children = data.as_array().ok_or_else(childless)?;
    let name = |child: &Value| {
        let found = child.get(key)?;
        Some(
            found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned),
        )
    };
    let mut names: Vec<String> = children.iter().filter_map(name).collect();
    names.sort();
    let mut text = String::new();
    for name in names {
        let mut below = parts.clone();
        below.push(name.clone());
        let can = |letter: char, method: &str| {
            let is_index =
                method == "GET" && crate::api::index("GET", &below, &node.name).is_some();
            if is_index || schema.find(method, &below).is_some() {
                letter
            } else {
                '-'
            }
        };
        let folder = if key_of_list(&below).is_some() {
            'D'
        } else {
            '-'
        };
        text.push(folder);
        for (letter, method) in [('r', "GET"), ('w', "PUT"), ('c', "POST"), ('d', "DELETE")] {
            text.push(can(letter, method));
        }
        text.push_str("        ");
        text.push_str(&name);
        text.push('\n');
    }
    Ok(text)
}

/// How a path is called.
pub(super) fn usage(schema: &Schema, path: &str) -> Result<String, Refused> {
    let parts = segments(path);
    let lines = VERBS.iter().filter_map(|(verb, method)| {
        let found = schema.find(method, &parts)?;
        let required = required_options(found.endpoint, &found.path_values);
        let required = required.trim_end();
        let properties = found.endpoint.properties().values();
        let more = if properties.into_iter().any(Property::is_optional) {
            " [OPTIONS]"
        } else {
            ""
        };
        Some(format!("USAGE: pvesh {verb} {path} {required}{more}\n"))
    });
    let text = lines.collect::<Vec<_>>().concat();
    if text.is_empty() {
        return Err(Refused::new(format!("no such resource '{path}'\n")));
    }
    Ok(text)
}
