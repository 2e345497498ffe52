//! What shows the node: resources, guests, pools, next id; and the paths not served yet.

use reprise_lab::{GuestKind, Lab, LabConfig, Power, Separation};
use serde_json::json;

use crate::support::{Api, OneNode};

fn start() -> (OneNode, Api) {
    let lab = OneNode::start();
    let secret = lab
        .node()
        .add_token("root@pam!t1", Separation::Shared)
        .unwrap();
    let api = Api::new(lab.node(), "root@pam!t1", &secret);
    (lab, api)
}

#[test]
fn guests_appear_in_all_lists_with_their_types() {
    let (lab, api) = start();
    let node = lab.node();
    node.add_guest(
        100,
        GuestKind::Qemu,
        &[
            ("memory", "1024"),
            ("tags", "a;b"),
            ("scsi0", "local:100/d.raw,size=2G"),
        ],
    )
    .unwrap();
    node.add_guest(
        101,
        GuestKind::Lxc,
        &[
            ("hostname", "ct"),
            ("memory", "64"),
            ("rootfs", "local:101/r.raw,size=1G"),
        ],
    )
    .unwrap();
    node.set_running(100, Power::Running);
    node.add_pool("p1", &[100]);
    let entries = api.get("/cluster/resources?type=vm").data();
    assert_eq!(entries[0]["name"], "VM 100");
    assert_eq!(
        (
            &entries[0]["status"],
            &entries[0]["pool"],
            &entries[0]["tags"]
        ),
        (&json!("running"), &json!("p1"), &json!("a;b"))
    );
    assert_eq!(
        (&entries[0]["maxmem"], &entries[0]["maxdisk"]),
        (&json!(1024_u64 << 20), &json!(2_u64 << 30))
    );
    // Memory is text in the configuration of a VM and a number in that of a container.
    assert_eq!(
        api.get("/nodes/pve1/qemu/100/config").data()["memory"],
        "1024"
    );
    assert_eq!(api.get("/nodes/pve1/lxc/101/config").data()["memory"], 64);
    let answer = api.get("/nodes/pve1/qemu/999/config");
    assert_eq!(
        (answer.status, answer.reason.as_str()),
        (
            500,
            "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist"
        )
    );
    // A machine that is not there gets no snapshot task.
    let answer = api.post("/nodes/pve1/qemu/999/snapshot", &[("snapname", "s1")]);
    assert_eq!(answer.status, 500, "{}", answer.reason);
    assert_eq!(api.get("/cluster/nextid").data(), "102");
    assert_eq!(
        api.get("/cluster/nextid?vmid=100").error("vmid"),
        "VM 100 already exists"
    );
    assert_eq!(
        api.get("/nodes").data()[0]["ssl_fingerprint"],
        node.fingerprint()
    );
    assert_eq!(
        api.get("/nodes/pve1/status").data()["memory"]["total"],
        32_u64 << 30
    );
    assert_eq!(api.get("/cluster/tasks").data(), json!([]));
}

#[test]
fn pools_are_made_filled_and_removed() {
    let (lab, api) = start();
    lab.node().add_guest(100, GuestKind::Qemu, &[]).unwrap();
    api.post("/pools", &[("poolid", "p1"), ("comment", "c")])
        .data();
    api.put("/pools/p1", &[("vms", "100"), ("storage", "local")])
        .data();
    assert_eq!(
        api.get("/pools").data(),
        json!([{"poolid": "p1", "comment": "c"}])
    );
    let members = api.get("/pools/p1").data()["members"].clone();
    assert_eq!(
        (&members[0]["vmid"], &members[1]["storage"]),
        (&json!(100), &json!("local"))
    );
    assert_eq!(
        api.delete("/pools/p1").reason,
        "delete pool failed: pool 'p1' is not empty"
    );
    api.put(
        "/pools/p1",
        &[("vms", "100"), ("storage", "local"), ("delete", "1")],
    )
    .data();
    api.delete("/pools/p1").data();
    assert_eq!(api.get("/pools/p1").reason, "pool 'p1' does not exist");
}

#[test]
fn what_is_not_served_answers_as_unknown_paths_do() {
    let (_lab, api) = start();
    for (method, path) in [
        ("GET", "/foo/bar"),
        ("PUT", "/cluster/backup"),
        ("GET", "/nodes/pve1/aplinfo"),
    ] {
        let answer = api.form(method, path, &[]);
        assert_eq!(answer.status, 501);
        assert_eq!(
            answer.json()["message"],
            format!("Method '{method} {path}' not implemented")
        );
    }
}

#[test]
fn nodes_of_a_lab_share_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::start(&LabConfig::new(folder.path())).unwrap();
    let names: Vec<_> = lab.nodes().iter().map(reprise_lab::Node::name).collect();
    assert_eq!(names, ["pve-prod", "pve-lab", "pve-mon"]);
    let [first, second, _] = lab.nodes() else {
        panic!("three nodes")
    };
    let secret = first.add_token("root@pam!t1", Separation::Shared).unwrap();
    assert_eq!(
        Api::new(first, "root@pam!t1", &secret)
            .get("/version")
            .status,
        200
    );
    assert_eq!(
        Api::new(second, "root@pam!t1", &secret)
            .get("/version")
            .status,
        401
    );
    assert_ne!(first.fingerprint(), second.fingerprint());
    assert!(lab.node("nope").is_err());
}
