//! Tasks on recorded answers.

use std::time::Duration;

use pve_client::api::{Outcome, TaskStatus, Wait};
use pve_client::{ErrorKind, Refusal, refusal};
use serde_json::{Value, json};

use crate::support::{client, recorded, refused, upid};

#[test]
fn exit_states() {
    assert_eq!(Outcome::of("OK"), Outcome::Ok);
    assert_eq!(Outcome::of("WARNINGS: 3"), Outcome::Warnings(3));
    assert!(Outcome::of("WARNINGS: 1").is_success());
    for text in ["job errors", "unexpected status", "WARNINGS: x", "", "OKAY"] {
        assert_eq!(Outcome::of(text), Outcome::Failed(text.to_owned()));
        assert!(!Outcome::of(text).is_success());
    }
}

#[test]
fn a_task_is_waited_for_with_growing_pauses() {
    let running = || Ok(recorded("vzdump-all-poll-running"));
    let (client, transport) = client(vec![
        running(),
        running(),
        running(),
        Ok(recorded("vzdump-all-poll")),
    ]);
    let mut seen = Vec::new();
    let mut progress = |status: &TaskStatus| seen.push(status.outcome.is_some());
    let status = client
        .wait_for_task(&upid(), Wait::up_to(Duration::from_mins(1)), &mut progress)
        .unwrap();
    assert_eq!(status.outcome, Some(Outcome::Ok));
    assert_eq!(seen, [false, false, false, true]);
    assert_eq!(
        transport.asked()[0],
        "GET /nodes/pve1/tasks/UPID%3Apve1%3A00000D77%3A000691AA%3A6B017208%3Avzdump%3A%3Aroot%40pam%21lab%3A/status"
    );
}

#[test]
fn waiting_has_an_end_and_a_failure_is_a_text() {
    let running = || Ok(recorded("vzdump-all-poll-running"));
    let (client, _) = client(vec![
        running(),
        running(),
        running(),
        Ok(recorded("restore-unknown-storage-poll")),
    ]);
    let wait = Wait {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(5),
        limit: Duration::from_secs(2),
        patience: Duration::ZERO,
    };
    let status = client.wait_for_task(&upid(), wait, &mut |_| ()).unwrap();
    assert_eq!(status.outcome, None, "it still runs");
    let Some(Outcome::Failed(text)) = client.task_status(&upid()).unwrap().outcome else {
        panic!("it failed")
    };
    assert!(text.ends_with("storage 'nope' does not exist"), "{text}");
}

#[test]
fn logs_and_the_log_of_an_unknown_task() {
    let (client, transport) = client(vec![
        Ok(recorded("vol-del-missing2-log")),
        Ok(recorded("task-log-unknown")),
        Err(refused("task-status-unknown")),
    ]);
    let tail = client.task_log_tail(&upid(), 2).unwrap();
    assert_eq!(
        (tail.len(), tail[1].number, tail[1].text.as_str()),
        (2, 3, "TASK OK")
    );
    assert!(transport.asked()[0].ends_with("/log start=0&limit=5000"));
    // PVE says 200 here, with an object instead of a list.
    let error = client.task_log(&upid(), 0, 50).unwrap_err();
    assert_eq!(
        (error.kind(), error.text()),
        (
            &ErrorKind::NotFound,
            "unable to open file - No such file or directory"
        )
    );
    assert!(client.task_status(&upid()).unwrap_err().is_not_found());
}

#[test]
fn a_long_log_is_read_page_by_page() {
    let lines = |from: u64, to: u64| {
        let lines = (from..=to).map(|n| json!({"n": n, "t": format!("line {n}")}));
        Ok(lines.collect::<Value>())
    };
    let (client, transport) = client(vec![lines(1, 5000), lines(5001, 5003)]);
    let tail = client.task_log_tail(&upid(), 5).unwrap();
    assert_eq!(
        tail.iter().map(|line| line.number).collect::<Vec<_>>(),
        [4999, 5000, 5001, 5002, 5003]
    );
    assert!(transport.asked()[1].ends_with("/log start=5000&limit=5000"));
}

#[test]
fn waiting_outlives_a_server_that_is_away_for_a_while() {
    let away = || {
        Err(refusal(Refusal {
            status: Some(595),
            text: "Connection refused".to_owned(),
            ..Refusal::default()
        }))
    };
    let running = || Ok(recorded("vzdump-all-poll-running"));
    let wait = Wait {
        first: Duration::from_secs(10),
        longest: Duration::from_secs(10),
        limit: Duration::from_hours(1),
        patience: Duration::from_secs(20),
    };
    let (patient, _) = client(vec![
        running(),
        away(),
        running(),
        away(),
        Ok(recorded("vzdump-all-poll")),
    ]);
    let status = patient.wait_for_task(&upid(), wait, &mut |_| ()).unwrap();
    assert_eq!(status.outcome, Some(Outcome::Ok));
    let (patient, transport) = client(vec![running(), away(), away(), away()]);
    assert!(
        patient
            .wait_for_task(&upid(), wait, &mut |_| ())
            .unwrap_err()
            .is_outage()
    );
    assert_eq!(transport.asked().len(), 3);
    // What is no outage ends the waiting at once.
    let (patient, _) = client(vec![Err(refused("task-status-unknown"))]);
    assert!(
        patient
            .wait_for_task(&upid(), wait, &mut |_| ())
            .unwrap_err()
            .is_not_found()
    );
}
