//! The rights it needs.

use module_kit::privileges::{Need, Operation, Place};

/// What looking at the disks of a guest and flagging them needs.
pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "flag",
    needs: &[
        Need::new(
            "VM.Audit",
            Place::Guests,
            "find the guest and read its disks",
        ),
        Need::new("VM.Config.Disk", Place::Guests, "write the flag of a disk"),
    ],
}];
