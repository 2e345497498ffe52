//! Where PVE is.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::Error;

/// The port of PVE's API.
pub const DEFAULT_PORT: u16 = 8006;

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
        } else if rest.parse::<Ipv6Addr>().is_ok() {
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
}
