//! Jobs: what PVE does to them that a client would not expect.

use reprise_lab::{GuestKind, Lab, LabConfig, NodeConfig, Separation};
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
fn put_replaces_selections_silently() {
    let (_lab, api) = start();
    let create = [
        ("id", "j1"),
        ("vmid", "100,101"),
        ("schedule", "mon..fri 21:00"),
        ("prune-backups", "keep-last=3"),
    ];
    assert_eq!(api.post("/cluster/backup", &create).data(), json!(null));
    assert_eq!(
        api.get("/cluster/backup/j1").data(),
        json!({"id": "j1", "type": "vzdump", "enabled": 1, "vmid": "100,101",
               "schedule": "mon..fri 21:00", "prune-backups": {"keep-last": "3"}})
    );
    api.put("/cluster/backup/j1", &[("exclude", "110")]).data();
    let job = api.get("/cluster/backup/j1").data();
    assert_eq!(
        (&job["all"], &job["exclude"], job.get("vmid")),
        (&json!(1), &json!("110"), None)
    );
    api.put("/cluster/backup/j1", &[("vmid", "105")]).data();
    let job = api.get("/cluster/backup/j1").data();
    assert_eq!((job.get("all"), job.get("exclude")), (None, None));
    let answer = api.put("/cluster/backup/j1", &[("delete", "vmid")]);
    assert_eq!(
        (answer.status, answer.reason.as_str()),
        (500, "400 Parameter verification failed.")
    );
    assert_eq!(
        answer.json()["message"],
        "400 Parameter verification failed.\nvmid: property is missing\n"
    );
    assert_eq!(answer.json().get("errors"), None);
}

#[test]
fn one_bad_start_time_poisons_all_jobs_until_it_is_overwritten() {
    let (_lab, api) = start();
    api.post(
        "/cluster/backup",
        &[("id", "ok1"), ("all", "1"), ("schedule", "daily")],
    )
    .data();
    api.post(
        "/cluster/backup",
        &[("id", "bad"), ("all", "1"), ("starttime", "25:99")],
    )
    .data();
    assert_eq!(
        api.get("/cluster/backup").data().as_array().unwrap().len(),
        1
    );
    assert_eq!(
        api.get("/cluster/backup/bad").error("id"),
        "No such job 'bad'"
    );
    assert_eq!(
        api.put("/cluster/backup/bad", &[("schedule", "daily")])
            .reason,
        "no such vzdump job"
    );
    for answer in [
        api.put("/cluster/backup/ok1", &[("comment", "c")]),
        api.delete("/cluster/backup/ok1"),
        api.post(
            "/cluster/backup",
            &[("id", "j2"), ("all", "1"), ("schedule", "daily")],
        ),
    ] {
        assert_eq!(
            (answer.status, answer.reason.as_str()),
            (500, "unknown section type ''")
        );
    }
    api.post(
        "/cluster/backup",
        &[("id", "bad"), ("all", "1"), ("schedule", "daily")],
    )
    .data();
    api.put("/cluster/backup/ok1", &[("comment", "c")]).data();
}

#[test]
fn ids_over_fifty_characters_can_be_made_and_never_changed() {
    let (_lab, api) = start();
    let id = "x".repeat(51);
    api.post(
        "/cluster/backup",
        &[("id", &id), ("all", "1"), ("schedule", "daily")],
    )
    .data();
    for method in ["GET", "DELETE"] {
        let answer =
            crate::support::send(api.request(method, &format!("/cluster/backup/{id}"))).unwrap();
        assert_eq!(answer.error("id"), "value may only be 50 characters long");
    }
}

#[test]
fn without_an_id_the_answer_does_not_say_which_was_made() {
    let (_lab, api) = start();
    assert_eq!(
        api.post("/cluster/backup", &[("all", "1"), ("schedule", "daily")])
            .text,
        r#"{"data":null}"#
    );
    let id = api.get("/cluster/backup").data()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!((id.len(), id.matches('-').count()), (36, 4));
}

#[test]
fn the_next_run_is_in_the_list_only_and_in_the_zone_of_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let config = LabConfig::new(folder.path())
        .with_clock(reprise_lab::Clock::fixed(NOON))
        .with_nodes(vec![NodeConfig::new("pve1").in_zone("Europe/Vienna")]);
    let lab = Lab::start(&config).unwrap();
    let node = lab.node("pve1").unwrap();
    let secret = node.add_token("root@pam!t1", Separation::Shared).unwrap();
    let api = Api::new(node, "root@pam!t1", &secret);
    node.add_job("a1", &[("all", "1"), ("schedule", "21:00")]);
    node.add_job(
        "a2",
        &[("all", "1"), ("schedule", "2020-01-01"), ("enabled", "0")],
    );
    node.add_job(
        "a3",
        &[("all", "1"), ("schedule", "21:00 UTC"), ("enabled", "0")],
    );
    let jobs = api.get("/cluster/backup").data();
    assert_eq!(jobs[0]["next-run"], NOON + 8 * 3600);
    assert_eq!(jobs[1].get("next-run"), None);
    assert_eq!(jobs[2]["next-run"], NOON + 9 * 3600);
    assert_eq!(api.get("/cluster/backup/a1").data().get("next-run"), None);
}

#[test]
fn coverage_names_disks_that_are_left_out() {
    let (lab, api) = start();
    let node = lab.node();
    node.add_guest(
        100,
        GuestKind::Qemu,
        &[
            ("scsi0", "local:100/a.raw,size=1G"),
            ("scsi1", "local:100/b.raw,backup=0,size=1G"),
        ],
    )
    .unwrap();
    node.add_guest(
        101,
        GuestKind::Lxc,
        &[
            ("hostname", "c"),
            ("rootfs", "local:101/r.raw,size=1G"),
            ("mp0", "/srv,mp=/srv"),
        ],
    )
    .unwrap();
    node.add_job(
        "j1",
        &[("vmid", "100,999"), ("schedule", "daily"), ("enabled", "0")],
    );
    let children = api.get("/cluster/backup/j1/included_volumes").data()["children"].clone();
    assert_eq!(children[0]["name"], json!(null));
    assert_eq!(
        children[0]["children"][1],
        json!({"id": "100:scsi1", "name": "local:100/b.raw", "included": 0, "reason": "backup=no", "leaf": 1})
    );
    assert_eq!(
        children[1],
        json!({"id": 999, "type": "unknown", "leaf": 1})
    );
    // A job that is switched off covers all the same.
    assert_eq!(
        api.get("/cluster/backup-info/not-backed-up").data(),
        json!([{"vmid": 101, "type": "lxc", "name": "c"}])
    );
}
