//! Backup jobs on recorded answers.

use pve_client::api::{Job, ScheduleEvents};
use pve_client::{Changes, ErrorKind, Params};
use pve_types::Retention;
use serde_json::{Value, json};

use crate::support::{client, node, recorded, refused, upid};

fn read_job(data: Value) -> Job {
    client(vec![Ok(data)]).0.job("x").unwrap().unwrap()
}

#[test]
fn the_list_has_next_run_and_ids_that_we_could_not_make() {
    let (client, transport) = client(vec![Ok(recorded("list-final"))]);
    let jobs = client.jobs().unwrap();
    assert_eq!(transport.asked(), ["GET /cluster/backup"]);
    // PVE's own id starts with a digit here.
    assert_eq!(jobs[0].id, "1021e49e-a158-4a60-99a7-358f4abed38d");
    assert_eq!(jobs[0].job_id(), None);
    assert_eq!(jobs[0].next_run, Some(1_795_305_600));
    assert!(!jobs[1].is_enabled());
    assert_eq!(jobs[1].prune_backups.unwrap().to_string(), "keep-last=3");
    // `keep-all` came as a number.
    assert_eq!(jobs[4].prune_backups, Some(Retention::KEEP_ALL));
    // Starttime came back as schedule.
    assert_eq!(
        (jobs[5].schedule.as_deref(), &jobs[5].starttime),
        (Some("01:30"), &None)
    );
}

#[test]
fn odd_jobs_of_others_do_not_spoil_the_list() {
    let (client, _) = client(vec![Ok(recorded("jobs-never"))]);
    let jobs = client.jobs().unwrap();
    let by_id = |id: &str| jobs.iter().find(|job| job.id == id).unwrap();
    // 51 characters: PVE made it, but can never delete it.
    assert!(
        jobs.iter()
            .any(|job| job.id.len() == 51 && job.job_id().is_none())
    );
    // The event is in the past.
    assert_eq!(by_id("nv").next_run, None);
    // A disabled job has a next run all the same.
    assert!(by_id("j2").next_run.is_some() && !by_id("j2").is_enabled());
    // `pool` and `all` at once.
    assert_eq!(
        (by_id("jq").pool.as_deref(), by_id("jq").all),
        (Some("p1"), Some(true))
    );
    assert_eq!(
        by_id("po").mailto.as_deref().unwrap().join(" "),
        "root a@b.c"
    );
    assert_eq!(
        by_id("vs").vmid.as_ref().unwrap().to_string(),
        "100,101,102"
    );
    assert_eq!(by_id("j1").exclude.as_ref().unwrap().to_string(), "110");
    assert_eq!(by_id("jp").repeat_missed, Some(true));
}

#[test]
fn one_job_with_every_shape_of_value() {
    let job = read_job(recorded("job-fleecing-get"));
    let fleecing = job.fleecing.as_ref().unwrap();
    assert_eq!(
        (fleecing.enabled, fleecing.storage.as_deref()),
        (true, Some("imgonly"))
    );
    assert_eq!(job.performance.as_ref().unwrap().max_workers, Some(4));
    assert_eq!(
        (job.bwlimit, job.ionice, job.lockwait, job.stopwait),
        (Some(1000), Some(7), Some(10), Some(3))
    );
    assert_eq!(job.pbs_change_detection_mode.as_deref(), Some("metadata"));
    assert_eq!(
        job.notification_mode.as_deref(),
        Some("notification-system")
    );
    assert_eq!(
        (job.protected, job.zstd, job.next_run),
        (Some(true), Some(0), None)
    );
    assert_eq!(job.other.len(), 0);

    let job = read_job(recorded("job-compress1-get"));
    assert_eq!(
        (job.compress.as_deref(), job.remove, job.stdexcludes),
        (Some("1"), Some(false), Some(false))
    );
    let job = read_job(recorded("job-all-exclude-get"));
    assert_eq!(job.exclude_path.as_deref().unwrap(), ["/tmp/x", "/var/y"]);
    assert_eq!(job.exclude.unwrap().to_string(), "101,102");
    let job = read_job(recorded("job-maxfiles-get"));
    assert_eq!(
        (
            job.maxfiles,
            job.prune_backups.unwrap().to_string().as_str()
        ),
        (None, "keep-last=2")
    );
    let job = read_job(recorded("job-vmid-spaces-get"));
    assert_eq!(job.vmid.unwrap().as_slice().len(), 3);
}

#[test]
fn a_job_keeps_what_we_do_not_know_and_prints_with_the_names_of_pve() {
    let job = read_job(json!({
        "id": "a1", "type": "vzdump", "enabled": "1", "all": 1, "schedule": "daily", "new-in-10": "x", "list": [1],
        "prune-backups": "keep-daily=2,keep-last=1", "fleecing": "1,storage=fast", "performance": "max-workers=2", "comment": 5,
    }));
    assert_eq!(job.other.get("new-in-10").map(String::as_str), Some("x"));
    assert_eq!(job.other.get("list").map(String::as_str), Some("[1]"));
    assert!(job.fleecing.as_ref().unwrap().enabled);
    assert_eq!(job.comment.as_deref(), Some("5"));
    let printed = serde_json::to_value(&job).unwrap();
    assert_eq!(printed["prune-backups"], "keep-last=1,keep-daily=2");
    assert_eq!(printed["enabled"], true);
    assert_eq!(printed["new-in-10"], "x");
    assert!(printed.get("storage").is_none());
}

#[test]
fn a_missing_job_is_none_and_a_refused_look_is_an_error() {
    let (client, _) = client(vec![
        Err(refused("job-get-missing")),
        Err(refused("included-missing")),
        Err(refused("ticket-post-auditor")),
    ]);
    assert_eq!(client.job("nope").unwrap(), None);
    assert_eq!(client.included_volumes("nope").unwrap(), None);
    let error = client.job("nope").unwrap_err();
    assert!(error.is_not_allowed());
    assert!(
        error
            .to_string()
            .starts_with("could not read backup job `nope` on https://pve1:8006: not allowed")
    );
    assert!(error.hint().unwrap().contains("'backup@pve!cli'"));
}

#[test]
fn writes_of_jobs() {
    let (client, transport) = client(vec![Ok(Value::Null), Ok(Value::Null), Ok(Value::Null)]);
    let changes = Changes {
        set: Params::new().with("schedule", "02:00").with("all", true),
        delete: vec!["comment".to_owned()],
    };
    client
        .create_job(&"nightly".parse().unwrap(), &changes)
        .unwrap();
    client.update_job("nightly", &changes).unwrap();
    // Nothing to change: PVE refuses an empty PUT, so none is sent.
    client.update_job("nightly", &Changes::default()).unwrap();
    client.delete_job("1021e49e-a158").unwrap();
    assert_eq!(
        transport.asked(),
        [
            "POST /cluster/backup id=nightly&schedule=02%3A00&all=1",
            "PUT /cluster/backup/nightly schedule=02%3A00&all=1&delete=comment",
            "DELETE /cluster/backup/1021e49e-a158",
        ]
    );
}

#[test]
fn a_backup_by_hand_may_have_nothing_to_do() {
    let (client, _) = client(vec![
        Ok(json!(upid().to_string())),
        Ok(json!("OK")),
        Err(refused("badnode")),
    ]);
    let params = Changes::default();
    assert_eq!(client.start_backup(&node(), &params).unwrap(), Some(upid()));
    assert_eq!(client.start_backup(&node(), &params).unwrap(), None);
    assert!(
        client
            .start_backup(&node(), &params)
            .unwrap_err()
            .is_not_found()
    );
}

#[test]
fn guests_and_volumes_of_a_job() {
    let (client, transport) = client(vec![
        Ok(recorded("included3")),
        Ok(recorded("aud-included")),
    ]);
    let guests = client.included_volumes("inc").unwrap().unwrap();
    assert_eq!(
        transport.asked(),
        ["GET /cluster/backup/inc/included_volumes"]
    );
    let numbers: Vec<u32> = guests.iter().map(|guest| guest.vmid.get()).collect();
    assert_eq!(numbers, [110, 300, 999], "sorted");
    let disk = &guests[0].volumes[0];
    assert_eq!(
        (disk.key.as_str(), disk.included, disk.reason.as_deref()),
        ("scsi0", true, Some("backup=yes"))
    );
    assert_eq!(
        disk.volume.as_deref(),
        Some("local:110/vm-110-disk-0.qcow2")
    );
    assert!(!guests[2].exists() && guests[0].exists());
    // A guest without disks and without a name.
    let guests = client.included_volumes("jb").unwrap().unwrap();
    assert_eq!(
        (
            guests[0].name.as_ref(),
            guests[0].volumes.len(),
            guests[0].exists()
        ),
        (None, 0, true)
    );
}

#[test]
fn guests_in_no_job() {
    let answer =
        json!([{"vmid": 300, "type": "lxc"}, {"vmid": "110", "type": "qemu", "name": "vm110"}]);
    let (client, _) = client(vec![Ok(answer)]);
    let guests = client.not_backed_up().unwrap();
    assert_eq!(guests[0].vmid.get(), 110, "sorted");
    assert_eq!(
        (guests[1].kind.as_deref(), guests[1].name.as_deref()),
        (Some("lxc"), None)
    );
}

#[test]
fn schedules_are_events_or_a_reason() {
    let (client, transport) = client(vec![
        Ok(recorded("sched-analyze")),
        Ok(json!([])),
        Err(refused("job-bad-schedule")),
        Err(refused("version-badtoken")),
    ]);
    let events = client.schedule_analyze("mon..fri 21:00", 3).unwrap();
    assert_eq!(
        events,
        ScheduleEvents::Valid(vec![1_795_467_600, 1_795_554_000, 1_795_640_400])
    );
    assert_eq!(
        transport.asked(),
        ["GET /cluster/jobs/schedule-analyze schedule=mon..fri%2021%3A00&iterations=3"]
    );
    assert_eq!(
        client.schedule_analyze("2020-01-01", 3).unwrap(),
        ScheduleEvents::Valid(vec![])
    );
    let ScheduleEvents::Invalid(text) = client.schedule_analyze("foo", 3).unwrap() else {
        panic!("it is not valid")
    };
    assert!(text.contains("invalid calendar event 'foo'"), "{text}");
    assert!(client.schedule_analyze("foo", 3).is_err());
}

#[test]
fn an_answer_of_another_shape_is_named() {
    let (client, _) = client(vec![
        Ok(json!({"not": "a list"})),
        Ok(json!([{"id": "x", "enabled": "maybe"}])),
    ]);
    let error = client.jobs().unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Protocol);
    assert!(
        error.to_string().contains("could not list the backup jobs"),
        "{error}"
    );
    let error = client.jobs().unwrap_err();
    assert!(error.text().contains("`maybe` is not 0 or 1"), "{error}");
}
