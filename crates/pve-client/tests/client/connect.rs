//! Connections to the test server, as the tests of https use them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pve_client::https::{Auth, Connection, Endpoint, Fingerprint, Https, Retry, Trust};
use pve_client::{ApiPath, Error, Params, Secret, Timer, Transport};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::server::{Identity, Server, Step};
use crate::support::TestTimer;

/// The secret that must never be seen.
pub(crate) const SECRET: &str = "11112222-3333-4444-5555-666677778888";

/// The password that must never be seen.
pub(crate) const PASSWORD: &str = "hunter2-hunter2";

pub(crate) fn token() -> Auth {
    Auth::token(None, "root@pam!lab", SECRET.into()).unwrap()
}

pub(crate) fn password() -> Auth {
    Auth::password("root@pam", Secret::new(PASSWORD)).unwrap()
}

pub(crate) fn fingerprint(identity: &Identity) -> Fingerprint {
    let digest = Sha256::digest(&identity.certificate);
    let text: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    text.concat().parse().unwrap()
}

/// Settings that fail fast.
pub(crate) fn settings(port: u16, auth: Auth, trust: Trust) -> Connection {
    let mut connection = Connection::new(Endpoint::new("127.0.0.1", port).unwrap(), auth);
    connection.trust = trust;
    connection.timeout = Duration::from_secs(10);
    connection.retry = Retry {
        tries: 3,
        pause: Duration::from_millis(5),
    };
    connection
}

pub(crate) fn https(connection: Connection) -> Https {
    Https::new(connection, Arc::new(TestTimer::default())).unwrap()
}

/// A server with a script, and a transport that trusts it.
pub(crate) fn pair(auth: Auth, steps: Vec<Step>) -> (Server, Https, Arc<TestTimer>) {
    let identity = Identity::for_names(&["127.0.0.1"]);
    let server = Server::start(&identity, steps);
    let timer = Arc::new(TestTimer::default());
    let face: Arc<dyn Timer> = Arc::clone(&timer) as _;
    let connection = settings(
        server.port(),
        auth,
        Trust::Fingerprint(fingerprint(&identity)),
    );
    let transport = Https::new(connection, face).unwrap();
    (server, transport, timer)
}

pub(crate) fn read(transport: &Https) -> Result<Value, Error> {
    transport.read(&ApiPath::new("version"), &Params::new())
}

/// A file of this test run.
pub(crate) fn temporary_file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}
