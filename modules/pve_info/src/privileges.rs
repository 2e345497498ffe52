//! The rights with which it sees everything. Without one it tells what may be hidden.

use module_kit::privileges::{Need, Operation, Place};

/// What looking needs.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "look",
    needs: &[
        Need::new("VM.Audit", Place::Guests, "see the guests").or_unknown(),
        Need::new("Datastore.Audit", Place::Storages, "see the storages").or_unknown(),
    ],
}];
