//! POST `/nodes/{node}/qemu` and `…/lxc`: new guests, and guests out of archives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::volume::VolumeId;
use crate::call::Call;
use crate::config_rights::Editor;
use crate::files;
use crate::guest::{Guest, GuestKind, is_volume_key};
use crate::guest_change::{Changes, Place};
use crate::http::envelope::Reply;
use crate::http::tls;
use crate::refusal::Refusal;
use crate::restore::{self, Plan, container::Source};
use crate::task::worker::{Failure, Worker};
use crate::volumes;

/// Parameters that are no keys of a configuration.
const NOT_KEYS: [&str; 17] = [
    "archive",
    "bwlimit",
    "force",
    "ignore-unpack-errors",
    "import-working-storage",
    "live-restore",
    "node",
    "ostemplate",
    "password",
    "pool",
    "restore",
    "ssh-public-keys",
    "start",
    "storage",
    "unique",
    "vmid",
    "template-source",
];

struct Request {
    kind: GuestKind,
    vmid: u32,
    pool: Option<String>,
    storage: Option<String>,
    force: bool,
    keys: BTreeMap<String, String>,
}

impl Request {
    fn of_call(call: &Call<'_>, kind: GuestKind) -> Self {
        let text = |name: &str| call.parameters.text(name).map(str::to_owned);
        let keys = call.parameters.iter();
        let keys = keys.filter(|(name, _)| !NOT_KEYS.contains(name));
        let keys =
            keys.filter_map(|(name, value)| Some((name.to_owned(), value.as_text()?.to_owned())));
        Self {
            kind,
            vmid: super::power::vmid(call),
            pool: text("pool").filter(|pool| !pool.is_empty()),
            storage: text("storage"),
            force: call.parameters.flag("force") == Some(true),
            keys: keys.collect(),
        }
    }

    fn editor<'call>(&'call self, call: &'call Call<'_>) -> Editor<'call> {
        Editor {
            state: call.state,
            identity: call.identity,
            kind: self.kind,
            vmid: self.vmid,
            pool: self.pool.as_deref(),
        }
    }

    fn check_pool(&self, call: &Call<'_>) -> Result<(), Refusal> {
        match &self.pool {
            Some(pool) if !call.state.pools.contains_key(pool) => {
                Err(Refusal::forbidden(&format!("pool '{pool}' does not exist")))
            }
            _ => Ok(()),
        }
    }

    // Making guests is a right; to overwrite one from a backup another will do.
    fn check_allocate(&self, call: &Call<'_>, restores: bool) -> Result<(), Refusal> {
        let present = call.state.guests.get(&self.vmid);
        let overwrites =
            restores && self.force && present.is_some_and(|guest| guest.kind == self.kind);
        let path = format!("/vms/{}", self.vmid);
        let editor = self.editor(call);
        if editor.check(&["VM.Allocate"]).is_ok()
            || (overwrites && call.holds_any(&path, &["VM.Backup"]))
        {
            return Ok(());
        }
        Err(Refusal::forbidden(""))
    }

    fn check_keys(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let editor = self.editor(call);
        for (key, value) in &self.keys {
            let free = ["unprivileged", "features"].contains(&key.as_str())
                && !value
                    .split(',')
                    .any(|part| part.starts_with("keyctl") || part.starts_with("fuse"));
            if !free {
                editor.check_key(key, Some(value))?;
            }
            let wished = is_volume_key(key).then(|| volumes::wished_size(volumes::id_of(value)));
            if let Some((storage, _)) = wished.flatten() {
                let path = format!("/storage/{storage}");
                call.check(&path, &["Datastore.AllocateSpace"])?;
            }
        }
        Ok(())
    }

    fn plan(&self, call: &Call<'_>, source: Archive) -> Plan {
        let flag = |name: &str| call.parameters.flag(name) == Some(true);
        Plan {
            vmid: self.vmid,
            volume: source.volume,
            file: source.file,
            shown: source.shown,
            storage: self.storage.clone(),
            overrides: self.keys.clone(),
            pool: self.pool.clone(),
            unique: flag("unique"),
            start: flag("start"),
            live: flag("live-restore"),
            replaces: call.state.guests.contains_key(&self.vmid),
        }
    }

    // The id is taken from now on.
    fn reserve(&self, call: &mut Call<'_>) {
        let now = call.now;
        let kind = self.kind;
        let guest = call.state.guests.entry(self.vmid).or_insert_with(|| {
            let mut guest = Guest::new(kind, BTreeMap::new());
            guest.created = now;
            guest
        });
        guest.config.insert("lock".to_owned(), "create".to_owned());
    }
}

struct Archive {
    volume: String,
    file: PathBuf,
    shown: String,
}

// Who may read an archive: its owner always, others with rights on storage and guest.
fn archive(call: &Call<'_>, text: &str, wanted: &str, vmid: u32) -> Result<Archive, Refusal> {
    if text.starts_with('/') {
        if !call.identity.is_root() {
            let text = "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 581.";
            return Err(Refusal::failure(text));
        }
        return Ok(Archive {
            volume: text.to_owned(),
            file: call.node.local(text),
            shown: text.to_owned(),
        });
    }
    let storage = text.split(':').next().unwrap_or_default();
    let volume = VolumeId::parse(text, storage)?;
    if volume.content != wanted {
        return Err(Refusal::failure(format!(
            "unable to use volume {text} - content type needs to be '{wanted}'"
        )));
    }
    if wanted == "vztmpl" || volume.owner() != Some(vmid) {
        super::volume::check_access(call, &volume)?;
    }
    let storage = call.state.storages.get(storage)?;
    files::activate(call.node, storage)?;
    Ok(Archive {
        file: volume.path(call.node, storage).unwrap_or_default(),
        shown: volume.node_path(storage).unwrap_or_default(),
        volume: volume.full(),
    })
}

pub(super) fn qemu(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let request = Request::of_call(call, GuestKind::Qemu);
    let vmid = request.vmid;
    request.check_pool(call)?;
    if let Some(storage) = &request.storage {
        let path = format!("/storage/{storage}");
        call.check(&path, &["Datastore.AllocateSpace"])?;
    }
    let name = call.parameters.text("archive").map(str::to_owned);
    request.check_allocate(call, name.is_some())?;
    let Some(name) = name else {
        return create_qemu(call, request);
    };
    if let Some(key) = request.keys.keys().find(|key| is_volume_key(key)) {
        return Err(Refusal::parameter(
            key,
            "option conflicts with option 'archive'",
        ));
    }
    let source = archive(call, &name, "backup", vmid)?;
    request.check_keys(call)?;
    if !source.file.exists() {
        let text = format!("volume '{}' does not exist", source.volume);
        return Err(Refusal::failure(text));
    }
    check_free(call, &request)?;
    let plan = request.plan(call, source);
    request.reserve(call);
    Ok(
        call.start_task("qmrestore", &vmid.to_string(), move |worker| {
            restore::machine::run(worker, &plan)
        }),
    )
}

fn check_free(call: &Call<'_>, request: &Request) -> Result<(), Refusal> {
    let vmid = request.vmid;
    let refuse = |text: String| {
        Err(Refusal::failure(format!(
            "unable to restore VM {vmid} - {text}"
        )))
    };
    match call.state.guests.get(&vmid) {
        None => Ok(()),
        Some(guest) if guest.kind == GuestKind::Lxc && request.force => refuse(format!(
            "close (rename) atomic file '/etc/pve/nodes/{}/qemu-server/{vmid}.conf' failed: File exists",
            call.node.name
        )),
        Some(guest) if !request.force => {
            let word = if guest.kind == GuestKind::Lxc {
                "CT"
            } else {
                "VM"
            };
            refuse(format!(
                "{word} {vmid} already exists on node '{}'",
                call.node.name
            ))
        }
        Some(guest) => match guest.lock() {
            Some(lock) => refuse(format!("VM is locked ({lock})")),
            None => Ok(()),
        },
    }
}

fn create_qemu(call: &mut Call<'_>, request: Request) -> Result<Reply, Refusal> {
    let vmid = request.vmid;
    request.check_keys(call)?;
    if let Some(guest) = call.state.guests.get(&vmid) {
        let word = if guest.kind == GuestKind::Lxc {
            "CT"
        } else {
            "VM"
        };
        let node = &call.node.name;
        return Err(Refusal::failure(format!(
            "unable to create VM {vmid} - {word} {vmid} already exists on node '{node}'"
        )));
    }
    request.reserve(call);
    let starts = call.parameters.flag("start") == Some(true);
    Ok(
        call.start_task("qmcreate", &vmid.to_string(), move |worker| {
            let result = fill_qemu(worker, &request);
            if let Err(failure) = result {
                worker.state().guests.remove(&vmid);
                let prefix = format!("unable to create VM {vmid} - ");
                return Err(failure.with_prefix(&prefix));
            }
            if starts {
                return super::power::boot(worker, GuestKind::Qemu, vmid);
            }
            Ok(())
        }),
    )
}

fn fill_qemu(worker: &mut Worker, request: &Request) -> Result<(), Failure> {
    let vmid = request.vmid;
    let node = std::sync::Arc::clone(&worker.node);
    let storages = worker.state().storages.clone();
    let place = Place {
        node: &node,
        storages: &storages,
        vmid,
        is_full: worker.is_disk_full(),
    };
    let mut guest = Guest::new(GuestKind::Qemu, BTreeMap::new());
    let changes = Changes {
        set: request.keys.clone(),
        delete: Vec::new(),
    };
    changes.apply(&mut guest, &place, &mut |line| worker.say(line))?;
    let uuid = || tls::random_uuid().map_err(|error| Failure::new(error.to_string()));
    let order = boot_order(&guest);
    let now = worker.node.clock.now();
    for (key, value) in [
        ("boot", order),
        ("meta", format!("creation-qemu=9.2.0,ctime={now}")),
        ("smbios1", format!("uuid={}", uuid()?)),
        ("vmgenid", uuid()?),
    ] {
        guest.config.entry(key.to_owned()).or_insert(value);
    }
    for (key, value) in &mut guest.config {
        if key.starts_with("net") && !value.split(',').any(|part| part.matches(':').count() == 5) {
            let mac = restore::random_mac()?;
            let (model, rest) = value.split_once(',').unwrap_or((value, ""));
            let device = format!("{model}={mac},{rest}");
            *value = device.trim_end_matches(',').into();
        }
    }
    let mut state = worker.state();
    guest.created = state.guests.get(&vmid).map_or(now, |guest| guest.created);
    state.guests.insert(vmid, guest);
    if let Some(pool) = &request.pool {
        state.move_to_pool(vmid, pool);
    }
    Ok(())
}

// The first disk, the first CD drive, the first network device; a blank when there is nothing.
fn boot_order(guest: &Guest) -> String {
    let volumes = guest.volumes();
    let disk = volumes.first().map(|volume| volume.key);
    let mut keys = guest.config.iter();
    let drive = keys.find(|(key, value)| is_volume_key(key) && value.contains("media=cdrom"));
    let net = guest.config.keys().find(|key| key.starts_with("net"));
    let order: Vec<&str> = [
        disk,
        drive.map(|(key, _)| key.as_str()),
        net.map(String::as_str),
    ]
    .into_iter()
    .flatten()
    .collect();
    if order.is_empty() {
        " ".to_owned()
    } else {
        format!("order={}", order.join(";"))
    }
}

pub(super) fn lxc(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut request = Request::of_call(call, GuestKind::Lxc);
    let vmid = request.vmid;
    let restores = call.parameters.flag("restore") == Some(true);
    request.check_pool(call)?;
    request.check_allocate(call, restores)?;
    check_privilege_change(call, &request)?;
    let named = call.required("ostemplate").to_owned();
    let (wanted, source) = if restores {
        ("backup", Source::Archive)
    } else {
        ("vztmpl", Source::Template)
    };
    request.check_keys(call)?;
    let own = request.keys.keys().any(|key| is_volume_key(key));
    if !own || request.storage.is_some() {
        let storage = request
            .storage
            .clone()
            .unwrap_or_else(|| "local".to_owned());
        check_container_storage(call, &storage)?;
        request.storage = Some(storage);
    }
    let archive = archive(call, &named, wanted, vmid)?;
    check_id(call, &request, restores)?;
    let plan = request.plan(call, archive);
    request.reserve(call);
    let task = if restores { "vzrestore" } else { "vzcreate" };
    Ok(call.start_task(task, &vmid.to_string(), move |worker| {
        restore::container::run(worker, &plan, source)
    }))
}

fn check_privilege_change(call: &Call<'_>, request: &Request) -> Result<(), Refusal> {
    let present = call.state.guests.get(&request.vmid);
    let unprivileged = present.is_some_and(|guest| guest.is_set("unprivileged"));
    let asked = request
        .keys
        .get("unprivileged")
        .is_some_and(|value| value == "0");
    if unprivileged && asked && request.editor(call).check(&["VM.Allocate"]).is_err() {
        let text = "cannot change from unprivileged to privileged without VM.Allocate";
        return Err(Refusal::forbidden(text));
    }
    Ok(())
}

fn check_container_storage(call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    let storage = call.state.storages.get(id)?;
    if !storage.holds("rootdir") {
        let text = format!("storage '{id}' does not support container directories");
        return Err(Refusal::parameter("storage", text));
    }
    call.check(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    files::activate(call.node, storage)
}

fn check_id(call: &Call<'_>, request: &Request, restores: bool) -> Result<(), Refusal> {
    let vmid = request.vmid;
    let node = &call.node.name;
    let refuse = |text: String| Err(Refusal::failure(text));
    match call.state.guests.get(&vmid) {
        None => Ok(()),
        Some(guest) if guest.kind == GuestKind::Qemu => {
            refuse(format!("VM {vmid} already exists on node '{node}'"))
        }
        Some(_) if !(restores && request.force) => {
            refuse(format!("CT {vmid} already exists on node '{node}'"))
        }
        Some(guest) if guest.running => refuse("can't overwrite running container".to_owned()),
        Some(guest) if guest.is_set("protection") => refuse(format!(
            "unable to restore CT {vmid} - protection mode enabled"
        )),
        Some(guest) => match guest.lock() {
            Some(lock) => refuse(format!(
                "unable to restore CT {vmid} - CT is locked ({lock})"
            )),
            None => Ok(()),
        },
    }
}

const BELOW_VM: &str = "config cloudinit pending status unlink vncproxy termproxy migrate resize \
    move rrd rrddata monitor agent snapshot spiceproxy sendkey firewall mtunnel remote_migrate";
const BELOW_CONTAINER: &str = "config pending status vncproxy termproxy vncwebsocket spiceproxy \
    migrate clone rrd rrddata firewall snapshot resize interfaces";

fn index(names: &str) -> Reply {
    let names = names.split_whitespace();
    let entries: Vec<_> = names.map(|name| json!({"subdir": name})).collect();
    serde_json::Value::from(entries).into()
}

pub(super) fn index_qemu(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(index(BELOW_VM))
}

pub(super) fn index_lxc(_call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(index(BELOW_CONTAINER))
}
