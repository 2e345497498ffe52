//! What is sent over https, and how answers are read.

use std::time::{Duration, Instant};

use pve_client::api::NO_TASK;
use pve_client::{ApiPath, ErrorKind, Method, NotSent, Params, Request, Secret, Transport};
use serde_json::{Value, json};

use crate::connect::{PASSWORD, SECRET, pair, read, token};
use crate::server::Step;
use crate::support::recorded_refusal;

#[test]
fn a_read_carries_the_token_and_its_parameters_in_the_query() {
    let (server, transport, _) = pair(token(), vec![Step::ok("[1]")]);
    let path = ApiPath::new("nodes")
        .join("pve1")
        .join("storage")
        .join("a b/c")
        .join("content");
    let params = Params::new().with("content", "backup").with("x", "ä&");
    assert_eq!(transport.read(&path, &params).unwrap(), json!([1]));
    let request = &server.requests()[0];
    assert!(
        request.starts_with("GET /api2/json/nodes/pve1/storage/a%20b%2Fc/content?content=backup&x=%C3%A4%26 HTTP/1.1\r\n"),
        "{request}"
    );
    let wanted = format!("authorization: PVEAPIToken=root@pam!lab={SECRET}\r\n");
    assert!(request.contains(&wanted), "{request}");
    assert!(!request.to_lowercase().contains("csrf"), "{request}");
}

#[test]
fn writes_go_into_a_form_and_deletions_into_the_query() {
    let (server, transport, _) = pair(
        token(),
        vec![Step::ok("null"), Step::ok("null"), Step::ok("null")],
    );
    let params = Params::new()
        .with("schedule", "mon..fri 21:00")
        .with("exclude-path", vec!["/a".to_owned(), "/b".to_owned()]);
    let path = ApiPath::new("cluster/backup");
    for method in [Method::Post, Method::Put, Method::Delete] {
        assert_eq!(
            transport.write(method, &path, &params).unwrap(),
            Value::Null
        );
    }
    let sent = "schedule=mon..fri%2021%3A00&exclude-path=%2Fa&exclude-path=%2Fb";
    let requests = server.requests();
    for request in &requests[..2] {
        assert!(
            request.contains("content-type: application/x-www-form-urlencoded\r\n"),
            "{request}"
        );
        assert!(request.ends_with(&format!("\r\n\r\n{sent}")), "{request}");
    }
    // PVE answers 501 to a body on DELETE.
    assert_eq!(
        server.lines()[2],
        format!("DELETE /api2/json/cluster/backup?{sent}")
    );
    assert!(requests[2].ends_with("\r\n\r\n"), "{}", requests[2]);
}

#[test]
fn names_that_a_url_would_swallow_are_not_sent() {
    let (server, transport, _) = pair(token(), vec![]);
    for name in ["..", ".", ""] {
        let path = ApiPath::new("cluster/backup").join(name);
        let error = transport
            .write(Method::Delete, &path, &Params::new())
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::Settings));
    }
    assert!(server.requests().is_empty());
}

/// The recorded refusals over the wire: the reason phrase, the body, and what is made of them.
#[test]
fn refusals_are_read_from_reason_and_body() {
    for (name, text) in [
        ("version-noauth", "not logged in: No ticket"),
        ("version-badtoken", "not logged in: Authentication failed!"),
        ("ticket-bad", "not logged in: authentication failure"),
        (
            "ticket-post-auditor",
            "not allowed: Permission check failed (/, Sys.Modify)",
        ),
        (
            "job-vmid-all",
            "PVE refused it: `all`: option conflicts with option 'vmid'",
        ),
        (
            "job-min",
            "PVE refused it: `schedule`: neither 'starttime' nor 'schedule' were set",
        ),
        ("job-dup", "conflict: Job 'nightly' already exists"),
        (
            "json-error",
            "the server failed: '\"' expected, at character offset 1",
        ),
    ] {
        let (status, reason, body) = recorded_refusal(name);
        let body = if body.starts_with('{') {
            body
        } else {
            String::new()
        };
        let (server, transport, _) = pair(token(), vec![Step::Reply(status, reason, body)]);
        let error = transport
            .write(
                Method::Post,
                &ApiPath::new("cluster/backup"),
                &Params::new(),
            )
            .unwrap_err();
        let wanted = format!(
            "could not POST /cluster/backup on https://127.0.0.1:{}: {text}",
            server.port()
        );
        assert!(error.to_string().starts_with(&wanted), "{name}: {error}");
        assert!(name == "json-error" || error.retry_is_safe(), "{name}");
        assert_eq!(server.requests().len(), 1, "{name}");
    }
}

#[test]
fn a_refusal_without_reason_or_body_still_has_a_text() {
    let (_server, transport, _) = pair(
        token(),
        vec![Step::status(401, "", ""), Step::status(418, "", "teapot")],
    );
    assert!(
        read(&transport).unwrap_err().text().contains("it is empty"),
        "no text"
    );
    assert_eq!(read(&transport).unwrap_err().text(), "teapot");
}

#[test]
fn what_is_not_pve_is_said_so() {
    for step in [
        Step::status(200, "OK", "<html><body>Welcome</body></html>"),
        Step::status(200, "OK", ""),
        Step::status(200, "OK", "{}"),
        Step::status(200, "OK", "[]"),
        Step::status(200, "OK", "{\"data\":"),
        Step::status(301, "Moved Permanently", ""),
        Step::status(204, "No Content", ""),
    ] {
        let (server, transport, _) = pair(token(), vec![step.clone()]);
        let error = read(&transport).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Protocol, "{step:?}: {error}");
        assert!(error.hint().unwrap().contains("8006"));
        assert_eq!(server.requests().len(), 1, "{step:?}");
    }
}

#[test]
fn data_may_be_null() {
    let (_server, transport, _) = pair(token(), vec![Step::status(200, "OK", "{\"data\":null}")]);
    assert_eq!(read(&transport).unwrap(), Value::Null);
}

#[test]
fn a_started_task_has_an_id() {
    let upid = "UPID:pve1:00000D77:000691AA:6B017208:vzdump::root@pam!lab:";
    let steps = vec![
        Step::ok(&format!("\"{upid}\"")),
        Step::ok("null"),
        Step::ok("\"OK\""),
        Step::ok("5"),
        Step::ok("\"UPID:x\""),
    ];
    let (_server, transport, _) = pair(token(), steps);
    let path = ApiPath::new("nodes/pve1/vzdump");
    let start = || transport.start(Method::Post, &path, &Params::new());
    assert_eq!(start().unwrap().to_string(), upid);
    for text in [
        NO_TASK,
        NO_TASK,
        "instead of the id of a task",
        "not a valid task id",
    ] {
        let error = start().unwrap_err();
        assert!(error.text().contains(text), "{error}");
        assert!(!error.retry_is_safe(), "it was carried out");
    }
}

#[test]
fn independent_reads_run_side_by_side_and_keep_their_order() {
    let pause = Duration::from_millis(150);
    let (server, transport, _) = pair(
        token(),
        vec![Step::Slow(pause, "{\"data\":0}".to_owned()); 6],
    );
    let requests: Vec<Request> = (0..14)
        .map(|n| Request::new(ApiPath::new("nodes").join(format!("n{n}"))))
        .collect();
    let start = Instant::now();
    let answers = transport.read_all(&requests);
    assert!(start.elapsed() < pause * 6, "{:?}", start.elapsed());
    assert_eq!(answers.len(), 14);
    // The first six got the slow answer, the rest the path they asked for.
    for (index, answer) in answers.iter().enumerate().skip(6) {
        assert_eq!(
            answer.as_ref().unwrap(),
            &json!(format!("/api2/json/nodes/n{index}"))
        );
    }
    assert_eq!(server.most_at_once(), 6);
}

#[test]
fn one_refused_read_does_not_spoil_the_others() {
    let (_server, transport, _) = pair(
        token(),
        vec![Step::status(
            403,
            "Permission check failed (/, Sys.Audit)",
            "",
        )],
    );
    let requests = [
        Request::new(ApiPath::new("cluster/backup")),
        Request::new(ApiPath::new("version")),
    ];
    let answers = transport.read_all(&requests);
    let refused = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect::<Vec<_>>();
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0]
            .hint()
            .unwrap()
            .contains("pveum acl modify / --tokens 'root@pam!lab'")
    );
}

#[test]
fn secrets_are_in_no_text() {
    let body = format!(
        "{{\"data\":null,\"message\":\"Parameter verification failed.\\n\",\"errors\":{{\"password\":\"bad value '{PASSWORD}'\",\"x\":\"{SECRET}\"}}}}"
    );
    let plain = format!("{{\"data\":null,\"message\":\"mount with {PASSWORD} failed\"}}");
    let steps = vec![
        Step::status(400, "Parameter verification failed.", &body),
        Step::status(500, "mount failed", &plain),
    ];
    let (_server, transport, _) = pair(token(), steps);
    let params = Params::new().with("password", Secret::new(PASSWORD));
    for _ in 0..2 {
        let error = transport
            .write(Method::Post, &ApiPath::new("storage"), &params)
            .unwrap_err();
        let shown = format!(
            "{error} {error:?} {:?} {transport:?} {params:?}",
            error.hint()
        );
        assert!(shown.contains("********"), "{shown}");
        for secret in [PASSWORD, SECRET] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
