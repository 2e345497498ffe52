//! Filling a node from an `initial-state.json`: the format in which recorded scenarios say where
//! they start. Only states are read here, never answers.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::guest::GuestKind;
use crate::node::Node;
use crate::seed::Separation;
use crate::seed_content::ArchiveSeed;
use crate::state::HostKind;

#[derive(Debug, Deserialize)]
struct InitialState {
    users: Vec<UserRow>,
    roles_custom: Vec<RoleRow>,
    tokens: Vec<TokenRow>,
    acl: Vec<AclRow>,
    storages: Vec<Map<String, Value>>,
    dump_files: Vec<DumpFile>,
    real_files: Vec<RealFile>,
    #[serde(default)]
    guests: Vec<GuestRow>,
    #[serde(default)]
    jobs: Vec<JobRow>,
    #[serde(default)]
    pools: Vec<PoolRow>,
}

#[derive(Debug, Deserialize)]
struct GuestRow {
    vmid: u32,
    kind: String,
    config: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct JobRow {
    id: String,
    options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct PoolRow {
    poolid: String,
    guests: Vec<u32>,
}

#[derive(Debug, Deserialize)]
struct UserRow {
    userid: String,
    enable: u8,
}

#[derive(Debug, Deserialize)]
struct RoleRow {
    roleid: String,
    privs: String,
}

#[derive(Debug, Deserialize)]
struct TokenRow {
    tokenid: String,
    privsep: u8,
    expire: i64,
}

#[derive(Debug, Deserialize)]
struct AclRow {
    path: String,
    ugid: String,
    roleid: String,
}

#[derive(Debug, Deserialize)]
struct DumpFile {
    storage: String,
    file: String,
    size: usize,
    notes: Option<String>,
    protected: bool,
    log: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RealFile {
    file: String,
    path: String,
}

/// Fills a node from the file; `files` is the folder of the real files that it names. Every user
/// logs in with `password`.
///
/// # Errors
/// When the file cannot be read or names what cannot be made.
pub fn load_initial_state(
    node: &Node,
    path: &Path,
    files: &Path,
    password: &str,
) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let state: InitialState = serde_json::from_str(&text)
        .with_context(|| format!("{} is no initial state", path.display()))?;
    // Such states were recorded where no guest could run.
    node.set_host(HostKind::Sandbox);
    load_access(node, &state, password)?;
    for storage in &state.storages {
        load_storage(node, storage)?;
    }
    for file in &state.dump_files {
        let mut content = vec![b' '; file.size.saturating_sub(1)];
        content.push(b'x');
        let mut seed = ArchiveSeed::new(&file.file).with_content(content);
        if let Some(notes) = &file.notes {
            seed = seed.with_notes(notes);
        }
        if let Some(log) = &file.log {
            seed = seed.with_log(log);
        }
        if file.protected {
            seed = seed.protected();
        }
        node.add_archive(&file.storage, &seed)?;
    }
    for file in &state.real_files {
        let target = node.local(&file.path);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let source = files.join(&file.file);
        let content =
            std::fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
        std::fs::write(&target, content)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    load_guests(node, &state)
}

fn load_guests(node: &Node, state: &InitialState) -> anyhow::Result<()> {
    for guest in &state.guests {
        let kind = match guest.kind.as_str() {
            "qemu" => GuestKind::Qemu,
            "lxc" => GuestKind::Lxc,
            other => anyhow::bail!("guest {} is a {other}", guest.vmid),
        };
        node.add_guest(guest.vmid, kind, &pairs(&guest.config))?;
    }
    for job in &state.jobs {
        node.add_job(&job.id, &pairs(&job.options));
    }
    for pool in &state.pools {
        node.add_pool(&pool.poolid, &pool.guests);
    }
    Ok(())
}

fn pairs(options: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let pairs = options.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn load_access(node: &Node, state: &InitialState, password: &str) -> anyhow::Result<()> {
    for user in &state.users {
        node.add_user(&user.userid, password);
        if user.enable == 0 {
            node.disable_user(&user.userid);
        }
    }
    for role in &state.roles_custom {
        node.add_role(&role.roleid, &role.privs);
    }
    for token in &state.tokens {
        let separation = if token.privsep == 1 {
            Separation::Separated
        } else {
            Separation::Shared
        };
        node.add_token_until(&token.tokenid, separation, token.expire)?;
    }
    for entry in &state.acl {
        node.grant(&entry.path, &entry.ugid, &entry.roleid);
    }
    Ok(())
}

fn load_storage(node: &Node, storage: &Map<String, Value>) -> anyhow::Result<()> {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let named = |name: &str| storage.get(name).map(text).unwrap_or_default();
    let options: Vec<(&str, String)> = storage
        .iter()
        .filter(|(name, _)| *name != "storage" && *name != "type")
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    let options: Vec<(&str, &str)> = options
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    node.add_storage(&named("storage"), &named("type"), &options)
}
