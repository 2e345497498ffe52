//! One call: sent, tried again where that is harmless, its answer read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::ext::ReasonPhrase;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::answer::{Answer, data};
use super::failure::failure;
use super::session::{Session, Ticket, login_params, ticket_headers, ticket_of, token_headers};
use super::tls::{LastSeen, config};
use super::{Auth, Connection, Endpoint, Proxy, Retry};
use crate::{ApiPath, Error, ErrorKind, Identity, Method, NotSent, Params, Timer};

/// More than any answer of PVE; what is larger is not one.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// PVE closes a connection that was idle for five seconds. A write that meets the closing is lost
/// in doubt, so connections are left alone earlier than that.
const IDLE: Duration = Duration::from_secs(3);

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Write(Method),
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    verb: Verb,
    path: ApiPath,
    params: Params,
}

impl Call {
    pub(super) fn new(verb: Verb, path: &ApiPath, params: &Params) -> Self {
        Self {
            verb,
            path: path.clone(),
            params: params.clone(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verb {
            Verb::Get => write!(f, "GET {}", self.path),
            Verb::Write(method) => write!(f, "{method} {}", self.path),
        }
    }
}

/// The HTTP client with its settings and its login.
#[derive(Debug)]
pub(super) struct Exchange {
    http: reqwest::Client,
    endpoint: Endpoint,
    auth: Auth,
    retry: Retry,
    token: HeaderMap,
    session: Session,
    last_seen: LastSeen,
    timer: Arc<dyn Timer>,
}

impl Exchange {
    pub(super) fn new(connection: Connection, timer: Arc<dyn Timer>) -> Result<Self, Error> {
        let last_seen = LastSeen::default();
        let tls = config(&connection.trust, &last_seen)?;
        // `no_proxy` first: the environment is read by the fronts, not by a library.
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT.min(connection.timeout / 2))
            .timeout(connection.timeout)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("reprise/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = connection
            .proxy
            .as_ref()
            .filter(|_| !connection.endpoint.is_loopback())
        {
            http = http.proxy(through(proxy)?);
        }
        let http = http.build().map_err(|error| {
            Error::settings(format!("the HTTP client cannot be set up: {error}"))
        })?;
        Ok(Self {
            http,
            token: token_headers(&connection.auth)?,
            endpoint: connection.endpoint,
            auth: connection.auth,
            retry: connection.retry,
            session: Session::new(),
            last_seen,
            timer,
        })
    }

    pub(super) fn identity(&self) -> &Identity {
        self.auth.identity()
    }

    /// Carries out a call; no secret is in the error.
    pub(super) async fn carry_out(&self, call: &Call) -> Result<Value, Error> {
        if call.path.has_unsendable_segment() {
            return Err(Error::settings(format!(
                "`{}` has a name in it that cannot be part of a path",
                call.path
            )));
        }
        let answer = self.with_retries(call).await;
        answer.map_err(|error| {
            let error = match call.verb {
                Verb::Get => error.of_read(),
                Verb::Write(_) => error.of_write(),
            };
            let own = std::iter::once(self.auth.secret().expose());
            error.without(own.chain(call.params.secrets().map(crate::Secret::expose)))
        })
    }

    async fn with_retries(&self, call: &Call) -> Result<Value, Error> {
        let mut pause = self.retry.pause;
        let mut tries = 1_u32;
        loop {
            let answer = self.logged_in(call).await;
            match answer {
                Err(error)
                    if tries < self.retry.tries && may_be_repeated(call.verb, error.kind()) =>
                {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(3);
                    tries = tries.saturating_add(1);
                }
                other => return other,
            }
        }
    }

    /// Sends a call with the present login. A call that was answered by 401 was not carried out,
    /// so after a new login it is sent once more.
    async fn logged_in(&self, call: &Call) -> Result<Value, Error> {
        if !self.token.is_empty() {
            return self.send(call, self.token.clone()).await;
        }
        let (ticket, fresh) = match self.session.ticket(self.timer.now()) {
            Some(ticket) => (ticket, false),
            None => (self.one_login().await?, true),
        };
        let answer = self.send(call, ticket_headers(&ticket)?).await;
        match answer {
            Err(error) if *error.kind() == ErrorKind::Unauthenticated && !fresh => {
                self.session.drop_refused(&ticket);
                let ticket = self.one_login().await?;
                self.send(call, ticket_headers(&ticket)?).await
            }
            other => other,
        }
    }

    /// One login for all calls that need one at the same time. A password that was refused once is
    /// not sent again: servers count that, and lock the user out.
    async fn one_login(&self) -> Result<Ticket, Error> {
        let _turn = self.session.turn().await;
        if let Some(newer) = self.session.ticket(self.timer.now()) {
            return Ok(newer);
        }
        if let Some(text) = self.session.refusal() {
            return Err(Error::new(ErrorKind::Unauthenticated, text));
        }
        let answer = self.login().await;
        if let Err(error) = &answer
            && *error.kind() == ErrorKind::Unauthenticated
        {
            self.session.refused(error.text());
        }
        answer
    }

    /// Fetches a ticket. Harmless to repeat, but a wrong password is not sent again.
    async fn login(&self) -> Result<Ticket, Error> {
        let params = login_params(&self.auth);
        let call = Call::new(
            Verb::Write(Method::Post),
            &ApiPath::new("access/ticket"),
            &params,
        );
        let answer =
            self.send(&call, HeaderMap::new())
                .await
                .map_err(|error| match error.kind() {
                    // Whether a login was carried out is of no importance: it changes nothing.
                    ErrorKind::MayHaveBeenProcessed => Error::new(
                        ErrorKind::NotSent(NotSent::Connection),
                        format!("the login got no answer: {}", error.text()),
                    ),
                    _ => error,
                })?;
        let ticket = ticket_of(answer, self.timer.now())?;
        self.session.keep(ticket.clone());
        Ok(ticket)
    }

    async fn send(&self, call: &Call, headers: HeaderMap) -> Result<Value, Error> {
        let query = matches!(call.verb, Verb::Get | Verb::Write(Method::Delete));
        let mut url = format!("{}/api2/json{}", self.endpoint, call.path.encoded());
        if query && !call.params.is_empty() {
            url.push('?');
            url.push_str(&call.params.encoded());
        }
        let mut request = match call.verb {
            Verb::Get => self.http.get(url),
            Verb::Write(Method::Post) => self.http.post(url),
            Verb::Write(Method::Put) => self.http.put(url),
            Verb::Write(Method::Delete) => self.http.delete(url),
        }
        .headers(headers);
        if !query {
            request = request
                .header(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/x-www-form-urlencoded"),
                )
                .body(call.params.encoded());
        }
        let answer = self.receive(request).await?;
        data(&answer)
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> Result<Answer, Error> {
        let lost = |error| failure(error, &self.last_seen);
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        // Only there when it differs from the usual words.
        let reason = match response.extensions().get::<ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_ANSWER {
                return Err(Error::protocol("the answer is larger than any of PVE's"));
            }
        }
        Ok(Answer {
            status: status.as_u16(),
            reason,
            body,
        })
    }
}

/// Reads are tried again when the connection or a proxy failed; writes only when they provably did
/// not arrive. What would fail in the same way is not tried again.
fn may_be_repeated(verb: Verb, kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::NotSent(reason) => reason.may_pass(),
        // Here still the kind of the exchange: for a read it only means that the answer was lost.
        ErrorKind::MayHaveBeenProcessed => verb == Verb::Get,
        _ => false,
    }
}

fn through(proxy: &Proxy) -> Result<reqwest::Proxy, Error> {
    let wrong = |error: reqwest::Error| {
        Error::settings(format!(
            "the proxy of the environment cannot be used: {}",
            error.without_url()
        ))
    };
    let exceptions = proxy
        .exceptions
        .as_deref()
        .and_then(reqwest::NoProxy::from_string);
    Ok(reqwest::Proxy::all(&proxy.url)
        .map_err(wrong)?
        .no_proxy(exceptions))
}
