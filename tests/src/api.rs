//! The API of a server, spoken without the client under test: what it says is what is there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

use crate::server::Server;

/// How long a task may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection with all rights.
#[derive(Debug)]
pub struct Api {
    client: Client,
    base: String,
    authorization: String,
}

impl Api {
    /// To this server.
    ///
    /// # Errors
    /// When its certificate authority cannot be read.
    pub fn new(server: &Server) -> Result<Self> {
        // Another test of this process may have done it before.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let ca = std::fs::read(Path::new(&server.ca_path))
            .with_context(|| format!("cannot read {}", server.ca_path))?;
        let client = Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca)?])
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()?;
        Ok(Self {
            client,
            base: format!("{}/api2/json", server.url.trim_end_matches('/')),
            authorization: format!("PVEAPIToken={}={}", server.token_id, server.token_secret),
        })
    }

    /// Reads.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.send(self.client.get(format!("{}{path}", self.base)), path)
    }

    /// Removes.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.send(self.client.delete(format!("{}{path}", self.base)), path)
    }

    /// Makes.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn post(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base));
        self.send(request.form(parameters), path)
    }

    /// Changes.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn put(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value> {
        let request = self.client.put(format!("{}{path}", self.base));
        self.send(request.form(parameters), path)
    }

    fn send(&self, request: RequestBuilder, path: &str) -> Result<Value> {
        let answer = request
            .header("Authorization", &self.authorization)
            .send()
            .with_context(|| format!("{path} was not answered"))?;
        let status = answer.status();
        let text = answer.text()?;
        ensure!(status.is_success(), "{path}: {status}: {text}");
        let mut value: Value = serde_json::from_str(&text)?;
        Ok(value.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// The job of this id, as the server has it; values are texts, since the server itself is not
    /// of one mind about numbers.
    ///
    /// # Errors
    /// When jobs cannot be listed.
    pub fn job(&self, id: &str) -> Result<Option<Value>> {
        self.entry("/cluster/backup", "id", id)
    }

    /// The storage of this id.
    ///
    /// # Errors
    /// When storages cannot be listed.
    pub fn storage(&self, id: &str) -> Result<Option<Value>> {
        self.entry("/storage", "storage", id)
    }

    /// Waits for the end of a task that an answer named, and gives back what it ended with.
    ///
    /// # Errors
    /// When the answer named none, or it does not end.
    pub fn end_of(&self, node: &str, task: &Value) -> Result<String> {
        let upid = task
            .as_str()
            .with_context(|| format!("{task} is no task"))?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let status = self.get(&format!("/nodes/{node}/tasks/{upid}/status"))?;
            if let Some(end) = status.get("exitstatus").and_then(Value::as_str) {
                return Ok(end.to_owned());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        anyhow::bail!("the task {upid} has not ended after {PATIENCE:?}")
    }

    /// The volume ids of all backups on a storage.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn backups(&self, node: &str, storage: &str) -> Result<BTreeSet<String>> {
        let listed = self.get(&format!(
            "/nodes/{node}/storage/{storage}/content?content=backup"
        ))?;
        let entries = listed.as_array().into_iter().flatten();
        Ok(entries
            .filter_map(|entry| entry.get("volid").and_then(Value::as_str))
            .map(str::to_owned)
            .collect())
    }

    fn entry(&self, list: &str, key: &str, id: &str) -> Result<Option<Value>> {
        let Value::Array(entries) = self.get(list)? else {
            anyhow::bail!("{list} is no list");
        };
        let found = entries
            .into_iter()
            .find(|entry| entry.get(key).and_then(Value::as_str) == Some(id));
        Ok(found.map(texts))
    }

    /// Removes the jobs and storages whose names begin so.
    ///
    /// # Errors
    /// When one stays.
    pub fn clean(&self, prefix: &str) -> Result<()> {
        for (list, key) in [("/cluster/backup", "id"), ("/storage", "storage")] {
            let entries = self.get(list)?;
            let names = entries
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.get(key).and_then(Value::as_str))
                .filter(|name| name.starts_with(prefix));
            for name in names {
                self.delete(&format!("{list}/{name}"))?;
            }
        }
        Ok(())
    }
}

/// Numbers and booleans as the texts that PVE writes elsewhere for them.
pub fn texts(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Bool(flag) => Value::String(u8::from(flag).to_string()),
        Value::Array(list) => Value::Array(list.into_iter().map(texts).collect()),
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, texts(value)))
            .collect(),
        other => other,
    }
}
