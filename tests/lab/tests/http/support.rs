//! What the HTTP tests share: a lab in a temporary folder and a client that sees reason phrases.

use reprise_lab::{Clock, Lab, LabConfig, Node, NodeConfig};
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

/// A lab with one node `pve1` whose clock stands at Sat 2026-11-21 12:00 UTC.
pub(crate) struct OneNode {
    pub(crate) lab: Lab,
    pub(crate) clock: Clock,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) const NOON: i64 = 1_795_262_400;

impl OneNode {
    pub(crate) fn start() -> Self {
        Self::with(|config| config)
    }

    /// One that is set up otherwise.
    pub(crate) fn with(change: impl FnOnce(LabConfig) -> LabConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOON);
        let config = LabConfig::new(folder.path())
            .with_clock(clock.clone())
            .with_nodes(vec![NodeConfig::new("pve1")]);
        let lab = Lab::start(&change(config)).unwrap();
        Self { lab, clock, folder }
    }

    pub(crate) fn node(&self) -> &Node {
        self.lab.node("pve1").unwrap()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["data"].clone()
    }

    pub(crate) fn error(&self, name: &str) -> String {
        self.json()["errors"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) fn client(node: &Node) -> Client {
    // A second installation in the same process is refused, and is the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(node.ca_path()).unwrap();
    Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

pub(crate) fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send()?;
    let reason = response
        .extensions()
        .get::<hyper::ext::ReasonPhrase>()
        .map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    let status = response.status();
    Ok(Answer {
        status: status.as_u16(),
        reason: reason.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned()),
        text: response.text()?,
    })
}

/// A client with one token.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) authorization: String,
}

impl Api {
    pub(crate) fn new(node: &Node, token: &str, secret: &str) -> Self {
        Self {
            client: client(node),
            base: format!("{}/api2/json", node.url()),
            authorization: format!("PVEAPIToken={token}={secret}"),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("Authorization", &self.authorization)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).unwrap()
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        send(self.request("DELETE", path)).unwrap()
    }

    pub(crate) fn form(&self, method: &str, path: &str, pairs: &[(&str, &str)]) -> Answer {
        send(self.request(method, path).form(pairs)).unwrap()
    }

    pub(crate) fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.form("POST", path, pairs)
    }

    pub(crate) fn put(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.form("PUT", path, pairs)
    }
}
