//! The rights with which it sees everything. Without one it tells what is unknown.

use module_kit::privileges::{Need, Operation, Place};

/// What looking needs.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "verify",
    needs: &[
        Need::new(
            "Sys.Audit",
            Place::System,
            "read the jobs, and how the last backups ended",
        )
        .or_unknown(),
        Need::new("VM.Audit", Place::Guests, "see the guests and their disks").or_unknown(),
        Need::new(
            "VM.Backup",
            Place::Guests,
            "see the archives of the guests; `Datastore.Allocate` on the storage instead shows them all",
        )
        .or_unknown(),
        Need::new("Datastore.Audit", Place::Storages, "see the storages").or_unknown(),
        Need::new(
            "Datastore.AllocateSpace",
            Place::UsedStorages,
            "see the archives on the storage",
        )
        .or_unknown(),
        Need::new(
            "Pool.Audit",
            Place::Pools,
            "see which pool a guest is in, for jobs and policies that name one",
        )
        .or_unknown(),
    ],
}];
