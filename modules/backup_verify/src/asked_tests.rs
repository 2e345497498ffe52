//! What becomes of the answers of Proxmox VE: a cluster with a node that is offline and a backup
//! server, neither of which the lab has.

use module_kit::testing::{self, Server};
use module_kit::{Exit, Module as _, Progress};
use pve_coverage::GuestState;
use serde_json::{Value, json};
use vzdump_archive::{Finding, Verdict};

use crate::{BackupVerify, Report};

const NOW: i64 = 1_795_000_000;

fn snapshot(at: &str, ctime: i64, verification: &Value) -> Value {
    json!({
        "volid": format!("pbs:backup/vm/100/{at}"), "vmid": 100, "ctime": ctime, "size": 1000,
        "subtype": "qemu", "format": "pbs-vm", "content": "backup", "verification": verification,
    })
}

fn server(snapshots: Value) -> Server {
    Server::default()
        .answer(
            "GET /access/permissions",
            json!({"/": {
                "Sys.Audit": 1, "VM.Audit": 1, "VM.Backup": 1, "Pool.Audit": 1,
                "Datastore.Audit": 1, "Datastore.AllocateSpace": 1,
            }}),
        )
        .answer(
            "GET /cluster/resources",
            json!([
                {"type": "node", "node": "pve1", "status": "online"},
                {"type": "node", "node": "pve2", "status": "offline"},
                {"type": "qemu", "vmid": 100, "node": "pve1", "name": "web", "tags": "web"},
                {"type": "lxc", "vmid": 101, "node": "pve2", "name": "mail"},
                {"type": "storage", "storage": "pbs", "node": "pve1", "shared": 1},
                {"type": "storage", "storage": "pbs", "node": "pve2", "shared": 1},
                {"type": "storage", "storage": "local", "node": "pve1", "shared": 0},
                {"type": "storage", "storage": "local", "node": "pve2", "shared": 0},
            ]),
        )
        .answer(
            "GET /storage",
            json!([
                {"storage": "local", "type": "dir", "path": "/var/lib/vz", "content": "backup"},
                {"storage": "pbs", "type": "pbs", "content": "backup", "prune-backups": "keep-all=1"},
                {"storage": "images", "type": "dir", "path": "/images", "content": "images"},
                {"storage": "old", "type": "dir", "path": "/old", "content": "backup", "disable": 1},
            ]),
        )
        .answer(
            "GET /cluster/backup",
            json!([
                {"id": "nightly", "vmid": "100", "storage": "pbs", "enabled": 1, "next-run": NOW + 3600},
            ]),
        )
        .answer(
            "GET /cluster/backup/nightly/included_volumes",
            json!({"children": [{"id": 100, "type": "qemu", "name": "web", "children": [
                {"id": "100:scsi0", "name": "local:x", "included": 1, "reason": "enabled"},
                {"id": "100:scsi1", "name": "local:y", "included": 0, "reason": "backup=no"},
            ]}]}),
        )
        .answer("GET /nodes/pve1/storage/local/content", json!([]))
        .answer("GET /nodes/pve1/storage/pbs/content", snapshots)
        .answer("GET /nodes/pve1/tasks", json!([
            {"upid": "UPID:pve1:00000001:00000002:6AFD3B00:vzdump:100:root@pam:",
             "endtime": NOW - 60, "status": "connection refused"},
        ]))
        .answer(
            "GET /nodes/pve1/tasks/UPID%3Apve1%3A00000001%3A00000002%3A6AFD3B00%3Avzdump%3A100%3Aroot%40pam%3A/log",
            json!([
                {"n": 1, "t": "INFO: Starting Backup of VM 100 (qemu)"},
                {"n": 2, "t": "ERROR: Backup of VM 100 failed - the server is full"},
            ]),
        )
        .answer("GET /nodes/pve1/time", json!({"timezone": "UTC", "time": NOW, "localtime": NOW}))
}

fn verify(server: &Server, arguments: Value) -> Result<Report, module_kit::Failure> {
    let spec = testing::spec::<BackupVerify>(arguments)?;
    server.with_context(|context| {
        let observed = BackupVerify::observe(&spec, context)?;
        Ok(BackupVerify::report(
            &spec,
            &observed,
            &Progress::Applied(&[]),
        ))
    })
}

/// A result to be shown.
pub(crate) fn world(arguments: Value) -> Report {
    let verified = json!({
        "state": "ok",
        "upid": "UPID:pbs:000002A7:00000A9E:00000001:6AFD3C00:verificationjob:store:root@pam:",
    });
    let snapshots = json!([snapshot("2026-11-18T10:13:20Z", NOW - 1800, &verified)]);
    verify(&server(snapshots), arguments).unwrap()
}

#[test]
fn a_backup_server_vouches_for_its_snapshots_and_is_named() {
    let report = world(json!({}));
    let archive = &report.archives[0];
    assert_eq!(archive.verdict, Verdict::Ok);
    assert_eq!(archive.proof_at, Some(0x6AFD_3C00));
    let by = "Proxmox Backup Server of storage `pbs`";
    assert_eq!(archive.proof_by.as_deref(), Some(by));
    assert_eq!((&archive.path, archive.size), (&None, 1000));
    let guest = &report.guests[0];
    assert_eq!(guest.state, GuestState::Protected);
    assert_eq!(guest.proof_by.as_deref(), Some(by));
    assert_eq!(guest.last_error.as_deref(), Some("the server is full"));
    assert_eq!(report.guests[1].state, GuestState::Unprotected);
}

#[test]
fn what_a_backup_server_did_not_verify_is_not_verified_and_what_failed_there_is_corrupt() {
    let failed = json!({"state": "failed"});
    let snapshots = json!([
        snapshot("2026-11-18T10:13:20Z", NOW - 1800, &Value::Null),
        snapshot("2026-11-17T10:13:20Z", NOW - 90_000, &failed),
    ]);
    let report = verify(&server(snapshots), json!({"storage": "pbs"})).unwrap();
    let found: Vec<(Verdict, Finding)> = report
        .archives
        .iter()
        .map(|archive| (archive.verdict, archive.reasons[0].reason.id))
        .collect();
    assert_eq!(
        found,
        [
            (Verdict::NotVerified, Finding::BackupServerUnverified),
            (Verdict::Corrupt, Finding::BackupServerFailed)
        ]
    );
    assert_eq!(report.guests[0].state, GuestState::Unverified);
    let failure = BackupVerify::verdict(&report).failure.unwrap();
    assert_eq!(failure.exit, Exit::BelowThreshold);
}

#[test]
fn a_node_that_is_offline_leaves_its_storages_unknown() {
    let report = world(json!({}));
    let unknown = report.unknown.join("\n");
    assert!(
        unknown.contains("storage `local` of node `pve2`") && unknown.contains("offline"),
        "{unknown}"
    );
    // A shared storage is asked once, and only of a node that answers.
    let server = server(json!([]));
    verify(&server, json!({"fail_on": []})).unwrap();
    let asked = server.asked();
    assert!(!asked.iter().any(|call| call.contains("pve2")), "{asked:?}");
    assert!(
        !asked.iter().any(|call| call.contains("/old/")),
        "{asked:?}"
    );
    let rights = asked.iter().filter(|call| call.contains("permissions"));
    assert_eq!(rights.count(), 1, "{asked:?}");
}

#[test]
fn without_coverage_only_archives_are_asked_for() {
    let server = server(json!([snapshot(
        "2026-11-18T10:13:20Z",
        NOW - 1800,
        &Value::Null
    )]));
    let report = verify(&server, json!({"coverage": false, "storage": "pbs"})).unwrap();
    assert_eq!((report.archives.len(), report.guests.len()), (1, 0));
    assert_eq!(report.archives[0].next_prune_why, None);
    for call in server.asked() {
        assert!(
            !call.contains("/cluster/backup")
                && !call.contains("/tasks")
                && !call.contains("local"),
            "{call}"
        );
    }
    assert!(BackupVerify::verdict(&report).failure.is_none());
    let disabled = verify(&server, json!({"storage": "old"})).unwrap_err();
    assert!(disabled.message.contains("`old` is disabled"), "{disabled}");
}

#[test]
fn jobs_that_may_not_be_read_leave_everybody_unknown() {
    let server = server(json!([])).refuse("GET /cluster/backup", 403, "Permission check failed");
    // The first answer is used up.
    server.with_context(|context| context.client().unwrap().jobs().unwrap());
    let report = verify(&server, json!({})).unwrap();
    for guest in &report.guests {
        assert_eq!(guest.state, GuestState::Unknown);
        assert!(guest.why.contains("`Sys.Audit` on `/`"), "{}", guest.why);
    }
}
