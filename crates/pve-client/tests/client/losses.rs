//! Connections that fail: what is tried again, and what never is.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use pve_client::https::{Https, Trust};
use pve_client::{ApiPath, Error, ErrorKind, Method, NotSent, Params, Transport};
use serde_json::{Value, json};

use crate::connect::{https, pair, read, settings, token};
use crate::server::Step;

fn write(transport: &Https) -> Result<Value, Error> {
    let path = ApiPath::new("cluster/backup");
    transport.write(Method::Post, &path, &Params::new().with("id", "nightly"))
}

/// Lost after it was sent, in every way the server can do it.
fn losses() -> Vec<Step> {
    vec![
        Step::Cut,
        Step::HalfBody("{\"data\":".to_owned()),
        Step::status(502, "Bad Gateway", "<html>"),
        Step::status(503, "Service Unavailable", ""),
        Step::status(504, "Gateway Time-out", ""),
        Step::status(596, "Connection timed out", ""),
    ]
}

#[test]
fn a_read_that_was_lost_is_asked_again() {
    for loss in losses() {
        let (server, transport, _) = pair(token(), vec![loss.clone(), loss.clone(), Step::ok("1")]);
        assert_eq!(read(&transport).unwrap(), json!(1), "{loss:?}");
        assert_eq!(server.requests().len(), 3, "{loss:?}");
    }
}

#[test]
fn after_three_tries_a_read_gives_up() {
    for loss in losses() {
        let (server, transport, _) = pair(token(), vec![loss.clone(); 5]);
        let error = read(&transport).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Server, "{loss:?}: {error}");
        assert!(error.retry_is_safe() && error.is_outage());
        assert_eq!(server.requests().len(), 3, "{loss:?}");
    }
}

#[test]
fn a_write_that_was_lost_is_never_sent_again() {
    for loss in losses() {
        let (server, transport, _) = pair(token(), vec![loss.clone()]);
        let error = write(&transport).unwrap_err();
        assert_eq!(
            error.kind(),
            &ErrorKind::MayHaveBeenProcessed,
            "{loss:?}: {error}"
        );
        assert!(!error.retry_is_safe());
        assert!(error.hint().unwrap().contains("look at the object"));
        assert_eq!(server.requests().len(), 1, "{loss:?}");
    }
}

#[test]
fn a_write_without_an_answer_in_time_may_have_been_processed() {
    let (server, transport) = {
        let identity = crate::server::Identity::for_names(&["127.0.0.1"]);
        let server =
            crate::server::Server::start(&identity, vec![Step::Stall(Duration::from_secs(5))]);
        let mut connection = settings(server.port(), token(), Trust::Insecure);
        connection.timeout = Duration::from_millis(600);
        (server, https(connection))
    };
    let error = write(&transport).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::MayHaveBeenProcessed, "{error}");
    assert!(
        error.to_string().contains("no answer came in time"),
        "{error}"
    );
    thread::sleep(Duration::from_millis(100));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_write_that_never_left_is_sent_again() {
    let (server, transport, _) = pair(token(), vec![Step::ok("null")]);
    server.refuse_next(2);
    assert_eq!(write(&transport).unwrap(), Value::Null);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_write_to_a_node_that_was_not_reached_is_sent_again() {
    let lost = Step::status(595, "No route to host", "");
    let (server, transport, _) = pair(token(), vec![lost.clone(), Step::ok("null")]);
    assert_eq!(write(&transport).unwrap(), Value::Null);
    assert_eq!(server.requests().len(), 2);
    let (_server, transport, _) = pair(token(), vec![lost; 3]);
    let error = write(&transport).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::OtherNode));
    assert!(error.retry_is_safe());
}

#[test]
fn a_connection_that_never_comes_about_is_named() {
    let (server, transport, _) = pair(token(), vec![]);
    server.refuse_next(99);
    let error = write(&transport).unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::NotSent(NotSent::Connection),
        "{error}"
    );
    assert!(error.retry_is_safe());

    // A port on which nothing listens any more.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = write(&https(settings(port, token(), Trust::Insecure))).unwrap_err();
    assert_eq!(
        error.kind(),
        &ErrorKind::NotSent(NotSent::Refused),
        "{error}"
    );
    assert!(
        std::error::Error::source(&error).is_some(),
        "the cause is kept"
    );
    assert!(error.hint().unwrap().contains("pveproxy"));
}

#[test]
fn an_idle_connection_that_the_server_closed_costs_no_write() {
    let first = Step::ReplyAndClose("{\"data\":1}".to_owned());
    for _ in 0..20 {
        let (server, transport, _) = pair(token(), vec![first.clone(), Step::ok("2")]);
        assert_eq!(read(&transport).unwrap(), json!(1));
        // Nobody polls the connection meanwhile, so its end is only found by the next call.
        thread::sleep(Duration::from_millis(30));
        assert_eq!(write(&transport).unwrap(), json!(2));
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn a_refusal_is_not_asked_again() {
    let (server, transport, _) = pair(
        token(),
        vec![Step::status(500, "storage 'x' does not exist", "")],
    );
    assert!(read(&transport).unwrap_err().is_not_found());
    assert_eq!(server.requests().len(), 1);
}
