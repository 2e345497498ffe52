//! How old the newest archive of a guest may be, and which guests need none.

use std::str::FromStr;

use pve_client::api::Guest;
use pve_types::{PoolId, Vmid};

/// What a policy is about: `100`, `tag:web`, `pool:prod`, or `all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matcher {
    /// One guest.
    Guest(Vmid),
    /// Guests with this tag.
    Tag(String),
    /// Guests in this pool.
    Pool(PoolId),
    /// Every guest.
    All,
}

/// What of a guest a policy may look at.
pub type PolicyGuest = Guest;

impl Matcher {
    fn matches(&self, guest: &PolicyGuest) -> bool {
        match self {
            Self::Guest(vmid) => guest.vmid == *vmid,
            // Proxmox VE stores tags in lower case unless told otherwise.
            Self::Tag(tag) => guest
                .tags
                .iter()
                .any(|of_guest| of_guest == tag || *of_guest == tag.to_lowercase()),
            Self::Pool(pool) => guest.pool.as_ref() == Some(pool),
            Self::All => true,
        }
    }

    /// The nearer to one guest, the more it counts.
    const fn rank(&self) -> u8 {
        match self {
            Self::Guest(_) => 3,
            Self::Tag(_) => 2,
            Self::Pool(_) => 1,
            Self::All => 0,
        }
    }
}

impl FromStr for Matcher {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why: String| format!("`{text}` names no guests: {why}");
        match text.split_once(':') {
            Some(("tag", tag)) if !tag.is_empty() => Ok(Self::Tag(tag.to_owned())),
            Some(("pool", pool)) => pool
                .parse()
                .map(Self::Pool)
                .map_err(|error: pve_types::ParseError| wrong(error.to_string())),
            None if text == "all" => Ok(Self::All),
            None => text
                .parse()
                .map(Self::Guest)
                .map_err(|error: pve_types::ParseError| wrong(error.to_string())),
            Some(_) => Err(wrong(
                "write a guest number, `tag:NAME`, `pool:NAME` or `all`".to_owned(),
            )),
        }
    }
}

impl std::fmt::Display for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Guest(vmid) => write!(f, "{vmid}"),
            Self::Tag(tag) => write!(f, "tag:{tag}"),
            Self::Pool(pool) => write!(f, "pool:{pool}"),
            Self::All => f.write_str("all"),
        }
    }
}

/// A recovery point objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpo {
    /// Whose.
    pub of: Matcher,
    /// How old the newest archive may be, in hours.
    pub hours: i64,
}

/// What is expected of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// How old the newest archive may be.
    pub rpo: Vec<Rpo>,
    /// Guests that are expected to have no backup.
    pub none: Vec<Matcher>,
    /// An archive that is smaller than this many bytes is none.
    pub minimum_size: u64,
}

impl Policies {
    /// How many hours old the newest archive of this guest may be: what is said of the guest
    /// itself before tag, pool and all; of several the strictest.
    pub fn rpo_hours(&self, guest: &PolicyGuest) -> Option<i64> {
        self.rpo
            .iter()
            .filter(|rpo| rpo.of.matches(guest))
            .min_by_key(|rpo| (std::cmp::Reverse(rpo.of.rank()), rpo.hours))
            .map(|rpo| rpo.hours)
    }

    /// The policies that are about none of these guests, which are all there are. A wrong name
    /// would go unseen otherwise: nothing fails because of it.
    pub fn idle(&self, guests: &[PolicyGuest]) -> Vec<&Matcher> {
        let of_rpo = self.rpo.iter().map(|rpo| &rpo.of);
        let named = of_rpo.chain(&self.none).filter(|of| **of != Matcher::All);
        let mut idle: Vec<&Matcher> = named
            .filter(|of| !guests.iter().any(|guest| of.matches(guest)))
            .collect();
        idle.dedup();
        idle
    }

    /// Why this guest is expected to have no backup.
    pub fn none_expected(&self, guest: &PolicyGuest) -> Option<&Matcher> {
        self.none.iter().find(|matcher| matcher.matches(guest))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_nearest_policy_counts_and_of_equals_the_strictest() {
        let guest: Guest = serde_json::from_value(
            json!({"vmid": 100, "type": "lxc", "node": "a", "pool": "prod", "tags": "web;db"}),
        )
        .unwrap();
        let policies = |rules: &[(&str, i64)]| Policies {
            rpo: rules
                .iter()
                .map(|(of, hours)| Rpo {
                    of: of.parse().unwrap(),
                    hours: *hours,
                })
                .collect(),
            ..Policies::default()
        };
        let hours = |rules: &[(&str, i64)]| policies(rules).rpo_hours(&guest);
        assert_eq!(hours(&[("all", 24), ("100", 48)]), Some(48));
        assert_eq!(
            hours(&[("tag:web", 12), ("tag:DB", 6), ("all", 1)]),
            Some(6)
        );
        assert_eq!(hours(&[("pool:prod", 3), ("all", 1)]), Some(3));
        assert_eq!(hours(&[("101", 3), ("tag:x", 3), ("pool:lab", 1)]), None);
    }

    #[test]
    fn a_policy_about_nobody_is_told() {
        let guest: Guest = serde_json::from_value(
            json!({"vmid": 100, "type": "lxc", "node": "a", "pool": "prod", "tags": "web"}),
        )
        .unwrap();
        let rpo = |of: &str| Rpo {
            of: of.parse().unwrap(),
            hours: 1,
        };
        let policies = Policies {
            rpo: ["all", "tag:wbe", "tag:web", "pool:prod"].map(rpo).into(),
            none: vec!["100".parse().unwrap(), "110".parse().unwrap()],
            minimum_size: 0,
        };
        let idle: Vec<String> = policies
            .idle(&[guest])
            .into_iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(idle, ["tag:wbe", "110"]);
        assert_eq!(policies.idle(&[]).len(), 5);
    }

    #[test]
    fn what_names_no_guests_is_refused() {
        for text in ["", "99", "tag:", "web", "node:a", "pool:a b"] {
            let error = text.parse::<Matcher>().unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        for text in ["100", "tag:web", "pool:prod", "all"] {
            assert_eq!(text.parse::<Matcher>().unwrap().to_string(), text);
        }
    }
}
