//! Sends the requests of a scenario into a node, as its web server would.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::compare::difference;
use super::paths::Names;
use super::text_of;
use crate::http::envelope::Answer;
use crate::node::Node;
use crate::request::RawRequest;

/// The password of every user.
pub(super) const PASSWORD: &str = "right-password";

/// How long a task may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How an answer was.
#[derive(Debug)]
pub(super) enum Played {
    NotCompared,
    Same,
    Different(String),
}

#[derive(Debug)]
pub(super) struct Player<'node> {
    node: &'node Node,
    tokens: BTreeMap<String, String>,
    tickets: BTreeMap<String, (String, String)>,
    /// What names stand for here, and what they stood for in the recording.
    here: Names,
    recorded: Names,
    /// The last answers of lists, for names that are found in them.
    jobs: Value,
}

impl<'node> Player<'node> {
    pub(super) fn new(node: &'node Node, initial: &Value, records: &[Value]) -> Self {
        let secrets = node.tokens();
        let identities = initial.get("identities").and_then(Value::as_object);
        let tokens = identities.into_iter().flatten().filter_map(|(name, text)| {
            let id = text.as_str()?.strip_prefix("token ")?.split(' ').next()?;
            let header = format!("PVEAPIToken={id}={}", secrets.get(id)?);
            Some((name.clone(), header))
        });
        let mut recorded = Names::new();
        for record in records {
            for (name, value) in values(record) {
                recorded.entry(name).or_insert(value);
            }
        }
        Self {
            node,
            tokens: tokens.collect(),
            tickets: BTreeMap::new(),
            here: Names::new(),
            recorded,
            jobs: Value::Null,
        }
    }

    /// Plays one record.
    pub(super) fn play(&mut self, record: &Value) -> anyhow::Result<Played> {
        if text_of(record, "kind") == "outside" {
            self.change_outside(record.get("effect").unwrap_or(&Value::Null));
            return Ok(Played::NotCompared);
        }
        let request = record.get("request").unwrap_or(&Value::Null);
        self.name_generated_job(request);
        self.recorded.extend(values(record));
        let answer = self.request(request)?.answer(&self.node.core);
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        self.keep(record, request, &body);
        // The recording waited for each task before it went on.
        for task in self.node.core.tasks.running() {
            self.node.core.tasks.wait(&task.upid.to_string(), PATIENCE);
        }
        if record.get("response").is_none_or(Value::is_null) {
            return Ok(Played::NotCompared);
        }
        Ok(match self.compare(record, &answer) {
            None => Played::Same,
            Some(difference) => Played::Different(difference),
        })
    }

    fn compare(&self, record: &Value, answer: &Answer) -> Option<String> {
        difference(record, answer, &self.recorded, &self.here)
    }

    fn keep(&mut self, record: &Value, request: &Value, body: &Value) {
        let data = body.get("data").unwrap_or(&Value::Null);
        if text_of(request, "method") == "GET"
            && text_of(request, "path").ends_with("/cluster/backup")
        {
            self.jobs = data.clone();
        }
        let binds = record.get("binds").and_then(Value::as_object);
        let response = record
            .get("response")
            .and_then(|response| response.get("body"));
        for (name, how) in binds.into_iter().flatten() {
            if let Some(user) = name.strip_prefix("ticket:") {
                let ticket = text_of(data, "ticket").to_owned();
                let csrf = text_of(data, "CSRFPreventionToken").to_owned();
                self.tickets.insert(user.to_owned(), (ticket, csrf));
                continue;
            }
            let how = how.as_str().unwrap_or_default();
            self.here
                .extend(bound(how, body).map(|value| (name.clone(), value)));
            let before = response.and_then(|body| bound(how, body));
            self.recorded
                .extend(before.map(|value| (name.clone(), value)));
        }
    }

    // The one name that no answer tells: the id that a job without one got.
    fn name_generated_job(&mut self, request: &Value) {
        if !text_of(request, "values_from").starts_with("id of the job without an id") {
            return;
        }
        let jobs = self.jobs.as_array().into_iter().flatten();
        let generated = jobs
            .map(|job| text_of(job, "id"))
            .find(|id| id.len() == 36 && id.matches('-').count() == 4)
            .unwrap_or("none")
            .to_owned();
        let names = request.get("values").and_then(Value::as_object);
        for name in names.into_iter().flat_map(Map::keys) {
            self.here.insert(name.clone(), generated.clone());
        }
    }

    fn change_outside(&self, effect: &Value) {
        let guest = text_of(effect, "guest");
        let vmid = guest.rsplit('/').next().and_then(|vmid| vmid.parse().ok());
        let mut state = self.node.core.state();
        let Some(guest) = vmid.and_then(|vmid: u32| state.guests.get_mut(&vmid)) else {
            return;
        };
        if let Some(running) = effect.get("running").and_then(Value::as_bool) {
            guest.running = running;
        }
        let set = effect.get("set").and_then(Value::as_object);
        for (key, value) in set.into_iter().flatten() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            guest.config.insert(key.clone(), text);
        }
        let unset = effect.get("unset").and_then(Value::as_array);
        for key in unset.into_iter().flatten().filter_map(Value::as_str) {
            guest.config.remove(key);
        }
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.replace("<password>", PASSWORD);
        for (name, value) in &self.here {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        text
    }

    fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(object) => object
                .iter()
                .map(|(name, value)| (name.clone(), self.fill_value(value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn request(&self, request: &Value) -> anyhow::Result<RawRequest> {
        let method = text_of(request, "method").to_owned();
        let whole = self.fill(text_of(request, "path"));
        let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
        let mut raw = RawRequest {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            authorization: None,
            cookie: None,
            csrf: None,
            content_type: None,
            body: Vec::new(),
        };
        self.log_in(text_of(request, "as"), &mut raw);
        let params = self.fill_value(request.get("params").unwrap_or(&Value::Null));
        match text_of(request, "encoding") {
            "query" => {
                let more = form(&params);
                let separator = if raw.query.is_empty() || more.is_empty() {
                    ""
                } else {
                    "&"
                };
                raw.query = format!("{}{separator}{more}", raw.query);
            }
            "form" => {
                raw.body = form(&params).into_bytes();
                raw.content_type = Some("application/x-www-form-urlencoded".to_owned());
            }
            "json" => {
                raw.body = serde_json::to_vec(&params)?;
                raw.content_type = Some("application/json".to_owned());
            }
            "raw" => raw.body = self.fill(text_of(request, "raw")).into_bytes(),
            _ => {}
        }
        let headers = request.get("headers").and_then(Value::as_object);
        for (name, value) in headers.into_iter().flatten() {
            let value = value.as_str().map(str::to_owned);
            match name.to_lowercase().as_str() {
                "authorization" => raw.authorization = value,
                "cookie" => raw.cookie = value,
                "content-type" => raw.content_type = value,
                "csrfpreventiontoken" => raw.csrf = value,
                _ => {}
            }
        }
        Ok(raw)
    }

    fn log_in(&self, identity: &str, raw: &mut RawRequest) {
        if let Some(token) = self.tokens.get(identity) {
            raw.authorization = Some(token.clone());
            return;
        }
        let Some(rest) = identity.strip_prefix("ticket:") else {
            return;
        };
        let (name, how) = rest.split_once(':').unwrap_or((rest, ""));
        let Some((ticket, csrf)) = self.tickets.get(name) else {
            return;
        };
        let ticket = percent_encode(ticket.as_bytes(), NON_ALPHANUMERIC);
        raw.cookie = Some(format!("PVEAuthCookie={ticket}"));
        let other = || self.tickets.iter().find(|(other, _)| *other != name);
        raw.csrf = match how {
            "" => Some(csrf.clone()),
            "badcsrf" => Some("00000000:AAAA".to_owned()),
            "othercsrf" => other().map(|(_, pair)| pair.1.clone()),
            _ => None,
        };
    }
}

fn values(record: &Value) -> impl Iterator<Item = (String, String)> {
    let request = record.get("request");
    let values = request.and_then(|request| request.get("values"));
    let values = values.and_then(Value::as_object).into_iter().flatten();
    values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
}

fn bound(how: &str, body: &Value) -> Option<String> {
    let data = body.get("data")?;
    if how == "$.data" {
        return data.as_str().map(str::to_owned);
    }
    if !how.contains("creating vzdump archive") {
        return None;
    }
    let pattern = Regex::new(r"creating vzdump archive '[^']*/([^'/]+)'").ok()?;
    let lines = data.as_array()?.iter();
    lines
        .map(|line| text_of(line, "t"))
        .find_map(|line| Some(pattern.captures(line)?.get(1)?.as_str().to_owned()))
}

/// Parameters as a form or query.
pub(super) fn form(params: &Value) -> String {
    let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
    let mut pairs = Vec::new();
    for (name, value) in params.as_object().into_iter().flatten() {
        let values = match value {
            Value::Array(values) => values.clone(),
            value => vec![value.clone()],
        };
        for value in values {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            pairs.push(format!("{}={}", encode(name), encode(&text)));
        }
    }
    pairs.join("&")
}
