//! The declaration of `pve_info`: the connection, and what comes back.

use ansible_module::option::{ArgumentSpec, Constraints};
use module_kit::Declaration;
use module_kit::fragment::api::API;

const EXAMPLES: &str = r"- name: Look at the node
  reprise.pve.pve_info: {}
  register: node

- name: Stop when the storage for backups is almost full
  ansible.builtin.assert:
    that: node.storages | selectattr('used_percent', 'ge', 80) | list | length == 0
";

/// What `pve_info` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "pve_info",
    short_description: "Say what a Proxmox VE server has",
    description: &[
        "Reads the version, the nodes, the storages with their space and the guests of a server, in two calls. It changes nothing.",
        "What may be hidden by missing rights is named in C(unknown), so that an empty list is not taken for the truth.",
    ],
    spec: ArgumentSpec {
        groups: &[API],
        constraints: Constraints::NONE,
    },
    notes: &[
        "To see guests it needs C(VM.Audit) on C(/vms), to see storages C(Datastore.Audit) on C(/storage), to see pools C(Pool.Audit) on C(/pool).",
    ],
    see_also: &["reprise.pve.pve_storage", "reprise.pve.vzdump_job"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
