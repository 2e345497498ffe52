//! Settings of a connection over https.

use std::fmt;
use std::time::Duration;

use super::{Auth, Endpoint, Trust};

/// Everything that is needed to talk to PVE over https.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Where PVE is.
    pub endpoint: Endpoint,
    /// Who is calling.
    pub auth: Auth,
    /// Whose certificate is believed.
    pub trust: Trust,
    /// How long one call may take.
    pub timeout: Duration,
    /// The proxy to go through; never used for this machine itself.
    pub proxy: Option<Proxy>,
    /// How a lost read is tried again.
    pub retry: Retry,
}

impl Connection {
    /// A connection with the system's certificates, no proxy, and a minute for each call.
    pub fn new(endpoint: Endpoint, auth: Auth) -> Self {
        Self {
            endpoint,
            auth,
            trust: Trust::System,
            timeout: Duration::from_mins(1),
            proxy: None,
            retry: Retry::default(),
        }
    }
}

/// How a read that was lost, or a write that did not leave, is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often in all.
    pub tries: u32,
    /// The pause before the second try; each further one is three times as long.
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 3,
            pause: Duration::from_millis(300),
        }
    }
}

/// A proxy of the environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) url: String,
    pub(super) exceptions: Option<String>,
}

impl Proxy {
    /// The proxy at `url`, but for the hosts in `exceptions` (the form of `no_proxy`).
    pub fn new(url: impl Into<String>, exceptions: Option<String>) -> Self {
        Self {
            url: url.into(),
            exceptions,
        }
    }

    /// The proxy that the environment names, asked for by `lookup`: `https_proxy`, then
    /// `all_proxy`, each also in capitals, and `no_proxy`.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| lookup(name).filter(|value| !value.is_empty()))
        };
        let url = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
        Some(Self::new(url, first(&["no_proxy", "NO_PROXY"])))
    }
}

impl fmt::Debug for Proxy {
    /// The URL of a proxy may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self
            .url
            .rsplit_once('@')
            .map_or(self.url.as_str(), |(_, host)| host);
        f.debug_struct("Proxy")
            .field("url", &host)
            .field("exceptions", &self.exceptions)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_a_proxy() {
        let environment = |name: &str| match name {
            "https_proxy" => Some(String::new()),
            "HTTPS_PROXY" => Some("http://u:secret@proxy:3128".to_owned()),
            "no_proxy" => Some("pve1,.lab".to_owned()),
            _ => None,
        };
        let proxy = Proxy::from_environment(environment).unwrap();
        assert_eq!(
            proxy,
            Proxy::new("http://u:secret@proxy:3128", Some("pve1,.lab".to_owned()))
        );
        assert!(!format!("{proxy:?}").contains("secret"));
        assert_eq!(Proxy::from_environment(|_| None), None);
    }

    #[test]
    fn debug_of_the_settings_shows_no_secret() {
        let auth = Auth::token(None, "root@pam!lab", "11111111-2222".into()).unwrap();
        let connection = Connection::new("pve1".parse().unwrap(), auth);
        assert!(!format!("{connection:?}").contains("11111111-2222"));
    }
}
