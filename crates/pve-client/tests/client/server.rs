//! A small TLS server that answers as scripted, and misbehaves on request.
//!
//! It speaks HTTP by hand on blocking sockets, so that a test decides at which byte a connection
//! ends.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Answers and keeps the connection.
    Reply(u16, String, String),
    /// Answers, and closes without having said so.
    ReplyAndClose(String),
    /// Says nothing and closes.
    Cut,
    /// Promises a longer body than it sends, and closes.
    HalfBody(String),
    /// Says nothing for a while, and closes.
    Stall(Duration),
    /// Answers after a while.
    Slow(Duration, String),
}

impl Step {
    pub(crate) fn ok(data: &str) -> Self {
        Self::Reply(200, "OK".to_owned(), format!("{{\"data\":{data}}}"))
    }

    pub(crate) fn status(status: u16, reason: &str, body: &str) -> Self {
        Self::Reply(status, reason.to_owned(), body.to_owned())
    }
}

/// Certificates for a server: its own, the chain's root as PEM, its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) root_pem: String,
    key: Vec<u8>,
}

impl Identity {
    /// A certificate for `names`, signed by an authority of its own.
    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self::made(names, |_| ())
    }

    /// One that ended long ago.
    pub(crate) fn expired() -> Self {
        Self::made(&["127.0.0.1"], |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    fn made(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "Reprise Test Authority");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        Self {
            certificate: certificate.der().clone(),
            root_pem: authority.pem(),
            key: key.serialize_der(),
        }
    }

    /// The same certificate, shown by somebody who does not have its key.
    pub(crate) fn stolen(self) -> Self {
        Self {
            key: KeyPair::generate().unwrap().serialize_der(),
            ..self
        }
    }
}

/// Shows a certificate without looking whether the key belongs to it.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[derive(Default)]
struct State {
    steps: Mutex<VecDeque<Step>>,
    refuse: Mutex<usize>,
    requests: Mutex<Vec<String>>,
    under_way: Mutex<(usize, usize)>,
}

/// The server; its threads end with the test program.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    /// Starts on a free port; when the script is over it answers with the path that was asked.
    pub(crate) fn start(identity: &Identity, steps: Vec<Step>) -> Self {
        let state = Arc::new(State {
            steps: Mutex::new(steps.into()),
            ..State::default()
        });
        let key = PrivateKeyDer::try_from(identity.key.clone()).unwrap();
        let key = ring::sign::any_supported_type(&key).unwrap();
        let shown = Shown(Arc::new(CertifiedKey::new(
            vec![identity.certificate.clone()],
            key,
        )));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut refuse = shared.refuse.lock().unwrap();
                if *refuse > 0 {
                    *refuse -= 1;
                    continue;
                }
                drop(refuse);
                let (config, state) = (Arc::clone(&config), Arc::clone(&shared));
                thread::spawn(move || serve(stream, config, &state));
            }
        });
        Self { address, state }
    }

    /// Closes the next `count` connections before TLS has begun.
    pub(crate) fn refuse_next(&self, count: usize) {
        *self.state.refuse.lock().unwrap() = count;
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request that was read whole: head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The first lines of the requests, without the version.
    pub(crate) fn lines(&self) -> Vec<String> {
        let first = |request: &String| {
            request
                .lines()
                .next()
                .unwrap_or_default()
                .replace(" HTTP/1.1", "")
        };
        self.requests().iter().map(first).collect()
    }

    /// The largest number of requests that were under way at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.under_way.lock().unwrap().1
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, state: &State) {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    while let Some(request) = read_request(&mut stream) {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        state.requests.lock().unwrap().push(request);
        let step = state.steps.lock().unwrap().pop_front();
        {
            let mut counts = state.under_way.lock().unwrap();
            counts.0 += 1;
            counts.1 = counts.1.max(counts.0);
        }
        let go_on = act(
            &mut stream,
            step.unwrap_or_else(|| Step::ok(&format!("\"{path}\""))),
        );
        state.under_way.lock().unwrap().0 -= 1;
        if !go_on {
            return;
        }
    }
}

fn act(stream: &mut impl Write, step: Step) -> bool {
    match step {
        Step::Reply(status, reason, body) => send(stream, status, &reason, &body, body.len()),
        Step::ReplyAndClose(body) => {
            send(stream, 200, "OK", &body, body.len());
            false
        }
        Step::Cut => false,
        Step::HalfBody(body) => {
            send(stream, 200, "OK", &body, body.len() + 100);
            false
        }
        Step::Stall(pause) => {
            thread::sleep(pause);
            false
        }
        Step::Slow(pause, body) => {
            thread::sleep(pause);
            send(stream, 200, "OK", &body, body.len())
        }
    }
}

fn send(stream: &mut impl Write, status: u16, reason: &str, body: &str, length: usize) -> bool {
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .and_then(|()| stream.flush())
        .is_ok()
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0_u8; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let mut request = String::from_utf8(head).unwrap();
    let length = request.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let mut body = vec![0_u8; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    request.push_str(&String::from_utf8(body).unwrap());
    Some(request)
}
