//! Asks Proxmox VE: guests, jobs, disks, storages and their archives, the last backups, rights.
//!
//! The number of calls follows nodes, storages and jobs, and never the number of guests.

use std::collections::BTreeMap;
use std::fs;
use std::thread;

use jiff::tz::TimeZone;
use module_kit::rights::hidden_pool;
use module_kit::{Context, Failure, joined};
use pve_client::api::{Guest, IncludedVolume, Job, NodeStatus, Permissions, Resources};
use pve_client::{Client, Gap, Known, Seen};
use pve_coverage::{Evidence, Matcher, jobs_to_ask};
use pve_types::{NodeName, Vmid};

use crate::files::Folder;
use crate::last_backups;
use crate::spec::{Ask, Spec};
use crate::storages;

/// What Proxmox VE knows.
#[derive(Debug)]
pub struct Asked {
    /// What coverage is worked out from.
    pub evidence: Evidence,
    /// The node this runs on, if it is one.
    pub here: Option<NodeName>,
    /// The folders of storages that are here.
    pub(crate) folders: Vec<Folder>,
    /// What cannot be seen, beside what the evidence tells.
    pub unseen: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

pub(crate) fn ask(spec: &Spec, ask: &Ask, context: &Context<'_>) -> Result<Asked, Failure> {
    // Several of the answers need the rights to be understood.
    let client = &context.client()?.remembering();
    let here = client.is_on_node().then(own_name).flatten();
    let (resources, storages, jobs) = thread::scope(|scope| {
        let storages = scope.spawn(|| client.storages());
        let jobs = scope.spawn(|| ask.coverage.then(|| jobs(client)).transpose());
        let resources = client.resources();
        (resources, joined(storages), joined(jobs))
    });
    let (mut resources, storages, jobs) = (resources?, storages?, jobs?);
    let mut unseen = Vec::new();
    let mut warnings = Vec::new();
    let storages = storages::chosen(ask, storages, &resources.permissions, &mut unseen)?;
    let guests = if ask.coverage {
        guests(spec, &mut resources, &mut warnings)
    } else {
        Seen {
            visible: Vec::new(),
            gaps: Vec::new(),
        }
    };
    let jobs = jobs.unwrap_or(Known::Known(Vec::new()));
    let hidden_pool = resources.permissions.gap_for_pools();
    let tellers = jobs_to_ask(
        jobs.known().map_or(&[], Vec::as_slice),
        &guests.visible,
        hidden_pool.as_ref(),
    );
    let online = online(&resources);
    let places = storages.places(ask, &resources, here.as_ref());
    let (disks, mut contents, last, zone) = thread::scope(|scope| {
        let disks = scope.spawn(|| disks(client, &tellers));
        let contents = scope.spawn(|| storages::contents(client, &places, &online));
        let last = scope.spawn(|| {
            let nodes = if ask.coverage { online.as_slice() } else { &[] };
            last_backups::of(client, nodes, &resources.permissions)
        });
        let zone = zone(client, here.as_ref(), &online);
        (joined(disks), joined(contents), joined(last), zone)
    });
    let zone = zone.unwrap_or_else(|why| {
        if ask.coverage {
            warnings.push(format!(
                "the time zone of the node is not known, so the next prune is worked out in UTC: {why}"
            ));
        }
        TimeZone::UTC
    });
    unseen.extend(last.unseen);
    unseen.extend(unseen_pools(spec, &resources.permissions));
    for content in &mut contents {
        unseen.extend(unseen_archives(spec, content, &resources.permissions));
        if let pve_coverage::Sight::Listed(archives) = &mut content.archives {
            archives.retain(|archive| spec.wants(archive.vmid));
        }
    }
    unseen.sort();
    unseen.dedup();
    Ok(Asked {
        folders: storages.folders(
            ask,
            &resources,
            here.as_ref(),
            spec.remembering.verify_node.as_ref(),
        ),
        here,
        evidence: Evidence {
            now: context.now(),
            until: context.now(),
            zone,
            guests,
            jobs,
            hidden_pool,
            disks: disks?,
            storages: contents,
            targets: storages.targets,
            hidden_storage: storages.hidden,
            permissions: resources.permissions,
            proofs: BTreeMap::new(),
            last_backups: last.last,
        },
        unseen,
        warnings,
    })
}

/// The name of the node this runs on: as Proxmox VE takes it, without a domain.
pub(crate) fn own_name() -> Option<NodeName> {
    let text = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    text.trim().split('.').next()?.parse().ok()
}

fn jobs(client: &Client) -> Result<Known<Vec<Job>>, Failure> {
    match client.jobs() {
        Ok(jobs) => Ok(Known::Known(jobs)),
        Err(error) if error.is_not_allowed() => {
            let gap = gap("Sys.Audit", "/", "the backup jobs cannot be seen");
            gap.map(Known::Unknown).ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn gap(privilege: &str, path: &str, why: &str) -> Option<Gap> {
    Some(Gap {
        privilege: privilege.parse().ok()?,
        path: path.to_owned(),
        why: why.to_owned(),
    })
}

/// The guests that are judged. When some are named and all of them are seen, it does not matter
/// that others may be hidden.
fn guests(spec: &Spec, resources: &mut Resources, warnings: &mut Vec<String>) -> Seen<Guest> {
    let mut guests = Seen {
        visible: std::mem::take(&mut resources.guests.visible),
        gaps: std::mem::take(&mut resources.guests.gaps),
    };
    warnings.extend(idle_policies(
        spec,
        &guests,
        resources.permissions.gap_for_pools().is_some(),
    ));
    guests.visible.retain(|guest| spec.wants(Some(guest.vmid)));
    let missing: Vec<String> = spec
        .guests
        .iter()
        .filter(|vmid| !guests.visible.iter().any(|guest| guest.vmid == **vmid))
        .map(ToString::to_string)
        .collect();
    if !spec.guests.is_empty() && missing.is_empty() {
        guests.gaps.clear();
    }
    if !missing.is_empty() && guests.gaps.is_empty() {
        warnings.push(format!("guest {} does not exist.", missing.join(", ")));
    }
    guests
}

/// Policies that are about no guest, as far as all guests are seen.
fn idle_policies(spec: &Spec, guests: &Seen<Guest>, hides_pools: bool) -> Option<String> {
    if !guests.gaps.is_empty() {
        return None;
    }
    let mut idle = spec.policies.idle(&guests.visible);
    idle.retain(|of| !hides_pools || !matches!(of, Matcher::Pool(_)));
    let idle: Vec<String> = idle.into_iter().map(|of| format!("`{of}`")).collect();
    (!idle.is_empty()).then(|| {
        format!(
            "no guest is meant by {} of `rpo` or `no_backup_expected`: are the names right?",
            idle.join(", ")
        )
    })
}

fn online(resources: &Resources) -> Vec<NodeName> {
    resources
        .nodes
        .iter()
        .filter(|node| node.status != NodeStatus::Offline)
        .map(|node| node.node.clone())
        .collect()
}

/// The disks of every guest that is saved. A job that is gone meanwhile tells nothing.
fn disks(client: &Client, jobs: &[String]) -> Result<BTreeMap<Vmid, Vec<IncludedVolume>>, Failure> {
    let answers = thread::scope(|scope| {
        let running: Vec<_> = jobs
            .iter()
            .map(|id| scope.spawn(|| client.included_volumes(id)))
            .collect();
        running.into_iter().map(joined).collect::<Vec<_>>()
    });
    let mut disks = BTreeMap::new();
    for answer in answers {
        for guest in answer?.into_iter().flatten() {
            disks.insert(guest.vmid, guest.volumes);
        }
    }
    Ok(disks)
}

/// Retention goes by the local time of the node.
fn zone(client: &Client, here: Option<&NodeName>, online: &[NodeName]) -> Result<TimeZone, String> {
    let node = here
        .or_else(|| online.first())
        .ok_or_else(|| "no node is online".to_owned())?;
    let name = client.time_zone(node).map_err(|error| error.to_string())?;
    TimeZone::get(&name).map_err(|error| error.to_string())
}

/// The pools that a policy names and whose members cannot be seen.
fn unseen_pools(spec: &Spec, permissions: &Permissions) -> Vec<String> {
    let policies = &spec.policies;
    let named = policies.rpo.iter().map(|rpo| &rpo.of).chain(&policies.none);
    named
        .filter_map(|matcher| match matcher {
            Matcher::Pool(pool) => hidden_pool(permissions, pool.as_str()),
            Matcher::Guest(_) | Matcher::Tag(_) | Matcher::All => None,
        })
        .map(|gap| gap.to_string())
        .collect()
}

/// Archives that may be hidden on a storage.
fn unseen_archives(
    spec: &Spec,
    content: &pve_coverage::StorageContent,
    permissions: &Permissions,
) -> Option<String> {
    let gap = if spec.guests.is_empty() {
        permissions.gap_for_archives(&content.storage, None)
    } else {
        spec.guests
            .iter()
            .find_map(|vmid| permissions.gap_for_archives(&content.storage, Some(*vmid)))
    };
    gap.map(|gap| gap.to_string())
}
