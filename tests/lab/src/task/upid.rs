//! The names of tasks.

use std::fmt;

use regex_lite::Regex;

use crate::access::identity::Identity;

/// `UPID:<node>:<pid>:<pstart>:<starttime>:<type>:<id>:<user>:`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upid {
    pub(crate) node: String,
    pub(crate) pid: u32,
    /// When the process began, in hundredths of a second since the node booted.
    pub(crate) process_start: u64,
    /// Unix time of the start.
    pub(crate) start: i64,
    /// `vzdump`, `imgdel` and so on.
    pub(crate) kind: String,
    /// What it works on; may be empty.
    pub(crate) id: String,
    pub(crate) owner: Identity,
}

impl fmt::Display for Upid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            pid,
            process_start,
            start,
            kind,
            id,
            owner,
        } = self;
        write!(
            formatter,
            "UPID:{node}:{pid:08X}:{process_start:08X}:{start:08X}:{kind}:{id}:{owner}:"
        )
    }
}

/// Whether a text has the form of a task's name.
pub(crate) fn is_upid(text: &str) -> bool {
    let form = r"^UPID:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?:[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s]+:[^:\s]*:[^:\s]+:$";
    Regex::new(form).is_ok_and(|form| form.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_of_pve() {
        let upid = Upid {
            node: "pve1".to_owned(),
            pid: 2939,
            process_start: 0x0010_4C37,
            start: 0x6B01_8AF0,
            kind: "prunebackups".to_owned(),
            id: "101@backups".to_owned(),
            owner: Identity::token("root@pam", "full"),
        };
        let text = upid.to_string();
        assert_eq!(
            text,
            "UPID:pve1:00000B7B:00104C37:6B018AF0:prunebackups:101@backups:root@pam!full:"
        );
        assert!(is_upid(&text));
        assert!(is_upid(
            "UPID:pve1:00000001:00000001:6B000000:vzdump::root@pam:"
        ));
        assert!(!is_upid("UPID:foo"));
    }
}
