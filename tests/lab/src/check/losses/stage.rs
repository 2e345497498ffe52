//! What a recording of losses found on the server: guests that none of its calls made, and
//! archives that were put there between two calls.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use regex_lite::Regex;
use serde_json::{Value, json};

use super::{ask, task_of, text_of};
use crate::archive;
use crate::guest::{GuestKind, is_volume_key};
use crate::node::Node;
use crate::volumes;

/// A file of a container that cannot be compressed, so that half an archive is half the data.
const FILLER: usize = 8 << 20;

/// Where the head of a VMA says how long it is.
const HEAD_LENGTH: std::ops::Range<usize> = 56..60;

/// The node and all calls, for what has to be there before them.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    node: &'a Node,
    records: &'a [Value],
}

impl<'a> Stage<'a> {
    pub(super) fn new(node: &'a Node, records: &'a [Value]) -> Self {
        Self { node, records }
    }

    /// Takes the retention of all storages away: such recordings begin without any.
    pub(super) fn lay_storages(&self) {
        let mut state = self.node.core.state();
        let storages: Vec<_> = state.storages.iter().cloned().collect();
        for mut storage in storages {
            for option in ["prune-backups", "max-protected-backups"] {
                storage.options.remove(option);
            }
            state.storages.put(storage);
        }
    }

    /// Makes the guests that are asked for before any call makes them.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(super) fn lay_guests(&self) -> anyhow::Result<()> {
        let mut known = BTreeSet::new();
        for (index, record) in self.records.iter().enumerate() {
            let request = record.get("request").unwrap_or(&Value::Null);
            let Some((kind, vmid, is_new)) = guest_of(request) else {
                continue;
            };
            if !known.insert(vmid) || is_new {
                continue;
            }
            let Some((kind, config)) = self.first_config(kind, vmid, index) else {
                continue;
            };
            let lay = match kind {
                GuestKind::Qemu => self.lay_machine(vmid, &config),
                GuestKind::Lxc => self.lay_container(vmid, &config),
            };
            lay.with_context(|| format!("guest {vmid}"))?;
        }
        Ok(())
    }

    // The first configuration that the recording shows, without what calls before it had set.
    fn first_config(
        &self,
        kind: Option<GuestKind>,
        vmid: u32,
        from: usize,
    ) -> Option<(GuestKind, Vec<(String, String)>)> {
        let kinds = kind.map_or(vec![GuestKind::Lxc, GuestKind::Qemu], |kind| vec![kind]);
        for kind in kinds {
            let path = format!("/nodes/pve1/{}/{vmid}/config", kind.as_str());
            let mut set = BTreeSet::new();
            for record in self.records.iter().skip(from) {
                let request = record.get("request")?;
                if text_of(request, "path") != path {
                    continue;
                }
                if text_of(request, "method") != "GET" {
                    let parameters = request.get("params").and_then(Value::as_object);
                    set.extend(parameters.into_iter().flatten().map(|(key, _)| key.clone()));
                    continue;
                }
                let data = record.get("response")?.get("body")?.get("data")?;
                let pairs = data.as_object()?.iter();
                let pairs = pairs.filter(|(key, _)| *key != "digest" && !set.contains(*key));
                let text = |value: &Value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let pairs = pairs.map(|(key, value)| (key.clone(), text(value)));
                return Some((kind, pairs.collect()));
            }
        }
        None
    }

    fn lay_machine(&self, vmid: u32, config: &[(String, String)]) -> anyhow::Result<()> {
        let pairs: Vec<(&str, &str)> = config
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        self.node.add_guest(vmid, GuestKind::Qemu, &pairs)
    }

    // From the template of the initial state, with a file in it.
    fn lay_container(&self, vmid: u32, config: &[(String, String)]) -> anyhow::Result<()> {
        let mut parameters = json!({"vmid": vmid, "ostemplate": self.template()?});
        for (key, value) in config {
            let mut value = value.clone();
            if is_volume_key(key) {
                let id = volumes::id_of(&value).to_owned();
                let size = volumes::option(&value, "size").context("a volume without size")?;
                #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
                let gib = crate::guest::parse_size(size) as f64 / 1_073_741_824.0;
                let storage = id.split(':').next().unwrap_or_default();
                value = format!("{storage}:{gib}");
            }
            parameters
                .as_object_mut()
                .context("parameters are an object")?
                .insert(key.clone(), value.into());
        }
        let request = json!({"method": "POST", "path": "/nodes/pve1/lxc", "params": parameters});
        let answer = ask(self.node, &request)?;
        let task = task_of(self.node, &answer);
        let end = task.and_then(|task| task.end).map(|end| end.status);
        ensure!(end.as_deref() == Some("OK"), "{}: {end:?}", answer.body);
        let root = config.iter().find(|(key, _)| key == "rootfs");
        let root = root.map_or("", |(_, value)| volumes::id_of(value));
        let tree = self
            .node
            .container_tree(root)
            .context("the container has no root")?;
        fs::write(tree.join("filler"), noise(FILLER)).context("cannot fill the container")
    }

    fn template(&self) -> anyhow::Result<String> {
        for (storage, folder) in self.node.storage_folders() {
            let entries = fs::read_dir(folder.join("template/cache"));
            if let Some(entry) = entries.into_iter().flatten().flatten().next() {
                let name = entry.file_name();
                return Ok(format!("{storage}:vztmpl/{}", name.to_string_lossy()));
            }
        }
        bail!("the initial state has no template")
    }

    /// Makes the archive that a call restores from, when neither the initial state nor an earlier
    /// call brought it: a copy of one that is there, cut where the recording says so.
    ///
    /// # Errors
    /// When there is nothing to copy.
    pub(super) fn lay_archive(&self, record: &Value) -> anyhow::Result<()> {
        let parameters = record
            .get("request")
            .and_then(|request| request.get("params"));
        let volume = parameters.and_then(|values| {
            let name = values.get("archive").or_else(|| values.get("ostemplate"));
            name?.as_str()
        });
        let Some((storage, file)) = volume.and_then(|volume| volume.split_once(":backup/")) else {
            return Ok(());
        };
        let folders = self.node.storage_folders();
        let folder = folders
            .get(storage)
            .with_context(|| format!("there is no storage {storage}"))?
            .join("dump");
        let target = folder.join(file);
        if target.exists() {
            return Ok(());
        }
        let source = source_of(&folder, file)
            .with_context(|| format!("nothing in {} could be {file}", folder.display()))?;
        let mut content = fs::read(&source).with_context(|| source.display().to_string())?;
        if text_of(record, "note").contains("cut") {
            content.truncate(length_of_cut(record, &content));
        }
        fs::write(&target, content).with_context(|| format!("cannot write {}", target.display()))
    }
}

// A real archive with the same ending: of the same guest rather than of another, the newest.
fn source_of(folder: &Path, file: &str) -> Option<PathBuf> {
    let ending = file.strip_prefix(&archive::stem(file))?;
    let guest = |name: &str| name.split('-').take(3).collect::<Vec<_>>().join("-");
    let kind = |name: &str| name.split('-').take(2).collect::<Vec<_>>().join("-");
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| kind(name) == kind(file))
        .filter(|name| name.strip_prefix(&archive::stem(name)) == Some(ending))
        .filter(|name| is_archive(&folder.join(name)))
        .collect();
    names.sort_by_key(|name| (guest(name) == guest(file), name.clone()));
    Some(folder.join(names.pop()?))
}

// The initial state has files of blanks that are no archives.
fn is_archive(path: &Path) -> bool {
    fs::read(path).is_ok_and(|content| content.first().is_some_and(|first| *first != b' '))
}

// Half of it, or in the first extent of a VMA, where the log says how much of it was left.
fn length_of_cut(record: &Value, content: &[u8]) -> usize {
    let half = content.len() / 2;
    let head = content
        .get(HEAD_LENGTH)
        .and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    let head = head.and_then(|length| usize::try_from(length).ok());
    let head = head.unwrap_or_default();
    let Ok(short) = Regex::new(r"short vma extent \((\d+) <") else {
        return half;
    };
    let log = record.get("task").unwrap_or(&Value::Null).to_string();
    let Some(captures) = short.captures(&log) else {
        return half;
    };
    let left = captures.get(1).and_then(|left| left.as_str().parse().ok());
    left.map_or(half, |left: usize| head.saturating_add(left))
}

/// The guest that a request is about, and whether it makes it.
fn guest_of(request: &Value) -> Option<(Option<GuestKind>, u32, bool)> {
    let mut steps = text_of(request, "path").split('/').skip(3);
    let kind = match steps.next()? {
        "qemu" => Some(GuestKind::Qemu),
        "lxc" => Some(GuestKind::Lxc),
        "vzdump" => None,
        _ => return None,
    };
    if let Some(vmid) = steps.next() {
        return Some((kind, vmid.parse().ok()?, false));
    }
    let parameters = request.get("params")?;
    let vmid = parameters.get("vmid")?.to_string();
    let replaces = parameters.get("force").is_some();
    let vmid = vmid.trim_matches('"').parse().ok()?;
    Some((kind, vmid, kind.is_some() && !replaces))
}

// Bytes that no compressor shortens.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
