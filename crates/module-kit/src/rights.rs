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
