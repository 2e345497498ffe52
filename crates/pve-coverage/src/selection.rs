//! Whether a job saves a guest, and which jobs to ask about disks.

use std::collections::BTreeSet;

use pve_client::Gap;
use pve_client::api::{Guest, Job};
use pve_types::Vmid;

/// Whether a job saves a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// It does.
    Selected,
    /// It would, but for its list of exceptions.
    Excluded,
    /// It does not.
    NotSelected,
    /// It selects the guest, and runs on another node only.
    OtherNode,
    /// The pool of the guest is hidden.
    Unknown(Gap),
}

/// Whether `job` saves `guest`, whether or not it is enabled. `hidden_pool` is why pools of guests
/// may be hidden.
pub fn selection(job: &Job, guest: &Guest, hidden_pool: Option<&Gap>) -> Selection {
    let named = job.vmid.as_ref().filter(|named| !named.is_empty());
    let selected = match (named, &job.pool) {
        (Some(named), _) => named.contains(guest.vmid),
        // Stored beside `all` the pool counts.
        (None, Some(pool)) => match (&guest.pool, hidden_pool) {
            (None, Some(gap)) => return Selection::Unknown(gap.clone()),
            (of_guest, _) => of_guest
                .as_ref()
                .is_some_and(|of_guest| of_guest.as_str() == pool),
        },
        (None, None) => job.all.unwrap_or(false),
    };
    let excluded = job
        .exclude
        .as_ref()
        .is_some_and(|exclude| exclude.contains(guest.vmid));
    if !selected {
        Selection::NotSelected
    // Only `all` knows exceptions: beside a pool they are stored, and mean nothing.
    } else if named.is_none() && job.pool.is_none() && excluded {
        Selection::Excluded
    } else if job.node.as_deref().is_some_and(|node| guest.node != *node) {
        Selection::OtherNode
    } else {
        Selection::Selected
    }
}

/// The fewest enabled jobs, more or less, whose `included_volumes` tell the disks of every guest
/// that is saved. A disk is saved or not by the configuration of its guest, so that any job that
/// has the guest tells the same: the number of calls follows the jobs and never the guests. A job
/// for one node is silent about the guests of the others.
pub fn jobs_to_ask(jobs: &[Job], guests: &[Guest], hidden_pool: Option<&Gap>) -> Vec<String> {
    let mut open: Vec<(&Job, BTreeSet<Vmid>)> = jobs
        .iter()
        .filter(|job| job.is_enabled())
        .map(|job| {
            let tells = guests
                .iter()
                .filter(|guest| {
                    matches!(
                        selection(job, guest, hidden_pool),
                        Selection::Selected | Selection::Unknown(_)
                    )
                })
                .map(|guest| guest.vmid);
            (job, tells.collect())
        })
        .collect();
    let mut asked = Vec::new();
    loop {
        let largest = open
            .iter()
            .enumerate()
            .max_by_key(|(at, (_, guests))| (guests.len(), std::cmp::Reverse(*at)))
            .filter(|(_, (_, guests))| !guests.is_empty())
            .map(|(at, _)| at);
        let Some(largest) = largest else {
            return asked;
        };
        let (job, told) = open.swap_remove(largest);
        asked.push(job.id.clone());
        for (_, guests) in &mut open {
            guests.retain(|vmid| !told.contains(vmid));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(value: Value) -> Job {
        serde_json::from_value(value).unwrap()
    }

    fn guest(vmid: u32, pool: Option<&str>) -> Guest {
        serde_json::from_value(json!({"vmid": vmid, "type": "qemu", "node": "pve1", "pool": pool}))
            .unwrap()
    }

    fn gap() -> Gap {
        Gap {
            privilege: "Pool.Audit".parse().unwrap(),
            path: "/pool".to_owned(),
            why: "pools may be hidden".to_owned(),
        }
    }

    #[test]
    fn each_way_to_select() {
        let web = guest(100, Some("web"));
        for (value, expected) in [
            (json!({"id": "a", "all": 1}), Selection::Selected),
            (
                json!({"id": "a", "all": 1, "exclude": "100;7000"}),
                Selection::Excluded,
            ),
            (json!({"id": "a", "vmid": "100,101"}), Selection::Selected),
            (json!({"id": "a", "vmid": "101"}), Selection::NotSelected),
            (json!({"id": "a", "pool": "web"}), Selection::Selected),
            (
                json!({"id": "a", "pool": "web", "all": 1}),
                Selection::Selected,
            ),
            (
                json!({"id": "a", "pool": "db", "all": 1}),
                Selection::NotSelected,
            ),
            (
                json!({"id": "a", "pool": "web", "exclude": "100"}),
                Selection::Selected,
            ),
            (
                json!({"id": "a", "all": 1, "node": "pve2"}),
                Selection::OtherNode,
            ),
            (
                json!({"id": "a", "all": 1, "node": "pve1"}),
                Selection::Selected,
            ),
            (json!({"id": "a"}), Selection::NotSelected),
        ] {
            assert_eq!(
                selection(&job(value.clone()), &web, None),
                expected,
                "{value}"
            );
        }
        let pool = job(json!({"id": "a", "pool": "web"}));
        let hidden = guest(101, None);
        assert_eq!(
            selection(&pool, &hidden, Some(&gap())),
            Selection::Unknown(gap())
        );
        assert_eq!(selection(&pool, &hidden, None), Selection::NotSelected);
    }

    #[test]
    fn few_jobs_tell_the_disks_of_all() {
        let jobs = [
            job(json!({"id": "one", "vmid": "100"})),
            job(json!({"id": "off", "all": 1, "enabled": 0})),
            job(json!({"id": "most", "vmid": "100,101,102"})),
            job(json!({"id": "rest", "vmid": "102,103"})),
        ];
        let guests: Vec<Guest> = (100..105).map(|vmid| guest(vmid, None)).collect();
        assert_eq!(jobs_to_ask(&jobs, &guests, None), ["most", "rest"]);
        assert_eq!(jobs_to_ask(&[], &guests, None), [""; 0]);
        let jobs = [
            job(json!({"id": "there", "all": 1, "node": "pve2"})),
            job(json!({"id": "here", "vmid": "100"})),
        ];
        assert_eq!(jobs_to_ask(&jobs, &guests, None), ["here"]);
    }
}
