//! The API over https, with a token or a ticket.
//!
//! An asynchronous client works inside on one thread; the face is blocking.

mod answer;
mod auth;
mod connection;
mod endpoint;
mod exchange;
mod failure;
mod session;
mod tls;
mod trust;

use std::sync::Arc;

use pve_types::Upid;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub use auth::Auth;
pub use connection::{Connection, Proxy, Retry};
pub use endpoint::{DEFAULT_PORT, Endpoint};
use exchange::{Call, Exchange, Verb};
pub use trust::{Fingerprint, Trust};

use crate::{ApiPath, Error, Identity, Method, Params, Request, Timer, Transport};

/// How many reads are under way at once. PVE answers with three workers by default.
const SIDE_BY_SIDE: usize = 6;

/// [`Transport`] over https.
#[derive(Debug)]
pub struct Https {
    runtime: Runtime,
    exchange: Arc<Exchange>,
    server: String,
}

impl Https {
    /// Checks the settings and reads the certificates; makes no connection yet.
    pub fn new(connection: Connection, timer: Arc<dyn Timer>) -> Result<Self, Error> {
        let server = connection.endpoint.to_string();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Error::settings(format!(
                    "the runtime for the network cannot be started: {error}"
                ))
            })?;
        Ok(Self {
            runtime,
            exchange: Arc::new(Exchange::new(connection, timer)?),
            server,
        })
    }

    fn call(&self, call: &Call) -> Result<Value, Error> {
        let action = call.to_string();
        self.runtime
            .block_on(self.exchange.carry_out(call))
            .map_err(|error| self.about(error, action))
    }

    fn about(&self, error: Error, action: String) -> Error {
        error
            .during(action)
            .asked_by(self.exchange.identity(), &self.server)
    }
}

impl Transport for Https {
    fn read(&self, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.call(&Call::new(Verb::Get, path, params))
    }

    fn read_all(&self, requests: &[Request]) -> Vec<Result<Value, Error>> {
        let calls: Vec<Call> = requests
            .iter()
            .map(|request| Call::new(Verb::Get, &request.path, &request.params))
            .collect();
        let actions: Vec<String> = calls.iter().map(ToString::to_string).collect();
        let answers = self.runtime.block_on(side_by_side(&self.exchange, calls));
        answers
            .into_iter()
            .zip(actions)
            .map(|(answer, action)| answer.map_err(|error| self.about(error, action)))
            .collect()
    }

    fn write(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Value, Error> {
        self.call(&Call::new(Verb::Write(method), path, params))
    }

    fn start(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Upid, Error> {
        let call = Call::new(Verb::Write(method), path, params);
        let action = call.to_string();
        match self.call(&call)? {
            Value::String(text) if text.starts_with("UPID:") => text.parse().map_err(|error| {
                self.about(Error::protocol(format!("{error}")).of_write(), action)
            }),
            Value::Null | Value::String(_) => {
                Err(self.about(Error::protocol(crate::api::NO_TASK).of_write(), action))
            }
            other => Err(self.about(
                Error::protocol(format!("instead of the id of a task it is {other}")).of_write(),
                action,
            )),
        }
    }

    fn identity(&self) -> &Identity {
        self.exchange.identity()
    }

    fn server(&self) -> &str {
        &self.server
    }
}

/// Carries out all calls, a few at a time; the answers stand in the order of the calls.
async fn side_by_side(exchange: &Arc<Exchange>, calls: Vec<Call>) -> Vec<Result<Value, Error>> {
    let mut answers: Vec<Option<Result<Value, Error>>> = calls.iter().map(|_| None).collect();
    let mut waiting = calls.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < SIDE_BY_SIDE {
            let Some((index, call)) = waiting.next() else {
                break;
            };
            let exchange = Arc::clone(exchange);
            running.spawn(async move { (index, exchange.carry_out(&call).await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((index, answer))) => {
                if let Some(place) = answers.get_mut(index) {
                    *place = Some(answer);
                }
            }
            // A task that panicked leaves its place empty.
            Some(Err(_)) => {}
        }
    }
    answers
        .into_iter()
        .map(|answer| {
            answer.unwrap_or_else(|| Err(Error::protocol("the call ended without an answer")))
        })
        .collect()
}
