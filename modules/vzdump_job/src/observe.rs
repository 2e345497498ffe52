//! The present: jobs, guests, storage, schedule, rights. Changes nothing.
//!
//! The number of calls does not depend on the number of guests or jobs.

use module_kit::rights::{Rights, hidden_pool, hidden_storage};
use module_kit::settings::Settings;
use module_kit::{Context, Failure, joined};
use pve_client::api::{
    Archive, Guest, IncludedGuest, Job, NodeStatus, Permissions, ScheduleEvents, Storage,
    StorageOnNode,
};
use pve_client::{Client, Known, Seen};
use pve_types::{NodeName, PoolId, StorageId};

use crate::job;
use crate::spec::{Declared, Selection, Spec};

/// How many runs of the schedule are looked at: as many as Proxmox VE tells.
pub(crate) const RUNS: u8 = 100;

/// Where archives go when a job names no storage.
pub(crate) const LOCAL: &str = "local";

/// What is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Every job of the server.
    pub jobs: Vec<PresentJob>,
    /// What the job of this id saves, if there is one.
    pub included: Option<Vec<IncludedGuest>>,
    /// What only a declared job needs to know.
    pub surroundings: Option<Surroundings>,
    /// The guests, when the job shall run now; empty otherwise.
    pub run_guests: Seen<Guest>,
    /// Who asks, and what they may do.
    pub rights: Rights,
}

/// What a declared job needs to know of the server.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The next runs of the declared schedule, or why it is none.
    pub schedule: ScheduleEvents,
    /// The guests, as far as they can be seen. When a pool is selected, its members too.
    pub guests: Seen<Guest>,
    /// Whether the selected pool exists; true when none is selected.
    pub pool_exists: Known<bool>,
    /// The nodes of the cluster.
    pub nodes: Vec<NodeName>,
    /// The storage that the archives go to.
    pub storage: Known<Option<Storage>>,
    /// Whether that storage will be there before the job is made: this is check mode, and an
    /// earlier task would have made it.
    pub storage_planned: bool,
    /// The storage of the fleecing images, when one is named.
    pub fleecing: Option<Known<Option<Storage>>>,
    /// How full that storage is, on each node that has it and has reported.
    pub fill: Vec<StorageOnNode>,
    /// The archives on it, when they can be read and all seen.
    pub archives: Result<Vec<Archive>, String>,
}

/// A job that exists.
#[derive(Debug, Clone)]
pub struct PresentJob {
    /// In comparable form.
    pub settings: Settings,
    /// What it has that is not declared here and stays.
    pub left_alone: Vec<String>,
    /// As Proxmox VE has it.
    pub job: Job,
}

impl PresentJob {
    pub(crate) fn new(job: Job) -> Self {
        Self {
            settings: job::settings(&job),
            left_alone: job::left_alone(&job),
            job,
        }
    }
}

impl Observed {
    /// The job of this id.
    pub fn job(&self, id: &str) -> Option<&PresentJob> {
        self.jobs.iter().find(|present| present.job.id == id)
    }
}

pub(crate) fn observe(spec: &Spec, context: &Context<'_>) -> Result<Observed, Failure> {
    // Several of the answers need the rights to be understood.
    let client = &context.client()?.remembering();
    let (jobs, included, permissions, surroundings, run_guests) = std::thread::scope(|scope| {
        let jobs = scope.spawn(|| client.jobs());
        let included = scope.spawn(|| client.included_volumes(spec.id().as_str()));
        let permissions = scope.spawn(|| client.permissions());
        let surroundings = match spec {
            Spec::Absent(_) | Spec::Run { .. } => Ok(None),
            Spec::Present(declared) => surroundings(declared, client, context.is_check()).map(Some),
        };
        let run_guests = match spec {
            Spec::Run { .. } => client.resources().map(|resources| resources.guests),
            Spec::Present(_) | Spec::Absent(_) => Ok(Seen {
                visible: Vec::new(),
                gaps: Vec::new(),
            }),
        };
        (
            joined(jobs),
            joined(included),
            joined(permissions),
            surroundings,
            run_guests,
        )
    });
    let jobs = jobs?;
    Ok(Observed {
        jobs: jobs.into_iter().map(PresentJob::new).collect(),
        included: included?,
        surroundings: surroundings?,
        run_guests: run_guests?,
        rights: Rights {
            identity: client.identity().clone(),
            permissions: permissions?,
        },
    })
}

fn surroundings(
    declared: &Declared,
    client: &Client,
    is_check: bool,
) -> Result<Surroundings, Failure> {
    let (schedule, resources, storages, pools) = std::thread::scope(|scope| {
        let schedule = scope.spawn(|| client.schedule_analyze(&declared.schedule, RUNS));
        let storages = scope.spawn(|| client.storages());
        let pools = scope.spawn(|| match &declared.selection {
            Selection::Pool(pool) => client
                .pools()
                .map(|pools| Some((pool, pools.iter().any(|known| known.poolid == *pool)))),
            _ => Ok(None),
        });
        let resources = client.resources();
        (joined(schedule), resources, joined(storages), joined(pools))
    });
    let mut resources = resources?;
    let storages = storages?.visible;
    let permissions = &resources.permissions;
    let named = declared.storage.as_ref().map_or(LOCAL, StorageId::as_str);
    let storage = storage_of(&storages, named, permissions);
    let fleecing = declared
        .fleecing_storage
        .as_ref()
        .map(|id| storage_of(&storages, id.as_str(), permissions));
    let pool_exists = match pools? {
        None => Known::Known(true),
        Some((pool, listed)) => {
            let known = pool_known(pool, listed, permissions);
            resources
                .guests
                .gaps
                .extend(hidden_pool(permissions, pool.as_str()));
            known
        }
    };
    let fill: Vec<StorageOnNode> = resources
        .storages
        .visible
        .into_iter()
        .filter(|on_node| on_node.storage == named)
        .filter(|on_node| {
            declared
                .node
                .as_ref()
                .is_none_or(|node| *node == on_node.node)
        })
        .collect();
    let archives = match &storage {
        Known::Known(Some(storage)) if storage.takes_backups() && !storage.is_disabled() => {
            let online = |name: &NodeName| {
                resources
                    .nodes
                    .iter()
                    .any(|node| node.node == *name && node.status != NodeStatus::Offline)
            };
            archives(client, storage, &fill, &resources.permissions, online)
        }
        _ => Ok(Vec::new()),
    };
    Ok(Surroundings {
        schedule: schedule?,
        guests: resources.guests,
        pool_exists,
        nodes: resources.nodes.into_iter().map(|node| node.node).collect(),
        storage,
        storage_planned: is_check && declared.storage_planned,
        fleecing,
        fill,
        archives,
    })
}

fn pool_known(pool: &PoolId, listed: bool, permissions: &Permissions) -> Known<bool> {
    match hidden_pool(permissions, pool.as_str()) {
        Some(gap) if !listed => Known::Unknown(gap),
        _ => Known::Known(listed),
    }
}

/// The storage of this name. A list that may hide it does not prove that there is none.
fn storage_of(storages: &[Storage], id: &str, permissions: &Permissions) -> Known<Option<Storage>> {
    match storages.iter().find(|storage| storage.storage == *id) {
        Some(storage) => Known::Known(Some(storage.clone())),
        None => hidden_storage(permissions, id).map_or(Known::Known(None), Known::Unknown),
    }
}

/// The archives on the storage, for the forecast: of one node when it is shared, else of each
/// node that has it. Failing to read them is no failure of the module.
fn archives(
    client: &Client,
    storage: &Storage,
    fill: &[StorageOnNode],
    permissions: &Permissions,
    online: impl Fn(&NodeName) -> bool,
) -> Result<Vec<Archive>, String> {
    if let Some(gap) = permissions.gap_for_archives(&storage.storage, None) {
        return Err(gap.to_string());
    }
    let shared = storage.shared == Some(true) || fill.iter().any(|on_node| on_node.shared);
    let mut nodes: Vec<&NodeName> = fill
        .iter()
        .map(|on_node| &on_node.node)
        .filter(|node| online(node))
        .collect();
    if shared {
        nodes.truncate(1);
    }
    let lists = std::thread::scope(|scope| {
        let lists: Vec<_> = nodes
            .into_iter()
            .map(|node| scope.spawn(|| client.archives(node, &storage.storage, None)))
            .collect();
        lists.into_iter().map(joined).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for list in lists {
        all.extend(list.map_err(|error| error.to_string())?);
    }
    Ok(all)
}
