//! The declaration of `backup_verify`: its options and examples.

use ansible_module::option::{ArgumentSpec, Constraints, Default, Kind, OptionGroup, OptionSpec};
use module_kit::Declaration;

const WHAT: OptionGroup = OptionGroup {
    title: "What is verified",
    options: &[
        OptionSpec::new(
            "path",
            Kind::List(&Kind::Path),
            &[
                "Files, or folders such as V(/var/lib/vz/dump). Of a folder every archive of vzdump and every dump of a database is read, and what unfinished backups left is told. Folders below it are not looked into.",
                "V(.vma) and V(.tar) with V(.zst), V(.gz), V(.lzo), V(.bz2) or nothing, V(.tgz), V(.sql) with V(.gz), V(.zst), V(.bz2) or nothing, and the custom format of C(pg_dump).",
                "Checksum files beside an archive (V(NAME.sha256), V(NAME.md5), V(SHA256SUMS), V(MD5SUMS)) are compared.",
            ],
        )
        .required(),
        OptionSpec::new(
            "ledger",
            Kind::Path,
            &[
                "A file that remembers what was read, such as V(/var/lib/reprise/ledger). An archive whose size, time and inode did not change is not read again before O(max_age_days).",
                "An archive is measured by the SHA-256 of its first reading: another one is damage, even if the format is sound. Losing the file costs one full reading and nothing else.",
                "Everything is read when left out.",
            ],
        ),
        OptionSpec::new(
            "max_age_days",
            Kind::Int,
            &["How old what O(ledger) says of an archive may become before it is read again."],
        )
        .default(Default::Int(30)),
        OptionSpec::new(
            "budget_bytes",
            Kind::Int,
            &["How many bytes of unchanged archives a run reads again at the most, oldest reading first and always one archive. What is new or changed is read in any case."],
        ),
        OptionSpec::new(
            "parallel",
            Kind::Int,
            &["How many archives are read beside each other. As many as there are processors when left out."],
        ),
    ],
};

const RESULT: OptionGroup = OptionGroup {
    title: "What counts as failed",
    options: &[OptionSpec::new(
        "fail_on",
        Kind::List(&Kind::Str),
        &[
            "The verdicts that make the task fail, with exit code 5 on the command line.",
            "V(corrupt): a restore would fail or lose data. V(unreadable): it could not be read, so nothing is known. V(incomplete): what an interrupted or failed backup left, newer than the newest sound archive of the guest. V(warn): something is unusual or hints at damage, and a restore would run. V(in_progress): a backup writes it now.",
            "An empty list never fails.",
        ],
    )
    .choices(&["corrupt", "unreadable", "incomplete", "in_progress", "warn"])
    .default(Default::List(&["corrupt", "unreadable", "incomplete"]))],
};

const EXAMPLES: &str = r"- name: Verify what lies on the local storage
  reprise.pve.backup_verify:
    path: /var/lib/vz/dump

- name: Verify one archive, and fail on warnings too
  reprise.pve.backup_verify:
    path: /mnt/backup/dump/vzdump-qemu-100-2026_01_02-04_00_01.vma.zst
    fail_on: [corrupt, unreadable, incomplete, warn]
  register: verification
";

/// What `backup_verify` is.
pub(crate) const DECLARATION: Declaration = Declaration {
    name: "backup_verify",
    short_description: "Verify backups to the last byte",
    description: &[
        "Reads every archive once and completely, and says whether it can be restored: checksums of the compression, the structure of VMA and tar, every cluster of every disk, the configuration of the guest and whether it fits the disks.",
        "It finds what C(vma verify), C(tar -t) and the tests of the compression programs do not, such as archives that were cut between two extents or members.",
        "It changes nothing.",
    ],
    spec: ArgumentSpec {
        groups: &[WHAT, RESULT],
        constraints: Constraints::NONE,
    },
    operations: &[],
    notes: &[
        "Uncompressed archives, and compressed ones without checksums, have no checksum of the data of disks and files: a changed byte in it cannot be seen. C(integrity) says so.",
        "Memory stays below 64 MiB for each archive that is read, plus the window that a zstd archive announces, 128 MiB at most.",
        "Run it where the files are: 200 GB are not read over the network.",
    ],
    see_also: &["reprise.pve.vzdump_job"],
    examples: EXAMPLES,
    version_added: "0.1.0",
};
