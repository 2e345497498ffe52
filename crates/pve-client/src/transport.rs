//! What carries calls to PVE.

use std::fmt;

use pve_types::Upid;
use serde_json::Value;

use crate::{ApiPath, Error, Params};

/// A way to reach PVE's API: over https, or through `pvesh` on the node.
///
/// A transport knows nothing of jobs or guests. It returns the `data` of the answer, and its
/// errors have a kind. The face is blocking.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Asks for something; changes nothing, so a transport may try again.
    fn read(&self, path: &ApiPath, params: &Params) -> Result<Value, Error>;

    /// Asks for several things that do not depend on each other, side by side; the answers stand
    /// in the order of the requests.
    fn read_all(&self, requests: &[Request]) -> Vec<Result<Value, Error>>;

    /// Changes something. Sent at most once, unless it provably did not arrive.
    fn write(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Value, Error>;

    /// Starts a task and returns its id without waiting for its end.
    fn start(&self, method: Method, path: &ApiPath, params: &Params) -> Result<Upid, Error>;

    /// Fails when a secret of this name cannot be sent to this path, before anything is done.
    fn accepts_secret(&self, path: &ApiPath, name: &str) -> Result<(), Error> {
        let (_, _) = (path, name);
        Ok(())
    }

    /// Who is calling.
    fn identity(&self) -> &Identity;

    /// What is being talked to, for messages: `https://pve1:8006`.
    fn server(&self) -> &str;

    /// Does this program run on the node that answers, so that paths of the node are paths here?
    fn is_on_node(&self) -> bool {
        false
    }
}

/// One read, for [`Transport::read_all`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub path: ApiPath,
    /// With which parameters.
    pub params: Params,
}

impl Request {
    /// A read of `path` without parameters.
    pub const fn new(path: ApiPath) -> Self {
        Self {
            path,
            params: Params::new(),
        }
    }
}

/// How a write changes things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Makes something or starts a task.
    Post,
    /// Changes something.
    Put,
    /// Removes something; its parameters go into the query.
    Delete,
}

impl Method {
    /// The HTTP word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who is calling: a user, perhaps through one of the user's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user with realm, `root@pam`.
    pub user: String,
    /// The name of the token without the user, `lab` of `root@pam!lab`.
    pub token: Option<String>,
}

impl Identity {
    /// The user `root@pam` itself, without a token: only this one is root for PVE.
    pub fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)?;
        match &self.token {
            Some(token) => write!(f, "!{token}"),
            None => Ok(()),
        }
    }
}
