//! `state: run` against scripted answers: what is started, waited for and returned.

use module_kit::driver::{Mode, Outcome, Registered};
use module_kit::testing::{self, Server};
use module_kit::{Exit, Module};
use serde_json::{Value, json};

use crate::VzdumpJob;
use crate::fixture::{nightly, with};

const UPID: &str = "UPID:pve1:0000439B:000A568A:6B03422E:vzdump::backup@pve!cli:";
const TASK: &str = "GET /nodes/pve1/tasks/UPID%3Apve1%3A0000439B%3A000A568A%3A6B03422E%3Avzdump%3A%3Abackup%40pve%21cli%3A";

fn server(permissions: Value, log: &str, status: Value) -> Server {
    let lines: Vec<Value> = log
        .lines()
        .enumerate()
        .map(|(at, line)| json!({"n": at + 1, "t": line}))
        .collect();
    let children: Vec<Value> = [100, 101]
        .map(|vmid| json!({"id": vmid, "type": "qemu", "name": format!("g{vmid}"), "leaf": 1}))
        .to_vec();
    let mut resources: Vec<Value> = [100, 101, 102]
        .map(|vmid| json!({"type": "qemu", "vmid": vmid, "node": "pve1", "name": format!("g{vmid}")}))
        .to_vec();
    resources.push(json!({"type": "node", "node": "pve1", "status": "online"}));
    Server::default()
        .answer("GET /access/permissions", permissions)
        .answer("GET /cluster/backup", json!([nightly()]))
        .answer("GET /cluster/backup/nightly", nightly())
        .answer("GET /cluster/backup/nightly/included_volumes", json!({"children": children}))
        .answer("GET /cluster/resources", json!(resources))
        .answer("POST /nodes/pve1/vzdump", json!(UPID))
        .answer(&format!("{TASK}/status"), status)
        .answer(&format!("{TASK}/log"), json!(lines))
        .answer(
            "GET /nodes/pve1/storage/backups/content",
            json!([{"volid": "backups:backup/vzdump-qemu-100-2026_11_22-03_00_02.vma.zst", "vmid": 100, "size": 4711, "content": "backup"}]),
        )
}

fn rights() -> Value {
    json!({"/": {
        "Sys.Audit": 1, "Sys.Modify": 1, "VM.Audit": 1, "VM.Backup": 1,
        "Datastore.Audit": 1, "Datastore.Allocate": 1, "Datastore.AllocateSpace": 1,
    }})
}

fn ended(exitstatus: &str) -> Value {
    json!({"status": "stopped", "exitstatus": exitstatus})
}

fn run(server: &Server, mode: Mode, over: Value) -> Outcome {
    let arguments = with(json!({"id": "nightly", "state": "run"}), over);
    let options = testing::options(&VzdumpJob::DECLARATION, arguments).unwrap();
    server.with_context(|context| {
        Registered::of::<VzdumpJob>().run(options, context, mode, &mut |_| Ok(()))
    })
}

const SAVED_100: &str = "\
INFO: Starting Backup of VM 100 (qemu)
INFO: creating vzdump archive '/b/dump/vzdump-qemu-100-2026_11_22-03_00_02.vma.zst'
INFO: Finished Backup of VM 100 (00:00:42)
";

#[test]
fn a_guest_that_fails_does_not_hide_the_one_that_was_saved() {
    let log = format!(
        "{SAVED_100}INFO: Starting Backup of VM 101 (qemu)\nERROR: Backup of VM 101 failed - no space left\nTASK ERROR: job errors"
    );
    let server = server(rights(), &log, ended("job errors"));
    let outcome = run(&server, Mode::Apply, json!({}));
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.exit, Exit::NeedsAHand);
    assert!(
        failure
            .message
            .contains("1 of 2 guests: guest 101 on pve1: no space left"),
        "{failure}"
    );
    assert!(outcome.changed);
    let runs = &outcome.report["runs"];
    assert_eq!(
        runs[0]["archive"],
        "backups:backup/vzdump-qemu-100-2026_11_22-03_00_02.vma.zst"
    );
    assert_eq!(
        (&runs[0]["size"], &runs[0]["duration"]),
        (&json!(4711), &json!(42))
    );
    assert_eq!(runs[0]["error"], Value::Null);
    assert_eq!(runs[1]["error"], "no space left");
    assert_eq!(runs[1]["log_tail"].as_array().unwrap().len(), 2);
}

#[test]
fn vzdump_is_told_what_the_job_stores_and_nothing_of_its_schedule() {
    let log = format!("{SAVED_100}{}", SAVED_100.replace("100", "101"));
    let server = server(rights(), &log, ended("OK"));
    let outcome = run(&server, Mode::Apply, json!({}));
    assert_eq!(outcome.failure, None);
    assert_eq!(
        server.written(),
        [
            "POST /nodes/pve1/vzdump all=1&compress=zstd&mode=snapshot&prune-backups=keep-daily%3D7&storage=backups"
        ]
    );
}

#[test]
fn only_the_named_guests_of_the_job_are_saved() {
    let server = server(rights(), SAVED_100, ended("OK"));
    let outcome = run(&server, Mode::Apply, json!({"vmid": [100]}));
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.report["runs"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.written(),
        [
            "POST /nodes/pve1/vzdump compress=zstd&mode=snapshot&prune-backups=keep-daily%3D7&storage=backups&vmid=100"
        ]
    );
    assert_eq!(
        outcome.preview.unwrap().actions,
        ["run backup job `nightly` for 1 guest on pve1"]
    );

    // 102 is there, but not of the job.
    let server = self::server(rights(), "", ended("OK"));
    for mode in [Mode::Check, Mode::Apply] {
        let failure = run(&server, mode, json!({"vmid": [100, 102, 999]}))
            .failure
            .unwrap();
        assert_eq!(failure.exit, Exit::NothingFound);
        assert!(
            failure
                .message
                .contains("does not save guest 102, 999; it saves 100, 101"),
            "{failure}"
        );
    }
    assert_eq!(server.written(), [""; 0]);
}

#[test]
fn from_elsewhere_archives_are_not_verified_and_that_is_no_failure() {
    let log = format!("{SAVED_100}{}", SAVED_100.replace("100", "101"));
    let asked = |over: Value| {
        let server = server(rights(), &log, ended("OK"));
        let outcome = run(&server, Mode::Apply, over);
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.preview.unwrap().warnings, [""; 0]);
        (outcome.report["runs"][0].clone(), server.asked())
    };
    let (guest, calls) = asked(json!({}));
    assert_eq!(guest["verdict"], "not_verified");
    assert_eq!(guest["sha256"], Value::Null);
    assert_eq!(guest["reasons"][0]["id"], "file-elsewhere");
    assert_eq!(guest["reasons"][0]["guest"], 100);
    let (unasked, without) = asked(json!({"verify": false}));
    assert_eq!(unasked["verdict"], Value::Null);
    assert_eq!(unasked["reasons"], json!([]));
    assert_eq!(calls.len(), without.len(), "{calls:#?}");
}

#[test]
fn warnings_are_success() {
    let log = format!("{SAVED_100}{}", SAVED_100.replace("100", "101"));
    let outcome = run(
        &server(rights(), &log, ended("WARNINGS: 2")),
        Mode::Apply,
        json!({}),
    );
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.report["runs"][0]["warnings"], 2);
    let warnings = outcome.preview.unwrap().warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("ended with warnings")),
        "{warnings:?}"
    );
}

#[test]
fn a_guest_that_the_task_passed_over_is_a_failure() {
    let outcome = run(
        &server(rights(), SAVED_100, ended("OK")),
        Mode::Apply,
        json!({}),
    );
    let failure = outcome.failure.unwrap();
    assert!(
        failure
            .message
            .contains("guest 101 on pve1: the task did not save it"),
        "{failure}"
    );
}

#[test]
fn the_time_to_wait_is_a_day_unless_said() {
    let timeout = |over: Value| {
        let arguments = with(json!({"id": "nightly", "state": "run"}), over);
        match testing::spec::<VzdumpJob>(arguments).unwrap() {
            crate::Spec::Run { timeout, .. } => timeout.as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(timeout(json!({})), 86_400);
    assert_eq!(timeout(json!({"timeout": 5})), 5);
    assert!(
        testing::spec::<VzdumpJob>(json!({"id": "nightly", "state": "run", "timeout": 0})).is_err()
    );
}

#[test]
fn check_mode_starts_nothing() {
    let server = server(rights(), "", ended("OK"));
    let outcome = run(&server, Mode::Check, json!({}));
    assert!(outcome.changed);
    assert_eq!(server.written(), [""; 0]);
    assert!(!outcome.report.contains_key("runs"));
    assert_eq!(
        outcome.preview.unwrap().actions,
        ["run backup job `nightly` for 2 guests on pve1"]
    );
}

#[test]
fn a_right_that_is_missing_is_found_before_anything_starts() {
    for (missing, path) in [
        ("VM.Backup", "/vms/100"),
        ("Datastore.AllocateSpace", "/storage/backups"),
        ("Datastore.Allocate", "/storage/backups"),
    ] {
        let mut permissions = rights();
        permissions["/"].as_object_mut().unwrap().remove(missing);
        let server = server(permissions, "", ended("OK"));
        for mode in [Mode::Check, Mode::Apply] {
            let failure = run(&server, mode, json!({})).failure.unwrap();
            assert_eq!(failure.exit, Exit::Refused);
            assert!(
                failure
                    .message
                    .contains(&format!("lacks `{missing}` on `{path}`")),
                "{failure}"
            );
        }
        assert_eq!(server.written(), [""; 0]);
    }
}

#[test]
fn hidden_guests_are_unknown_not_absent() {
    let mut permissions = rights();
    permissions["/"].as_object_mut().unwrap().remove("VM.Audit");
    let failure = run(
        &server(permissions, "", ended("OK")),
        Mode::Apply,
        json!({}),
    )
    .failure
    .unwrap();
    assert!(
        failure
            .message
            .contains("which guests backup job `nightly` saves"),
        "{failure}"
    );
}

#[test]
fn a_job_that_is_not_there_cannot_run() {
    let server = Server::default()
        .answer("GET /access/permissions", rights())
        .answer("GET /cluster/backup", json!([]))
        .refuse(
            "GET /cluster/backup/nightly/included_volumes",
            400,
            "No such job 'nightly'",
        )
        .answer("GET /cluster/resources", json!([]));
    let failure = run(&server, Mode::Apply, json!({})).failure.unwrap();
    assert_eq!(failure.exit, Exit::NothingFound);
}

#[test]
fn other_options_are_refused_by_name() {
    let failure = testing::spec::<VzdumpJob>(
        json!({"id": "nightly", "state": "run", "mode": "stop", "keep_last": 1}),
    )
    .unwrap_err();
    assert!(
        failure.message.contains("but mode, keep_last is given too"),
        "{failure}"
    );
    let failure =
        testing::spec::<VzdumpJob>(json!({"id": "nightly", "state": "absent", "timeout": 5}))
            .unwrap_err();
    assert!(failure.message.starts_with("timeout:"), "{failure}");
    for (option, value) in [("verify", json!(false)), ("ledger", json!("/a"))] {
        for state in ["present", "absent"] {
            let mut arguments = with(nightly_options(), json!({"state": state}));
            arguments[option] = value.clone();
            let failure = testing::spec::<VzdumpJob>(arguments).unwrap_err();
            assert!(
                failure.message.starts_with(&format!("{option}: only")),
                "{failure}"
            );
        }
    }
    let failure = testing::spec::<VzdumpJob>(json!({"id": "a1", "state": "run", "ledger": "/"}));
    assert!(failure.unwrap_err().message.contains("names no file"));
}

fn nightly_options() -> Value {
    json!({"id": "nightly", "schedule": "03:00", "all": true})
}
