//! The two kinds of guests.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;
use crate::text::by_text;

/// What a guest is: a virtual machine or a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestKind {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
}

impl GuestKind {
    /// The word PVE uses in paths and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// The short word for people: `VM` or `CT`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "CT",
        }
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GuestKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "qemu" => Ok(Self::Qemu),
            "lxc" => Ok(Self::Lxc),
            _ => Err(ParseError::new(
                "kind of guest",
                text,
                "it is `qemu` or `lxc`",
            )),
        }
    }
}

by_text!(GuestKind);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for kind in [GuestKind::Qemu, GuestKind::Lxc] {
            assert_eq!(kind.to_string().parse::<GuestKind>().unwrap(), kind);
        }
        assert!("openvz".parse::<GuestKind>().is_err());
        assert_eq!(GuestKind::Lxc.label(), "CT");
    }
}
