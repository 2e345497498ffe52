//! The same against a real node, by hand:
//! `REPRISE_TEST_PVESH=/usr/bin/pvesh REPRISE_TEST_NODE=pve1 REPRISE_TEST_GUEST=200
//! REPRISE_TEST_STORAGE=backups cargo test -p pve-client --test pvesh real -- --ignored --nocapture`
//!
//! Makes a backup of the guest and removes it again.

#![expect(
    clippy::disallowed_methods,
    reason = "a test by hand is told by the environment where to run"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use pve_client::api::Wait;
use pve_client::pvesh::{Pvesh, Settings};
use pve_client::{ApiPath, Client, JobParams, Method, Params, SystemTimer, Transport};
use pve_types::{NodeName, StorageId};

fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[test]
#[ignore = "needs a node of Proxmox VE"]
fn a_backup_is_started_found_followed_and_removed() {
    let outputs = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(told("REPRISE_TEST_PVESH"));
    settings.outputs = outputs.path().to_owned();
    settings.node = Some(told("REPRISE_TEST_NODE"));
    let node: NodeName = told("REPRISE_TEST_NODE").parse().unwrap();
    let storage: StorageId = told("REPRISE_TEST_STORAGE").parse().unwrap();
    let timer = Arc::new(SystemTimer::default());
    let transport = Arc::new(Pvesh::new(settings, Arc::clone(&timer) as _));
    let client = Client::new(Arc::clone(&transport) as _, timer);
    let params = JobParams {
        set: Params::new()
            .with("vmid", told("REPRISE_TEST_GUEST"))
            .with("storage", &storage)
            .with("mode", "snapshot")
            .with("remove", false)
            .with("notes-template", "reprise-pvesh-test ä"),
        delete: Vec::new(),
    };
    let begin = Instant::now();
    let upid = client.start_backup(&node, &params).unwrap().unwrap();
    println!("{upid} after {:?}", begin.elapsed());
    assert_eq!(std::fs::read_dir(outputs.path()).unwrap().count(), 0);
    let wait = Wait::up_to(Duration::from_mins(5));
    let ended = client
        .wait_for_task(&upid, wait, &mut |status| {
            println!("{:?}: {:?}", begin.elapsed(), status.outcome);
        })
        .unwrap();
    assert!(ended.outcome.unwrap().is_success());
    let archives = client.archives(&node, &storage, None).unwrap();
    let ours: Vec<_> = archives
        .iter()
        .filter(|archive| archive.notes.as_deref() == Some("reprise-pvesh-test ä"))
        .collect();
    assert_eq!(ours.len(), 1, "{archives:?}");
    for archive in ours {
        let path = ApiPath::new("nodes")
            .join(&node)
            .join("storage")
            .join(&storage)
            .join("content")
            .join(archive.volid.to_string());
        let removal = transport
            .start(Method::Delete, &path, &Params::new())
            .unwrap();
        println!("{:?}: removed by {removal}", begin.elapsed());
        let ended = client.wait_for_task(&removal, wait, &mut |_| {}).unwrap();
        assert!(ended.outcome.unwrap().is_success());
    }
}
