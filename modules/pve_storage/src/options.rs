//! The declaration of `pve_storage`: its options, their rules, its examples.

use ansible_module::option::{
    ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec, RequiredIf,
};
use module_kit::Declaration;
use module_kit::fragment::{api::API, retention::RETENTION};

use crate::privileges;

const STORAGE: OptionGroup = OptionGroup {
    title: "The storage",
    options: &[
        OptionSpec::new("storage", Kind::Str, &["Id of the storage, for instance V(local-backup): at least two characters, a letter first, then letters, digits, V(-), V(_) and V(.), a letter or digit last."])
            .required()
            .aliases(&["name"]),
        OptionSpec::new("state", Kind::Str, &["V(present) declares the storage completely: an option left out returns to the default of Proxmox VE.", "V(absent) removes its definition. What lies on it stays."])
            .choices(&["present", "absent"])
            .default(Default::Str("present")),
        OptionSpec::new("type", Kind::Str, &["What kind of storage it is. It cannot be changed afterwards."])
            .choices(&["dir", "nfs", "cifs", "pbs"]),
        OptionSpec::new("content", Kind::List(&Kind::Str), &["What may lie on it."])
            .choices(&["backup", "images", "import", "iso", "rootdir", "snippets", "vztmpl"])
            .default(Default::List(&["backup"])),
        OptionSpec::new("nodes", Kind::List(&Kind::Str), &["The nodes that have it; all of them when left out."]),
        OptionSpec::new("enabled", Kind::Bool, &["Whether it is in use."]).default(Default::Bool(true)),
        OptionSpec::new("shared", Kind::Bool, &["Of a directory: every node sees the same content there. The other kinds are shared by nature."]),
        OptionSpec::new("max_protected_backups", Kind::Int, &["How many protected archives a guest may have here, V(-1) for any number.", "Left out: any number for who may allocate on the storage, five for others."]),
        OptionSpec::new("confirmed", Kind::Bool, &["Consent to removing a storage that backup jobs still use. They fail from then on."])
            .default(Default::Bool(false)),
        OptionSpec::new("jobs_removed", Kind::List(&Kind::Str), &["Say that an earlier task of the play removes these backup jobs: in check mode they are still there, and do not count as users of the storage. Outside of check mode it does nothing."])
            .default(Default::List(&[])),
    ],
};

const KINDS: OptionGroup = OptionGroup {
    title: "Where it is",
    options: &[
        OptionSpec::new("dir_options", Kind::Dict(&[
            OptionSpec::new("path", Kind::Str, &["Absolute path on the node. It cannot be changed afterwards."]).required(),
            OptionSpec::new("is_mountpoint", Kind::Str, &["V(yes): the path is a mount point, and without a mount the storage is offline, so that nothing is written beneath it. A path: that one is the mount point. V(no): a folder."]),
            OptionSpec::new("create_base_path", Kind::Bool, &["Whether Proxmox VE makes the folder. It does so when left out."]),
            OptionSpec::new("create_subdirs", Kind::Bool, &["Whether Proxmox VE makes the folders below it. It does so when left out."]),
        ]), &["A folder of the node."]),
        OptionSpec::new("nfs_options", Kind::Dict(&[
            OptionSpec::new("server", Kind::Str, &["Name or address of the server. It cannot be changed afterwards."]).required(),
            OptionSpec::new("export", Kind::Str, &["The exported path. It cannot be changed afterwards."]).required(),
            OptionSpec::new("options", Kind::Str, &["Mount options, such as V(vers=4.2)."]),
        ]), &["An NFS export."]),
        OptionSpec::new("cifs_options", Kind::Dict(&[
            OptionSpec::new("server", Kind::Str, &["Name or address of the server. It cannot be changed afterwards."]).required(),
            OptionSpec::new("share", Kind::Str, &["The share. It cannot be changed afterwards."]).required(),
            OptionSpec::new("username", Kind::Str, &["Who logs in; a guest when left out."]),
            OptionSpec::new("password", Kind::Str, &["Password of the user. See O(update_password)."]).no_log(),
            OptionSpec::new("domain", Kind::Str, &["The domain of the user."]),
            OptionSpec::new("smbversion", Kind::Str, &["Version of the protocol; negotiated when left out."])
                .choices(&["2.0", "2.1", "3", "3.0", "3.11"]),
            OptionSpec::new("subdir", Kind::Str, &["A folder of the share."]),
            OptionSpec::new("options", Kind::Str, &["Mount options."]),
        ]), &["An SMB share."]),
        OptionSpec::new("pbs_options", Kind::Dict(&[
            OptionSpec::new("server", Kind::Str, &["Name or address of the server. It cannot be changed afterwards."]).required(),
            OptionSpec::new("datastore", Kind::Str, &["The datastore. It cannot be changed afterwards."]).required(),
            OptionSpec::new("namespace", Kind::Str, &["A namespace of the datastore."]),
            OptionSpec::new("username", Kind::Str, &["User or token there, such as V(backup@pbs!pve)."]).required(),
            OptionSpec::new("password", Kind::Str, &["Password or secret of the token. See O(update_password)."]).no_log(),
            OptionSpec::new("fingerprint", Kind::Str, &["SHA-256 fingerprint of the certificate of the server."]),
            OptionSpec::new("port", Kind::Int, &["Port of the server; V(8007) when left out."]),
        ]), &["A datastore of a Proxmox Backup Server."]),
        OptionSpec::new("update_password", Kind::Str, &["Proxmox VE does not show passwords, so a changed one cannot be seen.", "V(on_create) writes it when the storage is made, V(always) each time, and each time is then a change."])
            .choices(&["on_create", "always"])
            .default(Default::Str("on_create")),
    ],
};

const EXAMPLES: &str = r"- name: A folder for backups that keeps a week
  reprise.pve.pve_storage:
    storage: local-backup
    type: dir
    dir_options:
      path: /var/lib/reprise-backup
    keep_daily: 7

- name: A second copy on NFS
  reprise.pve.pve_storage:
    storage: nfs-backup
    type: nfs
    nfs_options:
      server: nas.example.com
      export: /export/pve
      options: vers=4.2
    max_protected_backups: -1

- name: A Proxmox Backup Server
  reprise.pve.pve_storage:
    storage: pbs
    type: pbs
    pbs_options:
      server: pbs.example.com
      datastore: pve
      username: backup@pbs!pve
      password: '{{ pbs_token_secret }}'
      fingerprint: '{{ pbs_fingerprint }}'

- name: Forget a storage, its content stays
  reprise.pve.pve_storage:
    storage: old-backup
    state: absent
";

/// What `pve_storage` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "pve_storage",
    short_description: "Declare a storage of Proxmox VE",
    description: &[
        "Declares one storage of C(/storage) completely: a folder, an NFS export, an SMB share or a datastore of a Proxmox Backup Server, with content, retention and the limit of protected archives.",
        "It never deletes what lies on a storage. What Proxmox VE cannot change on an existing storage (kind, path, server, export, share, datastore) is refused with the reason.",
    ],
    spec: ArgumentSpec {
        groups: &[STORAGE, KINDS, RETENTION, API],
        constraints: Constraints {
            mutually_exclusive: &[&["dir_options", "nfs_options", "cifs_options", "pbs_options"]],
            required_if: &[
                RequiredIf {
                    option: "state",
                    value: Default::Str("present"),
                    required: &["type"],
                    any: false,
                },
                RequiredIf {
                    option: "type",
                    value: Default::Str("dir"),
                    required: &["dir_options"],
                    any: false,
                },
                RequiredIf {
                    option: "type",
                    value: Default::Str("nfs"),
                    required: &["nfs_options"],
                    any: false,
                },
                RequiredIf {
                    option: "type",
                    value: Default::Str("cifs"),
                    required: &["cifs_options"],
                    any: false,
                },
                RequiredIf {
                    option: "type",
                    value: Default::Str("pbs"),
                    required: &["pbs_options"],
                    any: false,
                },
            ],
            ..Constraints::NONE
        },
    },
    operations: privileges::OPERATIONS,
    notes: &[
        "The command C(reprise privileges pve_storage) prints the lines that make a token with the least rights for it. Proxmox VE has no right to define one storage alone.",
        "The encryption key of a Proxmox Backup Server is not declared here: what a storage has of it stays.",
    ],
    see_also: &["reprise.pve.vzdump_job"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
