//! Whose certificate is believed, and what is said of those that are not; proxies.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use pve_client::https::{Endpoint, Https, Proxy, Trust};
use pve_client::{Error, ErrorKind, NotSent};

use crate::connect::{fingerprint, https, read, settings, temporary_file, token};
use crate::server::{Identity, Server, Step};

fn refused(identity: &Identity, trust: Trust) -> (Server, Error) {
    let server = Server::start(identity, vec![Step::ok("1")]);
    let error = read(&https(settings(server.port(), token(), trust))).unwrap_err();
    assert!(
        server.requests().is_empty(),
        "nothing may be sent to a server that is not believed"
    );
    (server, error)
}

fn accepted(identity: &Identity, trust: Trust) {
    let server = Server::start(identity, vec![Step::ok("1")]);
    assert_eq!(
        read(&https(settings(server.port(), token(), trust))).unwrap(),
        1
    );
}

fn here() -> Identity {
    Identity::for_names(&["127.0.0.1"])
}

#[test]
fn an_authority_from_a_file_that_may_hold_several() {
    let identity = here();
    let bundle = format!("# two of them\n{}\n{}", here().root_pem, identity.root_pem);
    accepted(
        &identity,
        Trust::CaFile(temporary_file("bundle.pem", &bundle)),
    );
}

#[test]
fn a_pinned_certificate_and_any_certificate() {
    let identity = here();
    accepted(&identity, Trust::Fingerprint(fingerprint(&identity)));
    // Pinned certificates are believed whatever names and dates they have.
    let expired = Identity::expired();
    accepted(&expired, Trust::Fingerprint(fingerprint(&expired)));
    accepted(
        &Identity::for_names(&["other.example.com"]),
        Trust::Insecure,
    );
}

#[test]
fn an_unknown_certificate_is_shown_with_its_fingerprint() {
    let identity = here();
    let (_, error) = refused(
        &identity,
        Trust::CaFile(temporary_file("other.pem", &here().root_pem)),
    );
    let seen = fingerprint(&identity).to_string();
    let wanted = NotSent::UnknownCertificate {
        fingerprint: seen.clone(),
    };
    assert_eq!(error.kind(), &ErrorKind::NotSent(wanted), "{error}");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains(&seen) && hint.contains("`fingerprint`") && hint.contains("`ca_path`"),
        "{hint}"
    );
    assert!(error.retry_is_safe());
}

#[test]
fn the_certificates_of_the_system_do_not_sign_a_node() {
    let identity = here();
    let server = Server::start(&identity, vec![]);
    match Https::new(
        settings(server.port(), token(), Trust::System),
        std::sync::Arc::new(crate::support::TestTimer::default()),
    ) {
        Ok(transport) => {
            let error = read(&transport).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::NotSent(NotSent::UnknownCertificate { .. })
                ),
                "{error}"
            );
        }
        // A machine without any.
        Err(error) => assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::NoTrustStore)),
    }
}

#[test]
fn a_certificate_for_another_name_or_another_time() {
    let other = Identity::for_names(&["other.example.com"]);
    let (_, error) = refused(
        &other,
        Trust::CaFile(temporary_file("name.pem", &other.root_pem)),
    );
    let wanted = NotSent::WrongHostName {
        fingerprint: fingerprint(&other).to_string(),
    };
    assert_eq!(error.kind(), &ErrorKind::NotSent(wanted), "{error}");
    let expired = Identity::expired();
    let (_, error) = refused(
        &expired,
        Trust::CaFile(temporary_file("expired.pem", &expired.root_pem)),
    );
    assert!(
        matches!(
            error.kind(),
            ErrorKind::NotSent(NotSent::BadCertificate { .. })
        ),
        "{error}"
    );
}

#[test]
fn another_certificate_than_the_pinned_one() {
    let identity = here();
    let (_, error) = refused(&identity, Trust::Fingerprint(fingerprint(&here())));
    let wanted = NotSent::OtherFingerprint {
        fingerprint: fingerprint(&identity).to_string(),
    };
    assert_eq!(error.kind(), &ErrorKind::NotSent(wanted), "{error}");
    assert!(error.hint().unwrap().contains("somebody is in between"));
}

#[test]
fn the_pinned_certificate_without_its_key_is_not_enough() {
    let identity = here();
    let pinned = Trust::Fingerprint(fingerprint(&identity));
    let (_, error) = refused(&identity.stolen(), pinned);
    assert!(matches!(error.kind(), ErrorKind::NotSent(_)), "{error:?}");
    let (_, error) = refused(&here().stolen(), Trust::Insecure);
    assert!(matches!(error.kind(), ErrorKind::NotSent(_)), "{error:?}");
}

fn unusable(trust: Trust) -> Error {
    let timer = std::sync::Arc::new(crate::support::TestTimer::default());
    Https::new(settings(1, token(), trust), timer).unwrap_err()
}

#[test]
fn a_file_without_certificates_is_named() {
    let missing = PathBuf::from("no-such-file.pem");
    let error = unusable(Trust::CaFile(missing.clone()));
    assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::CaFile(missing)));
    assert!(error.to_string().contains("no-such-file.pem"), "{error}");
    for (name, text) in [
        ("empty.pem", ""),
        ("text.pem", "hello"),
        (
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
    ] {
        let error = unusable(Trust::CaFile(temporary_file(name, text)));
        assert!(
            matches!(error.kind(), ErrorKind::NotSent(NotSent::CaFile(_))),
            "{name}: {error}"
        );
        assert!(error.hint().unwrap().contains("PEM"));
    }
}

#[test]
fn a_port_that_does_not_speak_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let error = read(&https(settings(port, token(), Trust::Insecure))).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::Tls), "{error}");
}

/// A proxy that lets nothing through, and tells what it was asked.
fn closed_proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0_u8; 1000];
            let length = stream.read(&mut head).unwrap();
            let text = String::from_utf8_lossy(&head[..length]).into_owned();
            drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
            if sender
                .send(text.lines().next().unwrap_or_default().to_owned())
                .is_err()
            {
                return;
            }
        }
    });
    (url, asked)
}

#[test]
fn a_proxy_is_used_for_others_but_never_for_this_machine() {
    let (url, asked) = closed_proxy();
    let identity = here();
    let server = Server::start(&identity, vec![Step::ok("1")]);
    let mut connection = settings(
        server.port(),
        token(),
        Trust::Fingerprint(fingerprint(&identity)),
    );
    connection.proxy = Some(Proxy::new(&url, None));
    assert_eq!(read(&https(connection.clone())).unwrap(), 1);
    assert!(
        asked.try_recv().is_err(),
        "the proxy was asked for 127.0.0.1"
    );

    connection.endpoint = Endpoint::new("pve1.invalid", 8006).unwrap();
    let error = read(&https(connection.clone())).unwrap_err();
    assert_eq!(asked.recv().unwrap(), "CONNECT pve1.invalid:8006 HTTP/1.1");
    assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::Proxy), "{error}");
    assert!(error.hint().unwrap().contains("no_proxy"));
    while asked.try_recv().is_ok() {}

    // Named as an exception: then the name itself is looked up, and there is none.
    connection.proxy = Some(Proxy::new(&url, Some("localhost,.invalid".to_owned())));
    let error = read(&https(connection)).unwrap_err();
    assert!(
        asked.try_recv().is_err(),
        "the proxy was asked for an exception"
    );
    assert_eq!(
        error.kind(),
        &ErrorKind::NotSent(NotSent::NameResolution),
        "{error}"
    );
}
