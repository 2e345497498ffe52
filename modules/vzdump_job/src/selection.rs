//! Which guests a job saves: as parameters, and as guests.

use std::collections::{BTreeMap, BTreeSet};

use module_kit::settings::Settings;
use module_kit::{Exit, Failure};
use pve_client::Seen;
use pve_client::api::{Guest, Job};
use pve_coverage::Selection as Covers;
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
    pub(crate) left_out: Vec<(Guest, Reason)>,
    /// Numbers that are named and belong to no visible guest.
    pub(crate) missing: Vec<Vmid>,
    /// Declared tags that no guest has.
    pub(crate) unused_tags: Vec<String>,
}

/// Why a guest is not saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Excluded,
    NotInThePool,
    NotSelected,
    OnAnotherNode,
}

impl Reason {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Excluded => "excluded by the job",
            Self::NotInThePool => "not in the pool of the job",
            Self::NotSelected => "not selected by the job",
            Self::OnAnotherNode => "on another node than the job",
        }
    }
}

/// Looks up the declared selection among the guests.
pub(crate) fn select(declared: &Declared, guests: &Seen<Guest>) -> Result<Selected, Failure> {
    let mut unused_tags = Vec::new();
    let named = match &declared.selection {
        Selection::Guests(named) => Some(named.clone()),
        Selection::Tags(tags) => {
            let found = with_tags(tags, all_visible(guests)?);
            unused_tags = found.unused;
            Some(found.guests)
        }
        Selection::Names(names) => Some(with_names(names, all_visible(guests)?)?),
        Selection::All { .. } | Selection::Pool(_) => None,
    };
    if declared.selection.is_resolved_now() && named.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(Failure::new(
            Exit::NothingFound,
            format!(
                "no guest has the tag `{}`; a job cannot be without guests",
                unused_tags.join("` or `")
            ),
        )
        .hint("Tag a guest first, or remove the job with `state: absent`."));
    }
    let hidden_pool = guests.gaps.iter().find(|gap| gap.path.starts_with("/pool"));
    let job = as_job(declared, named.as_ref());
    let mut covered = Vec::new();
    let mut left_out = Vec::new();
    for guest in &guests.visible {
        let reason = match pve_coverage::selection(&job, guest, hidden_pool) {
            Covers::Selected => {
                covered.push(guest.clone());
                continue;
            }
            // Its pool is not shown: whether it is saved is not known.
            Covers::Unknown(_) => continue,
            Covers::Excluded => Reason::Excluded,
            Covers::NotSelected if job.pool.is_some() => Reason::NotInThePool,
            Covers::NotSelected => Reason::NotSelected,
            Covers::OtherNode => Reason::OnAnotherNode,
        };
        left_out.push((guest.clone(), reason));
    }
    let visible: BTreeSet<Vmid> = guests.visible.iter().map(|guest| guest.vmid).collect();
    Ok(Selected {
        settings: settings(&declared.selection, named.as_ref()),
        covered,
        left_out,
        missing: named
            .unwrap_or_default()
            .difference(&visible)
            .copied()
            .collect(),
        unused_tags,
    })
}

/// What of the declared job says which guests it saves.
fn as_job(declared: &Declared, named: Option<&BTreeSet<Vmid>>) -> Job {
    let mut job = Job {
        id: declared.id.to_string(),
        vmid: named.map(|named| named.iter().copied().collect()),
        node: declared.node.as_ref().map(ToString::to_string),
        ..Job::default()
    };
    match &declared.selection {
        Selection::All { exclude } => {
            job.all = Some(true);
            job.exclude = Some(exclude.iter().copied().collect());
        }
        Selection::Pool(pool) => job.pool = Some(pool.to_string()),
        Selection::Guests(_) | Selection::Tags(_) | Selection::Names(_) => {}
    }
    job
}

fn settings(selection: &Selection, named: Option<&BTreeSet<Vmid>>) -> Settings {
    let mut settings = Settings::new(&SHAPE);
    if let Some(named) = named {
        settings.text(key::VMID, Some(&vmids(named.iter().copied())));
    }
    match selection {
        Selection::All { exclude } => {
            settings.flag(key::ALL, Some(true));
            settings.text(key::EXCLUDE, Some(&vmids(exclude.iter().copied())));
        }
        Selection::Pool(pool) => settings.text(key::POOL, Some(pool.as_str())),
        Selection::Guests(_) | Selection::Tags(_) | Selection::Names(_) => {}
    }
    settings
}

/// The guests, when none can be hidden. Numbers are stored: a guest that is hidden now would stay
/// without a backup for good.
fn all_visible(guests: &Seen<Guest>) -> Result<&[Guest], Failure> {
    match guests.gaps.first() {
        None => Ok(&guests.visible),
        Some(gap) => Err(Failure::refused(format!(
            "guests are selected by tag or name, but not all guests can be seen: {gap}"
        ))
        .hint("Grant the privilege, or select by vmid, all or pool.")),
    }
}

struct Tagged {
    guests: BTreeSet<Vmid>,
    unused: Vec<String>,
}

/// The guests with one of these tags.
///
/// Proxmox VE stores tags in lower case, unless the datacenter says that case matters: a tag that
/// no guest has as it is written means the one in lower case.
fn with_tags(tags: &[String], guests: &[Guest]) -> Tagged {
    let mut by_tag: BTreeMap<&str, Vec<Vmid>> = BTreeMap::new();
    for guest in guests {
        for tag in &guest.tags {
            by_tag.entry(tag).or_default().push(guest.vmid);
        }
    }
    let mut found = Tagged {
        guests: BTreeSet::new(),
        unused: Vec::new(),
    };
    for tag in tags {
        match by_tag
            .get(tag.as_str())
            .or_else(|| by_tag.get(tag.to_lowercase().as_str()))
        {
            Some(vmids) => found.guests.extend(vmids),
            None if found.unused.contains(tag) => {}
            None => found.unused.push(tag.clone()),
        }
    }
    found
}

fn with_names(names: &[String], guests: &[Guest]) -> Result<BTreeSet<Vmid>, Failure> {
    let mut by_name: BTreeMap<&str, Vec<Vmid>> = BTreeMap::new();
    for guest in guests {
        if let Some(name) = &guest.name {
            by_name.entry(name).or_default().push(guest.vmid);
        }
    }
    let nameless = guests.iter().filter(|guest| guest.name.is_none()).count();
    names
        .iter()
        .map(|name| match by_name.get(name.as_str()).map(Vec::as_slice) {
            Some([vmid]) => Ok(*vmid),
            Some(several) => Err(Failure::refused(format!(
                "the name `{name}` belongs to {} guests: {}",
                several.len(),
                vmids(several.iter().copied()).replace(',', ", ")
            ))
            .hint("Select by vmid.")),
            None => Err(nobody(name, nameless)),
        })
        .collect()
}

fn nobody(name: &str, nameless: usize) -> Failure {
    let message = format!("no guest has the name `{name}`");
    match nameless {
        0 => Failure::new(Exit::NothingFound, message),
        // The name of a guest comes from its node, and an offline node tells none.
        count => Failure::refused(format!(
            "{message}, but of {count} guests no name is known: their node has not reported"
        ))
        .hint("Run again when every node is online, or select by vmid."),
    }
}

#[cfg(test)]
mod tests {
    use pve_client::Seen;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::{World, declared, gap, guest};

    fn selected(over: Value) -> Result<Selected, Failure> {
        select(&declared(over), &World::new().surroundings().guests)
    }

    fn covered(over: Value) -> Vec<u32> {
        selected(over)
            .unwrap()
            .covered
            .iter()
            .map(|guest| guest.vmid.get())
            .collect()
    }

    #[test]
    fn each_way_to_select() {
        // 200 is a template, which vzdump saves like any other guest.
        assert_eq!(covered(json!({"all": true})), [100, 101, 200]);
        assert_eq!(
            covered(json!({"all": true, "exclude": [100, 999]})),
            [101, 200]
        );
        assert_eq!(covered(json!({"vmid": [200, 100]})), [100, 200]);
        assert_eq!(covered(json!({"pool": "customers"})), [100]);
        assert_eq!(covered(json!({"tags": ["web", "prod"]})), [100, 101]);
        assert_eq!(covered(json!({"names": ["guest101"]})), [101]);
        assert_eq!(covered(json!({"all": true, "node": "pve2"})), [200]);
    }

    #[test]
    fn who_is_left_out_is_told_why() {
        let reasons = |over: Value| -> Vec<(u32, &str)> {
            selected(over)
                .unwrap()
                .left_out
                .iter()
                .map(|(guest, reason)| (guest.vmid.get(), reason.text()))
                .collect()
        };
        assert_eq!(
            reasons(json!({"all": true, "exclude": [100], "node": "pve1"})),
            [
                (100, "excluded by the job"),
                (200, "on another node than the job")
            ]
        );
        assert_eq!(
            reasons(json!({"pool": "customers"})),
            [
                (101, "not in the pool of the job"),
                (200, "not in the pool of the job")
            ]
        );
        assert_eq!(
            reasons(json!({"vmid": [100, 101]})),
            [(200, "not selected by the job")]
        );
    }

    #[test]
    fn numbers_without_a_guest_are_missing() {
        let missing = selected(json!({"vmid": [100, 998, 999]})).unwrap().missing;
        assert_eq!(
            missing.iter().map(|vmid| vmid.get()).collect::<Vec<_>>(),
            [998, 999]
        );
    }

    #[test]
    fn a_tag_is_compared_as_it_is_stored() {
        let guests = Seen {
            visible: vec![
                guest(100, "pve1", json!({"tags": "prod"})),
                guest(101, "pve1", json!({"tags": "Prod"})),
            ],
            gaps: Vec::new(),
        };
        let with = |tag: &str| {
            let found = with_tags(&[tag.to_owned()], &guests.visible).guests;
            found.into_iter().map(Vmid::get).collect::<Vec<_>>()
        };
        // Where case matters both are there; elsewhere only the one in lower case.
        assert_eq!(with("Prod"), [101]);
        assert_eq!(with("prod"), [100]);
        assert_eq!(with("PROD"), [100]);
        assert_eq!(with("pro"), [0; 0]);
    }

    #[test]
    fn nobody_with_any_of_the_tags_is_an_error() {
        let failure = selected(json!({"tags": ["a", "B", "a"]})).unwrap_err();
        assert_eq!(failure.exit, Exit::NothingFound);
        assert_eq!(
            failure.message,
            "no guest has the tag `a` or `B`; a job cannot be without guests"
        );
    }

    #[test]
    fn a_name_must_belong_to_one_guest() {
        let twice = Seen {
            visible: vec![
                guest(100, "pve1", json!({"name": "web"})),
                guest(101, "pve1", json!({"name": "web"})),
            ],
            gaps: Vec::new(),
        };
        let failure = select(&declared(json!({"names": ["web"]})), &twice).unwrap_err();
        assert_eq!(
            failure.message,
            "the name `web` belongs to 2 guests: 100, 101"
        );
        assert_eq!(failure.exit, Exit::Refused);
        let failure = selected(json!({"names": ["guest100", "nobody"]})).unwrap_err();
        assert_eq!(failure.message, "no guest has the name `nobody`");
        assert_eq!(failure.exit, Exit::NothingFound);
    }

    #[test]
    fn a_name_that_is_not_told_is_not_absent() {
        let silent = Seen {
            visible: vec![guest(100, "pve1", json!({"name": null}))],
            gaps: Vec::new(),
        };
        let failure = select(&declared(json!({"names": ["web"]})), &silent).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(
            failure.message.contains("of 1 guests no name is known"),
            "{failure}"
        );
    }

    #[test]
    fn members_of_a_hidden_pool_are_neither_saved_nor_left_out() {
        let guests = Seen {
            visible: vec![
                guest(100, "pve1", json!({})),
                guest(101, "pve1", json!({"pool": "other"})),
            ],
            gaps: vec![gap("Pool.Audit", "/pool/customers")],
        };
        let selected = select(&declared(json!({"pool": "customers"})), &guests).unwrap();
        assert!(selected.covered.is_empty());
        assert_eq!(selected.left_out.len(), 1);
    }
}
