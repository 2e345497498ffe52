use module_kit::testing;
use serde_json::json;

use super::*;
use crate::BackupVerify;

fn spec(arguments: Value) -> Result<Spec, Failure> {
    testing::spec::<BackupVerify>(arguments)
}

#[test]
fn the_table_and_the_struct_agree() {
    assert_eq!(
        testing::table_and_args::<BackupVerify>(json!({"path": "/a"})),
        Vec::<String>::new()
    );
}

#[test]
fn defaults_are_those_of_the_table() {
    let spec = spec(json!({"path": "/a"})).unwrap();
    assert_eq!(spec.paths, [PathBuf::from("/a")]);
    assert_eq!(
        spec.fail_on,
        [
            FailOn::Corrupt,
            FailOn::Unreadable,
            FailOn::Incomplete,
            FailOn::Stale,
            FailOn::Unprotected,
            FailOn::Unknown
        ]
    );
    assert_eq!((spec.parallel, spec.ask), (None, None));
    assert_eq!(spec.policies.rpo[0].hours, 26);
}

#[test]
fn proxmox_ve_is_asked_unless_only_files_are_named() {
    let asked = |arguments: Value| {
        spec(arguments)
            .unwrap()
            .ask
            .map(|ask| (ask.read, ask.coverage, ask.storages.len()))
    };
    assert_eq!(asked(json!({})), Some((true, true, 0)));
    assert_eq!(asked(json!({"coverage": false})), Some((true, false, 0)));
    assert_eq!(
        asked(json!({"storage": "local,backups"})),
        Some((true, true, 2))
    );
    assert_eq!(asked(json!({"path": "/a"})), None);
    assert_eq!(asked(json!({"path": "/a", "coverage": false})), None);
    assert_eq!(
        asked(json!({"path": "/a", "coverage": true})),
        Some((false, true, 0))
    );
    assert_eq!(
        asked(json!({"path": "/a", "storage": "local"})),
        Some((true, true, 1))
    );
}

#[test]
fn policies_come_from_a_dictionary_or_from_the_command_line() {
    let rules = |arguments: Value| {
        let mut rules: Vec<(String, i64)> = spec(arguments)
            .unwrap()
            .policies
            .rpo
            .iter()
            .map(|rpo| (rpo.of.to_string(), rpo.hours))
            .collect();
        rules.sort();
        rules
    };
    let expected = [
        ("200".to_owned(), 168),
        ("all".to_owned(), 26),
        ("tag:db".to_owned(), 6),
    ];
    assert_eq!(rules(json!({"rpo": {"tag:db": 6, "200": "168"}})), expected);
    assert_eq!(rules(json!({"rpo": "tag:db=6,200=168"})), expected);
    assert_eq!(
        rules(json!({"rpo_hours": 5, "rpo": {"all": 7}})),
        [("all".to_owned(), 7)]
    );
    let spec = spec(json!({"no_backup_expected": "tag:scratch,101", "vmid": [100]})).unwrap();
    assert_eq!(spec.policies.none.len(), 2);
    assert!(spec.wants("100".parse().ok()) && !spec.wants("101".parse().ok()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (arguments, what) in [
        (json!({"path": ""}), "path"),
        (json!({"storage": []}), "storage"),
        (json!({"storage": "a b"}), "storage"),
        (json!({"vmid": 5}), "vmid"),
        (json!({"rpo_hours": 0}), "rpo_hours"),
        (json!({"rpo": {"web": 5}}), "rpo"),
        (json!({"rpo": {"100": "often"}}), "rpo"),
        (json!({"rpo": {"100": -1}}), "rpo"),
        (json!({"no_backup_expected": ["web"]}), "no_backup_expected"),
        (json!({"min_size": -1}), "min_size"),
        (json!({"path": "/a", "parallel": 0}), "parallel"),
        (json!({"path": "/a", "parallel": 1000}), "parallel"),
        (json!({"path": "/a", "bwlimit": -1}), "bwlimit"),
        (json!({"path": "/a", "fail_on": ["bad"]}), "fail_on"),
    ] {
        let message = spec(arguments).unwrap_err().message;
        assert!(message.contains(what), "{message}");
    }
}

#[test]
fn a_limit_of_the_rate_is_in_kibibytes_and_zero_is_none() {
    let rate = |arguments| spec(arguments).unwrap().bytes_per_second;
    assert_eq!(rate(json!({"path": "/a"})), None);
    assert_eq!(
        rate(json!({"path": "/a", "bwlimit": 20})),
        NonZeroU64::new(20_480)
    );
}
