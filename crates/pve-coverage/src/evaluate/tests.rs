use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use pve_client::api::{Archive, Job, Permissions};
use pve_client::{Gap, Known, Seen};
use serde_json::{Value, json};

use pve_types::Vmid;

use super::*;
use crate::evidence::{LastBackup, Proof, Sight, StorageContent, Target};
use crate::policy::Rpo;
use crate::prune::Mark;

const NOW: i64 = 1_795_000_000;

fn archive(name: &str, age_hours: i64, more: Value) -> Archive {
    let mut value = json!({
        "volid": format!("backups:backup/{name}"),
        "vmid": 100, "subtype": "qemu", "size": 1000, "ctime": NOW - age_hours * HOUR,
    });
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    serde_json::from_value(value).unwrap()
}

fn named(hour: u8, age_hours: i64, more: Value) -> Archive {
    archive(
        &format!("vzdump-qemu-100-2026_11_17-{hour:02}_00_00.vma.zst"),
        age_hours,
        more,
    )
}

fn job(more: Value) -> Job {
    let mut value = json!({"id": "nightly", "all": 1, "storage": "backups", "next-run": NOW + 99});
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    serde_json::from_value(value).unwrap()
}

fn gap(privilege: &str, path: &str) -> Gap {
    Gap {
        privilege: privilege.parse().unwrap(),
        path: path.to_owned(),
        why: "it may be hidden".to_owned(),
    }
}

fn target(id: &str) -> Target {
    Target {
        storage: id.parse().unwrap(),
        takes_backups: true,
        is_disabled: false,
        nodes: None,
    }
}

fn evidence(jobs: Vec<Job>, archives: Vec<Archive>) -> Evidence {
    Evidence {
        now: NOW,
        until: NOW,
        zone: TimeZone::UTC,
        guests: Seen {
            visible: vec![
                serde_json::from_value(
                    json!({"vmid": 100, "type": "qemu", "node": "pve1", "name": "web"}),
                )
                .unwrap(),
            ],
            gaps: Vec::new(),
        },
        jobs: Known::Known(jobs),
        hidden_pool: None,
        disks: BTreeMap::new(),
        storages: vec![StorageContent {
            storage: "backups".parse().unwrap(),
            node: "pve1".parse().unwrap(),
            is_pbs: false,
            is_shared: false,
            retention: Some("keep-last=1".parse().unwrap()),
            archives: Sight::Listed(archives),
        }],
        targets: vec![target("backups")],
        hidden_storage: None,
        permissions: Permissions::all(),
        proofs: BTreeMap::new(),
        last_backups: BTreeMap::new(),
    }
}

fn proved(mut evidence: Evidence, proofs: &[(&Archive, ProofState)]) -> Evidence {
    for (archive, state) in proofs {
        let proof = Proof {
            state: *state,
            read_at: NOW - 5,
            by: None,
        };
        evidence.proofs.insert(archive.volid.clone(), proof);
    }
    evidence
}

fn day() -> Policies {
    Policies {
        rpo: vec![Rpo {
            of: crate::Matcher::All,
            hours: 24,
        }],
        ..Policies::default()
    }
}

fn state_of(evidence: &Evidence, policies: &Policies) -> (GuestState, String) {
    let guest = evaluate(evidence, policies).guests.remove(0);
    (guest.state, guest.why)
}

#[test]
fn protected_is_only_what_was_read() {
    let fresh = named(1, 2, json!({}));
    let unread = evidence(vec![job(json!({}))], vec![fresh.clone()]);
    assert_eq!(state_of(&unread, &day()).0, GuestState::Unverified);
    let read = proved(unread, &[(&fresh, ProofState::Sound)]);
    let coverage = evaluate(&read, &day());
    assert_eq!(coverage.guests[0].state, GuestState::Protected);
    assert_eq!(coverage.guests[0].next_run, Some(NOW + 99));
    assert_eq!(coverage.guests[0].proof_at, Some(NOW - 5));
    assert_eq!(
        (coverage.summary.guests, coverage.summary.protected),
        (1, 1)
    );
    assert_eq!(coverage.unknown, [""; 0]);
}

#[test]
fn what_is_too_old_damaged_or_of_the_future_is_not_protected() {
    let of = |archives: &[(&Archive, ProofState)]| {
        let listed = archives
            .iter()
            .map(|(archive, _)| (*archive).clone())
            .collect();
        state_of(
            &proved(evidence(vec![job(json!({}))], listed), archives),
            &day(),
        )
    };
    let (old, new, future) = (
        named(1, 25, json!({})),
        named(2, 3, json!({})),
        named(3, -9, json!({})),
    );
    let stale = of(&[(&old, ProofState::Sound)]);
    assert_eq!(stale.0, GuestState::Stale);
    assert!(
        stale.1.contains("25 hours old, 24 are allowed"),
        "{}",
        stale.1
    );
    let corrupt = of(&[(&old, ProofState::Sound), (&new, ProofState::Corrupt)]);
    assert_eq!(corrupt.0, GuestState::Corrupt);
    assert!(
        corrupt.1.contains(&format!("sound one is `{}`", old.volid)),
        "{}",
        corrupt.1
    );
    assert_eq!(of(&[(&new, ProofState::Unreadable)]).0, GuestState::Corrupt);
    let unreadable = proved(
        evidence(vec![job(json!({}))], vec![new.clone()]),
        &[(&new, ProofState::Unreadable)],
    );
    assert_eq!(evaluate(&unreadable, &day()).guests[0].proof_at, None);
    assert_eq!(of(&[(&future, ProofState::Sound)]).0, GuestState::Stale);
}

#[test]
fn a_time_that_says_nothing_counts_after_those_that_do() {
    let (fresh, ahead) = (named(2, 3, json!({})), named(3, -9, json!({})));
    let renamed = archive("vzdump-qemu-100-kept.vma.zst", 0, json!({}));
    let sound = |archives: &[&Archive]| {
        let listed = archives.iter().map(|archive| (*archive).clone()).collect();
        let proofs: Vec<_> = archives
            .iter()
            .map(|archive| (*archive, ProofState::Sound))
            .collect();
        let world = proved(evidence(vec![job(json!({}))], listed), &proofs);
        evaluate(&world, &day()).guests.remove(0)
    };
    // A wrong clock of yesterday does not make the archive of today a stale one.
    let guest = sound(&[&fresh, &ahead, &renamed]);
    assert_eq!(guest.state, GuestState::Protected, "{}", guest.why);
    assert_eq!(guest.newest, Some(fresh.volid.to_string()));
    // What was copied or renamed just now is as old as it was before.
    let guest = sound(&[&renamed]);
    assert_eq!(guest.state, GuestState::Stale);
    assert!(guest.why.contains("age is not known"), "{}", guest.why);
    // Of copies in two places one that is sound is enough.
    let twin = archive("vzdump-qemu-100-2026_11_17-02_00_00.vma", 3, json!({}));
    for pair in [[&fresh, &twin], [&twin, &fresh]] {
        let listed = pair.map(Clone::clone).into();
        let proofs = [(pair[0], ProofState::Sound), (pair[1], ProofState::Corrupt)];
        let world = proved(evidence(vec![job(json!({}))], listed), &proofs);
        assert_eq!(state_of(&world, &day()).0, GuestState::Protected);
    }
}

#[test]
fn a_job_that_cannot_write_saves_nobody() {
    let fresh = named(1, 1, json!({}));
    let with = |targets: Vec<Target>, jobs: Vec<Job>| {
        let mut world = proved(
            evidence(jobs, vec![fresh.clone()]),
            &[(&fresh, ProofState::Sound)],
        );
        world.targets = targets;
        world
    };
    let change = |change: &dyn Fn(&mut Target)| {
        let mut changed = target("backups");
        change(&mut changed);
        vec![changed]
    };
    for (targets, says) in [
        (vec![], "`backups` does not exist"),
        (change(&|one| one.is_disabled = true), "is disabled"),
        (change(&|one| one.takes_backups = false), "no `backup`"),
        (
            change(&|one| one.nodes = Some(vec!["pve2".to_owned()])),
            "not on its node `pve1`",
        ),
    ] {
        let world = with(targets, vec![job(json!({}))]);
        let (state, why) = state_of(&world, &day());
        assert_eq!(state, GuestState::Unprotected, "{why}");
        assert!(why.contains("`nightly`") && why.contains(says), "{why}");
    }
    let mut hidden = with(vec![], vec![job(json!({}))]);
    hidden.hidden_storage = Some(gap("Datastore.AllocateSpace", "/storage"));
    assert_eq!(state_of(&hidden, &day()).0, GuestState::Protected);
    // One that can is enough; where a job without a storage writes the node knows.
    for other in [
        job(json!({"id": "b"})),
        job(json!({"id": "b", "storage": null})),
    ] {
        let broken = job(json!({"storage": "gone", "next-run": NOW + 1}));
        let world = with(vec![target("backups")], vec![broken, other]);
        let guest = evaluate(&world, &day()).guests.remove(0);
        assert_eq!(guest.state, GuestState::Protected, "{}", guest.why);
        assert_eq!(guest.next_run, Some(NOW + 99));
    }
}

#[test]
fn safety_copies_small_files_and_other_kinds_count_for_nothing() {
    let copy = named(1, 1, json!({"notes": "reprise: safety copy before run 7"}));
    let small = named(2, 1, json!({"size": 9}));
    let container = named(3, 1, json!({"subtype": "lxc"}));
    let archives = vec![copy.clone(), small, container];
    let policies = Policies {
        minimum_size: 10,
        ..day()
    };
    let world = proved(
        evidence(vec![job(json!({}))], archives),
        &[(&copy, ProofState::Sound)],
    );
    let (state, why) = state_of(&world, &policies);
    assert_eq!(state, GuestState::Unprotected);
    assert!(
        why.contains("before a restore") && why.contains("minimum"),
        "{why}"
    );
    assert!(evaluate(&world, &policies).archives[0].safety_copy);
}

#[test]
fn jobs_that_do_not_save_it_are_told_apart() {
    let fresh = named(1, 1, json!({}));
    for (jobs, expected, says) in [
        (vec![], GuestState::Unprotected, "in no backup job"),
        (
            vec![job(json!({"enabled": 0}))],
            GuestState::Unprotected,
            "only in disabled jobs: `nightly`",
        ),
        (
            vec![job(json!({"exclude": "100"}))],
            GuestState::Excluded,
            "`exclude` of job `nightly`",
        ),
        (
            vec![
                job(json!({"exclude": "100"})),
                job(json!({"id": "own", "vmid": "100", "all": 0, "enabled": 0})),
            ],
            GuestState::Unprotected,
            "only in disabled jobs: `own`; in `exclude` of job `nightly`",
        ),
        (
            vec![
                job(json!({"exclude": "100"})),
                job(json!({"id": "old", "enabled": 0})),
            ],
            GuestState::Excluded,
            "`exclude` of job `nightly`",
        ),
        (
            vec![job(json!({"node": "pve2"}))],
            GuestState::Unprotected,
            "another node",
        ),
        (
            vec![job(json!({"next-run": null}))],
            GuestState::Unprotected,
            "never comes",
        ),
    ] {
        let world = proved(
            evidence(jobs, vec![fresh.clone()]),
            &[(&fresh, ProofState::Sound)],
        );
        let (state, why) = state_of(&world, &day());
        assert_eq!(state, expected, "{why}");
        assert!(why.contains(says), "{why}");
    }
    let mut none = evidence(Vec::new(), Vec::new());
    let policies = Policies {
        none: vec!["100".parse().unwrap()],
        ..day()
    };
    assert_eq!(state_of(&none, &policies).0, GuestState::Excluded);
    let saved = evidence(vec![job(json!({}))], Vec::new());
    let why = state_of(&saved, &policies).1;
    assert!(why.contains("saved all the same by job `nightly`"), "{why}");
    none.last_backups.insert(
        "100".parse().unwrap(),
        LastBackup {
            at: 5,
            error: Some("no space".to_owned()),
            seconds: None,
        },
    );
    let guest = evaluate(&none, &policies).guests.remove(0);
    assert_eq!(guest.last_error.as_deref(), Some("no space"));
}

#[test]
fn what_may_not_be_seen_is_unknown_and_named() {
    let mut world = evidence(vec![job(json!({}))], Vec::new());
    // Of nothing but the right to see guests: what an auditor has.
    world.permissions = [(
        "/".to_owned(),
        BTreeMap::from([
            ("VM.Audit".to_owned(), true),
            ("Datastore.Audit".to_owned(), true),
        ]),
    )]
    .into_iter()
    .collect();
    let (state, why) = state_of(&world, &day());
    assert_eq!(state, GuestState::Unknown);
    assert!(
        why.contains("`Datastore.AllocateSpace` on `/storage/backups`"),
        "{why}"
    );
    world.permissions = Permissions::all();
    world.storages[0].archives = Sight::Failed("not mounted".to_owned());
    let (state, why) = state_of(&world, &day());
    assert_eq!(state, GuestState::Unknown);
    assert!(why.contains("not mounted"), "{why}");
    world.jobs = Known::Unknown(gap("Sys.Audit", "/"));
    let (state, why) = state_of(&world, &day());
    assert_eq!(state, GuestState::Unknown);
    assert!(why.contains("`Sys.Audit` on `/`"), "{why}");
    world.guests.gaps.push(gap("VM.Audit", "/vms"));
    assert_eq!(evaluate(&world, &day()).unknown.len(), 3);
    let mut pooled = evidence(vec![job(json!({"all": null, "pool": "web"}))], Vec::new());
    pooled.hidden_pool = Some(gap("Pool.Audit", "/pool"));
    assert_eq!(state_of(&pooled, &day()).0, GuestState::Unknown);
}

#[test]
fn disks_say_what_is_not_saved() {
    let mut world = evidence(vec![job(json!({}))], vec![named(1, 1, json!({}))]);
    let disk = |key: &str, included: u8| -> IncludedVolume {
        serde_json::from_value(json!({
            "id": format!("100:{key}"), "name": "local:x", "included": included, "reason": "backup=no",
        }))
        .unwrap()
    };
    let vmid: Vmid = "100".parse().unwrap();
    world
        .disks
        .insert(vmid, vec![disk("scsi0", 1), disk("scsi1", 0)]);
    let coverage = evaluate(&world, &day());
    assert_eq!(coverage.summary.disks_not_saved, 1);
    assert_eq!(coverage.guests[0].state, GuestState::Unverified);
    assert!(!coverage.guests[0].disks[1].saved);
    world.disks.insert(vmid, vec![disk("scsi0", 0)]);
    assert_eq!(state_of(&world, &day()).0, GuestState::Excluded);
    // So it was meant, whether or not the job ran already.
    world.storages[0].archives = Sight::Listed(Vec::new());
    assert_eq!(state_of(&world, &day()).0, GuestState::Excluded);
}

#[test]
fn a_prune_that_takes_the_last_sound_archive_is_warned_of() {
    let (old, new) = (named(1, 30, json!({})), named(2, 3, json!({})));
    let world = |jobs| {
        proved(
            evidence(jobs, vec![old.clone(), new.clone()]),
            &[(&old, ProofState::Sound)],
        )
    };
    let coverage = evaluate(&world(vec![job(json!({}))]), &day());
    let marks: Vec<_> = coverage.archives.iter().map(|one| one.next_prune).collect();
    assert_eq!(marks, [Some(Mark::Remove), Some(Mark::Keep)]);
    assert!(
        coverage.warnings[0].contains(&old.volid.to_string()),
        "{:?}",
        coverage.warnings
    );
    // The retention of the job comes before the one of its storage.
    let keeps = evaluate(
        &world(vec![job(json!({"prune-backups": {"keep-last": "2"}}))]),
        &day(),
    );
    assert_eq!(keeps.warnings, [""; 0]);
    for jobs in [vec![], vec![job(json!({"remove": 0}))]] {
        let coverage = evaluate(&world(jobs), &day());
        assert_eq!(coverage.archives[0].next_prune, None);
        assert_eq!(coverage.warnings, [""; 0]);
    }
}

#[test]
fn a_prune_is_told_where_it_happens_and_a_last_one_where_none_is_left() {
    let (old, new) = (named(1, 30, json!({})), named(2, 3, json!({})));
    let copy = named(
        3,
        1,
        json!({"notes": "reprise: safety copy", "protected": 1}),
    );
    let sound = |archives: &[&Archive]| {
        let listed = archives.iter().map(|archive| (*archive).clone()).collect();
        let proofs = [&old, &copy].map(|archive| (archive, ProofState::Sound));
        proved(evidence(vec![job(json!({}))], listed), &proofs)
    };
    // A copy made before a restore is not what would be left.
    let world = sound(&[&old, &new, &copy]);
    assert_eq!(evaluate(&world, &day()).warnings.len(), 1);
    // A sound one on another storage is.
    let mut elsewhere = sound(&[&old, &new]);
    let kept: Archive = serde_json::from_value(json!({
        "volid": "other:backup/vzdump-qemu-100-2026_11_17-01_00_00.vma.zst",
        "vmid": 100, "subtype": "qemu", "size": 1000, "ctime": NOW - 30 * HOUR,
    }))
    .unwrap();
    let mut elsewhere = {
        elsewhere = proved(elsewhere, &[(&kept, ProofState::Sound)]);
        elsewhere.storages.push(StorageContent {
            storage: "other".parse().unwrap(),
            archives: Sight::Listed(vec![kept]),
            ..elsewhere.storages[0].clone()
        });
        elsewhere
    };
    assert_eq!(evaluate(&elsewhere, &day()).warnings, [""; 0]);
    // What the guest left on a node that it went away from nobody prunes.
    elsewhere.storages[0].node = "pve2".parse().unwrap();
    let marks = |world: &Evidence| -> Vec<Option<Mark>> {
        let archives = evaluate(world, &day()).archives;
        let own = archives
            .iter()
            .filter(|one| one.volid.starts_with("backups"));
        own.map(|one| one.next_prune).collect()
    };
    assert_eq!(marks(&elsewhere), [None, None]);
    elsewhere.storages[0].is_shared = true;
    assert_eq!(marks(&elsewhere), [Some(Mark::Remove), Some(Mark::Keep)]);
}
