//! Which expression tells what, and where it stands in the common shapes.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::error::{Error, Kind};
use crate::expression::Expression;

/// What a file of variables can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The addresses of all nodes.
    Nodes,
    /// The addresses of the nodes of the environment `prod`.
    Prod,
    /// Those of `lab`.
    Lab,
    /// Those of `mon`.
    Mon,
    /// The user of SSH.
    AnsibleUser,
    /// A node or the URL of the API.
    ApiHost,
    /// The port of the API.
    ApiPort,
    /// The user of the API.
    ApiUser,
    /// Its password.
    ApiPassword,
    /// A token in the form `user@realm!name=secret`.
    ApiToken,
    /// The id of a token.
    ApiTokenId,
    /// Its secret.
    ApiTokenSecret,
    /// Whether certificates are checked.
    ValidateCerts,
    /// The file of the certificate authority.
    CaPath,
    /// The fingerprint of the certificate.
    Fingerprint,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Nodes,
        Self::Prod,
        Self::Lab,
        Self::Mon,
        Self::AnsibleUser,
        Self::ApiHost,
        Self::ApiPort,
        Self::ApiUser,
        Self::ApiPassword,
        Self::ApiToken,
        Self::ApiTokenId,
        Self::ApiTokenSecret,
        Self::ValidateCerts,
        Self::CaPath,
        Self::Fingerprint,
    ];

    /// The environments that have a key, and an inventory group, of their own.
    pub(crate) const ENVIRONMENTS: [Self; 3] = [Self::Prod, Self::Lab, Self::Mon];

    /// As it is written in a map; an option of the connection has the option's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Prod => "prod",
            Self::Lab => "lab",
            Self::Mon => "mon",
            Self::AnsibleUser => "ansible_user",
            Self::ApiHost => "api_host",
            Self::ApiPort => "api_port",
            Self::ApiUser => "api_user",
            Self::ApiPassword => "api_password",
            Self::ApiToken => "api_token",
            Self::ApiTokenId => "api_token_id",
            Self::ApiTokenSecret => "api_token_secret",
            Self::ValidateCerts => "validate_certs",
            Self::CaPath => "ca_path",
            Self::Fingerprint => "fingerprint",
        }
    }

    /// Whether it tells several things.
    pub(crate) const fn is_nodes(self) -> bool {
        matches!(self, Self::Nodes | Self::Prod | Self::Lab | Self::Mon)
    }

    /// Whether what it tells is a secret.
    pub(crate) const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::ApiPassword | Self::ApiToken | Self::ApiTokenSecret
        )
    }

    /// Where it stands when no map says so; the first that is there counts. The names are those
    /// of the examples and environment variables of the providers bpg/proxmox and
    /// Telmate/proxmox, and of modules around them.
    pub const fn defaults(self) -> &'static [&'static str] {
        match self {
            Self::Nodes => &[
                "nodes.*.ip",
                "nodes.*.address",
                "nodes.*.ip_address",
                "nodes.*.host",
                "nodes.*.endpoint",
                "nodes.*",
                "proxmox_nodes.*.ip",
                "proxmox_nodes.*.address",
                "proxmox_nodes.*.ip_address",
                "proxmox_nodes.*.host",
                "proxmox_nodes.*.endpoint",
                "proxmox_nodes.*",
                "pve_nodes.*.ip",
                "pve_nodes.*.address",
                "pve_nodes.*.host",
                "pve_nodes.*",
            ],
            Self::AnsibleUser => &[
                "proxmox_ssh_username",
                "proxmox_ssh_user",
                "pve_ssh_user",
                "proxmox.ssh_user",
            ],
            Self::ApiHost => &[
                "proxmox_endpoint",
                "proxmox_ve_endpoint",
                "virtual_environment_endpoint",
                "pm_api_url",
                "proxmox_api_url",
                "proxmox_url",
                "pve_endpoint",
                "pve_api_url",
                "proxmox.endpoint",
                "proxmox.api_url",
                "proxmox_host",
                "pve_host",
            ],
            Self::ApiUser => &[
                "proxmox_username",
                "proxmox_ve_username",
                "virtual_environment_username",
                "pm_user",
                "proxmox_user",
                "pve_user",
                "proxmox.username",
            ],
            Self::ApiPassword => &[
                "proxmox_password",
                "proxmox_ve_password",
                "virtual_environment_password",
                "pm_password",
                "pm_pass",
                "pve_password",
                "proxmox.password",
            ],
            Self::ApiToken => &[
                "proxmox_api_token",
                "proxmox_ve_api_token",
                "virtual_environment_api_token",
                "pve_api_token",
                "proxmox_token",
                "proxmox.api_token",
            ],
            Self::ApiTokenId => &[
                "pm_api_token_id",
                "proxmox_api_token_id",
                "proxmox_token_id",
                "pve_api_token_id",
                "pve_token_id",
                "proxmox.api_token_id",
            ],
            Self::ApiTokenSecret => &[
                "pm_api_token_secret",
                "proxmox_api_token_secret",
                "proxmox_token_secret",
                "pve_api_token_secret",
                "pve_token_secret",
                "proxmox.api_token_secret",
            ],
            // The providers' `insecure` is not taken over: that a token is shown to whoever
            // answers is worth saying again.
            Self::Prod
            | Self::Lab
            | Self::Mon
            | Self::ApiPort
            | Self::ValidateCerts
            | Self::CaPath
            | Self::Fingerprint => &[],
        }
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|key| key.name() == text)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|key| key.name()).collect();
                Error::new(
                    Kind::Map,
                    format!("`{}` is nothing that a map can name", text.escape_debug()),
                )
                .hint(format!("A map names {}.", names.join(", ")))
            })
    }
}

/// Where things stand in a file. What it does not say stands where [`Key::defaults`] say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    entries: BTreeMap<Key, Vec<Expression>>,
}

impl Map {
    /// Adds `key=expression`, as the command line has it.
    pub fn add_pair(&mut self, pair: &str) -> Result<(), Error> {
        let Some((key, expression)) = pair.split_once('=') else {
            // Not quoted: whoever mixes up the options may have typed a secret.
            return Err(Error::new(
                Kind::Map,
                "an entry of a map is key=expression, such as `nodes=nodes.*.ip`",
            ));
        };
        self.add(key.trim(), expression.trim())
    }

    /// Adds an expression. Nodes may have several; else a second one is an error.
    pub fn add(&mut self, key: &str, expression: &str) -> Result<(), Error> {
        let key: Key = key.parse()?;
        let expressions = self.entries.entry(key).or_default();
        if !key.is_nodes() && !expressions.is_empty() {
            let message = format!("the map names `{}` twice", key.name());
            return Err(Error::new(Kind::Map, message));
        }
        expressions.push(expression.parse()?);
        Ok(())
    }

    /// These entries, and for keys without one those of `below`.
    #[must_use]
    pub fn over(mut self, below: Self) -> Self {
        for (key, expressions) in below.entries {
            self.entries.entry(key).or_insert(expressions);
        }
        self
    }

    pub(crate) fn of(&self, key: Key) -> Option<&[Expression]> {
        self.entries.get(&key).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_an_expression() {
        for key in Key::ALL {
            for text in key.defaults() {
                assert_eq!(text.parse::<Expression>().unwrap().to_string(), *text);
            }
            assert_eq!(key.name().parse::<Key>().unwrap(), key);
        }
    }

    #[test]
    fn the_upper_map_wins_key_by_key() {
        let map = |pairs: &[&str]| {
            let mut map = Map::default();
            for pair in pairs {
                map.add_pair(pair).unwrap();
            }
            map
        };
        assert_eq!(
            map(&["api_host=a", "nodes=b"]).over(map(&["api_host=c", "mon=d"])),
            map(&["api_host=a", "nodes=b", "mon=d"])
        );
        assert_eq!(
            map(&["nodes=a", "nodes=b"]).of(Key::Nodes).unwrap().len(),
            2
        );
    }

    #[test]
    fn a_wrong_map_says_so() {
        let refusal = |pairs: &[&str]| {
            let mut map = Map::default();
            let error = pairs.iter().find_map(|pair| map.add_pair(pair).err());
            let error = error.unwrap();
            assert_eq!(error.kind(), Kind::Map);
            format!("{error} {}", error.next_step().unwrap_or_default())
        };
        assert!(refusal(&["api_hots=a"]).contains("api_host"));
        assert!(refusal(&["api_host=a", "api_host=b"]).contains("twice"));
        assert!(refusal(&["api_host=a b"]).contains("no expression"));
        assert!(!refusal(&["hunter2"]).contains("hunter2"));
    }
}
