//! Rights that a plan needs, checked before anything is written: check mode fails where the real
//! run would.

use pve_client::api::Permissions;
use pve_client::{Gap, Identity};

use crate::failure::Failure;

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
