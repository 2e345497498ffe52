//! The rights that each value of `state` needs.

use module_kit::privileges::{Condition, Need, Operation, Place};

const POOL: Condition = Condition {
    name: "pool",
    text: "the job selects a pool",
};
const FLEECING: Condition = Condition {
    name: "fleecing",
    text: "the job has a fleecing storage (the right is needed there)",
};
const RETENTION: Condition = Condition {
    name: "retention",
    text: "the job has a retention of its own",
};
const LIMITS: Condition = Condition {
    name: "limits",
    text: "the job has `bwlimit`, `ionice` or `performance`",
};

const READ_JOBS: Need = Need::new("Sys.Audit", Place::System, "read the jobs");
const WRITE_JOBS: Need = Need::new("Sys.Modify", Place::System, "write jobs");

/// What each value of `state` needs.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "present",
        needs: &[
            READ_JOBS,
            WRITE_JOBS,
            Need::new(
                "VM.Audit",
                Place::Guests,
                "see which guests the job saves; needed to select by tags or names",
            )
            .or_unknown(),
            Need::new(
                "Datastore.Audit",
                Place::UsedStorages,
                "see whether the storage takes the archives",
            )
            .or_unknown(),
            Need::new(
                "Datastore.Allocate",
                Place::UsedStorages,
                "declare a job that writes there",
            ),
            Need::new("Pool.Audit", Place::Pools, "see the pool and its members")
                .when(POOL)
                .or_unknown(),
            Need::new("VM.Backup", Place::Pools, "declare a job for its members").when(POOL),
            Need::new(
                "Datastore.AllocateSpace",
                Place::UsedStorages,
                "declare a job that writes fleecing images there",
            )
            .when(FLEECING),
        ],
    },
    Operation {
        name: "absent",
        needs: &[READ_JOBS, WRITE_JOBS],
    },
    Operation {
        name: "run",
        needs: &[
            READ_JOBS,
            Need::new(
                "VM.Audit",
                Place::Guests,
                "see on which nodes the guests of the job are",
            ),
            Need::new("VM.Backup", Place::Guests, "save the guests"),
            Need::new(
                "Datastore.AllocateSpace",
                Place::UsedStorages,
                "write archives",
            ),
            Need::new(
                "Datastore.Allocate",
                Place::UsedStorages,
                "remove archives by the retention of the job",
            )
            .when(RETENTION),
            Need::new("Sys.Modify", Place::System, "set limits of a run").when(LIMITS),
        ],
    },
];
