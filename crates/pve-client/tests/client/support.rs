//! Recorded answers, and a transport that gives them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pve_client::api::NO_TASK;
use pve_client::{
    ApiPath, Client, Error, Identity, Method, Params, Refusal, Request, Timer, Transport, refusal,
};
use pve_types::{NodeName, StorageId, Upid};
use serde_json::Value;

/// The node of the recordings.
pub(crate) fn node() -> NodeName {
    "pve1".parse().unwrap()
}

pub(crate) fn storage(name: &str) -> StorageId {
    name.parse().unwrap()
}

/// The task of the recordings.
pub(crate) fn upid() -> Upid {
    "UPID:pve1:00000D77:000691AA:6B017208:vzdump::root@pam!lab:"
        .parse()
        .unwrap()
}

/// The `data` of a recorded answer.
pub(crate) fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../fixtures/answers.json")).unwrap();
    all.get(name)
        .unwrap_or_else(|| panic!("no recording `{name}`"))
        .clone()
}

/// A recorded answer with a status other than 200.
pub(crate) fn recorded_refusal(name: &str) -> (u16, String, String) {
    let all: Vec<Value> = serde_json::from_str(include_str!("../fixtures/refusals.json")).unwrap();
    let one = all
        .iter()
        .find(|one| one["name"] == name)
        .unwrap_or_else(|| panic!("no recording `{name}`"));
    (
        u16::try_from(one["status"].as_u64().unwrap()).unwrap(),
        one["reason"].as_str().unwrap().to_owned(),
        one["body"].as_str().unwrap().to_owned(),
    )
}

/// A recorded refusal as the error that a transport makes of it.
pub(crate) fn refused(name: &str) -> Error {
    let (status, reason, body) = recorded_refusal(name);
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    refusal(Refusal {
        status: Some(status),
        text: body["message"].as_str().unwrap_or(&reason).to_owned(),
        parameters: body["errors"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()))
            .collect(),
    })
}

/// Gives scripted answers in order, and remembers what was asked.
#[derive(Debug)]
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Result<Value, Error>>>,
    asked: Mutex<Vec<String>>,
    identity: Identity,
}

impl Scripted {
    fn answer(&self, call: String) -> Result<Value, Error> {
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| panic!("nothing is scripted for `{call}`"));
        self.asked.lock().unwrap().push(call);
        answer
    }

    /// What was asked, as `GET /path name=value&…`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn line(method: &str, path: &ApiPath, params: &Params) -> String {
    format!("{method} {} {}", path.encoded(), params.encoded())
        .trim_end()
        .to_owned()
}

impl Transport for Scripted {
    fn read(&self, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.answer(line("GET", path, params))
    }

    fn read_all(&self, requests: &[Request]) -> Vec<Result<Value, Error>> {
        requests
            .iter()
            .map(|request| self.read(&request.path, &request.params))
            .collect()
    }

    fn write(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.answer(line(method.as_str(), path, params))
    }

    fn start(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Upid, Error> {
        match self.write(method, path, params)?.as_str() {
            Some(text) if text.starts_with("UPID:") => Ok(text.parse().unwrap()),
            _ => Err(Error::protocol(NO_TASK)),
        }
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn server(&self) -> &'static str {
        "https://pve1:8006"
    }
}

/// A timer that only moves when it is waited on.
#[derive(Debug, Default)]
pub(crate) struct TestTimer(Mutex<Duration>);

impl TestTimer {
    pub(crate) fn advance(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

impl Timer for TestTimer {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn pause(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// A client over scripted answers.
pub(crate) fn client(answers: Vec<Result<Value, Error>>) -> (Client, Arc<Scripted>) {
    let transport = Arc::new(Scripted {
        answers: Mutex::new(answers.into()),
        asked: Mutex::default(),
        identity: Identity {
            user: "backup@pve".to_owned(),
            token: Some("cli".to_owned()),
        },
    });
    let face: Arc<dyn Transport> = Arc::clone(&transport) as _;
    (Client::new(face, Arc::new(TestTimer::default())), transport)
}
