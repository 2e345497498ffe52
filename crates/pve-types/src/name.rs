//! Names: storages, nodes, backup jobs, pools, privileges.

use std::fmt;
use std::str::FromStr;

use crate::ParseError;
use crate::text::by_text;

/// Makes a text type with a private field whose only constructor runs `$check`.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err(ParseError::new($what, text, reason)),
                }
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        by_text!($type);
    };
}

name!(
    /// The id of a storage, for example `local` or `backups`. PVE's format `pve-storage-id`.
    StorageId, "storage id", check_storage
);
name!(
    /// The name of a node: a host name without dots.
    NodeName, "node name", check_node
);
name!(
    /// The id of a backup job that this program may write: 2 to 50 characters, a letter first, then
    /// letters, digits, `_` and `-`; upper and lower case differ.
    ///
    /// PVE *accepts* longer ids when a job is made, but can never change or delete such a job
    /// again, and it makes up ids that start with a digit; so ids that are read stay plain text.
    JobId, "job id", check_job
);
name!(
    /// The id of a resource pool, also a nested one (`parent/child`).
    PoolId, "pool id", check_pool
);
name!(
    /// The name of a privilege, for example `Datastore.Allocate`. Kept as text, since the set
    /// changes between versions of PVE.
    Privilege, "privilege", check_privilege
);

type Check = Result<(), &'static str>;

fn check_storage(text: &str) -> Check {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_ascii_alphabetic() => {}
        _ => return Err("it must start with a letter"),
    }
    if text.len() < 2 {
        return Err("it needs at least 2 characters");
    }
    if text.len() > 100 {
        return Err("it must not be longer than 100 characters");
    }
    if !characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err("only letters, digits, `-`, `_` and `.` are allowed");
    }
    if !text.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("it must end with a letter or a digit");
    }
    Ok(())
}

fn check_node(text: &str) -> Check {
    if text.is_empty() || text.len() > 63 {
        return Err("it must have 1 to 63 characters");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it must not start or end with `-`");
    }
    if text.contains('.') {
        return Err("the name of a node is a host name without domain");
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err("only letters, digits and `-` are allowed");
    }
    Ok(())
}

fn check_job(text: &str) -> Check {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("it must start with a letter");
    }
    if text.len() < 2 || text.len() > 50 {
        return Err("it must have 2 to 50 characters");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    {
        return Err("only letters, digits, `_` and `-` are allowed");
    }
    Ok(())
}

fn check_pool(text: &str) -> Check {
    let parts: Vec<&str> = text.split('/').collect();
    if parts.len() > 3 {
        return Err("pools nest at most three deep");
    }
    if parts.iter().any(|part| part.is_empty()) {
        return Err("it must not be empty");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !parts.iter().all(|part| part.chars().all(allowed)) {
        return Err("only letters, digits, `-`, `_` and `.` are allowed");
    }
    Ok(())
}

fn check_privilege(text: &str) -> Check {
    let parts: Vec<&str> = text.split('.').collect();
    let word = |part: &&str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    if parts.len() < 2 || !parts.iter().all(word) {
        return Err("a privilege looks like `Group.Action`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_follow_the_rule_that_pve_can_change_again() {
        for good in ["ab", "nightly", "CP1", "a-b_c9", &"a".repeat(50)] {
            assert_eq!(
                good.parse::<JobId>().map(|id| id.to_string()).as_deref(),
                Ok(good)
            );
        }
        // 51 characters are taken by PVE but can never be deleted again.
        for bad in [
            "",
            "a",
            "1abc",
            "_ab",
            "-ab",
            "a b",
            "a.b",
            "ä1",
            &"a".repeat(51),
        ] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_storages_nodes_and_pools() {
        for good in ["local", "backups", "pbs-1", "a.b_c-9"] {
            assert!(good.parse::<StorageId>().is_ok(), "{good}");
        }
        for bad in ["", "a", "1a", "a-", "a:b", "a b", "a/b"] {
            assert!(bad.parse::<StorageId>().is_err(), "{bad}");
        }
        for good in ["pve1", "1pve", "a-b"] {
            assert!(good.parse::<NodeName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "pve1.example.com", "a_b", &"a".repeat(64)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
        for good in ["p", "prod", "prod/web", "a.b/c/d"] {
            assert!(good.parse::<PoolId>().is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "a/b/c/d", "a b"] {
            assert!(bad.parse::<PoolId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn privileges_look_like_group_and_action() {
        for good in [
            "Sys.Audit",
            "Datastore.AllocateSpace",
            "VM.Config.Disk",
            "VM.GuestAgent.Audit",
        ] {
            assert!(good.parse::<Privilege>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Sys",
            "sys.audit",
            "Sys.",
            "Sys.Audit|Sys.Modify",
            "pool 'p' does not exist",
        ] {
            assert!(bad.parse::<Privilege>().is_err(), "{bad}");
        }
    }

    #[test]
    fn errors_name_the_kind_and_the_value() {
        let error = "1abc".parse::<JobId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`1abc` is not a valid job id: it must start with a letter"
        );
    }

    #[test]
    fn serde_goes_through_the_check() {
        assert_eq!(
            serde_json::from_str::<JobId>("\"nightly\"").unwrap(),
            "nightly"
        );
        assert!(serde_json::from_str::<JobId>("\"1\"").is_err());
        let id: JobId = "nightly".parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"nightly\"");
    }
}
