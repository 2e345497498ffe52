//! The face above a transport.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use pve_types::Upid;

use crate::api::Remembered;
use crate::https::{Connection, Https};
use crate::pvesh::{self, Pvesh};
use crate::{ApiPath, Error, Identity, Method, Params, Request, Timer, Transport};

/// PVE as typed calls. Its methods stand in [`crate::api`], one file per family.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    timer: Arc<dyn Timer>,
    remembered: Option<Remembered>,
}

impl Client {
    /// A client over any transport.
    pub fn new(transport: Arc<dyn Transport>, timer: Arc<dyn Timer>) -> Self {
        Self {
            transport,
            timer,
            remembered: None,
        }
    }

    /// The same client, which asks only once what the caller's rights are: for one look at the
    /// present, in which they would be asked for again and again. Rights can be withdrawn, so
    /// each look takes a new one.
    #[must_use]
    pub fn remembering(&self) -> Self {
        Self {
            remembered: Some(Remembered::default()),
            ..self.clone()
        }
    }

    /// A client over https. Makes no connection yet.
    pub fn https(connection: Connection, timer: Arc<dyn Timer>) -> Result<Self, Error> {
        let transport = Https::new(connection, Arc::clone(&timer))?;
        Ok(Self::new(Arc::new(transport), timer))
    }

    /// A client through `pvesh`, as root on a node. Starts nothing yet.
    pub fn pvesh(settings: pvesh::Settings, timer: Arc<dyn Timer>) -> Self {
        let transport = Pvesh::new(settings, Arc::clone(&timer));
        Self::new(Arc::new(transport), timer)
    }

    /// Who is calling.
    pub fn identity(&self) -> &Identity {
        self.transport.identity()
    }

    /// What is being talked to, for messages.
    pub fn server(&self) -> &str {
        self.transport.server()
    }

    /// Does this program run on the node that answers, so that paths of the node are paths here?
    pub fn is_on_node(&self) -> bool {
        self.transport.is_on_node()
    }

    pub(crate) const fn remembered(&self) -> Option<&Remembered> {
        self.remembered.as_ref()
    }

    pub(crate) fn timer(&self) -> &dyn Timer {
        &*self.timer
    }

    /// Reads and understands the answer.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        path: &ApiPath,
        params: &Params,
        action: impl fmt::Display,
    ) -> Result<T, Error> {
        self.transport
            .read(path, params)
            .and_then(understand)
            .map_err(|error| self.about(error, action))
    }

    /// Reads two things side by side.
    pub(crate) fn get_two<A: DeserializeOwned, B: DeserializeOwned>(
        &self,
        first: Request,
        second: Request,
        action: impl fmt::Display,
    ) -> Result<(A, B), Error> {
        let mut answers = self.transport.read_all(&[first, second]).into_iter();
        let mut next = || {
            answers
                .next()
                .unwrap_or_else(|| Err(Error::protocol("the transport gave too few answers")))
        };
        let both = (next(), next());
        let read = || Ok((understand(both.0?)?, understand(both.1?)?));
        read().map_err(|error| self.about(error, action))
    }

    /// Writes; what PVE answers to a write is not looked at.
    pub(crate) fn change(
        &self,
        method: Method,
        path: &ApiPath,
        params: &Params,
        action: impl fmt::Display,
    ) -> Result<(), Error> {
        self.transport
            .write(method, path, params)
            .map(drop)
            .map_err(|error| self.about(error, action))
    }

    /// Fails when a secret could not be sent.
    pub(crate) fn accepts_secret(
        &self,
        path: &ApiPath,
        name: &str,
        action: impl fmt::Display,
    ) -> Result<(), Error> {
        self.transport
            .accepts_secret(path, name)
            .map_err(|error| self.about(error, action))
    }

    /// Starts a task.
    pub(crate) fn task(
        &self,
        method: Method,
        path: &ApiPath,
        params: &Params,
        action: impl fmt::Display,
    ) -> Result<Upid, Error> {
        self.transport
            .start(method, path, params)
            .map_err(|error| self.about(error, action))
    }

    pub(crate) fn about(&self, error: Error, action: impl fmt::Display) -> Error {
        error
            .during(action.to_string())
            .asked_by(self.transport.identity(), self.transport.server())
    }
}

/// Reads an answer as what it should be.
pub(crate) fn understand<T: DeserializeOwned>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|error| {
        Error::protocol(format!(
            "the answer does not have the form expected: {error}"
        ))
        .caused_by(error)
    })
}
