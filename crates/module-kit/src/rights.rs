//! Rights that a plan needs, checked before anything is written: check mode fails where the real
//! run would.

use pve_client::api::Permissions;
use pve_client::{Gap, Identity};
use pve_types::Privilege;

use crate::failure::Failure;

/// Why a storage that is not in a list may exist all the same; `None` when it would be seen.
///
/// A list of storages never fails for lack of rights: it leaves out what may not be seen.
pub fn hidden_storage(permissions: &Permissions, storage: &str) -> Option<Gap> {
    let path = format!("/storage/{storage}");
    let shown = ["Datastore.Audit", "Datastore.AllocateSpace"]
        .iter()
        .any(|privilege| permissions.has(&path, privilege));
    // An entry on the path itself would replace what is held on all storages: unless there is one
    // already, the right is better given above.
    let own_entry = permissions.has(&path, "Datastore.Allocate")
        != permissions.has("/storage", "Datastore.Allocate")
        || permissions.has("/storage", "Datastore.Audit");
    let path = if own_entry {
        path
    } else {
        "/storage".to_owned()
    };
    gap(shown, "Datastore.Audit", path, "the storage may be hidden")
}

/// Why a pool and its members may exist and not be seen; `None` when they would be seen.
pub fn hidden_pool(permissions: &Permissions, pool: &str) -> Option<Gap> {
    let path = format!("/pool/{pool}");
    let shown = permissions.has(&path, "Pool.Audit");
    gap(
        shown,
        "Pool.Audit",
        path,
        "the pool and who is in it may be hidden",
    )
}

fn gap(shown: bool, privilege: &str, path: String, why: &str) -> Option<Gap> {
    // The names stand above and are names of privileges; a test finds one that is not.
    let privilege: Privilege = privilege.parse().ok()?;
    (!shown).then(|| Gap {
        privilege,
        path,
        why: why.to_owned(),
    })
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Who asks.
    pub identity: Identity,
    /// What they may do.
    pub permissions: Permissions,
}

impl Rights {
    /// Fails when the privilege is not held on the path; `doing` says what needs it.
    pub fn require(&self, privilege: &str, path: &str, doing: &str) -> Result<(), Failure> {
        if self.permissions.has(path, privilege) {
            return Ok(());
        }
        let failure = Failure::refused(format!(
            "cannot {doing}: `{}` lacks `{privilege}` on `{path}`",
            self.identity
        ));
        Err(match pve_client::grant(privilege, path, &self.identity) {
            Some(lines) => failure.hint(lines),
            None => failure,
        })
    }

    /// A plan depends on something that cannot be seen; `what` says on what.
    pub fn unknown(&self, gap: &Gap, what: &str) -> Failure {
        let failure = Failure::refused(format!("cannot tell {what}: {gap}"));
        match pve_client::grant(gap.privilege.as_str(), &gap.path, &self.identity) {
            Some(lines) => failure.hint(lines),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::rights;

    #[test]
    fn a_right_that_is_held_is_enough_wherever_it_comes_from() {
        let rights = rights(json!({"/": {"Sys.Modify": 1}, "/storage": {"Datastore.Allocate": 0}}));
        assert_eq!(rights.require("Sys.Modify", "/", "write"), Ok(()));
        assert_eq!(
            rights.require("Datastore.Allocate", "/storage", "write"),
            Ok(())
        );
        // Without propagation it counts for the path alone.
        let failure = rights
            .require("Datastore.Allocate", "/storage/a", "make it")
            .unwrap_err();
        assert_eq!(failure.exit, crate::Exit::Refused);
        assert_eq!(
            failure.message,
            "cannot make it: `backup@pve!cli` lacks `Datastore.Allocate` on `/storage/a`"
        );
        let hint = failure.hint.unwrap();
        assert!(hint.contains("pveum acl modify /storage/a"), "{hint}");
    }

    #[test]
    fn a_storage_is_hidden_without_one_of_two_rights() {
        let hidden = |permissions: serde_json::Value, storage: &str| {
            hidden_storage(&rights(permissions).permissions, storage).map(|gap| gap.path)
        };
        assert_eq!(hidden(json!({"/": {"Datastore.Audit": 1}}), "a"), None);
        assert_eq!(
            hidden(json!({"/storage/a": {"Datastore.AllocateSpace": 1}}), "a"),
            None
        );
        assert_eq!(hidden(json!({}), "a").as_deref(), Some("/storage"));
        // To write definitions does not show them.
        let allocate = json!({"/storage": {"Datastore.Allocate": 1}});
        assert_eq!(hidden(allocate, "a").as_deref(), Some("/storage"));
        // A deeper entry replaces those above it, so there the right must stand.
        let below =
            json!({"/storage": {"Datastore.Audit": 1}, "/storage/a": {"Datastore.Allocate": 1}});
        assert_eq!(hidden(below, "a").as_deref(), Some("/storage/a"));
        let own = json!({"/storage/a": {"Datastore.Allocate": 1}});
        assert_eq!(hidden(own, "a").as_deref(), Some("/storage/a"));
    }

    #[test]
    fn a_pool_is_hidden_without_its_own_right() {
        let hidden = |permissions: serde_json::Value| {
            hidden_pool(&rights(permissions).permissions, "a/b").map(|gap| gap.to_string())
        };
        assert_eq!(hidden(json!({"/pool": {"Pool.Audit": 1}})), None);
        assert_eq!(
            hidden(json!({"/pool": {"VM.Audit": 1}})).unwrap(),
            "the pool and who is in it may be hidden (missing: `Pool.Audit` on `/pool/a/b`)"
        );
    }

    #[test]
    fn an_unknown_names_the_lines_that_end_it() {
        let rights = rights(json!({}));
        let gap = hidden_storage(&rights.permissions, "a").unwrap();
        let failure = rights.unknown(&gap, "whether it exists");
        assert!(
            failure
                .message
                .starts_with("cannot tell whether it exists: "),
            "{failure}"
        );
        assert!(failure.hint.unwrap().contains("pveum acl modify /storage "));
    }
}
