//! A server of scripted answers and options as a play gives them, for the tests of modules.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test has nobody to tell but its runner"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pve_client::api::Permissions;
use pve_client::{
    ApiPath, Client, Error, Identity, Method, Params, Refusal, Request, Timer, Transport, refusal,
};
use pve_types::Upid;
use serde_json::{Map, Value};

use crate::module::{Declaration, Module};
use crate::rights::Rights;
use crate::{Context, Failure, FixedClock};

/// Answers by call, such as `GET /cluster/backup`. Several answers to one call come in order, and
/// the last one again and again.
#[derive(Debug, Clone)]
pub struct Server {
    scripted: Arc<Scripted>,
}

#[derive(Debug)]
struct Scripted {
    answers: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<String>>,
    identity: Identity,
}

#[derive(Debug, Clone)]
enum Answer {
    Data(Value),
    Refused(u16, String),
}

impl Default for Server {
    fn default() -> Self {
        Self::asked_by(Identity {
            user: "backup@pve".to_owned(),
            token: Some("cli".to_owned()),
        })
    }
}

impl Server {
    /// A server without answers, and who asks it.
    pub fn asked_by(identity: Identity) -> Self {
        Self {
            scripted: Arc::new(Scripted {
                answers: Mutex::default(),
                asked: Mutex::default(),
                identity,
            }),
        }
    }

    /// The next answer to a call.
    #[must_use]
    pub fn answer(self, call: &str, data: Value) -> Self {
        self.add(call, Answer::Data(data))
    }

    /// The next answer to a call is a refusal with this status and text.
    #[must_use]
    pub fn refuse(self, call: &str, status: u16, text: &str) -> Self {
        self.add(call, Answer::Refused(status, text.to_owned()))
    }

    fn add(self, call: &str, answer: Answer) -> Self {
        let mut answers = self
            .scripted
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        answers
            .entry(call.to_owned())
            .or_default()
            .push_back(answer);
        drop(answers);
        self
    }

    /// What was asked, as `GET /path name=value&…`.
    pub fn asked(&self) -> Vec<String> {
        self.scripted
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What was asked and changes something.
    pub fn written(&self) -> Vec<String> {
        self.asked()
            .into_iter()
            .filter(|call| !call.starts_with("GET "))
            .collect()
    }

    /// A client that asks it.
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(&self.scripted) as _, Arc::new(NoTime))
    }

    /// Does something with a context that asks it.
    pub fn with_context<T>(&self, what: impl FnOnce(&Context<'_>) -> T) -> T {
        let connect = || Ok(self.client());
        what(&Context::new(&FixedClock(1_795_000_000), &connect))
    }

    /// The same in check mode.
    pub fn with_check_context<T>(&self, what: impl FnOnce(&Context<'_>) -> T) -> T {
        self.with_context(|context| {
            context.set_mode(crate::Mode::Check);
            what(context)
        })
    }
}

impl Scripted {
    fn next(&self, method: &str, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        let call = format!("{method} {}", path.encoded());
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("{call} {}", params.encoded()).trim_end().to_owned());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = answers
            .get_mut(&call)
            .unwrap_or_else(|| panic!("nothing is scripted for `{call}`"));
        let answer = match queue.len() {
            1 => queue.front().cloned(),
            _ => queue.pop_front(),
        };
        match answer.expect("a queue is never empty") {
            Answer::Data(data) => Ok(data),
            Answer::Refused(status, text) => Err(refusal(Refusal {
                status: Some(status),
                text,
                parameters: BTreeMap::new(),
            })),
        }
    }
}

impl Transport for Scripted {
    fn read(&self, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.next("GET", path, params)
    }

    fn read_all(&self, requests: &[Request]) -> Vec<Result<Value, Error>> {
        requests
            .iter()
            .map(|request| self.read(&request.path, &request.params))
            .collect()
    }

    fn write(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.next(method.as_str(), path, params)
    }

    fn start(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Upid, Error> {
        let answer = self.next(method.as_str(), path, params)?;
        let upid = answer.as_str().expect("a task is scripted as its id");
        Ok(upid.parse().expect("the id of a scripted task can be read"))
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn server(&self) -> &'static str {
        "https://pve1:8006"
    }
}

/// Nothing here waits.
#[derive(Debug)]
struct NoTime;

impl Timer for NoTime {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn pause(&self, _duration: Duration) {}
}

/// Rights as `/access/permissions` tells them.
pub fn rights(permissions: Value) -> Rights {
    let permissions: Permissions =
        serde_json::from_value(permissions).expect("the permissions of a test can be read");
    Rights {
        identity: Identity {
            user: "backup@pve".to_owned(),
            token: Some("cli".to_owned()),
        },
        permissions,
    }
}

/// The options of a module, checked and coerced as those of a play.
pub fn options(declaration: &Declaration, arguments: Value) -> Result<Map<String, Value>, String> {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object");
    };
    ansible_module::parse(declaration.name, &declaration.spec, arguments, &|_| None)
        .map(|parsed| crate::connection::split(parsed.values).0)
        .map_err(|error| error.message.clone())
}

/// What a module makes of these arguments, or the text of its refusal.
pub fn spec<M: Module>(arguments: Value) -> Result<M::Spec, Failure> {
    let options = options(&M::DECLARATION, arguments).map_err(Failure::usage)?;
    crate::driver::args::<M>(options).and_then(M::spec)
}

/// What is wrong between a module's table of options and the struct that takes them: an option
/// that only one of them knows.
pub fn table_and_args<M: Module>(arguments: Value) -> Vec<String> {
    let options = match options(&M::DECLARATION, arguments) {
        Ok(options) => options,
        Err(message) => return vec![message],
    };
    let mut faults = Vec::new();
    // Every option is in the map, so one that the struct does not know is an error already.
    if let Err(failure) = crate::driver::args::<M>(options.clone()) {
        faults.push(failure.message);
    }
    // A field that the table does not know is missing from the map: serde then takes `None` for an
    // `Option`, so the fields are asked for by their names.
    let known = field_names::<M::Args>();
    for name in known.iter().filter(|name| !options.contains_key(**name)) {
        faults.push(format!("the struct has `{name}`, the table has not"));
    }
    for name in options
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
    {
        faults.push(format!("the table has `{name}`, the struct has not"));
    }
    faults
}

/// The names of the fields of a struct, as its own deserializer asks for them.
pub fn field_names<T: serde::de::DeserializeOwned>() -> Vec<&'static str> {
    struct Asked<'a>(&'a mut Vec<&'static str>);

    impl<'de> serde::Deserializer<'de> for Asked<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: serde::de::Visitor<'de>>(
            self,
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("only a struct has fields"))
        }

        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            self.0.extend(fields);
            Err(serde::de::Error::custom("the names are enough"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
            ignored_any
        }
    }

    let mut names = Vec::new();
    // It always fails: only what was asked for counts.
    drop(T::deserialize(Asked(&mut names)));
    names
}
