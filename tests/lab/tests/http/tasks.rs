//! Tasks over https: real backups, real restores, and what can go wrong in the middle.

use std::time::Duration;

use reprise_lab::{GuestKind, Node, Power, Separation, TaskFault, TaskFaultRule};
use serde_json::Value;

use crate::support::{Api, OneNode};

fn start() -> (OneNode, Api) {
    let lab = OneNode::start();
    let node = lab.node();
    node.add_storage(
        "disks",
        "dir",
        &[("path", "/disks"), ("content", "images,rootdir")],
    )
    .unwrap();
    node.add_guest(
        100,
        GuestKind::Qemu,
        &[
            ("name", "web"),
            ("memory", "128"),
            ("scsi0", "disks:100/vm-100-disk-0.raw,size=1M"),
            ("scsi1", "disks:100/vm-100-disk-1.raw,backup=0,size=1M"),
        ],
    )
    .unwrap();
    node.add_guest(
        200,
        GuestKind::Lxc,
        &[
            ("hostname", "db"),
            ("rootfs", "disks:200/vm-200-disk-0.raw,size=1G"),
            (
                "mp0",
                "disks:200/vm-200-disk-1.raw,mp=/data,backup=0,size=1G",
            ),
        ],
    )
    .unwrap();
    let secret = node.add_token("root@pam!t1", Separation::Shared).unwrap();
    let api = Api::new(node, "root@pam!t1", &secret);
    (lab, api)
}

fn finish(api: &Api, upid: &Value) -> String {
    let upid = upid.as_str().unwrap();
    for _ in 0..400 {
        let status = api.get(&format!("/nodes/pve1/tasks/{upid}/status")).data();
        if status["status"] == "stopped" {
            return status["exitstatus"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{upid} does not end");
}

fn log(api: &Api, upid: &Value) -> String {
    let path = format!("/nodes/pve1/tasks/{}/log?limit=0", upid.as_str().unwrap());
    let lines = api.get(&path).data();
    let mut text = String::new();
    for line in lines.as_array().unwrap() {
        text.push_str(line["t"].as_str().unwrap());
        text.push('\n');
    }
    text
}

fn run(api: &Api, path: &str, pairs: &[(&str, &str)]) -> (String, String) {
    let upid = api.post(path, pairs).data();
    let status = finish(api, &upid);
    (status, log(api, &upid))
}

fn backups(api: &Api) -> Vec<String> {
    let list = api
        .get("/nodes/pve1/storage/local/content?content=backup")
        .data();
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["volid"].as_str().unwrap().to_owned())
        .collect()
}

fn disk(node: &Node, name: &str) -> std::path::PathBuf {
    node.local(&format!("/disks/images/{name}"))
}

#[test]
fn a_machine_comes_back_and_what_was_not_archived_is_unused() {
    let (lab, api) = start();
    let node = lab.node();
    let path = disk(node, "100/vm-100-disk-0.raw");
    let mut data = vec![0_u8; 1 << 20];
    data[70_000] = 7;
    std::fs::write(&path, &data).unwrap();
    for compress in ["0", "gzip", "lzo", "zstd"] {
        lab.clock.set(lab.clock.now() + 1);
        let (status, log) = run(
            &api,
            "/nodes/pve1/vzdump",
            &[
                ("vmid", "100"),
                ("storage", "local"),
                ("compress", compress),
                ("notes-template", "{{guestname}}"),
            ],
        );
        assert_eq!(status, "OK", "{log}");
        assert!(log.contains("INFO: exclude disk 'scsi1'"), "{log}");
    }
    let archives = backups(&api);
    assert_eq!(archives.len(), 4, "{archives:?}");
    for archive in archives {
        std::fs::write(&path, b"lost").unwrap();
        let (status, log) = run(
            &api,
            "/nodes/pve1/qemu",
            &[("vmid", "100"), ("archive", &archive), ("force", "1")],
        );
        assert_eq!(status, "OK", "{log}");
        assert!(std::fs::read(&path).unwrap() == data, "{archive}");
        let config = api.get("/nodes/pve1/qemu/100/config").data();
        assert_eq!(config["unused0"], "disks:100/vm-100-disk-1.raw", "{config}");
        assert_eq!(config["name"], "web");
    }
}

#[test]
fn a_container_comes_back_without_what_was_not_archived() {
    let (lab, api) = start();
    let node = lab.node();
    let tree = |volume: &str| node.container_tree(volume).unwrap();
    let (status, log) = run(
        &api,
        "/nodes/pve1/vzdump",
        &[("vmid", "200"), ("compress", "zstd")],
    );
    assert_eq!(status, "OK", "{log}");
    std::fs::create_dir_all(tree("disks:200/vm-200-disk-1.raw")).unwrap();
    std::fs::write(tree("disks:200/vm-200-disk-1.raw").join("precious"), "x").unwrap();
    let archive = backups(&api).remove(0);
    let (status, log) = run(
        &api,
        "/nodes/pve1/lxc",
        &[
            ("vmid", "200"),
            ("ostemplate", &archive),
            ("restore", "1"),
            ("force", "1"),
            ("storage", "disks"),
        ],
    );
    assert_eq!(status, "OK", "{log}");
    let config = api.get("/nodes/pve1/lxc/200/config").data();
    assert_eq!(config["rootfs"], "disks:200/vm-200-disk-2.raw,size=1G");
    let name = tree("disks:200/vm-200-disk-2.raw").join("etc/hostname");
    assert_eq!(std::fs::read_to_string(name).unwrap(), "db\n");
    assert!(
        !tree("disks:200/vm-200-disk-3.raw")
            .join("precious")
            .exists()
    );
}

#[test]
fn a_cut_archive_takes_the_container_with_it() {
    let (lab, api) = start();
    let node = lab.node();
    let (status, _) = run(
        &api,
        "/nodes/pve1/vzdump",
        &[("vmid", "200"), ("compress", "zstd")],
    );
    assert_eq!(status, "OK");
    let archive = backups(&api).remove(0);
    let file = node.local(&format!(
        "/var/lib/vz/dump/{}",
        archive.rsplit('/').next().unwrap()
    ));
    let whole = std::fs::read(&file).unwrap();
    // The configuration is still whole: the archive is unpacked, cut, and packed again.
    let plain = zstd::decode_all(&whole[..]).unwrap();
    let cut = zstd::encode_all(&plain[..8192 + 100], 3).unwrap();
    std::fs::write(&file, cut).unwrap();
    let (status, log) = run(
        &api,
        "/nodes/pve1/lxc",
        &[
            ("vmid", "200"),
            ("ostemplate", &archive),
            ("restore", "1"),
            ("force", "1"),
            ("storage", "disks"),
        ],
    );
    assert!(
        status.starts_with("unable to restore CT 200 - command 'lxc-usernsexec"),
        "{log}"
    );
    assert_eq!(api.get("/nodes/pve1/lxc/200/config").status, 500);
    assert!(!disk(node, "200/vm-200-disk-0.raw").exists());
}

#[test]
fn a_hanging_task_runs_until_it_is_stopped() {
    let (lab, api) = start();
    let rule = TaskFaultRule::new("vzdump", TaskFault::Hang).after_lines(3);
    lab.node().inject_into_tasks(rule.times(1));
    let upid = api.post("/nodes/pve1/vzdump", &[("vmid", "100")]).data();
    let path = format!("/nodes/pve1/tasks/{}", upid.as_str().unwrap());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(
        api.get(&format!("{path}/status")).data()["status"],
        "running"
    );
    assert_eq!(
        api.get("/nodes/pve1/tasks?source=active").data()[0]["upid"],
        upid
    );
    api.delete(&path).data();
    assert_eq!(finish(&api, &upid), "job errors");
    assert!(log(&api, &upid).contains("failed - interrupted by signal"));
    let config = api.get("/nodes/pve1/qemu/100/config").data();
    assert_eq!(config.get("lock"), None);
}

#[test]
fn a_right_withdrawn_in_mid_task_fails_what_comes_after() {
    let (lab, _) = start();
    let node = lab.node();
    node.add_user("b@pve", "x");
    node.add_role("R", "VM.Backup,Datastore.AllocateSpace,VM.Audit");
    node.grant("/vms", "b@pve", "R");
    node.grant("/storage/local", "b@pve", "R");
    let secret = node.add_token("b@pve!t1", Separation::Shared).unwrap();
    let api = Api::new(node, "b@pve!t1", &secret);
    let fault = TaskFault::Withdraw {
        path: "/vms".to_owned(),
        holder: "b@pve".to_owned(),
    };
    node.inject_into_tasks(TaskFaultRule::new("vzdump", fault));
    let (status, log) = run(&api, "/nodes/pve1/vzdump", &[("vmid", "100")]);
    assert_eq!(
        status, "403 Permission check failed (/vms/100, VM.Backup)",
        "{log}"
    );
    assert_eq!(backups(&api), Vec::<String>::new());
}

#[test]
fn a_full_disk_leaves_a_log_and_no_archive() {
    let (lab, api) = start();
    let rule = TaskFaultRule::new("vzdump", TaskFault::DiskFull);
    lab.node().inject_into_tasks(rule);
    let (status, log) = run(
        &api,
        "/nodes/pve1/vzdump",
        &[("vmid", "100,200"), ("compress", "zstd")],
    );
    assert_eq!(status, "job errors");
    assert_eq!(log.matches("No space left on device").count(), 2, "{log}");
    assert_eq!(backups(&api), Vec::<String>::new());
    let files = std::fs::read_dir(lab.node().local("/var/lib/vz/dump")).unwrap();
    let names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| name.rsplit('.').next() == Some("log")),
        "{names:?}"
    );
    assert_eq!(names.len(), 2);
}

#[test]
fn guests_start_and_stop_on_a_machine() {
    let (lab, api) = start();
    let (status, _) = run(&api, "/nodes/pve1/qemu/100/status/start", &[]);
    assert_eq!(status, "OK");
    let state = api.get("/nodes/pve1/qemu/100/status/current").data();
    assert_eq!(
        (&state["status"], &state["uptime"]),
        (&"running".into(), &1.into())
    );
    let (status, _) = run(&api, "/nodes/pve1/qemu/100/status/start", &[]);
    assert_eq!(status, "VM 100 already running");
    let (status, _) = run(&api, "/nodes/pve1/qemu/100/status/shutdown", &[]);
    assert_eq!(status, "OK");
    lab.node().set_running(200, Power::Running);
    let (status, _) = run(&api, "/nodes/pve1/lxc/200/status/stop", &[]);
    assert_eq!(status, "OK");
    let answer = api.post("/nodes/pve1/lxc/200/status/stop", &[]);
    assert_eq!(answer.reason, "CT 200 not running");
}

/// The way of `restore-loss.jsonl`: aside to a parking guest, and back as an unused volume.
#[test]
fn volumes_are_moved_aside_and_back() {
    let (lab, api) = start();
    let node = lab.node();
    node.add_guest(
        999,
        GuestKind::Lxc,
        &[("rootfs", "disks:999/vm-999-disk-0.raw,size=1M")],
    )
    .unwrap();
    let precious = node.container_tree("disks:200/vm-200-disk-1.raw").unwrap();
    std::fs::create_dir_all(&precious).unwrap();
    std::fs::write(precious.join("x"), "1").unwrap();
    let moved = |from: &str, key: &str, to: &str, target: &str| {
        let path = format!("/nodes/pve1/lxc/{from}/move_volume");
        let pairs = [
            ("volume", key),
            ("target-vmid", to),
            ("target-volume", target),
        ];
        api.post(&path, &pairs)
    };
    let answer = moved("200", "rootfs", "999", "unused1");
    assert_eq!(answer.reason, "Cannot move to/from 'rootfs'");
    let upid = moved("200", "mp0", "999", "unused0").data();
    assert!(
        upid.as_str()
            .unwrap()
            .contains(":move_volume:200-mp0>999-unused0:")
    );
    assert_eq!(finish(&api, &upid), "OK");
    let parked = api.get("/nodes/pve1/lxc/999/config").data();
    assert_eq!(parked["unused0"], "disks:999/vm-999-disk-1.raw");
    let answer = moved("999", "unused0", "200", "mp0");
    assert_eq!(
        answer.reason,
        "Moving an unused volume to a used one is not possible"
    );
    let upid = moved("999", "unused0", "200", "unused7").data();
    assert_eq!(finish(&api, &upid), "OK");
    let value = "disks:200/vm-200-disk-1.raw,mp=/data,backup=0";
    api.put("/nodes/pve1/lxc/200/config", &[("mp0", value)])
        .data();
    let config = api.get("/nodes/pve1/lxc/200/config").data();
    assert_eq!(config["mp0"], format!("{value},size=1G"));
    assert_eq!(config.get("unused7"), None);
    assert_eq!(std::fs::read_to_string(precious.join("x")).unwrap(), "1");
}

#[test]
fn a_disk_in_a_snapshot_stays_where_it_is() {
    let (lab, api) = start();
    let disk = "disks:101/vm-101-disk-0.qcow2,size=1M";
    let node = lab.node();
    node.add_guest(
        101,
        GuestKind::Qemu,
        &[("scsi0", disk), ("boot", "order=scsi0")],
    )
    .unwrap();
    let (status, log) = run(&api, "/nodes/pve1/qemu/101/snapshot", &[("snapname", "s1")]);
    assert_eq!(
        (status.as_str(), log.as_str()),
        (
            "OK",
            "snapshotting 'drive-scsi0' (disks:101/vm-101-disk-0.qcow2)\nTASK OK\n"
        )
    );
    let pairs = [
        ("disk", "scsi0"),
        ("target-vmid", "100"),
        ("target-disk", "scsi7"),
    ];
    let answer = api.post("/nodes/pve1/qemu/101/move_disk", &pairs);
    assert_eq!(
        answer.reason,
        "Can't move disk used by a snapshot to another VM"
    );
    let upid = api.delete("/nodes/pve1/qemu/101/snapshot/s1").data();
    assert_eq!(finish(&api, &upid), "OK");
    let (status, log) = run(&api, "/nodes/pve1/qemu/101/move_disk", &pairs);
    assert_eq!(status, "OK", "{log}");
    assert!(
        log.contains("removing disk 'scsi0' from boot order config"),
        "{log}"
    );
    assert_eq!(api.get("/nodes/pve1/qemu/101/config").data()["boot"], " ");
}

/// A container to park volumes in needs a template, and 131 bytes of it are enough.
#[test]
fn a_template_is_uploaded_and_makes_a_container() {
    let (lab, api) = start();
    let mut tar = tar::Builder::new(Vec::new());
    for folder in ["./etc/", "./dev/", "./proc/", "./sys/"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        tar.append_data(&mut header, folder, &[][..]).unwrap();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, &tar.into_inner().unwrap()).unwrap();
    let mut body = b"--b1\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\nvztmpl\r\n--b1\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"park.tar.gz\"\r\n\r\n".to_vec();
    body.extend(packed.finish().unwrap());
    body.extend(b"\r\n--b1--\r\n");
    let request = api
        .request("POST", "/nodes/pve1/storage/local/upload")
        .header("content-type", "multipart/form-data; boundary=b1")
        .body(body);
    let upid = crate::support::send(request).unwrap().data();
    assert_eq!(finish(&api, &upid), "OK", "{}", log(&api, &upid));
    let (status, log) = run(
        &api,
        "/nodes/pve1/lxc",
        &[
            ("vmid", "999"),
            ("ostemplate", "local:vztmpl/park.tar.gz"),
            ("rootfs", "disks:0.01"),
            ("ostype", "unmanaged"),
            ("unprivileged", "1"),
        ],
    );
    assert_eq!(status, "OK", "{log}");
    let config = api.get("/nodes/pve1/lxc/999/config").data();
    assert_eq!(config["rootfs"], "disks:999/vm-999-disk-0.raw,size=10M");
    let volume = "/nodes/pve1/storage/local/content/local:vztmpl/park.tar.gz";
    let upid = api.delete(volume).data();
    assert_eq!(finish(&api, &upid), "OK");
    assert!(
        !lab.node()
            .local("/var/lib/vz/template/cache/park.tar.gz")
            .exists()
    );
}
