//! The declaration of `guest_backup`: its options and its examples.

use ansible_module::option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec};
use module_kit::Declaration;
use module_kit::fragment::api::API;

use crate::privileges;

const DISKS: OptionGroup = OptionGroup {
    title: "The disks",
    options: &[
        OptionSpec::new("vmid", Kind::Int, &["Number of the guest."]).required(),
        OptionSpec::new(
            "disks",
            Kind::List(&Kind::Str),
            &[
                "Keys of disks or mount points, such as V(scsi1) or V(mp0). When left out: every one that can be chosen.",
            ],
        ),
        OptionSpec::new(
            "backup_enabled",
            Kind::Bool,
            &["Whether backups take them along."],
        )
        .default(Default::Bool(true)),
    ],
};

const EXAMPLES: &str = r"- name: Save every disk of a guest
  reprise.pve.guest_backup:
    vmid: 101

- name: Leave the scratch disk out
  reprise.pve.guest_backup:
    vmid: 101
    disks: [scsi1]
    backup_enabled: false
";

/// What `guest_backup` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "guest_backup",
    short_description: "Say which disks of a guest are backed up",
    description: &[
        "Sets the flag C(backup) of disks of a virtual machine and of mount points of a container. Nothing else of the guest is changed.",
        "Proxmox VE saves disks unless they are excluded, and mount points only when they are included. The root disk of a container is always saved; CD-ROMs and what a container mounts from its node never are.",
    ],
    spec: ArgumentSpec {
        groups: &[DISKS, API],
        constraints: Constraints::NONE,
    },
    operations: privileges::OPERATIONS,
    notes: &[
        "A change of a running container may count only from its next start. A warning says so.",
    ],
    see_also: &["reprise.pve.vzdump_job"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
