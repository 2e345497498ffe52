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

#[test]
fn nodes_of_a_cluster_share_what_the_api_changes() {
    let folder = tempfile::tempdir().unwrap();
    let config = LabConfig::new(folder.path()).as_cluster();
    let lab = Lab::start(&config.sharing("/mnt/pve/nas")).unwrap();
    let [first, second, third] = lab.nodes() else {
        panic!("three nodes")
    };
    let secret = first.add_token("root@pam!t1", Separation::Shared).unwrap();
    let [one, two] = [first, second].map(|node| Api::new(node, "root@pam!t1", &secret));
    let create = [
        ("storage", "nas"),
        ("type", "nfs"),
        ("server", "192.0.2.9"),
        ("export", "/x"),
        ("content", "backup,images"),
    ];
    one.post("/storage", &create).data();
    assert_eq!(two.get("/storage/nas").data()["path"], "/mnt/pve/nas");
    let disk = [
        ("name", "a"),
        ("tags", "web"),
        ("scsi0", "nas:200/vm-200-disk-0.raw,size=1M"),
    ];
    second.add_guest(200, GuestKind::Qemu, &disk).unwrap();
    second.set_running(200, Power::Running);
    assert_eq!(
        first.local("/mnt/pve/nas/images/200/vm-200-disk-0.raw"),
        second.local("/mnt/pve/nas/images/200/vm-200-disk-0.raw")
    );

    // A guest is on one node, and only there; requests for it are passed on.
    let of = |api: &Api, path: &str| api.get(path).data().as_array().unwrap().clone();
    let guests = |api: &Api| {
        of(api, "/cluster/resources?type=vm")
            .iter()
            .map(|guest| {
                let word = |key: &str| guest[key].as_str().unwrap_or("-").to_owned();
                (word("node"), word("name"), word("status"))
            })
            .collect::<Vec<_>>()
    };
    let words = |node: &str, name: &str, status: &str| {
        vec![(node.to_owned(), name.to_owned(), status.to_owned())]
    };
    assert_eq!(guests(&one), words("pve-lab", "a", "running"));
    assert_eq!(guests(&one), guests(&two));
    assert_eq!(
        of(&one, "/nodes/pve-prod/qemu"),
        Vec::<serde_json::Value>::new()
    );
    assert_eq!(of(&one, "/nodes/pve-lab/qemu").len(), 1);
    assert_eq!(
        one.get("/nodes/pve-lab/qemu/200/config").data()["name"],
        "a"
    );
    assert_eq!(
        one.get("/nodes/pve-prod/qemu/200/config").reason,
        "Configuration file 'nodes/pve-prod/qemu-server/200.conf' does not exist"
    );
    assert!(second.guest_endpoint(200).is_some() && first.guest_endpoint(200).is_none());
    assert_eq!(one.get("/cluster/nextid").data(), "100");
    // A task of another node runs there, and everybody hears of it.
    let upid = one.post(
        "/nodes/pve-lab/vzdump",
        &[("vmid", "200"), ("storage", "nas")],
    );
    let upid = upid.data().as_str().unwrap().to_owned();
    assert!(upid.starts_with("UPID:pve-lab:"), "{upid}");
    let listed = of(&Api::new(third, "root@pam!t1", &secret), "/cluster/tasks");
    assert_eq!(listed[0]["upid"], *upid);
    // Each guest is saved by its own node.
    let status = format!("/nodes/pve-lab/tasks/{upid}/status");
    while two.get(&status).data()["status"] == "running" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(two.get(&status).data()["exitstatus"], "OK");
    for node in ["pve-prod", "pve-lab"] {
        let path = format!("/nodes/{node}/storage/nas/content?content=backup");
        assert_eq!(of(&one, &path).len(), 1, "{node}");
    }

    // Of a node that is down the others know what is written, and nothing of its state.
    second.down().unwrap();
    assert_eq!(guests(&one), words("pve-lab", "-", "unknown"));
    let nodes: Vec<_> = of(&one, "/nodes")
        .iter()
        .map(|node| node["status"].clone())
        .collect();
    assert_eq!(nodes, ["online", "offline", "online"]);
    let storages = of(&one, "/cluster/resources?type=storage");
    let unknown: Vec<_> = storages
        .iter()
        .filter(|entry| entry["status"] == "unknown")
        .collect();
    assert_eq!((unknown.len(), storages.len()), (2, 6));
    assert!(unknown.iter().all(|entry| entry["node"] == "pve-lab"));
    let refused = one.get("/nodes/pve-lab/status");
    assert_eq!(
        (refused.status, refused.reason.as_str()),
        (595, "No route to host")
    );
    second.up().unwrap();
    assert_eq!(guests(&one), words("pve-lab", "a", "running"));
}
