//! The way of a request through a node, in the order in which PVE does it: verb, login, forged
//! writes, body, path, conflicting parameters, privileges, node name, schema, handler.

use std::sync::Arc;

use crate::access::identity::Identity;
use crate::dispatch::Target;
use crate::http::decode;
use crate::http::envelope::{self, Answer, Formatter, Reply};
use crate::http::{multipart, tls};
use crate::journal::JournalEntry;
use crate::node::NodeCore;
use crate::parameters::{Parameter, Parameters};
use crate::refusal::Refusal;
use percent_encoding::percent_decode_str;

/// A request as the HTTP layer read it.
#[derive(Debug)]
pub(crate) struct RawRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) csrf: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl RawRequest {
    /// The path behind `/api2/json`.
    pub(crate) fn api_path(&self) -> &str {
        let rest = self
            .path
            .strip_prefix("/api2/")
            .and_then(|rest| rest.find('/').and_then(|at| rest.get(at..)));
        rest.unwrap_or(&self.path)
    }

    /// Does the request and writes it into the journal.
    pub(crate) fn answer(&self, node: &Arc<NodeCore>) -> Answer {
        let mut identity = None;
        let answer = match Formatter::of(&self.path) {
            Err(refusal) => envelope::refused(&refusal),
            Ok((formatter, _)) => match self.process(node, &mut identity) {
                Ok(result) => envelope::write(formatter, result),
                Err(refusal) => envelope::refused(&refusal),
            },
        };
        self.journal(node, identity.as_ref(), answer.status);
        answer
    }

    /// Writes the request into the journal of the node.
    pub(crate) fn journal(&self, node: &NodeCore, identity: Option<&Identity>, status: u16) {
        let mut parameters = Parameters::default();
        decode::form(self.query.as_bytes(), &mut parameters);
        // A body that cannot be read is still in `raw`.
        let _unreadable = decode::body(self.content_type.as_deref(), &self.body, &mut parameters);
        node.journal.add(JournalEntry {
            method: self.method.clone(),
            path: self.api_path().to_owned(),
            parameters,
            identity: identity.map(ToString::to_string),
            raw: format!(
                "{}?{}\n{}",
                self.path,
                self.query,
                String::from_utf8_lossy(&self.body)
            ),
            status,
        });
    }

    // The outer result is what the HTTP layer itself refuses, whatever the formatter.
    fn process(
        &self,
        node: &Arc<NodeCore>,
        identity: &mut Option<Identity>,
    ) -> Result<Result<Reply, Refusal>, Refusal> {
        if !["GET", "POST", "PUT", "DELETE"].contains(&self.method.as_str()) {
            return Err(Refusal::empty(
                501,
                &format!("method '{}' not available", self.method),
            ));
        }
        let now = node.clock.now();
        let segments = self.segments();
        let api_path = format!("/{}", segments.join("/"));
        let is_login = api_path == "/access/ticket";
        if !is_login {
            *identity = Some(self.authenticate(node, now)?);
        }
        if self.method == "DELETE" && !self.body.is_empty() {
            return Err(Refusal::plain(
                501,
                "Unexpected content for method 'DELETE'",
            ));
        }
        let mut parameters = Parameters::default();
        decode::form(self.query.as_bytes(), &mut parameters);
        if self.method != "GET" && self.method != "DELETE" {
            self.read_body(node, &api_path, &mut parameters)?;
        }
        let nobody = Identity::user("");
        let sender = identity.as_ref().unwrap_or(&nobody);
        let target = Target {
            method: &self.method,
            segments: &segments,
            api_path: &api_path,
        };
        Ok(target.call(node, sender, None, parameters))
    }

    // Only uploads come as forms with a file; it is kept where PVE keeps it.
    fn read_body(
        &self,
        node: &NodeCore,
        api_path: &str,
        parameters: &mut Parameters,
    ) -> Result<(), Refusal> {
        let kind = self.content_type.as_deref();
        let upload = multipart::read(kind, &self.body).filter(|_| api_path.ends_with("/upload"));
        let Some(upload) = upload else {
            return decode::body(kind, &self.body, parameters);
        };
        for (name, value) in upload.fields {
            parameters.append(&name, value);
        }
        let Some((name, data)) = upload.file else {
            return Ok(());
        };
        let failed = |error: &dyn std::fmt::Display| Refusal::plain(500, error.to_string());
        let number: [u8; 8] = tls::random().map_err(|error| failed(&error))?;
        let number = u64::from_be_bytes(number);
        let kept = format!("/var/tmp/pveupload-{number:x}");
        let path = node.local(&kept);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        std::fs::write(path, data).map_err(|error| failed(&error))?;
        parameters.set("filename", Parameter::Text(name));
        parameters.set("tmpfilename", Parameter::Text(kept));
        Ok(())
    }

    fn segments(&self) -> Vec<String> {
        self.api_path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect()
    }

    fn authenticate(&self, node: &NodeCore, now: i64) -> Result<Identity, Refusal> {
        let state = node.state();
        let failed = || Refusal::unauthorized("Authentication failed!");
        if let Some(value) = self
            .authorization
            .as_deref()
            .and_then(|value| value.strip_prefix("PVEAPIToken"))
        {
            let value = value.strip_prefix('=').ok_or_else(failed)?;
            return state.access.token_identity(value, now).ok_or_else(failed);
        }
        let ticket = self
            .cookie
            .as_deref()
            .into_iter()
            .flat_map(|cookies| cookies.split(';'))
            .find_map(|cookie| cookie.trim().strip_prefix("PVEAuthCookie="))
            .ok_or_else(|| Refusal::unauthorized("No ticket"))?;
        let ticket = percent_decode_str(ticket).decode_utf8_lossy();
        let identity = node
            .cluster
            .signer
            .verify(&ticket, &state.access, now)
            .ok_or_else(failed)?;
        let token = self.csrf.as_deref().unwrap_or_default();
        if self.method != "GET"
            && !node
                .cluster
                .signer
                .verify_csrf(token, identity.user_id(), now)
        {
            return Err(Refusal::unauthorized(
                "Permission denied - invalid csrf token",
            ));
        }
        Ok(identity)
    }
}
