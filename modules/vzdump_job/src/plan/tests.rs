//! Named situations, and what is planned in each.

use insta::assert_snapshot;
use pve_client::Known;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{World, gap, guest, nightly, with};

fn all() -> Value {
    json!({"all": true})
}

#[test]
fn a_job_is_made() {
    assert_snapshot!(World::new().shown(all()));
}

#[test]
fn a_job_with_everything_is_made() {
    assert_snapshot!(World::new().shown(json!({
        "vmid": [101, 100, 101], "enabled": false, "comment": " gently ", "repeat_missed": true,
        "node": "pve1", "mode": "stop", "compress": "gzip", "threads": 2, "protected": true,
        "notes_template": "{{guestname}}\nsecond", "exclude_path": ["/b", "/a b"],
        "stdexcludes": false, "pbs_change_detection_mode": "metadata",
        "fleecing": {"storage": "fast"}, "bwlimit": 1000, "ionice": 8, "lockwait": 5,
        "stopwait": 6, "performance": {"max_workers": 4, "pbs_entries_max": 100}, "remove": false,
        "notification_mode": "legacy-sendmail", "mailto": ["root", "a@example.com"],
        "mailnotification": "failure", "keep_last": 2, "keep_weekly": 0,
    })));
}

#[test]
fn an_equal_job_stays() {
    assert_snapshot!(World::new().jobs([nightly()]).shown(all()));
}

#[test]
fn what_the_web_page_wrote_is_the_same_in_other_words() {
    let job = with(
        nightly(),
        json!({
            "all": null, "vmid": "200;100 101,100", "repeat-missed": 0, "quiet": 0,
            "prune-backups": "keep-daily=7,keep-last=0", "mailto": "b@c.de;a@c.de",
        }),
    );
    assert_snapshot!(
        World::new()
            .jobs([job])
            .shown(json!({"vmid": [100, 101, 200], "mailto": ["a@c.de,b@c.de"]}))
    );
}

#[test]
fn what_is_left_out_returns_to_the_default() {
    let job = with(
        nightly(),
        json!({
            "comment": "x", "bwlimit": 5, "ionice": 7, "notes-template": "n", "zstd": 4,
            "exclude-path": ["/a"], "fleecing": {"enabled": "1", "storage": "fast"},
            "performance": {"max-workers": "2"}, "mailto": "a@c.de", "protected": 0,
            "notification-policy": "never", "pbs-change-detection-mode": "data",
        }),
    );
    assert_snapshot!(World::new().jobs([job]).shown(all()));
}

#[test]
fn a_disabled_job_is_enabled_and_never_by_a_delete() {
    let job = with(nightly(), json!({"enabled": 0}));
    assert_snapshot!(World::new().jobs([job]).shown(all()));
}

#[test]
fn guests_by_number_become_all_but_some() {
    let job = with(nightly(), json!({"all": null, "vmid": "100,101"}));
    assert_snapshot!(
        World::new()
            .jobs([job])
            .shown(json!({"all": true, "exclude": [200, 100]}))
    );
}

#[test]
fn all_but_some_becomes_a_pool() {
    let job = with(nightly(), json!({"exclude": "100"}));
    assert_snapshot!(World::new().jobs([job]).shown(json!({"pool": "customers"})));
}

#[test]
fn a_pool_that_is_stored_beside_all_goes() {
    let job = with(nightly(), json!({"pool": "customers"}));
    assert_snapshot!(World::new().jobs([job]).shown(all()));
}

#[test]
fn another_exception_is_sent_with_all() {
    let job = with(nightly(), json!({"exclude": "101, 100"}));
    let world = World::new().jobs([job]);
    assert!(
        world
            .plan(json!({"all": true, "exclude": [100, 101]}))
            .unwrap()
            .is_empty()
    );
    assert_snapshot!(world.shown(json!({"all": true, "exclude": [100]})));
}

#[test]
fn notes_are_sent_with_the_storage_that_they_need() {
    assert_snapshot!(
        World::new()
            .jobs([nightly()])
            .shown(json!({"all": true, "notes_template": "{{vmid}}"}))
    );
}

#[test]
fn the_storage_goes_back_to_local() {
    assert_snapshot!(
        World::new()
            .jobs([nightly()])
            .around(|around| around.storage = Known::Known(None))
            .shown(json!({"all": true, "storage": null}))
    );
}

#[test]
fn an_equal_job_under_another_id_is_named() {
    let twin = with(nightly(), json!({"id": "4f1c-by-hand", "mode": null}));
    assert_snapshot!(World::new().jobs([twin]).shown(all()));
}

#[test]
fn an_equal_job_under_another_id_is_taken_over() {
    let twin = with(nightly(), json!({"id": "by-hand"}));
    assert_snapshot!(
        World::new()
            .jobs([twin])
            .shown(json!({"all": true, "adopt": true}))
    );
}

#[test]
fn a_take_over_that_failed_half_way_is_finished() {
    let twin = with(nightly(), json!({"id": "by-hand"}));
    assert_snapshot!(
        World::new()
            .jobs([nightly(), twin])
            .shown(json!({"all": true, "adopt": true}))
    );
}

#[test]
fn a_job_with_a_script_is_not_taken_over() {
    let twin = with(nightly(), json!({"id": "by-hand", "script": "/root/hook"}));
    assert_snapshot!(
        World::new()
            .jobs([twin])
            .shown(json!({"all": true, "adopt": true}))
    );
}

#[test]
fn a_job_that_differs_or_is_disabled_is_no_equal() {
    let one = with(nightly(), json!({"id": "other-time", "schedule": "04:00"}));
    let other = with(nightly(), json!({"id": "disabled", "enabled": 0}));
    let plan = World::new()
        .jobs([one, other])
        .plan(json!({"all": true, "adopt": true}))
        .unwrap();
    assert_eq!(plan.actions.len(), 1);
    assert_eq!(plan.warnings, [""; 0]);
}

#[test]
fn tags_stand_for_numbers() {
    assert_snapshot!(World::new().shown(json!({"tags": ["Prod", "databse"]})));
}

#[test]
fn names_stand_for_numbers() {
    assert_snapshot!(World::new().shown(json!({"names": ["guest200", "guest100"]})));
}

#[test]
fn tags_with_hidden_guests_are_refused() {
    let world = World::new().around(|around| around.guests.gaps.push(gap("VM.Audit", "/vms")));
    assert_snapshot!(world.shown(json!({"tags": ["prod"]})));
}

#[test]
fn a_named_guest_on_another_node_is_told() {
    assert_snapshot!(World::new().shown(json!({"vmid": [100, 200, 999], "node": "pve1"})));
}

#[test]
fn hidden_guests_are_unknown_and_no_error() {
    let world = World::new().around(|around| {
        around.guests.gaps.push(gap("VM.Audit", "/vms"));
        around.guests.visible.clear();
    });
    assert_snapshot!(world.shown(json!({"vmid": [100]})));
}

#[test]
fn a_pool_that_does_not_exist_is_refused_as_the_server_would() {
    let world = World::new().around(|around| around.pool_exists = Known::Known(false));
    assert_snapshot!(world.shown(json!({"pool": "nobody"})));
}

#[test]
fn a_schedule_that_is_none_is_refused() {
    let world = World::new().around(|around| {
        around.schedule = ScheduleEvents::Invalid("invalid calendar event 'mon-fri'\n".to_owned());
    });
    assert_snapshot!(world.shown(json!({"all": true, "schedule": "mon-fri"})));
}

#[test]
fn a_job_goes() {
    assert_snapshot!(
        World::new()
            .jobs([nightly()])
            .shown(json!({"state": "absent"}))
    );
}

#[test]
fn a_job_that_is_not_there_needs_no_right_to_go() {
    let world = World::new().rights(json!({"/": {"Sys.Audit": 1}}));
    assert_snapshot!(world.shown(json!({"state": "absent"})));
}

#[test]
fn what_is_left_alone_is_named() {
    let job = with(
        nightly(),
        json!({"script": "/root/hook", "new-in-pve-10": "x"}),
    );
    assert_snapshot!(World::new().jobs([job]).shown(all()));
}

#[test]
fn a_job_with_a_folder_cannot_be_changed_by_a_token() {
    let job = with(nightly(), json!({"storage": null, "dumpdir": "/mnt"}));
    assert_snapshot!(World::new().jobs([job]).shown(json!({"all": true})));
}

#[test]
fn each_right_is_asked_for_before_anything_is_written() {
    let refusal = |held: Value, over: Value| {
        let world = World::new().jobs([nightly()]).rights(held);
        world.shown(over).lines().next().unwrap().to_owned()
    };
    let modify = json!({"/": {"Sys.Modify": 1}});
    let stored = json!({"/": {"Sys.Modify": 1}, "/storage/backups": {"Datastore.Allocate": 1}});
    assert_snapshot!(
        [
            refusal(json!({}), json!({"all": true, "comment": "x"})),
            refusal(json!({}), json!({"state": "absent"})),
            refusal(modify, json!({"all": true, "comment": "x"})),
            refusal(stored.clone(), json!({"all": true, "storage": null})),
            refusal(stored.clone(), json!({"all": true, "storage": "other"})),
            refusal(stored.clone(), json!({"pool": "customers"})),
            refusal(
                stored.clone(),
                json!({"all": true, "fleecing": {"storage": "fast"}})
            ),
            // What is not changed needs no right of its own.
            refusal(stored, json!({"all": true, "comment": "x"})),
        ]
        .join("\n")
    );
}

#[test]
fn an_unchanged_pool_needs_no_right_on_it() {
    let job = with(nightly(), json!({"all": null, "pool": "customers"}));
    let world = World::new()
        .jobs([job])
        .rights(json!({"/": {"Sys.Modify": 1}, "/storage/backups": {"Datastore.Allocate": 1}}));
    let plan = world
        .plan(json!({"pool": "customers", "comment": "x"}))
        .unwrap();
    assert_eq!(plan.actions.len(), 1);
}

#[test]
fn nothing_to_do_needs_no_right() {
    let world = World::new().jobs([nightly()]).rights(json!({}));
    assert!(world.plan(all()).unwrap().is_empty());
}

#[test]
fn a_thousand_guests_and_two_hundred_jobs_are_planned_at_once() {
    let world = World::new()
        .around(|around| {
            around.guests.visible = (100..1100)
                .map(|vmid| guest(vmid, "pve1", json!({"tags": format!("t{vmid};prod")})))
                .collect();
            around.archives = Ok((100..1100)
                .flat_map(|vmid| {
                    (1..=10).map(move |day| crate::fixture::archive(vmid, day, 1, json!({})))
                })
                .collect());
        })
        .jobs((0..200).map(|number| {
            let vmids: Vec<String> = (100..1100).map(|vmid: u32| vmid.to_string()).collect();
            with(
                nightly(),
                json!({"id": format!("job{number}"), "all": null, "vmid": vmids.join(",")}),
            )
        }));
    let names: Vec<String> = (100..1100).map(|vmid| format!("guest{vmid}")).collect();
    let numbers: Vec<u32> = (100..1100).collect();
    let start = std::time::Instant::now();
    for over in [
        json!({"vmid": numbers}),
        json!({"names": names}),
        json!({"tags": ["prod"]}),
        all(),
    ] {
        assert!(!world.plan(over).unwrap().is_empty());
    }
    // A debug build on a busy machine; in release it is a few milliseconds.
    assert!(start.elapsed().as_secs_f64() < 4.0, "{:?}", start.elapsed());
}
