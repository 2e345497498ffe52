//! Containers: made from templates, and restored from archives.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Plan, random_mac};
use crate::archive_config;
use crate::backup::{mount_path, totals};
use crate::config_rights::Editor;
use crate::format::codec::Codec;
use crate::format::tarball;
use crate::guest::{Guest, GuestKind, is_volume_key};
use crate::guest_change::Changes;
use crate::guest_text;
use crate::storage::StorageTable;
use crate::task::worker::{Failure, Worker};
use crate::volumes::{self, Place, Purpose, Wish};
use crate::{task, trees};

/// What a container without a wish gets.
const ROOT_SIZE: u64 = 4 << 30;

/// Makes a container from a template, or restores one.
///
/// # Errors
/// Whatever goes wrong. A new container is gone then; of a replaced one nothing is left once its
/// volumes were destroyed.
pub(crate) fn run(worker: &mut Worker, plan: &Plan, source: Source) -> Result<(), Failure> {
    let vmid = plan.vmid;
    let verb = match source {
        Source::Archive => "restore",
        Source::Template => "create",
    };
    let old = worker.state().guests.get(&vmid).cloned();
    let mut done = Work {
        made: Vec::new(),
        destroyed: false,
    };
    let result = match source {
        Source::Archive => restore(worker, plan, old.as_ref(), &mut done),
        Source::Template => create(worker, plan, &mut done),
    };
    let result = result.map_err(|failure| match failure.text() {
        "received interrupt" => failure,
        _ => failure.with_prefix(&format!("unable to {verb} CT {vmid} - ")),
    });
    if result.is_err() {
        clean_up(worker, plan, &done)?;
        return result;
    }
    if plan.start {
        let id = vmid.to_string();
        task::start(
            &worker.node,
            worker.owner(),
            None,
            "vzstart",
            &id,
            move |worker| crate::api::boot(worker, GuestKind::Lxc, vmid),
        );
    }
    Ok(())
}

/// What a container comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Archive,
    Template,
}

struct Work {
    /// Volumes that were made.
    made: Vec<String>,
    /// Whether those of the old container are gone.
    destroyed: bool,
}

fn clean_up(worker: &Worker, plan: &Plan, work: &Work) -> Result<(), Failure> {
    let mut state = worker.state();
    for id in &work.made {
        trees::remove(&worker.node, &state.storages, id)?;
    }
    if !plan.replaces || work.destroyed {
        state.guests.remove(&plan.vmid);
    } else if let Some(guest) = state.guests.get_mut(&plan.vmid) {
        guest.config.remove("lock");
    }
    Ok(())
}

fn storages(worker: &Worker) -> StorageTable {
    worker.state().storages.clone()
}

fn create(worker: &mut Worker, plan: &Plan, work: &mut Work) -> Result<(), Failure> {
    let mut config = defaults();
    let mut wishes = plan.overrides.clone();
    wishes.retain(|key, _| is_volume_key(key));
    if !wishes.contains_key("rootfs") {
        let storage = plan.storage.as_deref().unwrap_or("local");
        wishes.insert("rootfs".to_owned(), format!("{storage}:4"));
    }
    let volumes = make_volumes(worker, plan, &wishes, work)?;
    let roots = roots(worker, &volumes)?;
    if !plan.file.exists() {
        let volume = &plan.volume;
        return Err(Failure::new(format!("volume '{volume}' does not exist")));
    }
    unpack(worker, plan, &roots)?;
    let given = |key: &str| plan.overrides.get(key).cloned();
    let root = roots.get(Path::new("")).cloned().unwrap_or_default();
    let ostype = given("ostype").unwrap_or_else(|| os_type(&root));
    if given("arch").is_none() {
        if ostype == "unmanaged" {
            for line in [
                "implement me in sub-class",
                " at /usr/share/perl5/PVE/LXC/Setup.pm line 146.",
                "Architecture detection failed: error in setup task (eval)",
                "Falling back to amd64.",
                "Use `pct set VMID --arch ARCH` to change.",
            ] {
                worker.say(line)?;
            }
        } else {
            worker.say("Detected container architecture: amd64")?;
        }
    }
    config.insert("ostype".to_owned(), ostype);
    config.extend(volumes);
    finish(worker, plan, config)
}

fn defaults() -> BTreeMap<String, String> {
    [("arch", "amd64"), ("memory", "512"), ("swap", "512")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn os_type(root: &Path) -> String {
    let text = std::fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let id = text.lines().find_map(|line| line.strip_prefix("ID="));
    let known = [
        "alpine",
        "archlinux",
        "centos",
        "debian",
        "fedora",
        "gentoo",
        "nixos",
        "opensuse",
        "ubuntu",
    ];
    let id = id.map_or("", |id| id.trim_matches('"'));
    if known.contains(&id) { id } else { "unmanaged" }.to_owned()
}

fn restore(
    worker: &mut Worker,
    plan: &Plan,
    old: Option<&Guest>,
    work: &mut Work,
) -> Result<(), Failure> {
    let volume = &plan.volume;
    worker.say(format!(
        "recovering backed-up configuration from '{volume}'"
    ))?;
    if !plan.file.exists() {
        return Err(Failure::new(format!("volume '{volume}' does not exist")));
    }
    let text = archive_config::read_container(&plan.file).map_err(|error| {
        for line in archive_config::tar_complaints(&plan.file) {
            worker.note(line);
        }
        Failure::new(error)
    })?;
    let parsed = guest_text::parse(&text);
    let mut config = parsed.config;
    config.retain(|key, _| !key.starts_with("unused") && key != "lock" && key != "parent");
    check_rights(worker, plan, &config)?;
    if !parsed.raw_lines.is_empty() {
        let lines = parsed.raw_lines.join("\n");
        worker.warn(&format!(
            "skipping custom lxc options, restore manually as root:\n{lines}"
        ));
    }
    let wishes = volumes_to_make(plan, &config);
    config.retain(|key, _| !is_volume_key(key));
    let volumes = make_volumes(worker, plan, &wishes, work)?;
    if let Some(old) = old.filter(|_| plan.replaces) {
        let storages = storages(worker);
        work.destroyed = true;
        for id in old.owned_volumes(plan.vmid) {
            trees::remove(&worker.node, &storages, &id)?;
        }
    }
    let roots = roots(worker, &volumes)?;
    worker.say(format!("restoring '{volume}' now.."))?;
    unpack(worker, plan, &roots)?;
    worker.say("merging backed-up and given configuration..")?;
    config.extend(volumes);
    if plan.unique {
        for (key, value) in &mut config {
            if key.starts_with("net") {
                let parts = value.split(',').map(str::to_owned);
                let mac = random_mac()?;
                let parts = parts.map(|part| match part.split_once('=') {
                    Some(("hwaddr", _)) => format!("hwaddr={mac}"),
                    _ => part,
                });
                *value = parts.collect::<Vec<_>>().join(",");
            }
        }
    }
    finish(worker, plan, config)
}

fn check_rights(
    worker: &Worker,
    plan: &Plan,
    config: &BTreeMap<String, String>,
) -> Result<(), Failure> {
    let state = worker.state();
    let editor = Editor {
        state: &state,
        identity: worker.owner(),
        kind: GuestKind::Lxc,
        vmid: plan.vmid,
        pool: plan.pool.as_deref(),
    };
    if editor.identity.is_root() {
        return Ok(());
    }
    let own_volumes = plan.overrides.keys().any(|key| is_volume_key(key));
    for (key, value) in config {
        if key.starts_with("net") && !plan.overrides.contains_key(key) {
            editor.check_bridge(value)?;
        }
        if is_volume_key(key) && !own_volumes && volumes::id_of(value).starts_with('/') {
            let text = format!("restoring '{key}' to bind mount is only possible for root");
            return Err(Failure::new(text));
        }
    }
    let was = state.guests.get(&plan.vmid).filter(|_| plan.replaces);
    let unprivileged = was.is_some_and(|guest| guest.is_set("unprivileged"));
    let stays = plan
        .overrides
        .get("unprivileged")
        .or_else(|| config.get("unprivileged"))
        .is_some_and(|value| value == "1");
    if unprivileged && !stays {
        editor.check(&["VM.Allocate"])?;
    }
    Ok(())
}

// Volumes in the request stand for all; else each of the archive is made again.
fn volumes_to_make(plan: &Plan, config: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let given = plan.overrides.iter().filter(|(key, _)| is_volume_key(key));
    let mut wishes: BTreeMap<String, String> = given
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !wishes.is_empty() {
        return wishes;
    }
    for (key, value) in config.iter().filter(|(key, _)| is_volume_key(key)) {
        let id = volumes::id_of(value);
        if id.starts_with('/') {
            wishes.insert(key.clone(), value.clone());
            continue;
        }
        let storage = plan.storage.as_deref().unwrap_or("local");
        let size = volumes::option(value, "size").map_or(ROOT_SIZE, crate::guest::parse_size);
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
        let gib = size as f64 / 1_073_741_824.0;
        wishes.insert(
            key.clone(),
            value.replacen(id, &format!("{storage}:{gib}"), 1),
        );
    }
    if wishes.is_empty() {
        let storage = plan.storage.as_deref().unwrap_or("local");
        wishes.insert("rootfs".to_owned(), format!("{storage}:4"));
    }
    wishes
}

fn make_volumes(
    worker: &mut Worker,
    plan: &Plan,
    wishes: &BTreeMap<String, String>,
    work: &mut Work,
) -> Result<BTreeMap<String, String>, Failure> {
    let node = Arc::clone(&worker.node);
    let storages = storages(worker);
    let place = Place {
        node: &node,
        storages: &storages,
        vmid: plan.vmid,
        is_full: worker.is_disk_full(),
    };
    let mut values = BTreeMap::new();
    // The root comes first, then the mount points in their order.
    let guest = Guest::new(GuestKind::Lxc, wishes.clone());
    for volume in guest.volumes() {
        let value = wishes.get(volume.key).cloned().unwrap_or_default();
        let value = match volumes::wished_size(volume.id) {
            None => value,
            Some((storage, size)) => {
                let wish = Wish {
                    storage,
                    size,
                    format: "raw",
                    purpose: Purpose::FileSystem,
                };
                let id = volumes::allocate(&place, &wish, &mut |line| worker.say(line))?;
                work.made.push(id.clone());
                volumes::with_size(&value.replacen(volume.id, &id, 1), size)
            }
        };
        values.insert(volume.key.to_owned(), value);
    }
    Ok(values)
}

// Where each mount path lies here, without its leading slash.
fn roots(
    worker: &Worker,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<PathBuf, PathBuf>, Failure> {
    let storages = storages(worker);
    let mut roots = BTreeMap::new();
    for (key, value) in values {
        let id = volumes::id_of(value);
        if id.starts_with('/') {
            continue;
        }
        let missing = || Failure::new(format!("volume '{id}' does not exist"));
        let file = trees::volume_file(&worker.node, &storages, id);
        file.filter(|file| file.exists()).ok_or_else(missing)?;
        let tree = trees::of(&worker.node, &storages, id).ok_or_else(missing)?;
        let mount = mount_path(Some(value), key);
        roots.insert(PathBuf::from(mount.trim_matches('/')), tree);
    }
    Ok(roots)
}

fn unpack(
    worker: &mut Worker,
    plan: &Plan,
    roots: &BTreeMap<PathBuf, PathBuf>,
) -> Result<(), Failure> {
    worker.say(format!("extracting archive '{}'", plan.shown))?;
    let place = |path: &Path| -> Option<PathBuf> {
        let inside = roots.iter().filter(|(mount, _)| path.starts_with(mount));
        let (mount, tree) = inside.max_by_key(|(mount, _)| mount.components().count())?;
        let rest = path.strip_prefix(mount).ok()?;
        Some(if rest.as_os_str().is_empty() {
            tree.clone()
        } else {
            tree.join(rest)
        })
    };
    let codec = Codec::of_name(&plan.shown);
    let result = codec
        .open(&plan.file)
        .and_then(|mut input| tarball::unpack(&mut input, &place));
    let full = worker.is_disk_full();
    match result {
        Ok(_) if full => Err(tar_failure(
            worker,
            plan,
            codec,
            "Cannot write: No space left on device",
        )),
        Ok(bytes) => worker.say(format!("Total bytes read: {}", totals(bytes))),
        Err(error) => {
            if codec == Codec::Zstd && error.kind() == io::ErrorKind::UnexpectedEof {
                worker.note("/*stdin*\\ : Read error (39) : premature end ");
            }
            worker.note("tar: Unexpected EOF in archive");
            Err(tar_failure(
                worker,
                plan,
                codec,
                "Unexpected EOF in archive",
            ))
        }
    }
}

fn tar_failure(worker: &Worker, plan: &Plan, codec: Codec, said: &str) -> Failure {
    worker.note(format!("tar: {said}"));
    worker.note("tar: Error is not recoverable: exiting now");
    let option = codec.tar_option();
    let option = if option.is_empty() {
        String::new()
    } else {
        format!("{option} ")
    };
    let root = format!("/var/lib/lxc/{}/rootfs", plan.vmid);
    Failure::new(format!(
        "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - {option}--totals --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' '--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' -C {root} --skip-old-files --anchored --exclude './dev/*'' failed: exit code 2"
    ))
}

fn finish(worker: &Worker, plan: &Plan, config: BTreeMap<String, String>) -> Result<(), Failure> {
    let vmid = plan.vmid;
    let mut set = plan.overrides.clone();
    set.retain(|key, _| !is_volume_key(key));
    let changes = Changes {
        set,
        delete: Vec::new(),
    };
    let mut guest = Guest::new(GuestKind::Lxc, config);
    let mut state = worker.state();
    let storages = state.storages.clone();
    let place = Place {
        node: &worker.node,
        storages: &storages,
        vmid,
        is_full: false,
    };
    changes.apply(&mut guest, &place, &mut |_| Ok(()))?;
    if !guest.config.contains_key("hostname") {
        guest
            .config
            .insert("hostname".to_owned(), format!("CT{vmid}"));
    }
    guest.created = state.guests.get(&vmid).map_or(0, |guest| guest.created);
    state.guests.insert(vmid, guest);
    if let Some(pool) = &plan.pool {
        state.move_to_pool(vmid, pool);
    }
    Ok(())
}
