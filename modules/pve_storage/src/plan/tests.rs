//! Named situations and what is planned in each; and what holds for any storage.

use insta::assert_snapshot;
use module_kit::testing;
use proptest::prelude::*;
use proptest::sample::select;
use pve_client::{Gap, ParamValue};
use serde_json::{Map, Value, json};

use super::*;
use crate::PveStorage;

fn merged(mut base: Value, over: Value) -> Value {
    let Value::Object(over) = over else {
        panic!("no object: {over}")
    };
    let map = base.as_object_mut().unwrap();
    map.extend(over);
    map.retain(|_, value| !value.is_null());
    base
}

/// The options of a folder for backups.
fn options(over: Value) -> Value {
    let base = json!({"storage": "backups", "type": "dir", "dir_options": {"path": "/b"}});
    merged(base, over)
}

/// That folder as Proxmox VE has it.
fn stored(over: Value) -> Value {
    let base = json!({
        "storage": "backups", "type": "dir", "path": "/b", "content": "backup", "digest": "d1",
    });
    merged(base, over)
}

fn observed(present: Option<Value>) -> Observed {
    Observed {
        present: Known::Known(
            present.map(|storage| Present::new(serde_json::from_value(storage).unwrap())),
        ),
        jobs_using: Vec::new(),
        rights: testing::rights(
            json!({"/storage": {"Datastore.Allocate": 1, "Datastore.Audit": 1}}),
        ),
    }
}

fn planned(options: Value, observed: &Observed) -> Result<Plan<StorageAction>, Failure> {
    plan(&testing::spec::<PveStorage>(options)?, observed)
}

fn shown(options: Value, observed: &Observed) -> String {
    let plan = match planned(options, observed) {
        Ok(plan) => plan,
        Err(failure) => return format!("exit {}: {failure}\n", failure.exit.code()),
    };
    let mut lines: Vec<String> = plan
        .actions
        .iter()
        .flat_map(|action| {
            let sent = match action {
                StorageAction::Create { settings, .. } => settings.to_changes(),
                StorageAction::Update { change, .. } => change.to_changes(),
                StorageAction::Delete { .. } => pve_client::Changes::default(),
            };
            [
                action.to_string(),
                format!("  {}", sent.for_update().encoded()),
            ]
        })
        .collect();
    if plan.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    lines.push(format!("before {}", plan.diff.before));
    lines.push(format!("after  {}", plan.diff.after));
    lines.extend(
        plan.warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    lines.join("\n") + "\n"
}

#[test]
fn a_folder_is_made() {
    let keep = json!({"keep_daily": 7, "nodes": ["pve2", "pve1"], "shared": true});
    assert_snapshot!(shown(options(keep), &observed(None)));
}

#[test]
fn an_equal_storage_stays() {
    assert_snapshot!(shown(
        options(json!({})),
        &observed(Some(stored(json!({}))))
    ));
}

#[test]
fn what_is_left_out_returns_to_the_default() {
    let there = stored(json!({
        "content": "iso,backup", "disable": 1, "nodes": "pve1", "max-protected-backups": 3,
        "prune-backups": "keep-last=3", "shared": 1, "is_mountpoint": "yes", "create-subdirs": 0,
    }));
    assert_snapshot!(shown(options(json!({})), &observed(Some(there))));
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let other_path = observed(Some(stored(json!({"path": "/c"}))));
    let other_kind = observed(Some(stored(json!({"type": "zfspool"}))));
    assert_snapshot!(
        [
            shown(options(json!({})), &other_path),
            shown(options(json!({})), &other_kind)
        ]
        .concat()
    );
}

#[test]
fn a_retention_without_backups_is_said() {
    let iso = json!({"content": ["iso"], "keep_last": 1});
    assert_snapshot!(shown(options(iso), &observed(None)));
}

fn pbs(password: &str, update: &str) -> Value {
    json!({
        "storage": "backups", "type": "pbs", "update_password": update,
        "pbs_options": {
            "server": "pbs", "datastore": "d", "username": "u@pbs", "password": password,
        },
    })
}

#[test]
fn a_password_is_written_when_asked_for_and_never_shown() {
    let there = json!({
        "storage": "backups", "type": "pbs", "server": "pbs", "datastore": "d",
        "username": "u@pbs", "content": "backup", "digest": "d1",
    });
    let observed = observed(Some(there));
    let text = [
        shown(pbs("hunter2-is-long", "on_create"), &observed),
        shown(pbs("hunter2-is-long", "always"), &observed),
    ]
    .concat();
    assert!(!text.contains("hunter2"));
    assert_snapshot!(text);
}

#[test]
fn a_storage_goes_and_its_data_stays() {
    let absent = json!({"storage": "backups", "state": "absent"});
    assert_snapshot!(shown(absent.clone(), &observed(Some(stored(json!({}))))));
    assert!(planned(absent, &observed(None)).unwrap().is_empty());
}

#[test]
fn a_storage_that_jobs_use_goes_only_with_consent() {
    let mut observed = observed(Some(stored(json!({}))));
    observed.jobs_using = vec!["nightly".to_owned(), "weekly".to_owned()];
    let absent = json!({"storage": "backups", "state": "absent"});
    let confirmed = json!({"storage": "backups", "state": "absent", "confirmed": true});
    assert_snapshot!([shown(absent, &observed), shown(confirmed, &observed)].concat());
}

#[test]
fn a_storage_that_may_be_hidden_is_neither_made_nor_gone() {
    let mut observed = observed(None);
    observed.present = Known::Unknown(Gap {
        privilege: "Datastore.Audit".parse().unwrap(),
        path: "/storage/backups".to_owned(),
        why: "the storage may be hidden".to_owned(),
    });
    let absent = json!({"storage": "backups", "state": "absent"});
    assert_snapshot!(
        [
            shown(options(json!({})), &observed),
            shown(absent, &observed)
        ]
        .concat()
    );
}

#[test]
fn the_right_is_asked_for_before_anything_is_written() {
    let mut without = observed(None);
    // The right on one storage alone is not enough for Proxmox VE.
    without.rights = testing::rights(json!({"/storage/backups": {"Datastore.Allocate": 1}}));
    assert_snapshot!(shown(options(json!({})), &without));
    without.present = observed(Some(stored(json!({})))).present;
    assert!(planned(options(json!({})), &without).unwrap().is_empty());
}

fn some_of(
    table: &'static [(&'static str, &'static [&'static str])],
) -> impl Strategy<Value = Map<String, Value>> {
    let entries: Vec<_> = table
        .iter()
        .map(|(key, values)| (Just(*key), proptest::option::of(select(*values))))
        .collect();
    entries.prop_map(|entries| {
        entries
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), serde_json::from_str(text?).unwrap())))
            .collect()
    })
}

const STORED: &[(&str, &[&str])] = &[
    ("content", &[r#""iso,backup""#, r#""images,rootdir""#]),
    ("nodes", &[r#""pve2,pve1""#]),
    ("disable", &["0", "1"]),
    ("shared", &["0", "1"]),
    ("max-protected-backups", &[r#""-1""#, "5"]),
    (
        "prune-backups",
        &[r#""keep-all=1""#, r#""keep-last=2,keep-daily=0""#, r#""""#],
    ),
    ("is_mountpoint", &[r#""0""#, r#""yes""#, r#""/mnt""#]),
    ("create-base-path", &["0", "1"]),
    ("create-subdirs", &["0"]),
];

const DECLARED: &[(&str, &[&str])] = &[
    ("content", &[r#"["backup","iso"]"#, r#"["vztmpl"]"#]),
    ("nodes", &[r#"["pve1","pve2"]"#, r#"["pve1"]"#]),
    ("enabled", &["true", "false"]),
    ("shared", &["true", "false"]),
    ("max_protected_backups", &["-1", "0"]),
    ("keep_last", &["2"]),
    ("keep_daily", &["0", "7"]),
    (
        "dir_options",
        &[
            r#"{"path":"/b","is_mountpoint":"no"}"#,
            r#"{"path":"/b","is_mountpoint":"/mnt","create_base_path":false}"#,
            r#"{"path":"/b","create_subdirs":true}"#,
        ],
    ),
];

proptest! {
    #[test]
    fn a_second_run_has_nothing_to_do(
        declared in some_of(DECLARED),
        there in proptest::option::of(some_of(STORED)),
    ) {
        let declared = options(Value::Object(declared));
        let mut declared = declared;
        if declared["keep_daily"] == 0 && declared.get("keep_last").is_none() {
            declared["keep_daily"] = json!(1);
        }
        let there = there.map(|over| stored(Value::Object(over)));
        let first = planned(declared.clone(), &observed(there.clone())).unwrap();
        prop_assert_eq!(&first, &planned(declared.clone(), &observed(there.clone())).unwrap());

        let mut after = there.unwrap_or_else(|| json!({"storage": "backups", "type": "dir"}));
        for action in &first.actions {
            let changes = match action {
                StorageAction::Create { settings, .. } => settings.to_changes(),
                StorageAction::Update { change, .. } => change.to_changes(),
                StorageAction::Delete { .. } => unreachable!("nothing is absent here"),
            };
            prop_assert!(!changes.is_empty(), "an empty PUT");
            let map = after.as_object_mut().unwrap();
            for name in &changes.delete {
                prop_assert!(changes.set.get(name).is_none(), "`{}` is set and deleted", name);
                prop_assert!(!key::FIXED.contains(&name.as_str()));
                map.remove(name);
            }
            for (name, value) in changes.set.iter() {
                let ParamValue::Text(text) = value else { panic!("no text: {name}") };
                map.insert(name.to_owned(), json!(text));
            }
        }
        let again = planned(declared, &observed(Some(after))).unwrap();
        prop_assert!(again.is_empty(), "{:?}\nthen {:?}", first.actions, again.actions);
        prop_assert_eq!(&again.diff.after, &first.diff.after);
    }
}
