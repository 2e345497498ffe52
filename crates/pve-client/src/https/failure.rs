//! A request without an answer: where it stopped decides whether it may be sent again.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;

use super::tls::{LastSeen, NOT_PINNED};
use crate::{Error, ErrorKind, NotSent};

/// Reads what the HTTP client says about a request that got no (whole) answer.
pub(super) fn failure(error: reqwest::Error, last_seen: &LastSeen) -> Error {
    let error = error.without_url();
    let found = Found::in_chain(&error);
    let left = !(error.is_connect() || error.is_builder() || found.canceled);
    let (kind, text) = if left {
        let text = if error.is_timeout() {
            "no answer came in time".to_owned()
        } else {
            format!(
                "the connection was lost before the answer was there ({})",
                root_cause(&error)
            )
        };
        (ErrorKind::MayHaveBeenProcessed, text)
    } else {
        let (reason, text) = not_sent(&error, &found, last_seen);
        (ErrorKind::NotSent(reason), text)
    };
    Error::new(kind, text).caused_by(error)
}

/// What the causes of an error say.
#[derive(Default)]
struct Found {
    tls: Option<rustls::Error>,
    io: Option<io::ErrorKind>,
    name: bool,
    proxy: bool,
    canceled: bool,
}

impl Found {
    fn in_chain(error: &(dyn StdError + 'static)) -> Self {
        let mut found = Self::default();
        let mut next = Some(error);
        while let Some(cause) = next {
            found.look_at(cause);
            next = below(cause);
        }
        found
    }

    fn look_at(&mut self, cause: &(dyn StdError + 'static)) {
        let text = cause.to_string();
        self.name |= text.contains("dns error") || text.contains("failed to lookup address");
        self.proxy |= text.contains("tunnel") || text.contains("proxy");
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            self.canceled |= hyper.is_canceled();
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            self.tls = Some(tls.clone());
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            self.io = Some(io.kind());
        }
    }
}

/// The next cause. An io error shows what is inside it as itself and skips it as a cause, so it is
/// opened; they come nested in each other.
fn below<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inside) => Some(inside),
        None => cause.source(),
    }
}

fn not_sent(error: &reqwest::Error, found: &Found, last_seen: &LastSeen) -> (NotSent, String) {
    if let Some(tls) = &found.tls {
        return refused_certificate(tls, last_seen);
    }
    if found.proxy {
        return (
            NotSent::Proxy,
            format!("the proxy did not let it through ({})", root_cause(error)),
        );
    }
    if found.name {
        return (
            NotSent::NameResolution,
            format!("the host has no address ({})", root_cause(error)),
        );
    }
    if error.is_timeout() || found.io == Some(io::ErrorKind::TimedOut) {
        return (
            NotSent::Timeout,
            "no connection came about in time".to_owned(),
        );
    }
    match found.io {
        Some(io::ErrorKind::ConnectionRefused) => {
            (NotSent::Refused, "the connection was refused".to_owned())
        }
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => (
            NotSent::Connection,
            "the other side closed the connection while it was made".to_owned(),
        ),
        _ if error.is_builder() => (NotSent::Settings, root_cause(error)),
        _ => (
            NotSent::Connection,
            format!("the connection could not be made ({})", root_cause(error)),
        ),
    }
}

fn refused_certificate(error: &rustls::Error, last_seen: &LastSeen) -> (NotSent, String) {
    let fingerprint = last_seen.fingerprint();
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    NotSent::WrongHostName { fingerprint },
                    format!("the server's certificate is for another name ({reason})"),
                )
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => (
                NotSent::UnknownCertificate { fingerprint },
                "the server's certificate is signed by nobody who is trusted here".to_owned(),
            ),
            CertificateError::Other(_) if reason.to_string().contains("CaUsedAsEndEntity") => (
                NotSent::UnknownCertificate { fingerprint },
                "the server's certificate is signed by itself".to_owned(),
            ),
            _ => (
                NotSent::BadCertificate { fingerprint },
                format!("the server's certificate cannot be used ({reason})"),
            ),
        },
        rustls::Error::General(text) if text == NOT_PINNED => (
            NotSent::OtherFingerprint { fingerprint },
            "the server's certificate is not the pinned one".to_owned(),
        ),
        other => (
            NotSent::Tls,
            format!("TLS could not be agreed on ({other})"),
        ),
    }
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = below(cause) {
        cause = next;
    }
    cause.to_string()
}
