//! Whole runs against scripted answers: what is asked, written and returned.

use module_kit::driver::{Mode, Outcome, Registered};
use module_kit::testing::{self, Server};
use module_kit::{Exit, Module};
use pve_client::Identity;
use serde_json::{Value, json};

use crate::PveStorage;

const STORAGES: &str = "GET /storage";

fn server() -> Server {
    Server::default().answer(
        "GET /access/permissions",
        json!({"/storage": {"Datastore.Allocate": 1, "Datastore.Audit": 1}}),
    )
}

fn pbs(username: &str) -> Value {
    json!({
        "storage": "far", "type": "pbs", "server": "pbs", "datastore": "d", "username": username,
        "content": "backup", "digest": "d1", "shared": 1,
    })
}

fn run(server: &Server, mode: Mode, over: Value) -> Outcome {
    let mut options = json!({
        "storage": "far", "type": "pbs",
        "pbs_options": {
            "server": "pbs", "datastore": "d", "username": "u@pbs", "password": "hunter2-is-long",
        },
    });
    let Value::Object(over) = over else {
        panic!("no object")
    };
    options.as_object_mut().unwrap().extend(over);
    let options = testing::options(&PveStorage::DECLARATION, options).unwrap();
    server.with_context(|context| {
        Registered::of::<PveStorage>().run(options, context, mode, &mut |_| Ok(()))
    })
}

#[test]
fn a_storage_is_made_with_its_password_and_read_back() {
    let server = server()
        .answer(STORAGES, json!([]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer("POST /storage", json!({"storage": "far", "type": "pbs"}));
    let outcome = run(&server, Mode::Apply, json!({}));
    assert_eq!(outcome.failure, None);
    assert_eq!(
        server.written(),
        [
            "POST /storage storage=far&type=pbs&content=backup&datastore=d&server=pbs&username=u%40pbs&password=hunter2-is-long"
        ]
    );
    assert_eq!(outcome.report["storage_id"], "far");
    assert_eq!(outcome.report["storage"]["server"], "pbs");
    assert_eq!(outcome.report["path"], Value::Null);
    assert_eq!(outcome.rendered, "Storage far: there.\n");
    let told = format!("{outcome:?}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn check_mode_writes_nothing() {
    let server = server().answer(STORAGES, json!([]));
    let outcome = run(&server, Mode::Check, json!({}));
    assert!(outcome.changed);
    assert_eq!(outcome.report["storage"], Value::Null);
    assert_eq!(outcome.rendered, "Storage far: not there.\n");
    assert_eq!(server.written(), [""; 0]);
}

#[test]
fn a_change_is_guarded_by_the_checksum() {
    let server = server()
        .answer(STORAGES, json!([pbs("other@pbs")]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer("PUT /storage/far", Value::Null);
    let outcome = run(&server, Mode::Apply, json!({"update_password": "always"}));
    assert_eq!(outcome.failure, None);
    assert_eq!(
        server.written(),
        ["PUT /storage/far username=u%40pbs&password=hunter2-is-long&digest=d1"]
    );
    assert_eq!(
        outcome.preview.unwrap().actions,
        ["change storage `far`: set username; write the password"]
    );
}

#[test]
fn an_equal_storage_is_read_only_and_told() {
    let server = server().answer(STORAGES, json!([pbs("u@pbs")]));
    let outcome = run(&server, Mode::Apply, json!({}));
    assert!(!outcome.changed);
    assert_eq!(outcome.report["storage"]["type"], "pbs");
    assert_eq!(server.written(), [""; 0]);
}

#[test]
fn what_the_server_made_something_else_of_needs_a_hand() {
    let server = server()
        .answer(STORAGES, json!([]))
        .answer(STORAGES, json!([pbs("other@pbs")]))
        .answer("POST /storage", Value::Null);
    let outcome = run(&server, Mode::Apply, json!({}));
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.exit, Exit::NeedsAHand);
    assert!(outcome.changed);
    assert!(
        failure
            .message
            .contains("made something else of it (set username)"),
        "{failure}"
    );
}

#[test]
fn a_storage_that_cannot_be_read_back_counts_as_changed() {
    let lost = server()
        .answer(STORAGES, json!([]))
        .answer("POST /storage", Value::Null);
    let outcome = run(&lost, Mode::Apply, json!({}));
    assert_eq!(outcome.failure.unwrap().exit, Exit::NeedsAHand);
    assert!(outcome.changed);
    let down = server()
        .answer(STORAGES, json!([]))
        .refuse(STORAGES, 500, "oops")
        .answer("POST /storage", Value::Null);
    assert_eq!(
        run(&down, Mode::Apply, json!({})).failure.unwrap().exit,
        Exit::NeedsAHand
    );
}

#[test]
fn a_storage_goes_unless_it_changed_meanwhile() {
    let absent = json!({"state": "absent"});
    let gone = server()
        .answer(
            "GET /cluster/backup",
            json!([{"id": "ab", "storage": "other"}]),
        )
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer("DELETE /storage/far", Value::Null);
    let outcome = run(&gone, Mode::Apply, absent.clone());
    assert_eq!(outcome.failure, None);
    assert_eq!(gone.written(), ["DELETE /storage/far"]);
    assert_eq!(outcome.report["storage"], Value::Null);

    let changed = server()
        .answer("GET /cluster/backup", json!([]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer(STORAGES, json!([pbs("other@pbs")]));
    let failure = run(&changed, Mode::Apply, absent.clone()).failure.unwrap();
    assert_eq!(failure.exit, Exit::Refused);
    assert_eq!(changed.written(), [""; 0]);

    let meanwhile = server()
        .answer("GET /cluster/backup", json!([]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer(STORAGES, json!([]));
    assert_eq!(run(&meanwhile, Mode::Apply, absent).failure, None);
    assert_eq!(meanwhile.written(), [""; 0]);
}

#[test]
fn every_way_in_which_a_job_uses_a_storage_counts() {
    for job in [
        json!({"id": "nightly", "storage": "far"}),
        json!({"id": "nightly", "storage": "x", "fleecing": {"enabled": "1", "storage": "far"}}),
    ] {
        let server = server()
            .answer("GET /cluster/backup", json!([job]))
            .answer(STORAGES, json!([pbs("u@pbs")]));
        let failure = run(&server, Mode::Check, json!({"state": "absent"}))
            .failure
            .unwrap();
        assert!(
            failure.message.contains("used by backup job `nightly`"),
            "{failure}"
        );
    }
    // A job that names no storage writes to `local`.
    let server = server()
        .answer("GET /cluster/backup", json!([{"id": "nightly"}]))
        .answer(
            STORAGES,
            json!([{"storage": "local", "type": "dir", "path": "/x"}]),
        );
    let absent = json!({"storage": "local", "state": "absent"});
    let failure = run(&server, Mode::Check, absent).failure.unwrap();
    assert!(
        failure.message.contains("used by backup job `nightly`"),
        "{failure}"
    );
}

#[test]
fn a_storage_that_may_be_hidden_is_unknown() {
    // Another storage is hidden first, and this one too.
    let hidden = Server::default()
        .answer(
            "GET /access/permissions",
            json!({
                "/storage": {"Datastore.Allocate": 1, "Datastore.Audit": 1},
                "/storage/aaa": {"Datastore.Allocate": 1},
                "/storage/far": {"Datastore.Allocate": 1},
            }),
        )
        .answer(STORAGES, json!([]));
    let failure = run(&hidden, Mode::Apply, json!({})).failure.unwrap();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(
        failure
            .message
            .contains("`Datastore.Audit` on `/storage/far`"),
        "{failure}"
    );
    assert_eq!(hidden.written(), [""; 0]);
}

/// Through `pvesh` a call costs 0.6 seconds of processor time, so each run has a budget.
#[test]
fn root_on_a_node_asks_no_more_than_it_must() {
    let root = || {
        Server::asked_by(Identity {
            user: "root@pam".to_owned(),
            token: None,
        })
    };
    let calls = |server: Server, over: Value| {
        let outcome = run(&server, Mode::Apply, over);
        assert_eq!(outcome.failure, None);
        server.asked().len()
    };
    let present = root()
        .answer(STORAGES, json!([]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer("POST /storage", Value::Null);
    assert_eq!(calls(present, json!({})), 3, "present");
    let there = || root().answer(STORAGES, json!([pbs("u@pbs")]));
    assert_eq!(calls(there(), json!({})), 1, "unchanged");
    let changed = root()
        .answer(STORAGES, json!([pbs("other@pbs")]))
        .answer(STORAGES, json!([pbs("u@pbs")]))
        .answer("PUT /storage/far", Value::Null);
    assert_eq!(calls(changed, json!({})), 3, "changed");
    let absent = there()
        .answer("GET /cluster/backup", json!([]))
        .answer("DELETE /storage/far", Value::Null);
    let gone = json!({"state": "absent"});
    assert_eq!(calls(absent, gone), 4, "absent");
    let token = server().answer(STORAGES, json!([pbs("u@pbs")]));
    assert_eq!(
        calls(token, json!({})),
        2,
        "a token asks for its rights once"
    );
}
