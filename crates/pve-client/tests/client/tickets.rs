//! Logins with user and password.

use std::time::Duration;

use pve_client::https::Https;
use pve_client::{ApiPath, Error, ErrorKind, Method, Params, Transport};
use serde_json::{Value, json};

use crate::connect::{PASSWORD, pair, password, read};
use crate::server::Step;

fn ticket(mark: &str) -> Step {
    Step::ok(&format!(
        "{{\"username\":\"root@pam\",\"ticket\":\"PVE:root@pam:{mark}::ab+/c=\",\"CSRFPreventionToken\":\"{mark}:csrf+/=\",\"cap\":{{}}}}"
    ))
}

fn write(transport: &Https) -> Result<Value, Error> {
    transport.write(
        Method::Put,
        &ApiPath::new("cluster/backup/a1"),
        &Params::new(),
    )
}

fn cookie(request: &str) -> String {
    let line = request.lines().find(|line| line.starts_with("cookie: "));
    line.unwrap_or_default().to_owned()
}

fn csrf(request: &str) -> String {
    let line = request
        .lines()
        .find(|line| line.starts_with("csrfpreventiontoken: "));
    line.unwrap_or_default().to_owned()
}

#[test]
fn one_login_serves_many_calls() {
    let (server, transport, _) = pair(
        password(),
        vec![ticket("AAAA"), Step::ok("1"), Step::ok("null")],
    );
    assert_eq!(read(&transport).unwrap(), json!(1));
    write(&transport).unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].starts_with("POST /api2/json/access/ticket HTTP/1.1"));
    assert!(
        requests[0].ends_with(&format!("\r\n\r\nusername=root%40pam&password={PASSWORD}")),
        "{}",
        requests[0]
    );
    for request in &requests[1..] {
        assert_eq!(
            cookie(request),
            "cookie: PVEAuthCookie=PVE%3Aroot%40pam%3AAAAA%3A%3Aab%2B%2Fc%3D"
        );
        assert!(!request.contains("authorization"), "{request}");
    }
    assert_eq!(csrf(&requests[2]), "csrfpreventiontoken: AAAA:csrf+/=");
}

#[test]
fn a_ticket_is_renewed_before_its_two_hours_are_over() {
    let (server, transport, timer) = pair(
        password(),
        vec![
            ticket("AAAA"),
            Step::ok("1"),
            Step::ok("2"),
            ticket("BBBB"),
            Step::ok("3"),
        ],
    );
    read(&transport).unwrap();
    timer.advance(Duration::from_mins(99));
    read(&transport).unwrap();
    timer.advance(Duration::from_mins(2));
    assert_eq!(read(&transport).unwrap(), json!(3));
    let requests = server.requests();
    assert_eq!(server.lines()[3], "POST /api2/json/access/ticket");
    assert!(cookie(&requests[4]).contains("BBBB"), "{}", requests[4]);
}

#[test]
fn a_write_refused_by_401_is_sent_once_more_after_a_new_login() {
    let refused = Step::status(401, "Permission denied - invalid csrf token", "");
    let (server, transport, _) = pair(
        password(),
        vec![
            ticket("AAAA"),
            Step::ok("1"),
            refused.clone(),
            ticket("BBBB"),
            Step::ok("2"),
        ],
    );
    read(&transport).unwrap();
    assert_eq!(write(&transport).unwrap(), json!(2));
    let requests = server.requests();
    assert!(cookie(&requests[2]).contains("AAAA") && cookie(&requests[4]).contains("BBBB"));
    assert!(csrf(&requests[4]).contains("BBBB"));

    // Refused again: that is the answer.
    let (server, transport, _) = pair(
        password(),
        vec![
            ticket("AAAA"),
            Step::ok("1"),
            refused.clone(),
            ticket("BBBB"),
            refused,
        ],
    );
    read(&transport).unwrap();
    let error = write(&transport).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unauthenticated);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn a_fresh_ticket_that_is_refused_is_an_answer() {
    let (server, transport, _) = pair(
        password(),
        vec![ticket("AAAA"), Step::status(401, "No ticket", "")],
    );
    assert_eq!(
        write(&transport).unwrap_err().kind(),
        &ErrorKind::Unauthenticated
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_wrong_password_is_sent_once() {
    let body = "{\"message\":\"authentication failure\\n\",\"data\":null}";
    let (server, transport, _) = pair(
        password(),
        vec![Step::status(401, "authentication failure", body)],
    );
    let error = write(&transport).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unauthenticated);
    assert!(
        error.to_string().contains("authentication failure"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("`root@pam`"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_second_factor_cannot_be_asked_for() {
    for answer in [
        "{\"ticket\":\"PVE:!tfa!abc\",\"NeedTFA\":1,\"CSRFPreventionToken\":\"x\"}",
        "{\"ticket\":\"PVE:!tfa!abc\",\"CSRFPreventionToken\":\"x\"}",
    ] {
        let (server, transport, _) = pair(password(), vec![Step::ok(answer)]);
        let error = read(&transport).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Unauthenticated);
        assert!(
            error.hint().unwrap().contains("use a token"),
            "{:?}",
            error.hint()
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_login_that_was_lost_is_tried_again_and_the_write_is_sent_once() {
    let (server, transport, _) = pair(
        password(),
        vec![Step::Cut, ticket("AAAA"), Step::ok("null")],
    );
    write(&transport).unwrap();
    assert_eq!(
        server.lines(),
        [
            "POST /api2/json/access/ticket",
            "POST /api2/json/access/ticket",
            "PUT /api2/json/cluster/backup/a1"
        ]
    );
}

#[test]
fn neither_password_nor_ticket_is_shown() {
    let (_server, transport, _) = pair(
        password(),
        vec![
            ticket("AAAA"),
            Step::ok("1"),
            Step::status(500, &format!("echo {PASSWORD}"), ""),
        ],
    );
    read(&transport).unwrap();
    let error = write(&transport).unwrap_err();
    let shown = format!("{error} {error:?} {transport:?}");
    for secret in [PASSWORD, "AAAA", "csrf+"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let (_server, transport, _) = pair(
        password(),
        vec![Step::ok("{\"ticket\":\"PVE:SECRETTICKET\"}")],
    );
    let error = read(&transport).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Protocol);
    assert!(!format!("{error} {error:?}").contains("SECRETTICKET"));
}
