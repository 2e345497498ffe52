//! Whose certificate is believed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
