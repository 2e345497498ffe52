//! The caller's own rights on recorded answers.

use pve_client::api::Permissions;
use serde_json::{Value, json};

use crate::support::{client, recorded, storage};

fn rights(answer: Value) -> Permissions {
    client(vec![Ok(answer)]).0.permissions().unwrap()
}

#[test]
fn deeper_entries_replace_upper_ones() {
    let rights = rights(json!({
        "/": {"Sys.Audit": 1, "VM.Audit": 1, "Sys.Modify": 0},
        "/vms/401": {"VM.Backup": 1},
        "/storage": {"Datastore.Audit": "1"},
    }));
    assert!(
        rights.has("/", "Sys.Modify"),
        "held on the path itself, without propagation"
    );
    assert!(!rights.has("/nodes/pve1", "Sys.Modify"), "not below it");
    assert!(rights.has("/vms/400", "VM.Audit") && rights.has("/nodes/pve1", "Sys.Audit"));
    assert!(!rights.has("/vms/401", "VM.Audit"), "replaced, not united");
    assert!(rights.has("/vms/401", "VM.Backup"));
    assert!(!rights.has("/storage/x", "VM.Audit"));
    assert_eq!(rights.gap_for_guests().unwrap().path, "/vms/401");
    assert_eq!(rights.gap_for_storages(), None);
    assert!(!rights.has_below("/vms", "VM.Audit") && rights.has_below("/nodes", "Sys.Audit"));
    assert!(!rights.has_below("/", "VM.Audit"));
}

#[test]
fn no_rights_and_neighbours_with_similar_names() {
    let none = rights(recorded("permissions-sep"));
    assert!(none.is_empty() && !none.has("/", "Sys.Audit"));
    assert!(none.gap_for_guests().is_some() && none.gap_for_pools().is_some());
    let rights = rights(json!({"/storage/back": {"Datastore.Allocate": 1}}));
    assert!(!rights.has("/storage/backups", "Datastore.Allocate"));
    assert_eq!(
        rights.gap_for_archives(&storage("back"), None),
        None,
        "reads without rights on guests"
    );
}

#[test]
fn rights_on_one_path() {
    let (client, transport) = client(vec![Ok(recorded("permissions-bak"))]);
    assert!(
        client
            .permissions_on("/vms/300")
            .unwrap()
            .has("/vms/300", "VM.Audit")
    );
    assert_eq!(
        transport.asked(),
        ["GET /access/permissions path=%2Fvms%2F300"]
    );
}
