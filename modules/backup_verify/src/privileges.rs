//! The rights with which it sees everything. Without one it tells what is unknown.

use module_kit::privileges::{Condition, Need, Operation, Place};

const POOL: Condition = Condition {
    name: "pools",
    text: "a job or a policy names a pool",
};

/// What looking needs. Files alone (`path`) need none.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "verify",
    needs: &[
        Need::new(
            "Sys.Audit",
            Place::System,
            "read the jobs, how the last backups ended, and the time zone",
        )
        .or_unknown(),
        Need::new("VM.Audit", Place::Guests, "see the guests and their disks").or_unknown(),
        Need::new("VM.Backup", Place::Guests, "see the archives of the guests").or_unknown(),
        Need::new(
            "Datastore.AllocateSpace",
            Place::Storages,
            "see the storages and the archives on them",
        )
        .or_unknown(),
        Need::new("Pool.Audit", Place::Pools, "see who is in the pool")
            .when(POOL)
            .or_unknown(),
    ],
}];
