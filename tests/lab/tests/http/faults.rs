//! Faults, the journal, nodes that go down, and the program itself.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reprise_lab::{Fault, FaultRule, Separation};
use serde_json::{Value, json};

use crate::support::{Api, OneNode, send};

fn start() -> (OneNode, Api) {
    let lab = OneNode::start();
    let secret = lab
        .node()
        .add_token("root@pam!t1", Separation::Shared)
        .unwrap();
    let api = Api::new(lab.node(), "root@pam!t1", &secret);
    (lab, api)
}

const JOB: [(&str, &str); 3] = [("id", "j1"), ("all", "1"), ("schedule", "daily")];

#[test]
fn a_cut_before_leaves_nothing_and_a_cut_after_leaves_the_job() {
    let (lab, api) = start();
    let post = || send(api.request("POST", "/cluster/backup").form(&JOB));
    lab.node().inject(
        FaultRule::new("/cluster/backup", Fault::CutBefore)
            .on_method("POST")
            .times(1),
    );
    assert!(post().is_err());
    assert_eq!(api.get("/cluster/backup").data(), json!([]));
    lab.node().inject(
        FaultRule::new("/cluster/backup", Fault::CutAfterProcessing)
            .on_method("POST")
            .times(1),
    );
    assert!(post().is_err());
    assert_eq!(api.get("/cluster/backup/j1").data()["id"], "j1");
    assert_eq!(post().unwrap().reason, "Job 'j1' already exists");
}

#[test]
fn an_answer_can_break_off_in_its_middle() {
    let (lab, api) = start();
    lab.node()
        .inject(FaultRule::new("/version", Fault::CutBody(5)).times(1));
    let error = send(api.request("GET", "/version")).unwrap_err();
    assert!(
        error.is_body() || error.is_decode() || error.is_request(),
        "{error:?}"
    );
    assert_eq!(api.get("/version").status, 200);
}

#[test]
fn errors_of_the_web_server_and_delays_come_on_request() {
    let (lab, api) = start();
    lab.node()
        .inject(FaultRule::new("/version", Fault::gateway_timeout()).times(2));
    assert_eq!(api.get("/version").status, 596);
    assert_eq!(api.get("/version").reason, "Connection timed out");
    assert_eq!(api.get("/version").status, 200);
    lab.node().inject(FaultRule::new(
        "/version",
        Fault::Delay(Duration::from_millis(300)),
    ));
    let before = Instant::now();
    assert_eq!(api.get("/version").status, 200);
    assert!(before.elapsed() >= Duration::from_millis(300));
    lab.node().clear_faults();
}

#[test]
fn a_node_goes_down_and_comes_back_on_its_port() {
    let (lab, api) = start();
    assert_eq!(api.get("/version").status, 200);
    lab.node().down().unwrap();
    assert!(
        send(api.request("GET", "/version"))
            .unwrap_err()
            .is_connect()
    );
    lab.node().up().unwrap();
    assert_eq!(api.get("/version").status, 200);
}

#[test]
fn the_journal_tells_writes_from_reads_and_keeps_what_was_sent() {
    let (lab, api) = start();
    api.get("/cluster/backup?x=1");
    api.post("/cluster/backup", &JOB);
    let journal = lab.node().journal();
    let brief: Vec<_> = journal
        .iter()
        .map(|entry| {
            (
                entry.method.as_str(),
                entry.path.as_str(),
                entry.status,
                entry.is_write(),
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            ("GET", "/cluster/backup", 400, false),
            ("POST", "/cluster/backup", 200, true)
        ]
    );
    assert_eq!(journal[1].identity.as_deref(), Some("root@pam!t1"));
    assert_eq!(journal[1].parameters.text("schedule"), Some("daily"));
    assert!(journal[1].raw.contains("id=j1&all=1"));
    lab.node().clear_journal();
    assert!(lab.node().journal().is_empty());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the program itself is what is tested here"
)]
fn the_program_says_when_it_is_ready_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_reprise-lab"))
        .args(["up", "--until-stdin-closes", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("lab ready: 3 nodes, "), "{line}");
    let description = folder.path().join("lab.json");
    let mode = description.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lab: Value = serde_json::from_slice(&std::fs::read(&description).unwrap()).unwrap();
    let node = &lab["nodes"][0];
    assert_eq!(
        (&node["name"], &node["user"]),
        (&json!("pve-prod"), &json!("root@pam"))
    );
    assert_eq!(node["fingerprint"].as_str().unwrap().len(), 95);
    assert!(
        node["tokens"]["root@pam!reprise"].is_string()
            && node["tokens"]["backup@pve!cli"].is_string()
    );
    assert_eq!(
        node["storages"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        ["local"]
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!description.exists());
}
