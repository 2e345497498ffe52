//! Storages, archives, guests, nodes and pools on recorded answers.

use pve_client::api::{GuestStatus, NodeStatus, PruneMark};
use pve_client::{Changes, Known, Params, Secret};
use pve_types::{Retention, Vmid};
use serde_json::{Value, json};

use crate::support::{client, node, recorded, refused, storage};

#[test]
fn storages_with_what_may_be_hidden() {
    let all = json!({"/storage": {"Datastore.Audit": 1}});
    let (client, transport) = client(vec![
        Ok(recorded("storage-list")),
        Ok(all),
        Ok(json!([])),
        Ok(json!({})),
    ]);
    let storages = client.storages().unwrap();
    assert_eq!(
        transport.asked(),
        ["GET /storage", "GET /access/permissions"]
    );
    assert!(storages.is_complete());
    let names: Vec<&str> = storages
        .visible
        .iter()
        .map(|storage| storage.storage.as_str())
        .collect();
    assert_eq!(names, ["backups", "imgonly", "local"], "sorted");
    let backups = &storages.visible[0];
    assert!(backups.takes_backups() && !backups.is_disabled());
    assert_eq!(
        backups.prune_backups.unwrap().to_string(),
        "keep-last=3,keep-daily=2"
    );
    assert_eq!(backups.max_protected_backups, Some(2));
    assert!(!storages.visible[1].takes_backups());
    assert!(storages.visible[2].holds("iso"));
    // PVE answers 200 and nothing to who may see nothing.
    let Known::Unknown(gap) = client.storages().unwrap().complete() else {
        panic!("an empty list is not a known one")
    };
    assert_eq!(
        (gap.privilege.as_str(), gap.path.as_str()),
        ("Datastore.Audit", "/storage")
    );
}

#[test]
fn one_storage_and_its_state() {
    let (client, _) = client(vec![
        Ok(recorded("status")),
        Ok(recorded("status-disabled")),
        Err(refused("status-missing")),
        Ok(recorded("node-storage-backup")),
    ]);
    let status = client
        .storage_status(&node(), &storage("backups"))
        .unwrap()
        .unwrap();
    assert!(status.active && status.enabled && !status.shared);
    assert_eq!(status.avail, Some(68_045_639_680));
    let off = client
        .storage_status(&node(), &storage("imgonly"))
        .unwrap()
        .unwrap();
    assert!(!off.active && !off.enabled);
    assert_eq!(
        client.storage_status(&node(), &storage("nope")).unwrap(),
        None
    );
    let on_node = client.storages_on(&node(), Some("backup")).unwrap();
    assert_eq!(on_node[0].storage, "backups");
}

#[test]
fn writes_of_storages_hide_the_password() {
    let (client, transport) = client(vec![
        Ok(json!({"storage": "nas", "type": "cifs"})),
        Ok(Value::Null),
        Ok(Value::Null),
    ]);
    let changes = Changes {
        set: Params::new()
            .with("content", "backup")
            .with("password", Secret::new("hunter2")),
        delete: vec!["nodes".to_owned()],
    };
    assert!(!format!("{changes:?}").contains("hunter2"));
    client
        .create_storage(&storage("nas"), "cifs", &changes)
        .unwrap();
    client.update_storage(&storage("nas"), &changes).unwrap();
    client.delete_storage(&storage("nas")).unwrap();
    assert_eq!(
        transport.asked(),
        [
            "POST /storage storage=nas&type=cifs&content=backup&password=hunter2",
            "PUT /storage/nas content=backup&password=hunter2&delete=nodes",
            "DELETE /storage/nas",
        ]
    );
}

#[test]
fn archives_standard_and_renamed() {
    let (client, transport) = client(vec![Ok(recorded("content"))]);
    let archives = client
        .archives(&node(), &storage("backups"), Some(Vmid::MIN))
        .unwrap();
    assert_eq!(
        transport.asked(),
        ["GET /nodes/pve1/storage/backups/content content=backup&vmid=100"]
    );
    let renamed = &archives[0];
    assert_eq!(
        (renamed.vmid, renamed.volid.archive_name()),
        (Some(Vmid::MIN), None)
    );
    assert_eq!(
        (archives[1].vmid, archives[1].subtype.as_deref()),
        (None, Some("unknown"))
    );
    let standard = &archives[2];
    assert_eq!(
        (standard.size, standard.ctime, standard.protected),
        (Some(500), Some(1_795_057_200), false)
    );
    assert_eq!(standard.format.as_deref(), Some("tar.zst"));
    assert_eq!(standard.volid.archive_name().unwrap().vmid(), Vmid::MIN);
}

#[test]
fn a_prune_that_changes_nothing() {
    let (client, transport) = client(vec![Ok(recorded("aud-prune-dry"))]);
    let keep_all = Some(Retention::KEEP_ALL);
    let entries = client
        .prune_dry_run(&node(), &storage("backups"), keep_all, None)
        .unwrap();
    assert_eq!(
        transport.asked(),
        ["GET /nodes/pve1/storage/backups/prunebackups prune-backups=keep-all%3D1"]
    );
    // `vmid` is a string for renamed entries, absent for others, a number for standard ones.
    assert_eq!(
        (entries[0].vmid, entries[0].mark),
        (Some(Vmid::MIN), PruneMark::Renamed)
    );
    assert_eq!(
        (entries[1].vmid, entries[1].kind.as_deref()),
        (None, Some("unknown"))
    );
    assert_eq!(
        (entries[2].vmid, entries[2].mark),
        (Some(Vmid::MIN), PruneMark::Keep)
    );
    assert_eq!(entries[7].mark, PruneMark::Protected);
}

#[test]
fn the_whole_cluster_in_two_reads() {
    let everything = json!({"/vms": {"VM.Audit": 1}, "/storage": {"Datastore.Audit": 1}});
    let (client, transport) = client(vec![Ok(recorded("resources-vm3")), Ok(everything)]);
    let resources = client.resources().unwrap();
    assert_eq!(
        transport.asked(),
        ["GET /cluster/resources", "GET /access/permissions"]
    );
    assert!(resources.guests.is_complete());
    let guest = resources
        .guests
        .visible
        .iter()
        .find(|guest| guest.vmid.get() == 110)
        .unwrap();
    assert_eq!(
        (guest.name.as_deref(), &guest.status),
        (Some("vm110"), &GuestStatus::Stopped)
    );
    assert_eq!(guest.pool.as_ref().map(AsRef::as_ref), Some("p1"));
    assert_eq!(guest.node, "pve1");
    // A VM without a name.
    assert_eq!(resources.guests.visible[0].name.as_deref(), Some("VM 100"));
}

#[test]
fn entries_before_the_node_has_reported_and_what_tags_look_like() {
    let entries = json!([
        {"id": "qemu/101", "type": "qemu", "vmid": 101, "node": "pve1", "status": "unknown"},
        {"id": "lxc/100", "type": "lxc", "vmid": "100", "node": "pve1", "status": "running", "template": "1", "tags": "prod;web", "lock": "backup"},
        {"id": "node/pve1", "type": "node", "node": "pve1", "status": "unknown"},
        {"id": "storage/pve1/nfs", "type": "storage", "storage": "nfs", "node": "pve1", "status": "unknown", "shared": 1},
        {"id": "sdn/x", "type": "sdn"}, {"id": "/pool/p", "type": "pool"}, {"type": "new-in-10"},
    ]);
    let (client, _) = client(vec![Ok(entries), Ok(json!({}))]);
    let resources = client.resources().unwrap();
    let [lxc, qemu] = &resources.guests.visible[..] else {
        panic!("two guests")
    };
    assert_eq!(
        (
            lxc.tags.join(" ").as_str(),
            lxc.template,
            lxc.lock.as_deref()
        ),
        ("prod web", true, Some("backup"))
    );
    assert_eq!(
        (qemu.name.as_ref(), &qemu.status),
        (None, &GuestStatus::Unknown)
    );
    assert_eq!(resources.nodes[0].status, NodeStatus::Unknown);
    assert!(resources.storages.visible[0].shared);
    assert!(!resources.guests.is_complete() && !resources.storages.is_complete());
}

#[test]
fn what_a_backup_operator_sees_is_said_to_be_incomplete() {
    let (client, _) = client(vec![
        Ok(recorded("bak-resources")),
        Ok(recorded("permissions-bak")),
    ]);
    let resources = client.resources().unwrap();
    assert_eq!(resources.guests.visible.len(), 1);
    assert_eq!(resources.guests.gaps[0].path, "/vms");
    assert_eq!(resources.storages.gaps[0].path, "/storage");
    let rights = &resources.permissions;
    assert!(rights.has("/vms/300", "VM.Backup") && !rights.has("/vms/301", "VM.Backup"));
    assert_eq!(
        rights.gap_for_archives(&storage("backups"), Vmid::new(300).ok()),
        None
    );
    assert_eq!(
        rights
            .gap_for_archives(&storage("backups"), None)
            .unwrap()
            .path,
        "/vms"
    );
    assert_eq!(
        rights
            .gap_for_archives(&storage("local"), None)
            .unwrap()
            .path,
        "/storage/local"
    );
}

#[test]
fn nodes_pools_and_the_version() {
    let (client, transport) = client(vec![
        Ok(recorded("nodes")),
        Ok(json!([{"poolid": "p2"}, {"poolid": "p1", "comment": "x"}])),
        Ok(recorded("pool-get")),
        Err(refused("job-pool")),
        Ok(recorded("root-ticket-version")),
    ]);
    assert_eq!(client.nodes().unwrap()[0].node, "pve1");
    assert_eq!(client.pools().unwrap()[0].poolid, "p1");
    let pool = "p1".parse().unwrap();
    assert_eq!(
        client.pool_members(&pool).unwrap().unwrap()[0]
            .vmid
            .unwrap()
            .get(),
        210
    );
    assert_eq!(client.pool_members(&pool).unwrap(), None);
    assert_eq!(client.version().unwrap().major(), Some(8));
    assert_eq!(transport.asked()[2], "GET /pools/p1");
}
