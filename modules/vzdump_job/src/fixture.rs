//! A server in miniature, as observed, for the tests of this module.

use module_kit::plan::Plan;
use module_kit::{Failure, testing};
use pve_client::api::{Archive, Guest, ScheduleEvents, Storage, StorageOnNode};
use pve_client::{Gap, Known, Seen};
use serde_json::{Value, json};

use crate::VzdumpJob;
use crate::observe::{Observed, PresentJob, RUNS, Surroundings};
use crate::plan::{JobAction, plan};
use crate::spec::{Declared, Spec};

/// Noon of a day in 2026.
pub(crate) const START: i64 = 1_795_316_400;

/// Times with this many hours between them, as many as are looked at.
pub(crate) fn every(hours: i64) -> Vec<i64> {
    (0..i64::from(RUNS))
        .map(|run| START + run * hours * 3600)
        .collect()
}

/// The options of a play over those of a simple job (`id: nightly`, `schedule: '03:00'`, a storage
/// and a retention). A null takes one of these away.
pub(crate) fn spec(over: Value) -> Result<Spec, Failure> {
    let simple = json!({
        "id": "nightly", "schedule": "03:00", "storage": "backups", "keep_daily": 7,
    });
    testing::spec::<VzdumpJob>(with(simple, over))
}

pub(crate) fn declared(over: Value) -> Declared {
    match spec(over) {
        Ok(Spec::Present(declared)) => *declared,
        other => panic!("no declared job: {other:?}"),
    }
}

/// The job of [`spec`] with `all: true`, as Proxmox VE has it.
pub(crate) fn nightly() -> Value {
    json!({
        "id": "nightly", "type": "vzdump", "enabled": 1, "schedule": "03:00", "all": 1,
        "storage": "backups", "mode": "snapshot", "compress": "zstd",
        "prune-backups": {"keep-daily": "7"}, "next-run": START,
    })
}

/// A job with some keys over those of another; a null takes one away.
pub(crate) fn with(mut job: Value, over: Value) -> Value {
    let Value::Object(over) = over else {
        panic!("no object: {over}")
    };
    let map = job.as_object_mut().unwrap();
    map.extend(over);
    map.retain(|_, value| !value.is_null());
    job
}

pub(crate) fn guest(vmid: u32, node: &str, more: Value) -> Guest {
    let plain = json!({
        "vmid": vmid, "type": "qemu", "node": node, "name": format!("guest{vmid}"),
        "status": "running",
    });
    serde_json::from_value(with(plain, more)).unwrap()
}

pub(crate) fn archive(vmid: u32, day: u32, gib: u64, more: Value) -> Archive {
    let plain = json!({
        "volid": format!("backups:backup/vzdump-qemu-{vmid}-2026_11_{day:02}-03_00_00.vma.zst"),
        "vmid": vmid, "size": gib << 30, "ctime": START + i64::from(day) * 86400,
        "subtype": "qemu", "format": "vma.zst", "content": "backup",
    });
    serde_json::from_value(with(plain, more)).unwrap()
}

pub(crate) fn storage(more: Value) -> Storage {
    let plain = json!({
        "storage": "backups", "type": "dir", "path": "/backups", "content": "backup,iso",
        "prune-backups": "keep-last=3",
    });
    serde_json::from_value(with(plain, more)).unwrap()
}

/// A storage of 100 GiB on a node.
pub(crate) fn on_node(node: &str, used_gib: u64, more: Value) -> StorageOnNode {
    let plain = json!({
        "storage": "backups", "node": node, "status": "available",
        "disk": used_gib << 30, "maxdisk": 100_u64 << 30,
    });
    serde_json::from_value(with(plain, more)).unwrap()
}

pub(crate) fn gap(privilege: &str, path: &str) -> Gap {
    Gap {
        privilege: privilege.parse().unwrap(),
        path: path.to_owned(),
        why: "something may be hidden".to_owned(),
    }
}

/// What is there.
pub(crate) struct World(pub(crate) Observed);

impl World {
    /// Two nodes, three guests (100 and 101 on pve1, 200 on pve2), a storage, every right, no job.
    pub(crate) fn new() -> Self {
        Self(Observed {
            jobs: Vec::new(),
            included: None,
            run_guests: Seen {
                visible: Vec::new(),
                gaps: Vec::new(),
            },
            surroundings: Some(Surroundings {
                schedule: ScheduleEvents::Valid(every(24)),
                guests: Seen {
                    visible: vec![
                        guest(
                            100,
                            "pve1",
                            json!({"tags": "prod;web", "pool": "customers"}),
                        ),
                        guest(101, "pve1", json!({"tags": "prod"})),
                        guest(200, "pve2", json!({"type": "lxc", "template": 1})),
                    ],
                    gaps: Vec::new(),
                },
                pool_exists: Known::Known(true),
                nodes: vec!["pve1".parse().unwrap(), "pve2".parse().unwrap()],
                storage: Known::Known(Some(storage(json!({})))),
                storage_planned: false,
                fleecing: None,
                fill: vec![on_node("pve1", 10, json!({"shared": 1}))],
                archives: Ok(Vec::new()),
            }),
            rights: testing::rights(json!({"/": {
                "Sys.Audit": 1, "Sys.Modify": 1, "VM.Audit": 1, "VM.Backup": 1, "Pool.Audit": 1,
                "Datastore.Audit": 1, "Datastore.Allocate": 1, "Datastore.AllocateSpace": 1,
            }})),
        })
    }

    pub(crate) fn jobs(mut self, jobs: impl IntoIterator<Item = Value>) -> Self {
        self.0.jobs = jobs
            .into_iter()
            .map(|job| PresentJob::new(serde_json::from_value(job).unwrap()))
            .collect();
        self
    }

    pub(crate) fn rights(mut self, permissions: Value) -> Self {
        self.0.rights = testing::rights(permissions);
        self
    }

    pub(crate) fn around(mut self, change: impl FnOnce(&mut Surroundings)) -> Self {
        change(self.0.surroundings.as_mut().unwrap());
        self
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        self.0.surroundings.as_ref().unwrap()
    }

    pub(crate) fn plan(&self, over: Value) -> Result<Plan<JobAction>, Failure> {
        plan(&spec(over)?, &self.0)
    }

    /// The plan as a person reads it.
    pub(crate) fn shown(&self, over: Value) -> String {
        match self.plan(over) {
            Ok(plan) => show(&plan),
            Err(failure) => format!("exit {}: {failure}\n", failure.exit.code()),
        }
    }
}

fn show(plan: &Plan<JobAction>) -> String {
    let mut lines: Vec<String> = Vec::new();
    if plan.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    for action in &plan.actions {
        lines.push(action.to_string());
        let changes = match action {
            JobAction::Create { settings, .. } => settings.to_changes(),
            JobAction::Update { change, .. } => change.to_changes(),
            JobAction::Delete { .. } | JobAction::Run { .. } => continue,
        };
        lines.push(format!("  {}", changes.for_update().encoded()));
    }
    lines.push(format!("before {}", plan.diff.before));
    lines.push(format!("after  {}", plan.diff.after));
    for warning in &plan.warnings {
        lines.push(format!("warning: {warning}"));
    }
    lines.join("\n") + "\n"
}
