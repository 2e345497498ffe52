//! What went wrong, as a kind a program can act on and a text a person can.

pub(crate) mod classify;
pub(crate) mod hint;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

use pve_types::Privilege;

use crate::transport::Identity;

/// An error of a call, with its kind.
///
/// The text says what failed, on which object and why; [`Error::hint`] says what to do next.
pub struct Error {
    // Boxed: errors travel through every `Result` of this crate and should be small there.
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    action: String,
    server: String,
    text: String,
    sent: Sent,
    lost: bool,
    identity: Option<Identity>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What was asked of the server when the error came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// A read.
    Read,
    /// A write.
    Write,
}

/// The kind of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A rule of PVE forbids it; the parameters that break rules, with PVE's text for each.
    Refused {
        /// Parameter name to text; empty when PVE named none.
        parameters: BTreeMap<String, String>,
    },
    /// The caller lacks a right.
    NotAllowed {
        /// Where the right is missing, when PVE said so.
        path: Option<String>,
        /// The privileges any one of which would do.
        privileges: Vec<Privilege>,
    },
    /// The server does not know the caller.
    Unauthenticated,
    /// The object does not exist.
    NotFound,
    /// Something with this name or number is there already, or was changed meanwhile.
    Conflict,
    /// The object is locked by another task.
    Locked,
    /// The request never left, or provably did not arrive.
    NotSent(NotSent),
    /// The request was sent and the answer was lost: it may have been carried out.
    MayHaveBeenProcessed,
    /// The server failed.
    Server,
    /// The answer is not one of PVE's.
    Protocol,
}

/// Why a request did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// The settings cannot work.
    Settings,
    /// The name of the host has no address.
    NameResolution,
    /// Nothing listens there.
    Refused,
    /// No connection in time.
    Timeout,
    /// The connection could not be made, or broke while it was made.
    Connection,
    /// The proxy of the environment failed.
    Proxy,
    /// This machine has no store of certificates.
    NoTrustStore,
    /// The file with certificates cannot be used.
    CaFile(PathBuf),
    /// The server's certificate is signed by nobody we trust.
    UnknownCertificate {
        /// SHA-256 of the certificate seen, as PVE's web page shows it.
        fingerprint: String,
    },
    /// The server's certificate is for other names.
    WrongHostName {
        /// SHA-256 of the certificate seen.
        fingerprint: String,
    },
    /// The server's certificate is not valid now, or otherwise bad.
    BadCertificate {
        /// SHA-256 of the certificate seen.
        fingerprint: String,
    },
    /// The server's certificate is not the pinned one.
    OtherFingerprint {
        /// SHA-256 of the certificate seen.
        fingerprint: String,
    },
    /// TLS could not be agreed on; perhaps no TLS server listens there.
    Tls,
    /// The server could not reach the node the call is for.
    OtherNode,
    /// A secret would have stood in the command line of `pvesh`.
    SecretInCommandLine {
        /// The path of the access control list on which a token needs rights instead.
        path: String,
    },
}

impl NotSent {
    /// May it be otherwise a moment later? A wrong name or certificate stays wrong.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Timeout | Self::Connection | Self::OtherNode
        )
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                action: String::new(),
                server: String::new(),
                text: text.into(),
                sent: Sent::Read,
                lost: false,
                identity: None,
                source: None,
            }),
        }
    }

    /// An error about an answer that does not have the shape PVE's answers have.
    pub fn protocol(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, text)
    }

    /// An error about settings that cannot work; nothing was sent.
    pub fn settings(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotSent(NotSent::Settings), text)
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, text)
    }

    /// A read has no consequences, so whether it was carried out is no question.
    #[must_use]
    pub(crate) fn of_read(mut self) -> Self {
        if self.inner.kind == ErrorKind::MayHaveBeenProcessed {
            self.inner.kind = ErrorKind::Server;
            self.inner.lost = true;
        }
        self.inner.sent = Sent::Read;
        self
    }

    /// The same with what was being done, for example ``create backup job `nightly` ``; replaces
    /// the bare path of the call, with which a transport begins.
    #[must_use]
    pub fn during(mut self, action: impl Into<String>) -> Self {
        self.inner.action = action.into();
        self
    }

    /// The same with who asked which server.
    #[must_use]
    pub fn asked_by(mut self, identity: &Identity, server: &str) -> Self {
        self.inner.identity = Some(identity.clone());
        server.clone_into(&mut self.inner.server);
        self
    }

    #[must_use]
    pub(crate) fn of_write(mut self) -> Self {
        self.inner.sent = Sent::Write;
        self
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.inner.source = Some(Box::new(source));
        self
    }

    /// Replaces every secret in the texts.
    #[must_use]
    pub(crate) fn without<'a>(mut self, secrets: impl Iterator<Item = &'a str>) -> Self {
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            self.inner.text = self.inner.text.replace(secret, crate::secret::MASK);
            if let ErrorKind::Refused { parameters } = &mut self.inner.kind {
                for text in parameters.values_mut() {
                    *text = text.replace(secret, crate::secret::MASK);
                }
            }
        }
        self
    }

    /// The kind.
    pub const fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// Why it failed: PVE's own text where there is one.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// What was being done.
    pub fn action(&self) -> &str {
        &self.inner.action
    }

    /// What to do next, when there is something to say. May have several lines.
    pub fn hint(&self) -> Option<String> {
        hint::hint(
            &self.inner.kind,
            &self.inner.text,
            self.inner.identity.as_ref(),
        )
    }

    /// May the same call be made again without the danger that it is carried out twice?
    ///
    /// Always true for reads. For writes only when PVE refused it or it did not arrive.
    pub const fn retry_is_safe(&self) -> bool {
        match (self.inner.sent, &self.inner.kind) {
            (Sent::Read, _) => true,
            (Sent::Write, kind) => !matches!(
                kind,
                ErrorKind::MayHaveBeenProcessed | ErrorKind::Server | ErrorKind::Protocol
            ),
        }
    }

    /// Was the server, or the way to it, away? Then the same may succeed a little later.
    pub const fn is_outage(&self) -> bool {
        match &self.inner.kind {
            ErrorKind::NotSent(reason) => reason.may_pass(),
            ErrorKind::MayHaveBeenProcessed => true,
            _ => self.inner.lost,
        }
    }

    /// Is it [`ErrorKind::NotFound`]?
    pub const fn is_not_found(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::NotFound)
    }

    /// Is it [`ErrorKind::NotAllowed`]?
    pub const fn is_not_allowed(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::NotAllowed { .. })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("action", &self.inner.action)
            .field("server", &self.inner.server)
            .field("text", &self.inner.text)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.inner.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.action.is_empty() {
            write!(f, "could not {}", self.action)?;
            if !self.server.is_empty() {
                write!(f, " on {}", self.server)?;
            }
            f.write_str(": ")?;
        }
        match &self.kind {
            ErrorKind::Refused { parameters } if !parameters.is_empty() => {
                f.write_str("PVE refused it: ")?;
                for (index, (name, text)) in parameters.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "; " };
                    write!(f, "{comma}`{name}`: {}", text.trim_end())?;
                }
                Ok(())
            }
            ErrorKind::Refused { .. } => write!(f, "PVE refused it: {}", self.text),
            ErrorKind::NotAllowed { .. } => write!(f, "not allowed: {}", self.text),
            ErrorKind::Unauthenticated => write!(f, "not logged in: {}", self.text),
            ErrorKind::NotFound => write!(f, "not found: {}", self.text),
            ErrorKind::Conflict => write!(f, "conflict: {}", self.text),
            ErrorKind::Locked => write!(f, "locked: {}", self.text),
            ErrorKind::NotSent(_) => write!(f, "nothing was sent: {}", self.text),
            ErrorKind::MayHaveBeenProcessed => {
                write!(
                    f,
                    "it was sent, but it is not known whether it was carried out: {}",
                    self.text
                )
            }
            ErrorKind::Server => write!(f, "the server failed: {}", self.text),
            ErrorKind::Protocol => write!(f, "this is not an answer of PVE: {}", self.text),
        }
    }
}
