//! What may be named after `--on`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// A machine as ssh knows it: `[user@]host[:port]`, where the host may be a name of `ssh_config`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            Err(Error::new(Kind::Usage, format!("--on: `{text}` {why}"))
                .hint("A machine is named as for ssh: `root@pve1`, `root@192.0.2.10`, `root@[2001:db8::1]:2222`, or a name of your ssh_config."))
        };
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, after)) => match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return refuse("has something behind the bracket that is no port"),
            },
            // More than one colon is an address of IPv6 without a port.
            None if rest.matches(':').count() == 1 => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
            None => (rest, None),
        };
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port != 0 => Some(port),
            Some(_) => return refuse("names no port from 1 to 65535"),
        };
        if user.is_some_and(|user| !is_word(user)) || !is_word(host) {
            return refuse("is no machine");
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        })
    }
}

/// Nothing that ssh could take for an option, and nothing that needs quoting.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || "._-:%+".contains(sign))
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match (self.port, self.host.contains(':')) {
            (None, _) => formatter.write_str(&self.host),
            (Some(port), true) => write!(formatter, "[{}]:{port}", self.host),
            (Some(port), false) => write!(formatter, "{}:{port}", self.host),
        }
    }
}

impl Target {
    /// How to try the same by hand.
    pub(crate) fn by_hand(&self) -> String {
        let user = self
            .user
            .as_ref()
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        match self.port {
            None => format!("ssh {user}{}", self.host),
            Some(port) => format!("ssh -p {port} {user}{}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn machines_are_named_as_for_ssh() {
        for (text, user, host, port) in [
            ("pve1", None, "pve1", None),
            ("root@pve1", Some("root"), "pve1", None),
            ("root@pve1:2222", Some("root"), "pve1", Some(2222)),
            ("root@2001:db8::1", Some("root"), "2001:db8::1", None),
            (
                "root@[2001:db8::1]:22",
                Some("root"),
                "2001:db8::1",
                Some(22),
            ),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(
                (target.user.as_deref(), target.host.as_str(), target.port),
                (user, host, port)
            );
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for text in [
            "",
            "@pve1",
            "root@",
            "-oProxyCommand=x",
            "root@-x",
            "-x@pve1",
            "a b",
            "pve1:0",
            "pve1:ssh",
            "pve1;reboot",
            "[::1]x",
            "root@pve1\n",
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{text:?}");
            assert!(error.to_string().contains("--on"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_printed_back_and_is_no_option(text in "[-a-z0-9.:@\\[\\]% ;$]{0,20}") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert!(!target.host.starts_with('-'));
                prop_assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
            }
        }
    }
}
