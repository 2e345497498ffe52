//! Which guests a job saves: as parameters, and as guests.

use std::collections::BTreeSet;

use module_kit::settings::Settings;
use module_kit::{Exit, Failure};
use pve_client::Seen;
use pve_client::api::Guest;
use pve_types::Vmid;

use crate::job::{SHAPE, key, vmids};
use crate::spec::{Declared, Selection};

/// A selection, looked up.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    /// As parameters of the job.
    pub(crate) settings: Settings,
    /// The visible guests that are saved.
    pub(crate) covered: Vec<Guest>,
    /// The visible guests that are not, and why.
    pub(crate) left_out: Vec<(Guest, &'static str)>,
    /// Numbers that are named and belong to no visible guest.
    pub(crate) missing: Vec<Vmid>,
}

/// Looks up the declared selection among the guests.
pub(crate) fn select(declared: &Declared, guests: &Seen<Guest>) -> Result<Selected, Failure> {
    let settings = settings(declared, guests)?;
    let named = match &declared.selection {
        Selection::Guests(named) => Some(named.clone()),
        Selection::Tags(_) | Selection::Names(_) => Some(resolved(&declared.selection, guests)?),
        Selection::All { .. } | Selection::Pool(_) => None,
    };
    let mut covered = Vec::new();
    let mut left_out = Vec::new();
    for guest in &guests.visible {
        match why_left_out(declared, named.as_ref(), guest) {
            None => covered.push(guest.clone()),
            Some(reason) => left_out.push((guest.clone(), reason)),
        }
    }
    let missing = named
        .unwrap_or_default()
        .into_iter()
        .filter(|vmid| guests.visible.iter().all(|guest| guest.vmid != *vmid))
        .collect();
    Ok(Selected {
        settings,
        covered,
        left_out,
        missing,
    })
}

fn why_left_out(
    declared: &Declared,
    named: Option<&BTreeSet<Vmid>>,
    guest: &Guest,
) -> Option<&'static str> {
    match &declared.selection {
        Selection::All { exclude } if exclude.contains(&guest.vmid) => {
            return Some("excluded by the job");
        }
        Selection::Pool(pool) if guest.pool.as_ref() != Some(pool) => {
            return Some("not in the pool of the job");
        }
        _ => {}
    }
    if named.is_some_and(|named| !named.contains(&guest.vmid)) {
        return Some("not selected by the job");
    }
    match &declared.node {
        Some(node) if *node != guest.node => Some("on another node than the job"),
        _ => None,
    }
}

fn settings(declared: &Declared, guests: &Seen<Guest>) -> Result<Settings, Failure> {
    let mut settings = Settings::new(&SHAPE);
    match &declared.selection {
        Selection::Guests(named) => settings.text(key::VMID, Some(&vmids(named.iter().copied()))),
        Selection::All { exclude } => {
            settings.flag(key::ALL, Some(true));
            settings.text(key::EXCLUDE, Some(&vmids(exclude.iter().copied())));
        }
        Selection::Pool(pool) => settings.text(key::POOL, Some(pool.as_str())),
        Selection::Tags(_) | Selection::Names(_) => {
            settings.text(
                key::VMID,
                Some(&vmids(resolved(&declared.selection, guests)?)),
            );
        }
    }
    Ok(settings)
}

/// The guests that have the tags or names now.
fn resolved(selection: &Selection, guests: &Seen<Guest>) -> Result<BTreeSet<Vmid>, Failure> {
    // Numbers are stored: a guest that is hidden now would stay without a backup for good.
    if let Some(gap) = guests.gaps.first() {
        return Err(Failure::refused(format!(
            "guests are selected by tag or name, but not all guests can be seen: {gap}"
        ))
        .hint("Grant the privilege, or select by vmid, all or pool."));
    }
    let found: BTreeSet<Vmid> = match selection {
        Selection::Tags(tags) => guests
            .visible
            .iter()
            .filter(|guest| guest.tags.iter().any(|tag| tags.contains(tag)))
            .map(|guest| guest.vmid)
            .collect(),
        Selection::Names(names) => names
            .iter()
            .map(|name| by_name(name, guests))
            .collect::<Result<_, _>>()?,
        Selection::Guests(_) | Selection::All { .. } | Selection::Pool(_) => BTreeSet::new(),
    };
    if found.is_empty() {
        let (what, list) = match selection {
            Selection::Tags(tags) => ("tag", tags.join("`, `")),
            _ => ("name", String::new()),
        };
        return Err(Failure::new(
            Exit::NothingFound,
            format!("no guest has the {what} `{list}`; a job cannot be without guests"),
        )
        .hint("Tag a guest first, or remove the job with `state: absent`."));
    }
    Ok(found)
}

fn by_name(name: &str, guests: &Seen<Guest>) -> Result<Vmid, Failure> {
    let found: Vec<&Guest> = guests
        .visible
        .iter()
        .filter(|guest| guest.name.as_deref() == Some(name))
        .collect();
    match found.as_slice() {
        [guest] => Ok(guest.vmid),
        [] => Err(Failure::new(
            Exit::NothingFound,
            format!("no guest has the name `{name}`"),
        )),
        several => Err(Failure::refused(format!(
            "the name `{name}` belongs to {} guests: {}",
            several.len(),
            several
                .iter()
                .map(|guest| guest.vmid.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ))
        .hint("Select by vmid.")),
    }
}
