//! How a request proves who is calling: a token in each, or a ticket that is fetched and renewed.

use std::sync::Mutex;
use std::time::Duration;

use percent_encoding::percent_encode;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::Auth;
use crate::path::ESCAPED;
use crate::{Error, ErrorKind, Params, Secret};

/// PVE's tickets live two hours; a new one is fetched well before.
const RENEW_AFTER: Duration = Duration::from_mins(100);

const CSRF: HeaderName = HeaderName::from_static("csrfpreventiontoken");

/// The present proof.
#[derive(Debug)]
pub(super) struct Session {
    ticket: Mutex<Option<Ticket>>,
    /// What was said to the password, when it was refused.
    refusal: Mutex<Option<String>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
pub(super) struct Ticket {
    cookie: Secret,
    csrf: Secret,
    fetched: Duration,
}

#[derive(Deserialize)]
struct TicketAnswer {
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default, rename = "CSRFPreventionToken")]
    csrf: Option<String>,
    #[serde(default, rename = "NeedTFA")]
    second_factor: Option<Value>,
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            ticket: Mutex::new(None),
            refusal: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits until nobody else logs in.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Remembers that the password was refused.
    pub(super) fn refused(&self, text: &str) {
        if let Ok(mut refusal) = self.refusal.lock() {
            *refusal = Some(text.to_owned());
        }
    }

    /// What was said to the password, when it was refused.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal.lock().ok()?.clone()
    }

    /// The present ticket, unless it is missing or old.
    pub(super) fn ticket(&self, now: Duration) -> Option<Ticket> {
        let ticket = self.ticket.lock().ok()?.clone()?;
        (now.saturating_sub(ticket.fetched) < RENEW_AFTER).then_some(ticket)
    }

    pub(super) fn keep(&self, ticket: Ticket) {
        if let Ok(mut present) = self.ticket.lock() {
            *present = Some(ticket);
        }
    }

    /// Drops the ticket that was refused, unless another one has replaced it meanwhile.
    pub(super) fn drop_refused(&self, refused: &Ticket) {
        if let Ok(mut present) = self.ticket.lock()
            && present
                .as_ref()
                .is_some_and(|ticket| ticket.cookie == refused.cookie)
        {
            *present = None;
        }
    }
}

/// The headers of a token.
pub(super) fn token_headers(auth: &Auth) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Auth::Token { identity, secret } = auth {
        let value = Secret::new(format!("PVEAPIToken={identity}={}", secret.expose()));
        headers.insert(AUTHORIZATION, header(&value)?);
    }
    Ok(headers)
}

/// The headers of a ticket.
pub(super) fn ticket_headers(ticket: &Ticket) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, header(&ticket.cookie)?);
    headers.insert(CSRF, header(&ticket.csrf)?);
    Ok(headers)
}

fn header(value: &Secret) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value.expose())
        .map_err(|_| Error::settings("the login has characters that cannot be sent"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The parameters of a login.
pub(super) fn login_params(auth: &Auth) -> Params {
    let mut params = Params::new().with("username", &auth.identity().user);
    params.set("password", auth.secret().clone());
    params
}

/// Reads the answer to a login.
pub(super) fn ticket_of(answer: Value, now: Duration) -> Result<Ticket, Error> {
    let answer: TicketAnswer = serde_json::from_value(answer)
        // The cause is not kept: it could show the ticket.
        .map_err(|_| Error::protocol("the answer to the login does not have the form expected"))?;
    let ticket = answer.ticket.unwrap_or_default();
    if answer.second_factor.is_some() || ticket.starts_with("PVE:!tfa!") {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "the user has a second factor, which cannot be asked for here",
        ));
    }
    let (false, Some(csrf)) = (ticket.is_empty(), answer.csrf) else {
        return Err(Error::protocol("the answer to the login holds no ticket"));
    };
    Ok(Ticket {
        cookie: Secret::new(format!(
            "PVEAuthCookie={}",
            percent_encode(ticket.as_bytes(), ESCAPED)
        )),
        csrf: Secret::new(csrf),
        fetched: now,
    })
}
