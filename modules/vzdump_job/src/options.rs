//! The declaration of `vzdump_job`: its options, their rules, its examples.

use ansible_module::option::{
    ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec, RequiredIf,
};
use module_kit::Declaration;
use module_kit::fragment::{api::API, retention::RETENTION};

use crate::privileges;

const JOB: OptionGroup = OptionGroup {
    title: "The job",
    options: &[
        OptionSpec::new(
            "id",
            Kind::Str,
            &[
                "Id of the job, for instance V(reprise-prod).",
                "2 to 50 characters: a letter first, then letters, digits, V(_) and V(-). Proxmox VE accepts longer ones and can then never change or delete them.",
            ],
        )
        .required(),
        OptionSpec::new("state", Kind::Str, &["V(present) declares the job completely: an option left out returns to the default of Proxmox VE.", "V(absent) removes the job. Archives stay.", "V(run) runs the stored job now, on every node that holds one of its guests, and waits. It takes O(id), O(timeout), O(vmid), O(verify) and O(ledger) only, and is always a change."])
            .choices(&["present", "absent", "run"])
            .default(Default::Str("present")),
        OptionSpec::new("timeout", Kind::Int, &["With O(state=run): how many seconds to wait. A run that takes longer goes on, and the task fails. V(86400) when left out."]),
        OptionSpec::new("verify", Kind::Bool, &[
            "With O(state=run): whether the archives that were made are read to their last byte at once, as M(reprise.pve.backup_verify) does, and remembered in its ledger. One that is damaged or cannot be read fails the task.",
            "They are read where their files are: the task must run on a node that has them, in a folder of its own or of a shared storage. Others are V(not_verified), which fails nothing.",
            "Reading keeps the O(bwlimit) of the job, too.",
            "Where a hook script of vzdump moves archives away, say V(false): what is not where Proxmox VE put it cannot be read.",
        ])
            .default(Default::Bool(true)),
        OptionSpec::new("ledger", Kind::Path, &[
            "With O(state=run): the file in which it is remembered what was read. When another one than the usual is named, name it to M(reprise.pve.backup_verify), too.",
        ]),
        OptionSpec::new("enabled", Kind::Bool, &["Whether the job runs by its schedule."])
            .default(Default::Bool(true)),
        OptionSpec::new("comment", Kind::Str, &["One line about the job, at most 512 characters."]),
        OptionSpec::new("adopt", Kind::Bool, &["Take over a job that is equal but has another id: the job is made under O(id), then the other is removed.", "Without it an equal job under another id is left, and a warning names it."])
            .default(Default::Bool(false)),
    ],
};

const SCHEDULE: OptionGroup = OptionGroup {
    title: "When",
    options: &[
        OptionSpec::new(
            "schedule",
            Kind::Str,
            &[
                "Calendar event of Proxmox VE, such as V(03:00), V(sat 04:00), V(mon..fri 02:30) or V(*-*-1 01:00).",
                "It is in the local time of the node, unless it ends in V(UTC).",
                "A number alone is a minute, and V(24:00) is the minute 24 of every hour: hours over 23 are refused.",
            ],
        ),
        OptionSpec::new(
            "repeat_missed",
            Kind::Bool,
            &["Run as soon as possible when the schedule passed while the node was down."],
        ),
        OptionSpec::new(
            "rpo_hours",
            Kind::Int,
            &[
                "How many hours of work may be lost at the most (recovery point objective). It is not sent to Proxmox VE: when the schedule or the retention cannot hold it, a warning says so.",
            ],
        ),
    ],
};

const SELECTION: OptionGroup = OptionGroup {
    title: "Which guests",
    options: &[
        OptionSpec::new(
            "vmid",
            Kind::List(&Kind::Int),
            &[
                "These guests.",
                "With O(state=run): only these guests of the job.",
            ],
        ),
        OptionSpec::new("all", Kind::Bool, &["Every guest, also those made later."]),
        OptionSpec::new(
            "exclude",
            Kind::List(&Kind::Int),
            &["With O(all=true): every guest but these."],
        ),
        OptionSpec::new(
            "pool",
            Kind::Str,
            &["The members of this pool, also those that join later."],
        ),
        OptionSpec::new(
            "tags",
            Kind::List(&Kind::Str),
            &[
                "The guests that have one of these tags now.",
                "Proxmox VE stores numbers: a guest tagged later joins at the next run of this task. A warning says so.",
            ],
        ),
        OptionSpec::new(
            "names",
            Kind::List(&Kind::Str),
            &[
                "The guests with these names now. A name that no guest or more than one guest has is an error.",
                "Proxmox VE stores numbers. A warning says so.",
            ],
        ),
        OptionSpec::new(
            "node",
            Kind::Str,
            &["Only guests on this node, and the job runs only there."],
        ),
    ],
};

const ARCHIVE: OptionGroup = OptionGroup {
    title: "What is made",
    options: &[
        OptionSpec::new(
            "storage",
            Kind::Str,
            &[
                "Storage that takes the archives.",
                "V(local) is what Proxmox VE takes when it is left out.",
            ],
        ),
        OptionSpec::new(
            "storage_planned",
            Kind::Bool,
            &[
                "Say that an earlier task of the play makes O(storage): in check mode it is not there yet, and this is then no warning. Nothing else depends on it, and it is not sent to Proxmox VE.",
            ],
        )
        .default(Default::Bool(false)),
        OptionSpec::new("mode", Kind::Str, &["How a running guest is saved."])
            .choices(&["snapshot", "suspend", "stop"])
            .default(Default::Str("snapshot")),
        OptionSpec::new(
            "compress",
            Kind::Str,
            &["How archives are compressed. V(none) stores them as they are."],
        )
        .choices(&["zstd", "gzip", "lzo", "none"])
        .default(Default::Str("zstd")),
        OptionSpec::new(
            "threads",
            Kind::Int,
            &[
                "Threads of the compressor, for O(compress=zstd) (V(0): half of the cores) and O(compress=gzip) (with pigz; V(1): half of the cores).",
            ],
        ),
        OptionSpec::new(
            "protected",
            Kind::Bool,
            &[
                "Mark the archives as protected: neither retention nor a person removes them until the mark is taken off. Needs O(storage).",
            ],
        ),
        OptionSpec::new(
            "notes_template",
            Kind::Str,
            &[
                "Notes of the archives, with V({{cluster}}), V({{guestname}}), V({{node}}) and V({{vmid}}). In a task they need C(!unsafe). Needs O(storage).",
            ],
        ),
        OptionSpec::new(
            "exclude_path",
            Kind::List(&Kind::Str),
            &["Paths in containers that are left out, as shell patterns."],
        ),
        OptionSpec::new(
            "stdexcludes",
            Kind::Bool,
            &[
                "Leave out temporary files and logs of containers. Proxmox VE does so when it is left out.",
            ],
        ),
        OptionSpec::new(
            "pbs_change_detection_mode",
            Kind::Str,
            &["How a Proxmox Backup Server finds what has changed in a container."],
        )
        .choices(&["legacy", "data", "metadata"]),
        OptionSpec::new(
            "fleecing",
            Kind::Dict(&[
                OptionSpec::new("enabled", Kind::Bool, &["Whether it is used."])
                    .default(Default::Bool(true)),
                OptionSpec::new(
                    "storage",
                    Kind::Str,
                    &["Storage for the fleecing images, best a fast local one."],
                ),
            ]),
            &[
                "Backup fleecing: old blocks of a running VM go to a fast storage first, so that a slow backup storage does not slow the VM down.",
            ],
        ),
    ],
};

const LOAD: OptionGroup = OptionGroup {
    title: "Load",
    options: &[
        OptionSpec::new(
            "bwlimit",
            Kind::Int,
            &["At most this many KiB per second; V(0): no limit."],
        ),
        OptionSpec::new(
            "ionice",
            Kind::Int,
            &["IO priority of the compressor, V(0) (highest) to V(7), or V(8) for idle."],
        ),
        OptionSpec::new(
            "lockwait",
            Kind::Int,
            &["Minutes to wait for the lock of another run."],
        ),
        OptionSpec::new(
            "stopwait",
            Kind::Int,
            &["Minutes to wait until a guest has stopped, in O(mode=stop)."],
        ),
        OptionSpec::new(
            "performance",
            Kind::Dict(&[
                OptionSpec::new(
                    "max_workers",
                    Kind::Int,
                    &["IO workers for a VM, V(1) to V(256)."],
                ),
                OptionSpec::new(
                    "pbs_entries_max",
                    Kind::Int,
                    &["Entries of a container kept in memory for a Proxmox Backup Server."],
                ),
            ]),
            &["Performance settings."],
        ),
    ],
};

const PRUNE: OptionGroup = OptionGroup {
    title: "Pruning",
    options: &[OptionSpec::new(
        "remove",
        Kind::Bool,
        &[
            "Prune after each guest, by the retention of the job, or of the storage when the job has none. Proxmox VE does so when it is left out.",
        ],
    )],
};

const NOTIFICATION: OptionGroup = OptionGroup {
    title: "Notification",
    options: &[
        OptionSpec::new("notification_mode", Kind::Str, &["V(notification-system) uses the notification matchers of Proxmox VE, V(legacy-sendmail) mails to O(mailto), V(auto) decides by whether O(mailto) is set."])
            .choices(&["auto", "legacy-sendmail", "notification-system"]),
        OptionSpec::new("mailto", Kind::List(&Kind::Str), &["Mail addresses or users that are told of a run."]),
        OptionSpec::new("notification_expected", Kind::Bool, &["Say a warning when neither O(mailto) nor O(notification_mode) chooses who is told: then Proxmox VE tells at most the mail address of C(root@pam) of a failed backup. It is not sent to Proxmox VE."])
            .default(Default::Bool(false)),
        OptionSpec::new("mailnotification", Kind::Str, &["When O(mailto) is told."]).choices(&["always", "failure"]),
    ],
};

const EXAMPLES: &str = r#"- name: Back up every guest of prod at three in the morning
  reprise.pve.vzdump_job:
    id: reprise-prod
    schedule: '03:00'
    all: true
    storage: local-backup
    keep_daily: 7
    keep_weekly: 4
    keep_monthly: 3
    rpo_hours: 24

- name: Back up two guests on Saturdays, gently
  reprise.pve.vzdump_job:
    id: reprise-lab
    schedule: sat 04:00
    vmid: [201, 202]
    storage: local-backup
    keep_weekly: 2
    bwlimit: 51200
    notes_template: !unsafe '{{guestname}} on {{node}}'

- name: Run a job now, wait for its archives, and read them
  reprise.pve.vzdump_job:
    id: reprise-prod
    state: run
  register: run

- name: Show what became of each guest
  ansible.builtin.debug:
    msg: "{{ item.vmid }}: {{ item.error or item.archive ~ ' is ' ~ item.verdict }}"
  loop: "{{ run.runs }}"

- name: See what removing a job would do
  reprise.pve.vzdump_job:
    id: reprise-old
    state: absent
  check_mode: true
  diff: true
"#;

/// What `vzdump_job` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "vzdump_job",
    short_description: "Declare a scheduled backup job of Proxmox VE",
    description: &[
        "Declares one job of C(/cluster/backup) completely: schedule, guests, storage, retention, mode, compression, notes and notification.",
        "Check mode predicts and diff shows every change. What Proxmox VE would change silently (the selection of guests, above all) is refused or spelled out.",
        "What a job needs and does not have, such as a storage for backups, a schedule that ever fires, guests, or room for the retention, is said as a warning.",
    ],
    spec: ArgumentSpec {
        groups: &[
            JOB,
            SCHEDULE,
            SELECTION,
            ARCHIVE,
            RETENTION,
            PRUNE,
            LOAD,
            NOTIFICATION,
            API,
        ],
        constraints: Constraints {
            mutually_exclusive: &[
                &["vmid", "all", "pool", "tags", "names"],
                &["exclude", "vmid", "pool", "tags", "names"],
            ],
            required_if: &[
                RequiredIf {
                    option: "state",
                    value: Default::Str("present"),
                    required: &["schedule"],
                    any: false,
                },
                RequiredIf {
                    option: "state",
                    value: Default::Str("present"),
                    required: &["vmid", "all", "pool", "tags", "names"],
                    any: true,
                },
            ],
            required_by: &[
                ("notes_template", &["storage"]),
                ("protected", &["storage"]),
                ("exclude", &["all"]),
            ],
            ..Constraints::NONE
        },
    },
    operations: privileges::OPERATIONS,
    notes: &[
        "The command C(reprise privileges vzdump_job) prints the lines that make a token with the least rights for it.",
        "C(script), C(dumpdir) and C(tmpdir) of a job can be set by root alone. They are not declared here: what a job has of them stays, and a warning names it.",
    ],
    see_also: &["reprise.pve.backup_verify", "reprise.pve.pve_storage"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
