//! Ids of tasks.

use std::fmt;
use std::str::FromStr;

use crate::text::by_text;
use crate::{NodeName, ParseError};

/// The id of a task:
/// `UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>[!<token>]:`.
///
/// Parsed to its parts and printed back exactly. The id may be empty (vzdump of several guests)
/// or carry more than a number (`100@backups`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    node: NodeName,
    pid: u32,
    pstart: u64,
    starttime: u32,
    kind: String,
    id: String,
    user: String,
    token: Option<String>,
}

impl Upid {
    /// The node on which the task runs.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The process id of the worker on that node.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The start time of the process in clock ticks since the node's boot.
    pub const fn pstart(&self) -> u64 {
        self.pstart
    }

    /// When the task was started, in Unix seconds.
    pub const fn starttime(&self) -> u32 {
        self.starttime
    }

    /// The type of the task, for example `vzdump`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the task is about: a guest, `100@backups`, or empty.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who started it, without the token.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The token's name, when a token started it.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UPID:{}:{:08X}:{:08X}:{:08X}:{}:{}:{}",
            self.node, self.pid, self.pstart, self.starttime, self.kind, self.id, self.user
        )?;
        if let Some(token) = &self.token {
            write!(f, "!{token}")?;
        }
        f.write_str(":")
    }
}

impl FromStr for Upid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| ParseError::new("task id", text, reason))
    }
}

fn parse(text: &str) -> Result<Upid, String> {
    let mut fields = text.split(':');
    let mut next = |name: &str| {
        fields
            .next()
            .ok_or_else(|| format!("the part `{name}` is missing"))
    };
    if next("UPID")? != "UPID" {
        return Err("it must start with `UPID:`".to_owned());
    }
    let node = next("node")?
        .parse::<NodeName>()
        .map_err(|error| error.to_string())?;
    let pid = u32::try_from(hex("pid", next("pid")?, 8)?).map_err(|error| error.to_string())?;
    // After about 500 days of uptime the ninth digit is in use.
    let pstart = hex("pstart", next("pstart")?, 9)?;
    let starttime = u32::try_from(hex("starttime", next("starttime")?, 8)?)
        .map_err(|error| error.to_string())?;
    let kind = next("type")?;
    let id = next("id")?;
    let owner = next("user")?;
    let end = next("the colon at the end")?;
    if !end.is_empty() || fields.next().is_some() {
        return Err("it must end with one colon".to_owned());
    }
    if kind.is_empty() || owner.is_empty() {
        return Err("type and user must not be empty".to_owned());
    }
    if [kind, id, owner]
        .iter()
        .any(|part| part.contains(char::is_whitespace))
    {
        return Err("it must not contain blanks".to_owned());
    }
    let (user, token) = match owner.split_once('!') {
        Some((user, token)) => (user, Some(token.to_owned())),
        None => (owner, None),
    };
    Ok(Upid {
        node,
        pid,
        pstart,
        starttime,
        kind: kind.to_owned(),
        id: id.to_owned(),
        user: user.to_owned(),
        token,
    })
}

/// PVE writes these numbers with capital digits, eight of them at least.
fn hex(name: &str, text: &str, longest: usize) -> Result<u64, String> {
    let canonical =
        text.len() == 8 || (text.len() <= longest && text.len() > 8 && !text.starts_with('0'));
    if !canonical || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
        return Err(format!("`{name}` must be 8 hexadecimal digits"));
    }
    u64::from_str_radix(text, 16).map_err(|error| error.to_string())
}

by_text!(Upid);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_ids_print_back_exactly() {
        for text in [
            "UPID:pve1:00000D77:000691AA:6B017208:vzdump::root@pam!lab:",
            "UPID:pve1:00000E42:0006AAE1:6B017249:qmrestore:220:root@pam!lab:",
            "UPID:pve1:00000D9A:000691CD:6B017208:imgdel:100@backups:root@pam:",
            "UPID:pve-2:00000D9A:1000691CD:6B017208:vzdump:100:b.c@pve:",
        ] {
            assert_eq!(text.parse::<Upid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let upid: Upid = "UPID:pve1:00000D77:000691AA:6B017208:vzdump::root@pam!lab:"
            .parse()
            .unwrap();
        assert_eq!(upid.node(), "pve1");
        assert_eq!(
            (upid.pid(), upid.pstart(), upid.starttime()),
            (0xD77, 0x691AA, 1_795_256_840)
        );
        assert_eq!(
            (upid.kind(), upid.id(), upid.user(), upid.token()),
            ("vzdump", "", "root@pam", Some("lab"))
        );
    }

    #[test]
    fn damaged_ids_are_refused() {
        for text in [
            "",
            "UPID",
            "UPID:pve1:00000D77:000691AA:6B017208:vzdump:100:root@pam",
            "UPID:pve1:00000D77:000691AA:6B017208:vzdump:100:root@pam::",
            "UPID:pve1:00000d77:000691AA:6B017208:vzdump:100:root@pam:",
            "UPID:pve1:D77:000691AA:6B017208:vzdump:100:root@pam:",
            "UPID:pve1:00000D77:000691AA:6B017208::100:root@pam:",
            "UPID:pve1:00000D77:000691AA:6B017208:vzdump:100::",
            "UPID:pv e1:00000D77:000691AA:6B017208:vzdump:100:root@pam:",
            "null",
        ] {
            assert!(text.parse::<Upid>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_from_str_are_inverse(
            node in "[a-z][a-z0-9]{0,10}",
            pid in any::<u32>(),
            pstart in 0_u64..0x10_0000_0000,
            starttime in any::<u32>(),
            kind in "[a-z]{2,12}",
            id in "([0-9]{3,9}(@[a-z]{2,8})?)?",
            user in "[a-z]{1,8}@(pam|pve)",
            token in proptest::option::of("[a-z]{2,8}"),
        ) {
            let token = token.map(|token| format!("!{token}")).unwrap_or_default();
            let text = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}{token}:");
            prop_assert_eq!(text.parse::<Upid>().unwrap().to_string(), text);
        }

        #[test]
        fn whatever_parses_prints_back(text in "UPID:[ -~]{0,60}") {
            if let Ok(upid) = text.parse::<Upid>() {
                prop_assert_eq!(upid.to_string(), text);
            }
        }
    }
}
