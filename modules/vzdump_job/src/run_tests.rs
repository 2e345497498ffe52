//! Whole runs against scripted answers: what is asked, written and returned.

use module_kit::driver::{Mode, Outcome, Registered};
use module_kit::testing::{self, Server};
use module_kit::{Exit, Module};
use pve_client::Identity;
use serde_json::{Value, json};

use crate::VzdumpJob;
use crate::fixture::{START, every, nightly, with};

const JOB: &str = "GET /cluster/backup/nightly";
const JOBS: &str = "GET /cluster/backup";
const INCLUDED: &str = "GET /cluster/backup/nightly/included_volumes";

/// Everything but the jobs.
fn server() -> Server {
    answering(Server::default())
}

fn answering(server: Server) -> Server {
    let runs: Vec<Value> = every(24)
        .into_iter()
        .map(|run| json!({"timestamp": run, "utc": "x"}))
        .collect();
    server
        .answer(
            "GET /access/permissions",
            json!({"/": {
                "Sys.Audit": 1, "Sys.Modify": 1, "VM.Audit": 1, "VM.Backup": 1, "Pool.Audit": 1,
                "Datastore.Audit": 1, "Datastore.Allocate": 1, "Datastore.AllocateSpace": 1,
            }}),
        )
        .answer("GET /cluster/jobs/schedule-analyze", json!(runs))
        .answer(
            "GET /storage",
            json!([{"storage": "backups", "type": "dir", "path": "/b", "content": "backup", "shared": 1}]),
        )
        .answer("GET /nodes/pve1/storage/backups/content", json!([]))
        .answer("GET /pools", json!([{"poolid": "customers"}]))
        .answer("GET /cluster/resources", resources(100..102))
}

fn resources(guests: std::ops::Range<u32>) -> Value {
    let mut all: Vec<Value> = guests
        .map(|vmid| {
            json!({"type": "qemu", "vmid": vmid, "node": "pve1", "name": format!("g{vmid}"), "pool": "customers"})
        })
        .collect();
    all.push(json!({"type": "node", "node": "pve1", "status": "online"}));
    all.push(json!({
        "type": "storage", "storage": "backups", "node": "pve1", "shared": 1,
        "disk": 1, "maxdisk": 100,
    }));
    json!(all)
}

fn included() -> Value {
    json!({"children": [
        {"id": 100, "type": "qemu", "name": "g100", "leaf": 0, "children": [
            {"id": "100:scsi0", "name": "local:vm-100-disk-0", "included": 1, "reason": "enabled"},
            {"id": "100:scsi1", "name": "local:vm-100-disk-1", "included": 0, "reason": "backup=no"},
        ]},
        {"id": 101, "type": "qemu", "name": "g101", "leaf": 1},
        {"id": 999, "type": "unknown", "leaf": 1},
    ]})
}

fn no_job(server: Server) -> Server {
    server
        .answer(JOBS, json!([]))
        .refuse(INCLUDED, 400, "No such job 'nightly'")
}

fn run(server: &Server, mode: Mode, mut over: Value) -> Outcome {
    for (name, value) in [
        ("id", json!("nightly")),
        ("schedule", json!("03:00")),
        ("storage", json!("backups")),
        ("keep_daily", json!(7)),
    ] {
        over.as_object_mut().unwrap().entry(name).or_insert(value);
    }
    let options = testing::options(&VzdumpJob::DECLARATION, over).unwrap();
    server.with_context(|context| {
        Registered::of::<VzdumpJob>().run(options, context, mode, &mut |_| Ok(()))
    })
}

#[test]
fn a_job_is_made_and_read_back() {
    let server = no_job(server())
        .answer("POST /cluster/backup", Value::Null)
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included());
    let outcome = run(&server, Mode::Apply, json!({"all": true}));
    assert_eq!(outcome.failure, None);
    assert!(outcome.changed);
    assert_eq!(
        server.written(),
        [
            "POST /cluster/backup id=nightly&all=1&compress=zstd&mode=snapshot&prune-backups=keep-daily%3D7&schedule=03%3A00&storage=backups"
        ]
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&outcome.report).unwrap());
    insta::assert_snapshot!("rendered", outcome.rendered);
}

#[test]
fn check_mode_predicts_and_writes_nothing() {
    let server = no_job(server());
    let outcome = run(&server, Mode::Check, json!({"all": true, "exclude": [101]}));
    assert_eq!(outcome.failure, None);
    assert!(outcome.changed);
    assert_eq!(server.written(), [""; 0]);
    assert_eq!(outcome.report["job"], Value::Null);
    assert_eq!(outcome.report["next_run"], START);
    assert_eq!(outcome.report["guests"][0]["vmid"], 100);
    assert_eq!(outcome.report["guests"][0]["disks"], Value::Null);
    assert_eq!(
        outcome.report["left_out"][0]["reason"],
        "excluded by the job"
    );
}

#[test]
fn a_second_run_changes_nothing_and_tells_the_disks() {
    let server = server()
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included());
    for mode in [Mode::Apply, Mode::Check] {
        let outcome = run(&server, mode, json!({"all": true}));
        assert!(!outcome.changed);
        assert_eq!(outcome.report["guests"].as_array().unwrap().len(), 2);
        assert_eq!(outcome.report["guests"][0]["disks"][1]["included"], false);
    }
    assert_eq!(server.written(), [""; 0]);
}

#[test]
fn a_disabled_job_has_no_next_run() {
    let disabled = with(nightly(), json!({"enabled": 0}));
    let server = server()
        .answer(JOBS, json!([disabled]))
        .answer(INCLUDED, included());
    let outcome = run(&server, Mode::Apply, json!({"all": true, "enabled": false}));
    assert_eq!(outcome.report["next_run"], Value::Null);
    assert_eq!(outcome.report["next_run_iso"], Value::Null);
}

#[test]
fn numbers_without_a_guest_are_left_out_and_said() {
    let job = with(nightly(), json!({"all": null, "vmid": "100,101,999"}));
    let server = server()
        .answer(JOBS, json!([job]))
        .answer(INCLUDED, included());
    let outcome = run(&server, Mode::Apply, json!({"vmid": [100, 101, 999]}));
    assert!(!outcome.changed);
    assert_eq!(outcome.report["guests"].as_array().unwrap().len(), 2);
    assert_eq!(
        outcome.report["left_out"],
        json!([{"vmid": 999, "name": null, "reason": "no such guest, or hidden"}])
    );
    assert_eq!(
        outcome.preview.unwrap().warnings,
        ["guest 999 does not exist."]
    );
}

#[test]
fn a_change_by_somebody_else_in_between_is_refused() {
    let server = server()
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included())
        .answer(JOB, with(nightly(), json!({"comment": "changed"})));
    let outcome = run(&server, Mode::Apply, json!({"all": true, "bwlimit": 5}));
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.exit, Exit::Refused);
    assert_eq!(
        failure.message,
        "change backup job `nightly`: set bwlimit: job `nightly` was changed by somebody else meanwhile"
    );
    assert_eq!(
        failure.remaining,
        ["change backup job `nightly`: set bwlimit"]
    );
    assert!(!outcome.changed);
    assert_eq!(server.written(), [""; 0]);
}

#[test]
fn what_the_server_made_something_else_of_needs_a_hand() {
    let server = no_job(server())
        .answer("POST /cluster/backup", Value::Null)
        .answer(JOBS, json!([with(nightly(), json!({"mode": "stop"}))]));
    let failure = run(&server, Mode::Apply, json!({"all": true}))
        .failure
        .unwrap();
    assert_eq!(failure.exit, Exit::NeedsAHand);
    assert!(
        failure
            .message
            .contains("made something else of it (set mode)"),
        "{failure}"
    );
}

#[test]
fn a_job_that_cannot_be_read_back_counts_as_changed() {
    for (status, text) in [
        (403, "Permission check failed (/, Sys.Audit)"),
        (500, "oops"),
    ] {
        let server = no_job(server())
            .answer("POST /cluster/backup", Value::Null)
            .refuse(JOBS, status, text);
        let outcome = run(&server, Mode::Apply, json!({"all": true}));
        assert_eq!(outcome.failure.unwrap().exit, Exit::NeedsAHand);
        assert!(outcome.changed);
    }
    let server = no_job(server()).answer("POST /cluster/backup", Value::Null);
    let failure = run(&server, Mode::Apply, json!({"all": true}))
        .failure
        .unwrap();
    assert!(
        failure.message.contains("was written, but is not there"),
        "{failure}"
    );
}

#[test]
fn a_take_over_that_fails_half_way_says_what_is_left() {
    let twin = with(nightly(), json!({"id": "by-hand"}));
    let server = server()
        .answer(JOBS, json!([twin]))
        .refuse(INCLUDED, 400, "No such job 'nightly'")
        .answer("POST /cluster/backup", Value::Null)
        .answer(JOBS, json!([nightly(), twin]))
        .answer(INCLUDED, included())
        .answer("GET /cluster/backup/by-hand", twin)
        .refuse(
            "DELETE /cluster/backup/by-hand",
            500,
            "cluster not ready - no quorum?",
        );
    let outcome = run(&server, Mode::Apply, json!({"all": true, "adopt": true}));
    let failure = outcome.failure.unwrap();
    assert!(outcome.changed);
    assert_eq!(failure.exit, Exit::NeedsAHand);
    assert_eq!(failure.done, ["create backup job `nightly`"]);
    assert_eq!(
        failure.remaining,
        ["remove backup job `by-hand`, which `nightly` replaces"]
    );
    assert!(failure.message.contains("no quorum"), "{failure}");
}

#[test]
fn a_job_goes_and_one_that_went_meanwhile_too() {
    let server = server()
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included());
    let gone = server.refuse(JOB, 400, "No such job 'nightly'");
    let outcome = run(&gone, Mode::Apply, json!({"state": "absent"}));
    assert_eq!(outcome.failure, None);
    assert_eq!(gone.written(), [""; 0]);

    let there = self::server()
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included())
        .answer(JOB, nightly())
        .answer("DELETE /cluster/backup/nightly", Value::Null);
    let outcome = run(&there, Mode::Apply, json!({"state": "absent"}));
    assert!(outcome.changed);
    assert_eq!(outcome.report["job"], Value::Null);
    assert_eq!(there.written(), ["DELETE /cluster/backup/nightly"]);
}

#[test]
fn jobs_that_may_not_be_read_are_no_empty_list() {
    let server = server()
        .refuse(JOBS, 403, "Permission check failed (/, Sys.Audit)")
        .refuse(INCLUDED, 403, "Permission check failed (/, Sys.Audit)");
    let failure = run(&server, Mode::Check, json!({"all": true}))
        .failure
        .unwrap();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.to_string().contains("Sys.Audit"), "{failure}");
}

#[test]
fn a_storage_that_may_be_hidden_is_unknown() {
    let rights = json!({"/": {"Sys.Audit": 1, "Sys.Modify": 1, "VM.Audit": 1}, "/storage/backups": {"Datastore.Allocate": 1}});
    let server = no_job(Server::default())
        .answer("GET /access/permissions", rights)
        .answer(
            "GET /cluster/jobs/schedule-analyze",
            json!([{"timestamp": 1}]),
        )
        .answer("GET /storage", json!([]))
        .answer("GET /cluster/resources", json!([]));
    let outcome = run(&server, Mode::Check, json!({"all": true}));
    let warnings = outcome.preview.unwrap().warnings.join("\n");
    assert!(
        warnings.contains("storage `backups` cannot be seen"),
        "{warnings}"
    );
    assert!(!warnings.contains("does not exist"), "{warnings}");
    assert!(!warnings.contains("has a retention"), "{warnings}");
}

#[test]
fn the_number_of_calls_does_not_grow_with_the_guests() {
    let asked = |guests: u32, over: Value| {
        let server =
            no_job(server()).answer("GET /cluster/resources", resources(100..100 + guests));
        // The first answer of the two is the small one.
        run(&server, Mode::Check, json!({"all": true}));
        let before = server.asked().len();
        assert_eq!(run(&server, Mode::Check, over).failure, None);
        server.asked().len() - before
    };
    assert_eq!(
        asked(2, json!({"all": true})),
        asked(1000, json!({"all": true}))
    );
    assert!(asked(1000, json!({"pool": "customers"})) <= 11);
}

#[test]
fn a_pool_that_is_not_there_and_one_that_cannot_be_seen() {
    let server = no_job(server());
    let failure = run(&server, Mode::Check, json!({"pool": "nobody"}))
        .failure
        .unwrap();
    assert_eq!(failure.exit, Exit::NothingFound);

    let blind = no_job(Server::default())
        .answer("GET /access/permissions", json!({"/": {"Sys.Audit": 1, "Sys.Modify": 1, "VM.Audit": 1, "VM.Backup": 1, "Datastore.Allocate": 1, "Datastore.Audit": 1}}))
        .answer("GET /cluster/jobs/schedule-analyze", json!([{"timestamp": 1}]))
        .answer("GET /storage", json!([]))
        .answer("GET /pools", json!([]))
        .answer("GET /cluster/resources", resources(100..101));
    let outcome = run(&blind, Mode::Check, json!({"pool": "hidden"}));
    assert_eq!(outcome.failure, None);
    let unknown = outcome.report["guests_unknown"].as_str().unwrap();
    assert!(
        unknown.contains("`Pool.Audit` on `/pool/hidden`"),
        "{unknown}"
    );
}

/// Through `pvesh` a call costs 0.6 seconds of processor time, so each run has a budget.
#[test]
fn root_on_a_node_asks_no_more_than_it_must() {
    let root = || {
        answering(Server::asked_by(Identity {
            user: "root@pam".to_owned(),
            token: None,
        }))
    };
    let calls = |server: Server, over: Value| {
        let outcome = run(&server, Mode::Apply, over);
        assert_eq!(outcome.failure, None);
        let asked = server.asked();
        let reads: Vec<&String> = asked
            .iter()
            .filter(|call| call.starts_with("GET "))
            .collect();
        assert!(
            !asked.iter().any(|call| call.contains("permissions")),
            "{asked:?}"
        );
        (reads.len(), asked.len() - reads.len())
    };

    let there = |server: Server| {
        server
            .answer(JOBS, json!([nightly()]))
            .answer(INCLUDED, included())
    };
    let made = there(no_job(root()).answer("POST /cluster/backup", Value::Null));
    assert_eq!(calls(made, json!({"all": true})), (8, 1), "present");

    assert_eq!(
        calls(there(root()), json!({"all": true})),
        (6, 0),
        "unchanged"
    );

    let after = with(nightly(), json!({"bwlimit": 5}));
    let changed = there(root())
        .answer(JOBS, json!([after]))
        .answer(JOB, nightly())
        .answer("PUT /cluster/backup/nightly", Value::Null);
    assert_eq!(
        calls(changed, json!({"all": true, "bwlimit": 5})),
        (9, 1),
        "changed"
    );

    let removed = there(root())
        .answer(JOB, nightly())
        .answer("DELETE /cluster/backup/nightly", Value::Null);
    assert_eq!(calls(removed, json!({"state": "absent"})), (3, 1), "absent");
    assert_eq!(
        calls(no_job(root()), json!({"state": "absent"})),
        (2, 0),
        "absent already"
    );
}

#[test]
fn a_token_asks_for_its_rights_once() {
    let server = server()
        .answer(JOBS, json!([nightly()]))
        .answer(INCLUDED, included());
    assert_eq!(
        run(&server, Mode::Apply, json!({"all": true})).failure,
        None
    );
    let asked = server.asked();
    let rights = asked
        .iter()
        .filter(|call| call.as_str() == "GET /access/permissions");
    assert_eq!(rights.count(), 1, "{asked:?}");
    assert_eq!(asked.len(), 7, "{asked:?}");
}
