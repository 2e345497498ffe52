//! Whole runs against scripted answers.

use module_kit::driver::{Mode, Outcome, Registered};
use module_kit::testing::{self, Server};
use module_kit::{Exit, Module};
use serde_json::{Value, json};

use crate::GuestBackup;

const CONFIG: &str = "GET /nodes/pve1/qemu/101/config";

fn server(privileges: &Value) -> Server {
    Server::default()
        .answer(
            "GET /cluster/resources",
            json!([{"type": "qemu", "vmid": 101, "name": "web", "node": "pve1", "status": "running"}]),
        )
        .answer(
            "GET /access/permissions",
            json!({"/vms": {"VM.Audit": 1}, "/vms/101": privileges}),
        )
}

fn config(backup: &str) -> Value {
    json!({
        "name": "web", "cores": 2, "digest": "d1",
        "scsi0": "local:101/a.raw,size=1G",
        "scsi1": format!("local:101/b.raw{backup},size=2G"),
        "ide2": "none,media=cdrom",
        "unused0": "local:101/c.raw",
    })
}

fn run(server: &Server, mode: Mode, over: &Value) -> Outcome {
    let mut options = json!({"vmid": 101});
    let over = over.as_object().unwrap().clone();
    options.as_object_mut().unwrap().extend(over);
    let options = testing::options(&GuestBackup::DECLARATION, options).unwrap();
    server.with_context(|context| {
        Registered::of::<GuestBackup>().run(options, context, mode, &mut |_| Ok(()))
    })
}

fn may() -> Value {
    json!({"VM.Audit": 1, "VM.Config.Disk": 1})
}

#[test]
fn the_flag_alone_is_written_and_guarded() {
    let server = server(&may())
        .answer(CONFIG, config(",backup=0"))
        .answer(CONFIG, config(",backup=0"))
        .answer(CONFIG, config(",backup=1"))
        .answer(CONFIG, config(",backup=0"))
        .answer("PUT /nodes/pve1/qemu/101/config", Value::Null);
    let outcome = run(&server, Mode::Apply, &json!({}));
    assert_eq!(outcome.failure, None);
    assert!(outcome.changed);
    assert_eq!(
        server.written(),
        [
            "PUT /nodes/pve1/qemu/101/config scsi1=local%3A101%2Fb.raw%2Cbackup%3D1%2Csize%3D2G&digest=d1"
        ]
    );
    assert_eq!(outcome.report["waiting_for_start"], json!(["scsi1"]));
    insta::assert_snapshot!(outcome.rendered, @r"
    Guest 101 (web):
      ide2: not saved (none)
      scsi0: saved (local:101/a.raw)
      scsi1: saved (local:101/b.raw)
      unused0: not saved (local:101/c.raw)
    ");
}

#[test]
fn check_mode_predicts_and_an_equal_guest_stays() {
    let leave_out = json!({"disks": ["scsi1"], "backup_enabled": false});
    let there = server(&may()).answer(CONFIG, config(""));
    let outcome = run(&there, Mode::Check, &leave_out);
    assert!(outcome.changed && outcome.failure.is_none());
    assert_eq!(there.written(), [""; 0]);
    let equal = server(&may()).answer(CONFIG, config(",backup=0"));
    assert!(!run(&equal, Mode::Apply, &leave_out).changed);
    assert_eq!(equal.written(), [""; 0]);
}

#[test]
fn what_cannot_be_is_refused() {
    for (options, exit, text) in [
        (
            json!({"disks": ["scsi7"]}),
            Exit::NothingFound,
            "no disk `scsi7`; it has scsi0, scsi1",
        ),
        (
            json!({"disks": ["unused0"]}),
            Exit::NothingFound,
            "no disk `unused0`",
        ),
        (json!({"disks": ["ide2"]}), Exit::Refused, "no CD-ROM"),
        (json!({"disks": []}), Exit::Usage, "empty list"),
        (json!({"vmid": 7}), Exit::Usage, "vmid"),
        (
            json!({"vmid": 102}),
            Exit::NothingFound,
            "guest 102 does not exist",
        ),
    ] {
        let server = server(&may()).answer(CONFIG, config(",backup=0"));
        let failure = run(&server, Mode::Apply, &options).failure.unwrap();
        assert_eq!(failure.exit, exit, "{failure}");
        assert!(failure.message.contains(text), "{failure}");
        assert_eq!(server.written(), [""; 0]);
    }
}

#[test]
fn check_mode_fails_where_the_right_is_missing() {
    let server = server(&json!({"VM.Audit": 1})).answer(CONFIG, config(",backup=0"));
    let failure = run(&server, Mode::Check, &json!({})).failure.unwrap();
    assert_eq!(failure.exit, Exit::Refused);
    assert!(
        failure.message.contains("`VM.Config.Disk` on `/vms/101`"),
        "{failure}"
    );
}

#[test]
fn the_table_and_the_fields_agree() {
    assert_eq!(
        testing::table_and_args::<GuestBackup>(json!({"vmid": 101})),
        [""; 0]
    );
}
