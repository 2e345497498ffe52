//! The declaration of `backup_verify`: its options and examples.

use ansible_module::option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec};
use module_kit::Declaration;
use module_kit::fragment::api::API;

use crate::fail_on::{FailOn, WORDS};
use crate::options_memory::MEMORY;
use crate::privileges;

const WHAT: OptionGroup = OptionGroup {
    title: "What is verified",
    options: &[
        OptionSpec::new(
            "path",
            Kind::List(&Kind::Path),
            &[
                "Files, or folders such as V(/var/lib/vz/dump). Of a folder every archive of vzdump and every dump of a database is read, and what unfinished backups left is told. Folders below it are not looked into.",
                "V(.vma) and V(.tar) with V(.zst), V(.gz), V(.lzo), V(.bz2) or nothing, V(.tgz), V(.sql) with V(.gz), V(.zst), V(.bz2) or nothing, and the custom format of C(pg_dump) under V(.dump), V(.pgdump) or V(.pgc).",
                "Checksum files beside an archive (V(NAME.sha256), V(NAME.sha512), V(NAME.md5), V(SHA256SUMS), V(SHA512SUMS), V(MD5SUMS)) are compared.",
                "With O(path) alone Proxmox VE is not asked; with O(coverage=true) it is, and what was read here counts for the guests.",
            ],
        ),
        OptionSpec::new(
            "storage",
            Kind::List(&Kind::Str),
            &[
                "Backup storages of Proxmox VE. Their archives are listed by Proxmox VE, and read where the module runs on a node that has the folder of the storage. Where it does not, they are C(not_verified), never C(ok).",
                "Snapshots on a Proxmox Backup Server are not read: what the server itself says of them is told, with C(proof_by).",
                "When neither O(path) nor O(storage) is given: on a node every backup storage it has is read, and the archives of the others are listed.",
            ],
        ),
        OptionSpec::new(
            "vmid",
            Kind::List(&Kind::Int),
            &["Only these guests and their archives. All when left out."],
        ),
        OptionSpec::new(
            "parallel",
            Kind::Int,
            &[
                "How many archives are read beside each other. As many as there are processors when left out.",
            ],
        ),
        OptionSpec::new(
            "bwlimit",
            Kind::Int,
            &[
                "How many KiB in a second are read from archives, from all of them together. V(0) sets no limit. The unit is that of the option of this name in vzdump.",
            ],
        )
        .default(Default::Int(0)),
    ],
};

const EXPECTED: OptionGroup = OptionGroup {
    title: "What is expected of guests",
    options: &[
        OptionSpec::new(
            "coverage",
            Kind::Bool,
            &[
                "Whether it is told of every guest how well it is protected: whether an enabled job saves it, which of its disks, how old its newest archive is and whether that was found sound.",
                "Done when left out, unless only O(path) is given. V(false): only archives.",
            ],
        ),
        OptionSpec::new(
            "rpo_hours",
            Kind::Int,
            &["How old the newest archive of a guest may be, in hours, when O(rpo) says nothing of the guest. The default is a day, and two hours for the backup itself."],
        )
        .default(Default::Int(26)),
        OptionSpec::new(
            "rpo",
            Kind::Dict(&[]),
            &[
                "How old the newest archive of some guests may be, in hours: V(100), V(tag:NAME), V(pool:NAME) or V(all) to a number. What names the guest itself counts before its tags, those before its pool; of several that are equally near the strictest.",
                "On the command line V(tag:db=6,200=168).",
            ],
        ),
        OptionSpec::new(
            "no_backup_expected",
            Kind::List(&Kind::Str),
            &["Guests that need no backup: V(100), V(tag:NAME), V(pool:NAME). They are C(excluded)."],
        ),
        OptionSpec::new(
            "min_size",
            Kind::Int,
            &["An archive of fewer bytes counts as none."],
        )
        .default(Default::Int(0)),
    ],
};

const RESULT: OptionGroup = OptionGroup {
    title: "What counts as failed",
    options: &[OptionSpec::new(
        "fail_on",
        Kind::List(&Kind::Str),
        &[
            "What makes the task fail, with exit code 5 on the command line.",
            "Of archives: V(corrupt): a restore would fail or lose data. V(unreadable): it could not be read, so nothing is known. V(incomplete): what an interrupted or failed backup left, newer than the newest sound archive of the guest. V(warn): something is unusual or hints at damage, and a restore would run. V(in_progress): a backup writes it now. V(not_verified): it is listed and could not be read from here.",
            "Of guests: V(corrupt): the newest archive is damaged or cannot be read. V(stale): the newest archive is older than it may be. V(unprotected): no enabled job saves it, or it has no archive. V(unverified): the newest archive was not read yet. V(excluded): left out by configuration or policy. V(unknown): what is needed to tell cannot be seen; also when guests, jobs, storages or archives may be hidden.",
            "An empty list never fails.",
        ],
    )
    .choices(&WORDS)
    .default(Default::List(FailOn::DEFAULT_WORDS))],
};

const FILES: OptionGroup = OptionGroup {
    title: "Files that are written",
    options: &[
        OptionSpec::new(
            "report",
            Kind::Path,
            &[
                "A file that gets a page for people: guests and days in a matrix, and everything that is wrong or not known. V(NAME.html) is one file that needs no other, V(NAME.md) says the same in Markdown.",
                "It is written on the machine where the module runs, as a whole or not at all, and not in check mode. Its folder has to exist.",
            ],
        ),
        OptionSpec::new(
            "metrics",
            Kind::Path,
            &[
                "A file that gets metrics for the textfile collector of node_exporter, such as V(/var/lib/prometheus/node-exporter/reprise.prom). Its name has to end in V(.prom): the collector reads no other.",
                "It is written as a whole or not at all, and not in check mode. Its folder has to exist.",
            ],
        ),
    ],
};

const EXAMPLES: &str = r"- name: On a node, verify all its backup storages and tell how well each guest is protected
  reprise.pve.backup_verify:
    budget_time: 2h
    rpo:
      tag:db: 6
      pool:lab: 168
    no_backup_expected: [tag:scratch]

- name: After a backup, read only what is new
  reprise.pve.backup_verify:
    renew: false
    coverage: false

- name: Verify what lies in a folder, without asking Proxmox VE
  reprise.pve.backup_verify:
    path: /var/lib/vz/dump

- name: Verify one archive, and fail on warnings too
  reprise.pve.backup_verify:
    path: /mnt/backup/dump/vzdump-qemu-100-2026_01_02-04_00_01.vma.zst
    fail_on: [corrupt, unreadable, incomplete, warn]
  register: verification

- name: Verify on every node, and leave a page and metrics there
  reprise.pve.backup_verify:
    ledger: /var/lib/reprise/ledger
    report: /var/lib/reprise/backups.html
    metrics: /var/lib/prometheus/node-exporter/reprise.prom

- name: From anywhere, tell who is protected, without reading archives
  reprise.pve.backup_verify:
    api_host: pve1.example.com
    api_token_id: reprise@pve!audit
    api_token_secret: '{{ vault_token }}'
  delegate_to: localhost
";

/// What `backup_verify` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "backup_verify",
    short_description: "Verify backups to the last byte, and tell which guests are protected",
    description: &[
        "Reads every archive once and completely, and says whether it can be restored: checksums of the compression, the structure of VMA and tar, every cluster of every disk, the configuration of the guest and whether it fits the disks.",
        "It finds what C(vma verify), C(tar -t) and the tests of the compression programs do not, such as archives that were cut between two extents or members.",
        "Of every guest and disk it tells whether it is really protected: a disabled job protects nobody, a copy made before a restore is no backup, and what may not be seen is unknown, with the privilege that would show it.",
        "It changes nothing but what it remembers itself, and with O(notes) the notes of archives; so it is never C(changed).",
    ],
    spec: ArgumentSpec {
        groups: &[WHAT, MEMORY, EXPECTED, RESULT, FILES, API],
        constraints: Constraints::NONE,
    },
    operations: privileges::OPERATIONS,
    notes: &[
        "Uncompressed archives, and compressed ones without checksums, have no checksum of the data of disks and files: a changed byte in it cannot be seen. C(integrity) says so.",
        "Memory stays below 64 MiB for each archive that is read, plus the window that a zstd archive announces, 128 MiB at most.",
        "Run it where the files are: 200 GB are not read over the network.",
        "The number of calls to Proxmox VE follows nodes, storages and jobs, and never the number of guests.",
    ],
    see_also: &["reprise.pve.vzdump_job"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
