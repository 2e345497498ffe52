//! Settings of a connection over https.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::{Error, Identity, Secret};

/// The port of PVE's API.
pub const DEFAULT_PORT: u16 = 8006;

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

/// Host and port.
///
/// Read from a name, `name:port`, an address (`[::1]:8006` for IPv6 with a port) or a URL
/// (`https://name:port/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host as text, with `port` when the text does not name one.
    pub fn new(text: &str, port: u16) -> Result<Self, Error> {
        let wrong = |why: &str| Error::settings(format!("`{text}` is not a host of PVE: {why}"));
        let rest = match text.split_once("://") {
            Some(("https", rest)) => rest,
            Some(_) => return Err(wrong("PVE is only reached by https")),
            None => text,
        };
        let rest = rest.strip_suffix("/api2/json").unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(wrong("give host and port only, without a path"));
        }
        if rest.contains('@') {
            return Err(wrong("user and secret are settings of their own"));
        }
        let (host, named) = if let Some(inside) = rest.strip_prefix('[') {
            match inside.split_once(']') {
                Some((host, "")) => (host, None),
                Some((host, after)) if after.starts_with(':') => (host, after.get(1..)),
                _ => return Err(wrong("an address in brackets ends with `]` or `]:port`")),
            }
        } else if rest.parse::<std::net::Ipv6Addr>().is_ok() {
            (rest, None)
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        let port = match named {
            None => port,
            Some(named) => named
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| wrong("the port must be a number from 1 to 65535"))?,
        };
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(known) {
            return Err(wrong("a host is a name or an address"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// The name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Is it this machine itself?
    pub fn is_loopback(&self) -> bool {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return address.to_canonical().is_loopback();
        }
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text, DEFAULT_PORT)
    }
}

/// Who is calling, and how it is proved.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A token of the API.
    Token {
        /// Who is calling.
        identity: Identity,
        /// The secret of the token.
        secret: Secret,
    },
    /// A user with a password.
    Password {
        /// Who is calling.
        identity: Identity,
        /// The password.
        password: Secret,
    },
}

impl Auth {
    /// A token. `token_id` is its name, or the whole `user@realm!name`; then `user` may be absent.
    pub fn token(user: Option<&str>, token_id: &str, secret: Secret) -> Result<Self, Error> {
        let (user, name) = match (token_id.split_once('!'), user) {
            (Some((owner, _)), Some(user)) if user != owner => {
                return Err(Error::settings(format!(
                    "the token `{token_id}` belongs to `{owner}`, but the user is `{user}`; leave one of the two out"
                )));
            }
            (Some((owner, name)), _) => (owner, name),
            (None, Some(user)) => (user, token_id),
            (None, None) => {
                return Err(Error::settings(format!(
                    "the token `{token_id}` does not say whose it is; write it as `user@realm!{token_id}`"
                )));
            }
        };
        check_user(user)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.len() < 2 || !name.chars().all(allowed) {
            return Err(Error::settings(format!(
                "`{name}` is not the name of a token: at least 2 characters, letters, digits, `.`, `-` and `_`"
            )));
        }
        check_secret(&secret, "the secret of the token")?;
        Ok(Self::Token {
            identity: Identity {
                user: user.to_owned(),
                token: Some(name.to_owned()),
            },
            secret,
        })
    }

    /// A user, with realm, and the password.
    pub fn password(user: &str, password: Secret) -> Result<Self, Error> {
        check_user(user)?;
        if password.expose().is_empty() {
            return Err(Error::settings(format!(
                "the password of `{user}` is empty"
            )));
        }
        Ok(Self::Password {
            identity: Identity {
                user: user.to_owned(),
                token: None,
            },
            password,
        })
    }

    pub(super) const fn identity(&self) -> &Identity {
        match self {
            Self::Token { identity, .. } | Self::Password { identity, .. } => identity,
        }
    }

    pub(super) const fn secret(&self) -> &Secret {
        match self {
            Self::Token { secret, .. } => secret,
            Self::Password { password, .. } => password,
        }
    }
}

fn check_user(user: &str) -> Result<(), Error> {
    let wrong = |why: &str| {
        Err(Error::settings(format!(
            "`{user}` is not a user of PVE: {why}"
        )))
    };
    match user.rsplit_once('@') {
        None | Some((_, "") | ("", _)) => wrong("the realm is missing; write it as `root@pam`"),
        Some((name, realm)) => {
            let bad =
                |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | '!' | '=');
            if name.contains(bad) || realm.contains(bad) {
                return wrong("blanks and `:`, `/`, `!`, `=` are not allowed");
            }
            Ok(())
        }
    }
}

/// A secret goes into a header; what cannot stand there is a copying mistake.
fn check_secret(secret: &Secret, what: &str) -> Result<(), Error> {
    let text = secret.expose();
    if text.is_empty() {
        return Err(Error::settings(format!("{what} is empty")));
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Error::settings(format!(
            "{what} has blanks, line ends or other characters that cannot belong to it"
        )));
    }
    Ok(())
}

/// Whose certificate is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Certificates signed by the authorities of this system.
    System,
    /// Certificates signed by one of the authorities in this PEM file; PVE's own is
    /// `/etc/pve/pve-root-ca.pem`.
    CaFile(PathBuf),
    /// Exactly this certificate, whoever signed it.
    Fingerprint(Fingerprint),
    /// Any certificate. Only for who asked for it.
    Insecure,
}

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    /// Reads 64 hexadecimal digits, with or without colons between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            Error::settings(format!(
                "`{text}` is not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons \
                 (a SHA-1 fingerprint has only 40)"
            ))
        };
        let digits: Vec<u8> = text
            .trim()
            .chars()
            .filter(|c| *c != ':')
            .map(|c| {
                c.to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
                    .ok_or_else(wrong)
            })
            .collect::<Result<_, _>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit))
            .collect();
        if digits.len() != 64 {
            return Err(wrong());
        }
        bytes.try_into().map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    fn hosts_in_every_form() {
        for (text, want) in [
            ("pve1", "https://pve1:8006"),
            ("pve1:443", "https://pve1:443"),
            (
                "https://pve1.example.com:8006/",
                "https://pve1.example.com:8006",
            ),
            ("https://pve1/api2/json", "https://pve1:8006"),
            ("10.0.0.1", "https://10.0.0.1:8006"),
            ("::1", "https://[::1]:8006"),
            ("[::1]:8007", "https://[::1]:8007"),
            ("[::1]", "https://[::1]:8006"),
        ] {
            assert_eq!(
                text.parse::<Endpoint>().unwrap().to_string(),
                want,
                "{text}"
            );
        }
        assert_eq!(Endpoint::new("pve1", 443).unwrap().port(), 443);
        for text in [
            "",
            "http://pve1",
            "pve1/x",
            "root:x@pve1",
            "pve1:0",
            "pve1:x",
            "[::1",
            "a b",
            "[::1]8006",
            "https://",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for text in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9:1",
            "::1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
        }
        for text in ["pve1", "10.0.0.1", "localhost.example.com", "notlocalhost"] {
            assert!(!text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
        }
    }

    #[test]
    fn tokens_in_both_forms() {
        for (user, id) in [
            (Some("root@pam"), "lab"),
            (Some("root@pam"), "root@pam!lab"),
            (None, "root@pam!lab"),
        ] {
            let auth = Auth::token(user, id, "x".into()).unwrap();
            assert_eq!(auth.identity().to_string(), "root@pam!lab");
        }
        for (user, id) in [
            (None, "lab"),
            (Some("root"), "lab"),
            (Some("a@pve"), "root@pam!lab"),
            (Some("root@pam"), "l"),
            (Some("root@pam"), ""),
            (Some("@pam"), "lab"),
            (Some("root@"), "lab"),
            (Some("root@pam"), "a=b"),
        ] {
            assert!(Auth::token(user, id, "x".into()).is_err(), "{user:?} {id}");
        }
        for secret in ["", "a b", "abc\n", "ä"] {
            let error = Auth::token(None, "root@pam!lab", secret.into()).unwrap_err();
            assert!(
                secret.is_empty() || !error.to_string().contains(secret),
                "{error}"
            );
        }
    }

    #[test]
    fn passwords_need_a_realm() {
        assert!(Auth::password("root@pam", "pass word\u{e4}".into()).is_ok());
        let error = Auth::password("root", "x".into()).unwrap_err();
        assert!(error.to_string().contains("`root@pam`"), "{error}");
        assert!(Auth::password("root@pam", "".into()).is_err());
    }

    #[test]
    fn fingerprints_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(
            plain.parse::<Fingerprint>().unwrap(),
            colons.parse().unwrap()
        );
        assert_eq!(plain.parse::<Fingerprint>().unwrap().to_string(), colons);
        for text in [
            "",
            "ab",
            &"ab".repeat(20),
            &"ab".repeat(33),
            &"xy".repeat(32),
            &"a".repeat(63),
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

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
