//! Each warning, and where it begins.

use pve_client::{Known, Seen};
use serde_json::{Value, json};

use super::*;
use crate::fixture::{World, archive, declared, every, gap, guest, on_node, storage};
use crate::selection;

fn warned(world: &World, mut over: Value) -> Vec<String> {
    let options = over.as_object_mut().unwrap();
    options.entry("all").or_insert(json!(true));
    let declared = declared(over);
    let around = world.surroundings();
    let selected = selection::select(&declared, &around.guests).unwrap();
    warnings(&declared, around, &selected)
}

#[track_caller]
fn one(world: &World, over: Value, text: &str) {
    assert_eq!(warned(world, over), [text]);
}

fn runs(runs: Vec<i64>) -> World {
    World::new().around(|around| around.schedule = ScheduleEvents::Valid(runs))
}

#[test]
fn a_sound_job_has_no_warning() {
    assert_eq!(warned(&World::new(), json!({"rpo_hours": 24})), [""; 0]);
}

#[test]
fn nobody_who_is_told_is_said_where_somebody_is_expected() {
    one(
        &World::new(),
        json!({"notification_expected": true}),
        "no notification is chosen for job `nightly`: Proxmox VE tells at most the mail address of root@pam of a failed backup. Choose `mailto` or `notification_mode`.",
    );
    for told in [
        json!({"notification_expected": true, "mailto": ["ops@example.com"]}),
        json!({"notification_expected": true, "notification_mode": "notification-system"}),
        json!({}),
    ] {
        assert_eq!(warned(&World::new(), told), [""; 0]);
    }
}

#[test]
fn a_schedule_that_never_comes_or_ends() {
    one(
        &runs(vec![]),
        json!({}),
        "schedule `03:00` never comes: the job will not run.",
    );
    one(
        &runs(vec![5]),
        json!({}),
        "schedule `03:00` comes once more and then never again.",
    );
    let mut last = every(24);
    last.pop();
    one(
        &runs(last),
        json!({}),
        "schedule `03:00` comes 99 more times and then never again.",
    );
}

#[test]
fn runs_that_are_too_rare_for_the_rpo() {
    assert_eq!(
        warned(&runs(every(6)), json!({"rpo_hours": 6, "keep_last": 2})),
        [""; 0]
    );
    one(
        &runs(every(7)),
        json!({"rpo_hours": 6, "keep_last": 2}),
        "rpo_hours is 6, but schedule `03:00` leaves up to 7 hours between two runs.",
    );
    // The one day of 25 hours a year is no reason for a warning, a day more is.
    let mut clocks_change = every(24);
    clocks_change
        .iter_mut()
        .skip(50)
        .for_each(|run| *run += 3600);
    assert_eq!(
        warned(&runs(clocks_change.clone()), json!({"rpo_hours": 24})),
        [""; 0]
    );
    clocks_change
        .iter_mut()
        .skip(60)
        .for_each(|run| *run += 3601);
    assert_eq!(
        warned(&runs(clocks_change), json!({"rpo_hours": 24})).len(),
        1
    );
    one(
        &World::new(),
        json!({"rpo_hours": 24, "enabled": false}),
        "rpo_hours is 24, but the job is disabled: it saves nothing.",
    );
}

#[test]
fn retention_that_keeps_fewer_than_the_rpo_needs() {
    let daily = World::new();
    one(
        &daily,
        json!({"rpo_hours": 24, "keep_daily": null, "keep_last": 1}),
        "the retention keeps one archive of a guest: when it turns out damaged, no other lies within rpo_hours (24).",
    );
    one(
        &daily,
        json!({"rpo_hours": 24, "keep_daily": null, "keep_weekly": 4}),
        "the retention keeps fewer archives than rpo_hours (24) needs: the one before the newest may be 168 hours older, although the job runs more often. Keep more with keep_last, keep_hourly or keep_daily.",
    );
    // A weekly job cannot have more than weekly archives, and one of each of two options is two.
    for (hours, keep) in [
        (
            7 * 24,
            json!({"rpo_hours": 168, "keep_daily": null, "keep_weekly": 2}),
        ),
        (
            24,
            json!({"rpo_hours": 24, "keep_daily": 1, "keep_last": 1}),
        ),
        (
            24,
            json!({"rpo_hours": 168, "keep_daily": null, "keep_weekly": 2}),
        ),
        (24, json!({"keep_daily": null, "keep_last": 1})),
    ] {
        assert_eq!(warned(&runs(every(hours)), keep), [""; 0]);
    }
}

#[test]
fn retention_that_keeps_everything() {
    let none = World::new().around(|around| {
        around.storage = Known::Known(Some(storage(json!({"prune-backups": null}))));
    });
    one(
        &none,
        json!({"keep_daily": null}),
        "neither the job nor its storage has a retention: every archive is kept until the storage is full.",
    );
    one(
        &World::new(),
        json!({"remove": false}),
        "the job does not prune: every archive is kept until the storage is full.",
    );
    one(
        &World::new(),
        json!({"protected": true}),
        "the archives are protected, so the retention does not touch them: every archive is kept until its mark is taken off.",
    );
    // Said is said, and a backup server prunes by itself.
    assert_eq!(
        warned(&none, json!({"keep_daily": null, "keep_all": true})),
        [""; 0]
    );
    let pbs = World::new().around(|around| {
        around.storage = Known::Known(Some(storage(json!({"type": "pbs", "prune-backups": null}))));
    });
    assert_eq!(warned(&pbs, json!({"keep_daily": null})), [""; 0]);
    // The retention of the storage counts for a job without one.
    assert_eq!(warned(&World::new(), json!({"keep_daily": null})), [""; 0]);
}

#[test]
fn storages_that_cannot_take_the_archives() {
    let of = |found: Known<Option<Storage>>| World::new().around(|around| around.storage = found);
    let of_storage = |more: Value| of(Known::Known(Some(storage(more))));
    one(
        &of(Known::Known(None)),
        json!({}),
        "storage `backups` does not exist: every run will fail until it is there.",
    );
    let planned = of(Known::Known(None)).around(|around| around.storage_planned = true);
    assert_eq!(warned(&planned, json!({})), [""; 0]);
    one(
        &of(Known::Unknown(gap("Datastore.Audit", "/storage/backups"))),
        json!({}),
        "storage `backups` cannot be seen, so nothing about it was checked: something may be hidden (missing: `Datastore.Audit` on `/storage/backups`).",
    );
    one(
        &of_storage(json!({"content": "iso"})),
        json!({}),
        "storage `backups` has no `backup` in its content: every run will fail.",
    );
    one(
        &of_storage(json!({"disable": 1})),
        json!({}),
        "storage `backups` is disabled: every run will fail.",
    );
    one(
        &of_storage(json!({"nodes": "pve2"})),
        json!({"node": "pve1"}),
        "storage `backups` is not on node `pve1`: every run will fail.",
    );
    one(
        &of_storage(json!({"nodes": "pve1"})),
        json!({}),
        "storage `backups` is only on pve1: saving guest 200 (on `pve2`) will fail.",
    );
    assert_eq!(
        warned(&of_storage(json!({"nodes": "pve1,pve2"})), json!({})),
        [""; 0]
    );
}

#[test]
fn fleecing_storages_are_looked_at_too() {
    let fleecing = json!({"fleecing": {"storage": "fast"}});
    let of =
        |found: Known<Option<Storage>>| World::new().around(|around| around.fleecing = Some(found));
    one(
        &of(Known::Known(None)),
        fleecing.clone(),
        "fleecing storage `fast` does not exist: saving a running VM will fail.",
    );
    one(
        &of(Known::Known(Some(storage(json!({"disable": 1}))))),
        fleecing.clone(),
        "fleecing storage `fast` is disabled: saving a running VM will fail.",
    );
    let hidden = of(Known::Unknown(gap("Datastore.Audit", "/storage/fast")));
    assert!(warned(&hidden, fleecing.clone())[0].contains("cannot be seen"));
    assert_eq!(
        warned(&of(Known::Known(Some(storage(json!({}))))), fleecing),
        [""; 0]
    );
}

#[test]
fn selections_without_guests() {
    let empty = World::new().around(|around| around.guests.visible.clear());
    one(
        &empty,
        json!({}),
        "the selection has no guests: the job saves nothing now.",
    );
    one(
        &World::new(),
        json!({"all": null, "pool": "empty"}),
        "pool `empty` has no guests: the job saves nothing now.",
    );
    one(
        &World::new(),
        json!({"all": null, "pool": "customers", "node": "pve2"}),
        "pool `customers` has no guests on node `pve2`: the job saves nothing now.",
    );
    let hidden = World::new().around(|around| around.guests.gaps.push(gap("VM.Audit", "/vms")));
    one(
        &hidden,
        json!({}),
        "which guests the job saves is not known completely: something may be hidden (missing: `VM.Audit` on `/vms`).",
    );
    let [node, nobody] = &warned(&World::new(), json!({"node": "pve9"}))[..] else {
        panic!("two warnings were expected")
    };
    assert_eq!(
        node,
        "node `pve9` is not in the cluster: the job will not run."
    );
    assert!(nobody.contains("no guests on node `pve9`"));
}

#[test]
fn members_of_a_hidden_pool_are_unknown() {
    let hidden = World::new().around(|around| {
        around.guests = Seen {
            visible: vec![guest(100, "pve1", json!({}))],
            gaps: vec![gap("Pool.Audit", "/pool/customers")],
        };
    });
    one(
        &hidden,
        json!({"all": null, "pool": "customers"}),
        "which guests the job saves is not known completely: something may be hidden (missing: `Pool.Audit` on `/pool/customers`).",
    );
}

/// 100 GiB in all, 10 of them used by other things, and archives of three guests.
fn filled(gib: u64) -> World {
    World::new().around(|around| {
        around.archives = Ok((1..=3)
            .map(|day| archive(100, day, gib, json!({})))
            .collect());
        around.fill = vec![on_node("pve1", 10 + 3 * gib, json!({"shared": 1}))];
    })
}

#[test]
fn a_storage_that_the_retention_fills() {
    // 10 GiB and seven archives of 10: exactly 80 %, and two guests of which nothing is known.
    assert_eq!(warned(&filled(10), json!({})), [""; 0]);
    let said = warned(&filled(11), json!({}));
    assert_eq!(
        said,
        [
            "storage `backups` of node `pve1` will be 87 % full: the retention keeps up to 7 archives of a guest, 87.0 GiB of 100.0 GiB; 2 guests have no archive yet and are not counted. Aim is below 80 %: keep fewer, or give it more room."
        ]
    );
    // No limit, no forecast; not seen, said.
    assert_eq!(
        warned(&filled(11), json!({"keep_daily": null, "keep_all": true})),
        [""; 0]
    );
    let unknown = filled(11).around(|around| around.archives = Err("no right".to_owned()));
    one(
        &unknown,
        json!({}),
        "how full the storage will be is not known: no right.",
    );
}
