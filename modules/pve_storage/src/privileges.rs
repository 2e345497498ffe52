//! The rights that each value of `state` needs.

use module_kit::privileges::{Need, Operation, Place};

const SEE: Need = Need::new(
    "Datastore.Audit",
    Place::Storages,
    "see whether the storage exists, and how it is defined",
);
const DEFINE: Need = Need::new(
    "Datastore.Allocate",
    Place::Storages,
    "define storages; there is no right to define one alone",
);

/// What each value of `state` needs.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "present",
        needs: &[SEE, DEFINE],
    },
    Operation {
        name: "absent",
        needs: &[
            SEE,
            DEFINE,
            Need::new(
                "Sys.Audit",
                Place::System,
                "see which backup jobs still use the storage",
            ),
        ],
    },
];
