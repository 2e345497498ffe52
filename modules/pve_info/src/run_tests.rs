//! Whole runs against scripted answers.

use module_kit::driver::{Mode, Outcome, Registered};
use module_kit::testing::{self, Server};
use module_kit::{Exit, Module};
use serde_json::{Value, json};

use crate::PveInfo;

fn run(server: &Server, options: Value) -> Outcome {
    let options = testing::options(&PveInfo::DECLARATION, options).unwrap();
    server.with_context(|context| {
        Registered::of::<PveInfo>().run(options, context, Mode::Apply, &mut |_| Ok(()))
    })
}

fn resources() -> Value {
    json!([
        {"type": "node", "node": "pve1", "status": "online"},
        {"type": "storage", "storage": "local", "node": "pve1", "status": "available",
         "plugintype": "dir", "content": "backup,iso", "disk": 401, "maxdisk": 1000},
        {"type": "storage", "storage": "away", "node": "pve1", "status": "unknown", "disk": 0, "maxdisk": 0},
        {"type": "qemu", "vmid": 101, "name": "web", "node": "pve1", "status": "running", "tags": "a;b"},
    ])
}

#[test]
fn everything_is_told_and_nothing_written() {
    let server = Server::default()
        .answer(
            "GET /version",
            json!({"version": "8.4.21", "release": "8.4"}),
        )
        .answer("GET /cluster/resources", resources())
        .answer(
            "GET /access/permissions",
            json!({"/vms": {"VM.Audit": 1}, "/storage": {"Datastore.Audit": 1}}),
        );
    let outcome = run(&server, json!({}));
    assert_eq!(outcome.failure, None);
    assert!(!outcome.changed);
    let report = &outcome.report;
    assert_eq!(report["major"], 8);
    assert_eq!(report["storages"][1]["used_percent"], 41);
    assert_eq!(report["storages"][1]["free"], 599);
    assert_eq!(report["storages"][1]["content"], json!(["backup", "iso"]));
    assert_eq!(report["storages"][0]["available"], false);
    assert_eq!(report["storages"][0]["used_percent"], Value::Null);
    assert_eq!(report["guests"][0]["tags"], json!(["a", "b"]));
    assert_eq!(report["unknown"], json!([]));
    assert_eq!(server.written(), [""; 0]);
    insta::assert_snapshot!(outcome.rendered, @r"
    Proxmox VE 8.4.21
    node pve1: online
    storage away on pve1: not reported: not available, or only just made
    storage local on pve1: 41 % in use
    guest 101 (web) on pve1: running
    ");
}

#[test]
fn what_may_be_hidden_is_named() {
    let server = Server::default()
        .answer("GET /version", json!({"version": "9.0.3"}))
        .answer("GET /cluster/resources", json!([]))
        .answer("GET /access/permissions", json!({}));
    let outcome = run(&server, json!({}));
    let unknown = outcome.report["unknown"].as_array().unwrap();
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(
        outcome.rendered.contains("not known: "),
        "{}",
        outcome.rendered
    );
}

#[test]
fn a_server_that_refuses_is_a_failure() {
    let server = Server::default()
        .refuse("GET /version", 401, "no ticket")
        .answer("GET /cluster/resources", json!([]))
        .answer("GET /access/permissions", json!({}));
    let failure = run(&server, json!({})).failure.unwrap();
    assert_ne!(failure.exit, Exit::Done);
    assert!(failure.message.contains("version"), "{failure}");
}
