//! A host, out of the forms it is written in.

use std::net::{IpAddr, Ipv6Addr};

/// A name or an address, and the port if one was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Address {
    /// Reads `host`, `host:port`, `https://host:port/api2/json`, `192.0.2.1/24`, `[::1]:8006`.
    /// The error says why not, without the text.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return Err("it is a URL, but not of https"),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let rest = rest.strip_suffix("/api2/json").unwrap_or(rest);
        if rest.contains('@') {
            return Err("it holds a user or a secret (`@`); those have names of their own");
        }
        // An address with the length of its network, as interfaces are written.
        let rest = match rest.split_once('/') {
            Some((address, length))
                if address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok() =>
            {
                address
            }
            Some(_) => return Err("it has a path; host and port are enough"),
            None => rest,
        };
        let (host, port) = if let Some(inside) = rest.strip_prefix('[') {
            match inside.split_once(']') {
                Some((host, "")) => (host, None),
                Some((host, after)) => (host, Some(after.strip_prefix(':').unwrap_or_default())),
                None => return Err("`[` is not closed"),
            }
        } else if rest.parse::<Ipv6Addr>().is_ok() {
            (rest, None)
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port != 0 => Some(port),
            Some(_) => return Err("its port is no number from 1 to 65535"),
        };
        if host.parse::<IpAddr>().is_err() && !is_name(host) {
            return Err("it is neither a host name nor an address");
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Whether this can be the name of a host, or of an inventory's host.
pub(crate) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_every_form() {
        for (text, host, port) in [
            ("pve1", "pve1", None),
            ("192.0.2.10", "192.0.2.10", None),
            ("192.0.2.10/24", "192.0.2.10", None),
            ("pve1.example.com:443", "pve1.example.com", Some(443)),
            ("https://192.0.2.10:8006/", "192.0.2.10", Some(8006)),
            ("https://pve1:8006/api2/json", "pve1", Some(8006)),
            ("https://pve1/api2/json/", "pve1", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("2001:db8::1/64", "2001:db8::1", None),
            ("https://[2001:db8::1]:8006", "2001:db8::1", Some(8006)),
        ] {
            let address = Address::read(text).unwrap();
            assert_eq!(
                (address.host.as_str(), address.port),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_host() {
        for text in [
            "",
            "http://pve1",
            "https://root:hunter2@pve1",
            "pve1/24",
            "pve1:",
            "pve1:0",
            "pve1:99999",
            "[::1",
            "[::1]x",
            "-o",
            "a b",
            "a..b",
            "hunter2!",
        ] {
            assert!(Address::read(text).is_err(), "{text}");
        }
    }
}
