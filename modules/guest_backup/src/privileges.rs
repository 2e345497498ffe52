//! The rights that it needs on the guest.

use module_kit::privileges::{Need, Operation, Place};

/// What setting flags needs.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "set",
    needs: &[
        Need::new(
            "VM.Audit",
            Place::Guests,
            "see the guest and its configuration",
        ),
        Need::new(
            "VM.Config.Disk",
            Place::Guests,
            "change the flags of its disks",
        ),
    ],
}];
