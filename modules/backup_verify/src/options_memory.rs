//! The options about what is remembered from run to run, and read again.

use ansible_module::option::{Default, Kind, OptionGroup, OptionSpec};

pub(crate) const MEMORY: OptionGroup = OptionGroup {
    title: "What is read again",
    options: &[
        OptionSpec::new(
            "remember",
            Kind::Bool,
            &[
                "Whether it is remembered what was read. An archive whose size, time of change and inode are the same is then not read again before O(max_age_days).",
                "An archive is measured by the SHA-256 of its first reading: another one is damage, even if the format is sound.",
                "V(false): everything is read, and nothing is remembered. In check mode nothing is remembered either.",
            ],
        )
        .default(Default::Bool(true)),
        OptionSpec::new(
            "ledger",
            Kind::Path,
            &[
                "The file that it is remembered in. Losing it costs one full reading and nothing else.",
                "V(/var/lib/reprise/ledger) of root and V(~/.local/state/reprise/ledger) of others when left out.",
            ],
        ),
        OptionSpec::new(
            "max_age_days",
            Kind::Int,
            &["How old what is remembered of an archive may become before it is read again."],
        )
        .default(Default::Int(30)),
        OptionSpec::new(
            "budget_bytes",
            Kind::Int,
            &[
                "How many bytes of unchanged archives a run reads again at the most, oldest reading first and always one archive. What is new or changed is read in any case. C(summary.cycle_end) says when all were read again.",
            ],
        ),
        OptionSpec::new(
            "budget_time",
            Kind::Str,
            &[
                "How long a run reads unchanged archives again, such as V(2h), V(90m) or a number of seconds. It is planned by how fast earlier runs read, and when the time is over none of them is begun any more, but for the first. What is new or changed is read in any case.",
            ],
        ),
        OptionSpec::new(
            "renew",
            Kind::Bool,
            &[
                "V(false): only what is new or changed is read, as after a backup. What is old waits for another run. A run that finds another one at work waits for its end.",
            ],
        )
        .default(Default::Bool(true)),
        OptionSpec::new(
            "verify_node",
            Kind::Str,
            &[
                "The node that reads the archives of storages that several nodes share. The others believe what it found, and say so with C(proof_by).",
                "Of the nodes that have the storage, the first by name that is online when left out.",
            ],
        ),
        OptionSpec::new(
            "notes",
            Kind::Bool,
            &[
                "Whether the SHA-256 of each archive of a storage is also written to its notes, in a line of its own. When the ledger is lost, an archive that was changed is still found.",
                "A SHA-256 that stands there is compared in any case while the ledger has none.",
            ],
        )
        .default(Default::Bool(false)),
    ],
};
