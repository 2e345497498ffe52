//! The parameters of a job, as `/cluster/backup` has them, and a job there in comparable form.

use module_kit::settings::{Settings, Shape};
use pve_client::api::Job;
use pve_types::Vmid;

/// The names of the parameters.
pub(crate) mod key {
    pub(crate) const SCHEDULE: &str = "schedule";
    pub(crate) const ENABLED: &str = "enabled";
    pub(crate) const COMMENT: &str = "comment";
    pub(crate) const REPEAT_MISSED: &str = "repeat-missed";
    pub(crate) const VMID: &str = "vmid";
    pub(crate) const ALL: &str = "all";
    pub(crate) const EXCLUDE: &str = "exclude";
    pub(crate) const POOL: &str = "pool";
    pub(crate) const NODE: &str = "node";
    pub(crate) const STORAGE: &str = "storage";
    pub(crate) const MODE: &str = "mode";
    pub(crate) const COMPRESS: &str = "compress";
    pub(crate) const ZSTD: &str = "zstd";
    pub(crate) const PIGZ: &str = "pigz";
    pub(crate) const PRUNE_BACKUPS: &str = "prune-backups";
    pub(crate) const REMOVE: &str = "remove";
    pub(crate) const PROTECTED: &str = "protected";
    pub(crate) const NOTES_TEMPLATE: &str = "notes-template";
    pub(crate) const EXCLUDE_PATH: &str = "exclude-path";
    pub(crate) const STDEXCLUDES: &str = "stdexcludes";
    pub(crate) const PBS_CHANGE_DETECTION_MODE: &str = "pbs-change-detection-mode";
    pub(crate) const FLEECING: &str = "fleecing";
    pub(crate) const BWLIMIT: &str = "bwlimit";
    pub(crate) const IONICE: &str = "ionice";
    pub(crate) const LOCKWAIT: &str = "lockwait";
    pub(crate) const STOPWAIT: &str = "stopwait";
    pub(crate) const PERFORMANCE: &str = "performance";
    pub(crate) const NOTIFICATION_MODE: &str = "notification-mode";
    pub(crate) const MAILTO: &str = "mailto";
    pub(crate) const MAILNOTIFICATION: &str = "mailnotification";
    pub(crate) const NOTIFICATION_POLICY: &str = "notification-policy";
    pub(crate) const NOTIFICATION_TARGET: &str = "notification-target";
    pub(crate) const QUIET: &str = "quiet";
    pub(crate) const STOP: &str = "stop";
    pub(crate) const DUMPDIR: &str = "dumpdir";

    /// What selects guests: setting one of them silently changes the others.
    pub(crate) const SELECTION: [&str; 4] = [VMID, ALL, EXCLUDE, POOL];
}

/// The defaults of a job, and what cannot be deleted.
///
/// Only what no node overrides stands here: what vzdump itself is told (mode, compression, limits)
/// comes from `/etc/vzdump.conf` of the node when a job does not say it, so that a job which says
/// `mode: snapshot` is another one than a job which says nothing.
pub(crate) static SHAPE: Shape = Shape {
    defaults: &[
        (key::ENABLED, "1"),
        (key::REPEAT_MISSED, "0"),
        (key::ALL, "0"),
        (key::NOTIFICATION_POLICY, "always"),
        (key::QUIET, "0"),
        (key::STOP, "0"),
    ],
    undeletable: &[key::ENABLED, key::SCHEDULE],
    requires: &[
        (key::NOTES_TEMPLATE, key::STORAGE),
        (key::PROTECTED, key::STORAGE),
    ],
};

/// What vzdump does when neither a job nor `/etc/vzdump.conf` says it.
const OF_VZDUMP: &[(&str, &str)] = &[
    (key::MODE, "snapshot"),
    (key::COMPRESS, "0"),
    (key::ZSTD, "1"),
    (key::PIGZ, "0"),
    (key::REMOVE, "1"),
    (key::PROTECTED, "0"),
    (key::STDEXCLUDES, "1"),
    (key::BWLIMIT, "0"),
    (key::IONICE, "7"),
    (key::LOCKWAIT, "180"),
    (key::STOPWAIT, "10"),
    (key::FLEECING, "enabled=0"),
    (key::NOTIFICATION_MODE, "auto"),
    (key::MAILNOTIFICATION, "always"),
];

/// Whether two jobs do the same on a node whose `/etc/vzdump.conf` sets nothing.
pub(crate) fn do_the_same(one: &Settings, other: &Settings) -> bool {
    let meant = |settings: &Settings| {
        settings.filtered(|name| {
            !OF_VZDUMP
                .iter()
                .any(|(key, default)| *key == name && settings.get_text(name) == Some(default))
        })
    };
    meant(one) == meant(other)
}

/// A job there in the form of a declared one, without what root alone may set and without what
/// this version does not know.
pub(crate) fn settings(job: &Job) -> Settings {
    let mut settings = Settings::new(&SHAPE);
    let number = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
    settings.text(key::SCHEDULE, job.schedule.as_deref());
    settings.flag(key::ENABLED, job.enabled);
    settings.text(key::COMMENT, job.comment.as_deref());
    settings.flag(key::REPEAT_MISSED, job.repeat_missed);
    for (name, list) in [(key::VMID, &job.vmid), (key::EXCLUDE, &job.exclude)] {
        if let Some(list) = list {
            settings.text(name, Some(&vmids(list.iter())));
        }
    }
    settings.flag(key::ALL, job.all);
    settings.text(key::POOL, job.pool.as_deref());
    settings.text(key::NODE, job.node.as_deref());
    settings.text(key::STORAGE, job.storage.as_deref());
    settings.text(key::MODE, job.mode.as_deref());
    // `1` is what lzo was called once.
    let compress = job
        .compress
        .as_deref()
        .map(|text| if text == "1" { "lzo" } else { text });
    settings.text(key::COMPRESS, compress);
    settings.number(key::ZSTD, number(job.zstd));
    settings.number(key::PIGZ, number(job.pigz));
    let retention = job.prune_backups.filter(|retention| !retention.is_empty());
    let retention = retention.map(|retention| retention.normalized().to_string());
    settings.text(key::PRUNE_BACKUPS, retention.as_deref());
    settings.flag(key::REMOVE, job.remove);
    settings.flag(key::PROTECTED, job.protected);
    settings.text(key::NOTES_TEMPLATE, job.notes_template.as_deref());
    settings.list(
        key::EXCLUDE_PATH,
        job.exclude_path.clone().unwrap_or_default(),
    );
    settings.flag(key::STDEXCLUDES, job.stdexcludes);
    settings.text(
        key::PBS_CHANGE_DETECTION_MODE,
        job.pbs_change_detection_mode.as_deref(),
    );
    let fleecing = job
        .fleecing
        .as_ref()
        .map(|fleecing| fleecing_text(fleecing.enabled, fleecing.storage.as_deref()));
    settings.text(key::FLEECING, fleecing.as_deref());
    settings.number(key::BWLIMIT, number(job.bwlimit));
    settings.number(key::IONICE, number(job.ionice));
    settings.number(key::LOCKWAIT, number(job.lockwait));
    settings.number(key::STOPWAIT, number(job.stopwait));
    let performance = job.performance.as_ref();
    let performance = performance_text(
        performance.and_then(|performance| number(performance.max_workers)),
        performance.and_then(|performance| number(performance.pbs_entries_max)),
    );
    settings.text(key::PERFORMANCE, performance.as_deref());
    settings.text(key::NOTIFICATION_MODE, job.notification_mode.as_deref());
    settings.comma_list(key::MAILTO, job.mailto.clone().unwrap_or_default());
    settings.text(key::MAILNOTIFICATION, job.mailnotification.as_deref());
    // Of no use in a job, or gone in later versions: declared is that they are not set.
    settings.text(key::NOTIFICATION_POLICY, job.notification_policy.as_deref());
    settings.text(key::NOTIFICATION_TARGET, job.notification_target.as_deref());
    settings.flag(key::QUIET, job.quiet);
    settings.flag(key::STOP, job.stop);
    settings
}

/// What a job has that is left as it is: what root alone may set, and what a later Proxmox VE
/// may have added.
pub(crate) fn left_alone(job: &Job) -> Vec<String> {
    let of_root = [
        ("script", &job.script),
        (key::DUMPDIR, &job.dumpdir),
        ("tmpdir", &job.tmpdir),
    ];
    of_root
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(name, _)| name.to_owned())
        .chain(job.other.keys().cloned())
        .collect()
}

/// Guests as Proxmox VE stores them, by number.
pub(crate) fn vmids(list: impl IntoIterator<Item = Vmid>) -> String {
    let mut list: Vec<Vmid> = list.into_iter().collect();
    list.sort_unstable();
    list.dedup();
    list.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// The property string of fleecing.
pub(crate) fn fleecing_text(enabled: bool, storage: Option<&str>) -> String {
    let enabled = u8::from(enabled);
    match storage {
        Some(storage) => format!("enabled={enabled},storage={storage}"),
        None => format!("enabled={enabled}"),
    }
}

/// The property string of the performance settings; `None` when nothing is set.
pub(crate) fn performance_text(workers: Option<i64>, entries: Option<i64>) -> Option<String> {
    let parts: Vec<String> = [("max-workers", workers), ("pbs-entries-max", entries)]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")))
        .collect();
    (!parts.is_empty()).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::{declared, nightly, with};

    fn stored(over: Value) -> Settings {
        settings(&serde_json::from_value(with(nightly(), over)).unwrap())
    }

    fn wanted(mut over: Value) -> Settings {
        over["all"] = json!(true);
        let declared = declared(over);
        let mut settings = declared.settings;
        settings.flag(key::ALL, Some(true));
        settings
    }

    /// Each option beside what Proxmox VE gives back for it.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_declared_and_what_is_stored_have_one_form() {
        for (option, answers) in [
            (
                json!({}),
                vec![
                    json!({}),
                    json!({"enabled": "1"}),
                    json!({"repeat-missed": 0}),
                ],
            ),
            (
                json!({"enabled": false}),
                vec![json!({"enabled": 0}), json!({"enabled": "0"})],
            ),
            (json!({"comment": " é "}), vec![json!({"comment": "é"})]),
            (
                json!({"repeat_missed": true}),
                vec![json!({"repeat-missed": 1})],
            ),
            (json!({"node": "pve1"}), vec![json!({"node": "pve1"})]),
            (json!({"storage": null}), vec![json!({"storage": null})]),
            (json!({"mode": "stop"}), vec![json!({"mode": "stop"})]),
            (
                json!({"compress": "none"}),
                vec![json!({"compress": "0"}), json!({"compress": 0})],
            ),
            (
                json!({"compress": "lzo"}),
                vec![json!({"compress": "lzo"}), json!({"compress": "1"})],
            ),
            (
                json!({"threads": 4}),
                vec![json!({"zstd": 4}), json!({"zstd": "4"})],
            ),
            (
                json!({"compress": "gzip", "threads": 1}),
                vec![json!({"compress": "gzip", "pigz": 1})],
            ),
            (json!({"protected": true}), vec![json!({"protected": 1})]),
            (
                json!({"notes_template": "a\nb"}),
                vec![json!({"notes-template": "a\\nb"})],
            ),
            (
                json!({"exclude_path": ["/b", "/a", "/b"]}),
                vec![
                    json!({"exclude-path": ["/a", "/b"]}),
                    json!({"exclude-path": ["/b", "/a"]}),
                ],
            ),
            (
                json!({"stdexcludes": false}),
                vec![json!({"stdexcludes": 0})],
            ),
            (
                json!({"pbs_change_detection_mode": "metadata"}),
                vec![json!({"pbs-change-detection-mode": "metadata"})],
            ),
            (
                json!({"fleecing": {"storage": "fast"}}),
                vec![
                    json!({"fleecing": {"storage": "fast", "enabled": "1"}}),
                    json!({"fleecing": "1,storage=fast"}),
                    json!({"fleecing": "storage=fast,enabled=1"}),
                ],
            ),
            (
                json!({"fleecing": {"enabled": false}}),
                vec![
                    json!({"fleecing": {"enabled": "0"}}),
                    json!({"fleecing": "0"}),
                ],
            ),
            (
                json!({"bwlimit": 5}),
                vec![json!({"bwlimit": 5}), json!({"bwlimit": "5"})],
            ),
            (json!({"ionice": 0}), vec![json!({"ionice": 0})]),
            (json!({"lockwait": 1}), vec![json!({"lockwait": 1})]),
            (json!({"stopwait": 1}), vec![json!({"stopwait": 1})]),
            (
                json!({"performance": {"max_workers": 2, "pbs_entries_max": 3}}),
                vec![
                    json!({"performance": {"pbs-entries-max": "3", "max-workers": "2"}}),
                    json!({"performance": "pbs-entries-max=3,max-workers=2"}),
                ],
            ),
            (json!({"remove": false}), vec![json!({"remove": 0})]),
            (
                json!({"notification_mode": "auto"}),
                vec![json!({"notification-mode": "auto"})],
            ),
            (
                json!({"mailto": ["b@c.de", "a@c.de"]}),
                vec![
                    json!({"mailto": "b@c.de,a@c.de"}),
                    json!({"mailto": "a@c.de; b@c.de"}),
                ],
            ),
            (
                json!({"mailnotification": "failure"}),
                vec![json!({"mailnotification": "failure"})],
            ),
            (
                json!({"keep_daily": null, "keep_all": true}),
                vec![
                    json!({"prune-backups": {"keep-all": "1"}}),
                    json!({"prune-backups": "keep-last=0"}),
                ],
            ),
            (
                json!({"keep_daily": null, "keep_yearly": 1, "keep_last": 2, "keep_hourly": 0}),
                vec![
                    json!({"prune-backups": "keep-yearly=1,keep-last=2"}),
                    json!({"prune-backups": {"keep-last": 2, "keep-yearly": "1", "keep-weekly": "0"}}),
                ],
            ),
            (
                json!({"keep_daily": null}),
                vec![json!({"prune-backups": null}), json!({"prune-backups": ""})],
            ),
        ] {
            for answer in answers {
                let difference = stored(answer.clone()).change_to(&wanted(option.clone()), &[]);
                assert!(
                    difference.is_empty(),
                    "{option} beside {answer}: {}",
                    difference.sentence()
                );
            }
        }
    }

    #[test]
    fn numbers_of_guests_are_sorted() {
        let job = stored(json!({"all": null, "vmid": "200;100 101,100", "exclude": ""}));
        assert_eq!(job.get_text(key::VMID), Some("100,101,200"));
        assert_eq!(job.get(key::EXCLUDE), None);
    }

    #[test]
    fn every_key_of_a_job_is_compared_or_left_alone() {
        // A key that a later Proxmox VE adds must not get lost in silence.
        let job: Job = serde_json::from_value(with(
            nightly(),
            json!({"script": "/x", "tmpdir": "/t", "dumpdir": "/d", "brand-new": "1"}),
        ))
        .unwrap();
        assert_eq!(
            left_alone(&job),
            ["script", "dumpdir", "tmpdir", "brand-new"]
        );
    }

    #[test]
    fn jobs_that_do_the_same() {
        let plain = stored(json!({"mode": null, "compress": null}));
        let said = stored(json!({"compress": "0", "ionice": 7, "remove": 1, "fleecing": "0"}));
        assert!(do_the_same(&plain, &said));
        assert!(!do_the_same(&plain, &stored(json!({"compress": "zstd"}))));
        assert!(!do_the_same(
            &plain,
            &stored(json!({"compress": "0", "bwlimit": 1}))
        ));
    }
}
