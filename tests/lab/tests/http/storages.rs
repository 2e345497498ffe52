//! Storages: definitions, their state on the node, and the archives on them.

use std::time::Duration;

use reprise_lab::{ArchiveSeed, Separation};
use serde_json::json;

use crate::support::{Api, NOON, OneNode};

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
fn a_new_folder_appears_under_the_root_of_the_node_and_nowhere_else() {
    let (lab, api) = start();
    let create = [
        ("storage", "b1"),
        ("type", "dir"),
        ("path", "/../../x/../srv/b1"),
        ("content", "backup"),
    ];
    assert_eq!(
        api.post("/storage", &create).data(),
        json!({"storage": "b1", "type": "dir"})
    );
    assert!(lab.node().root().join("srv/b1/dump").is_dir());
    let mut names: Vec<_> = std::fs::read_dir(lab.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["pve1"]);
}

#[test]
fn passwords_and_secrets_do_not_come_back() {
    let (_lab, api) = start();
    let create = [
        ("storage", "c1"),
        ("type", "cifs"),
        ("server", "10.0.0.5"),
        ("share", "backup"),
        ("username", "u"),
        ("password", "geheim-17"),
        ("content", "backup"),
    ];
    api.post("/storage", &create).data();
    let answer = api.get("/storage/c1");
    assert!(!answer.text.contains("geheim-17"), "{}", answer.text);
    assert_eq!(answer.data()["path"], "/mnt/pve/c1");
    let answer = api.put("/storage/c1", &[("server", "10.0.0.6")]);
    assert_eq!(
        answer.reason,
        "update storage failed: can't change value of fixed parameter 'server'"
    );
    assert_eq!(api.put("/storage/c1", &[("share", "x")]).status, 400);
    let pbs = [
        ("storage", "p1"),
        ("type", "pbs"),
        ("server", "pbs.example.com"),
        ("datastore", "d"),
        ("username", "u@pbs"),
    ];
    api.post("/storage", &pbs).data();
    assert_eq!(api.get("/storage/p1").data()["content"], "backup");
    let nfs = [("storage", "n1"), ("type", "nfs"), ("server", "10.0.0.5")];
    assert_eq!(
        api.post("/storage", &nfs).reason,
        "missing value for required option 'export'"
    );
}

#[test]
fn a_new_storage_is_unknown_to_the_cluster_until_the_status_daemon_comes_by() {
    let lab = OneNode::with(|config| config.with_storage_report(Duration::from_secs(10)));
    let secret = lab
        .node()
        .add_token("root@pam!t1", Separation::Shared)
        .unwrap();
    let api = Api::new(lab.node(), "root@pam!t1", &secret);
    let state = || {
        let listed = api.get("/cluster/resources?type=storage").data();
        let storages = listed.as_array().unwrap();
        let found = storages.iter().find(|entry| entry["storage"] == "b1");
        let found = found.unwrap().clone();
        let has_figures = found.get("maxdisk").is_some() && found.get("disk").is_some();
        (found["status"].as_str().unwrap().to_owned(), has_figures)
    };
    let unknown = ("unknown".to_owned(), false);
    let available = ("available".to_owned(), true);
    let create = [("storage", "b1"), ("type", "dir"), ("path", "/srv/b1")];
    api.post("/storage", &create).data();
    assert_eq!(state(), unknown);
    // The node itself knows it at once.
    let own = api.get("/nodes/pve1/storage/b1/status").data();
    assert_eq!(
        (&own["active"], own["total"].as_u64().unwrap() > 0),
        (&json!(1), true)
    );
    lab.clock.set(NOON + 9);
    assert_eq!(state(), unknown);
    lab.clock.set(NOON + 10);
    assert_eq!(state(), available);
    // A change of it is none of its state, but one that was switched off is found anew.
    api.put("/storage/b1", &[("content", "backup")]).data();
    assert_eq!(state(), available);
    api.put("/storage/b1", &[("disable", "1")]).data();
    api.put("/storage/b1", &[("disable", "0")]).data();
    assert_eq!(state(), unknown);
}

#[test]
fn a_digest_protects_against_the_changes_of_others() {
    let (_lab, api) = start();
    let digest = api.get("/storage/local").data()["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    api.put(
        "/storage/local",
        &[("digest", &digest), ("max-protected-backups", "1")],
    )
    .data();
    let answer = api.put(
        "/storage/local",
        &[("digest", &digest), ("max-protected-backups", "2")],
    );
    assert_eq!(
        answer.reason,
        "update storage failed: detected modified configuration - file changed by other user? Try again."
    );
}

#[test]
fn the_state_of_a_storage_says_what_is_wrong() {
    let (lab, api) = start();
    lab.node().set_capacity("local", 1000, 900);
    let status = api.get("/nodes/pve1/storage/local/status").data();
    assert_eq!(
        (&status["total"], &status["used"], &status["avail"]),
        (&json!(1000), &json!(900), &json!(100))
    );
    api.put("/storage/local", &[("disable", "1")]).data();
    let status = api.get("/nodes/pve1/storage/local/status").data();
    assert_eq!(
        (&status["active"], &status["enabled"], &status["total"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(
        api.get("/nodes/pve1/storage/local/content").reason,
        "storage 'local' is disabled"
    );
    assert_eq!(
        api.get("/nodes/pve1/storage/x1/status").error("storage"),
        "No such storage."
    );
    assert_eq!(
        api.get("/nodes/pve1/storage/x1/content").reason,
        "storage 'x1' does not exist"
    );
    let answer = api.get("/nodes/other/storage");
    assert_eq!(answer.status, 500);
    assert!(
        answer
            .reason
            .starts_with("hostname lookup 'other' failed - failed to get address info for: other:")
    );
}

#[test]
fn mount_points_must_be_mounted() {
    let (lab, api) = start();
    let create = [
        ("storage", "m1"),
        ("type", "dir"),
        ("path", "/mnt/usb"),
        ("is_mountpoint", "1"),
        ("content", "backup"),
    ];
    assert_eq!(
        api.post("/storage", &create).reason,
        "create storage failed: unable to activate storage 'm1' - directory is expected to be a mount point but is not mounted: '/mnt/usb'"
    );
    lab.node().mount("/mnt/usb").unwrap();
    api.post("/storage", &create).data();
}

#[test]
fn archives_are_listed_with_the_first_line_of_their_notes() {
    let (lab, api) = start();
    let name = "vzdump-qemu-100-2026_11_20-01_00_00.vma.zst";
    let seed = ArchiveSeed::new(name)
        .with_size(700)
        .with_notes("first\nsecond")
        .protected()
        .with_log("INFO\n");
    let path = lab.node().add_archive("local", &seed).unwrap();
    assert!(
        path.with_file_name("vzdump-qemu-100-2026_11_20-01_00_00.log")
            .exists()
    );
    lab.node()
        .add_archive(
            "local",
            &ArchiveSeed::new("vzdump-lxc-101-2026_11_20-01_00_00.tar.xz"),
        )
        .unwrap();
    assert_eq!(
        api.get("/nodes/pve1/storage/local/content").data(),
        json!([{"volid": format!("local:backup/{name}"), "content": "backup", "format": "vma.zst", "subtype": "qemu",
                "size": 700, "ctime": 1_795_136_400, "vmid": 100, "protected": 1, "notes": "first"}])
    );
    let volume = format!("/nodes/pve1/storage/local/content/local:backup/{name}");
    let data = api.get(&volume).data();
    assert_eq!(
        (&data["size"], &data["format"], &data["notes"]),
        (&json!(1024), &json!("raw"), &json!("first\nsecond"))
    );
    api.put(&volume, &[("notes", ""), ("protected", "0")])
        .data();
    let data = api.get(&volume).data();
    assert_eq!(
        (&data["notes"], &data["protected"]),
        (&json!(""), &json!(0))
    );
}

#[test]
fn notes_on_a_missing_archive_leave_a_stray_file() {
    let (lab, api) = start();
    let volume = "vzdump-qemu-999-2026_11_20-01_00_00.vma.zst";
    let path = format!("/nodes/pve1/storage/local/content/local:backup/{volume}");
    assert_eq!(api.put(&path, &[("notes", "x")]).status, 200);
    assert!(
        lab.node()
            .local(&format!("/var/lib/vz/dump/{volume}.notes"))
            .exists()
    );
    let answer = api.get(&path);
    assert_eq!(
        answer.reason,
        format!("volume_size_info on 'local:backup/{volume}' failed - no format")
    );
}

#[test]
fn a_dry_run_of_prune_shows_what_an_auditor_may_not_list() {
    let (lab, api) = start();
    let node = lab.node();
    for name in [
        "vzdump-qemu-100-2026_11_18-01_00_00.vma.zst",
        "vzdump-qemu-100-2026_11_19-01_00_00.vma.zst",
        "vzdump-qemu-100-old.vma.zst",
    ] {
        node.add_archive("local", &ArchiveSeed::new(name)).unwrap();
    }
    let marks = |api: &Api| {
        let list = api
            .get("/nodes/pve1/storage/local/prunebackups?prune-backups=keep-last%3D1")
            .data();
        let marks = list
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["mark"].as_str().unwrap().to_owned());
        marks.collect::<Vec<_>>()
    };
    assert_eq!(marks(&api), ["remove", "keep", "renamed"]);
    node.add_user("aud@pve", "x");
    node.grant("/", "aud@pve", "PVEAuditor");
    let secret = node.add_token("aud@pve!ro", Separation::Shared).unwrap();
    let auditor = Api::new(node, "aud@pve!ro", &secret);
    assert_eq!(
        auditor.get("/nodes/pve1/storage/local/content").data(),
        json!([])
    );
    assert_eq!(marks(&auditor), ["remove", "keep", "renamed"]);
}
