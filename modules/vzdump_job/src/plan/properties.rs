//! Whatever is declared and whatever is there: one run makes it so, the next has nothing to do.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use pve_client::{Changes, ParamValue};
use serde_json::{Map, Value, json};

use super::*;
use crate::fixture::World;

/// Each entry of a table of keys and their values, present or not.
fn some_of(
    table: &'static [(&'static str, &'static str)],
) -> impl Strategy<Value = Map<String, Value>> {
    let mut keys: Vec<&str> = table.iter().map(|(key, _)| *key).collect();
    keys.dedup();
    let entries: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let values: Vec<&str> = table
                .iter()
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| *value)
                .collect();
            (Just(key), proptest::option::of(select(values)))
        })
        .collect();
    entries.prop_map(|entries| {
        entries
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), serde_json::from_str(text?).unwrap())))
            .collect()
    })
}

/// What may stand in a job, as JSON, beside its selection.
const STORED: &[(&str, &str)] = &[
    ("enabled", "0"),
    ("enabled", "1"),
    ("schedule", r#""daily""#),
    ("schedule", r#""03:00""#),
    ("comment", r#""by hand""#),
    ("storage", r#""backups""#),
    ("storage", r#""other""#),
    ("node", r#""pve1""#),
    ("mode", r#""snapshot""#),
    ("mode", r#""stop""#),
    ("compress", r#""1""#),
    ("compress", r#""0""#),
    ("compress", r#""zstd""#),
    ("zstd", "1"),
    ("zstd", r#""4""#),
    ("pigz", "2"),
    ("prune-backups", r#""keep-all=1""#),
    ("prune-backups", r#"{"keep-daily":"7","keep-last":"0"}"#),
    ("prune-backups", r#""keep-last=0""#),
    ("remove", "0"),
    ("remove", "1"),
    ("notes-template", r#""{{vmid}}""#),
    ("protected", "1"),
    ("protected", "0"),
    ("exclude-path", r#"["/b","/a"]"#),
    ("stdexcludes", "0"),
    ("fleecing", r#""1,storage=fast""#),
    ("fleecing", r#"{"enabled":"0"}"#),
    ("performance", r#"{"max-workers":"2"}"#),
    ("bwlimit", "0"),
    ("bwlimit", "5000"),
    ("ionice", r#""7""#),
    ("lockwait", "1"),
    ("stopwait", "10"),
    ("notification-mode", r#""auto""#),
    ("mailto", r#""b@c.de;a@c.de""#),
    ("mailnotification", r#""failure""#),
    ("notification-policy", r#""never""#),
    ("quiet", "1"),
    ("repeat-missed", "1"),
    ("pbs-change-detection-mode", r#""data""#),
    ("script", r#""/root/hook""#),
];

/// What may be declared, as JSON, beside the selection.
const DECLARED: &[(&str, &str)] = &[
    ("enabled", "false"),
    ("enabled", "true"),
    ("schedule", r#""sat 04:00""#),
    ("comment", r#""x""#),
    ("comment", r#""""#),
    ("storage", r#""other""#),
    ("node", r#""pve2""#),
    ("mode", r#""snapshot""#),
    ("mode", r#""stop""#),
    ("compress", r#""none""#),
    ("compress", r#""lzo""#),
    ("keep_weekly", "2"),
    ("keep_weekly", "0"),
    ("remove", "true"),
    ("remove", "false"),
    ("notes_template", r#""{{vmid}}""#),
    ("notes_template", r#""a\nb""#),
    ("protected", "true"),
    ("protected", "false"),
    ("exclude_path", r#"["/a","/b"]"#),
    ("exclude_path", "[]"),
    ("stdexcludes", "true"),
    ("fleecing", r#"{"storage":"fast"}"#),
    ("fleecing", r#"{"enabled":false}"#),
    ("performance", r#"{"max_workers":2,"pbs_entries_max":9}"#),
    ("performance", "{}"),
    ("bwlimit", "0"),
    ("ionice", "7"),
    ("ionice", "0"),
    ("lockwait", "180"),
    ("stopwait", "0"),
    ("notification_mode", r#""auto""#),
    ("mailto", r#"["a@c.de,b@c.de"]"#),
    ("mailto", "[]"),
    ("mailnotification", r#""always""#),
    ("repeat_missed", "false"),
    ("pbs_change_detection_mode", r#""legacy""#),
    ("adopt", "true"),
];

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    subsequence(vec![100, 101, 200, 300], 1..=4).prop_shuffle()
}

/// Every selection that Proxmox VE can hold.
fn stored_selection() -> impl Strategy<Value = Map<String, Value>> {
    let list = |numbers: Vec<u32>| {
        let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        json!(texts.join(";"))
    };
    prop_oneof![
        numbers().prop_map(move |vmid| json!({"vmid": list(vmid)})),
        numbers().prop_map(move |vmid| json!({"vmid": list(vmid), "all": 0})),
        numbers().prop_map(move |exclude| json!({"all": 1, "exclude": list(exclude)})),
        Just(json!({"all": "1"})),
        Just(json!({"pool": "customers"})),
        // Both are taken and stored when a job is made.
        Just(json!({"pool": "customers", "all": 1})),
        numbers().prop_map(move |exclude| json!({"pool": "customers", "exclude": list(exclude)})),
    ]
    .prop_map(|selection| selection.as_object().unwrap().clone())
}

fn declared_selection() -> impl Strategy<Value = Map<String, Value>> {
    prop_oneof![
        numbers().prop_map(|vmid| json!({"vmid": vmid})),
        numbers().prop_map(|exclude| json!({"all": true, "exclude": exclude})),
        Just(json!({"all": true, "exclude": []})),
        Just(json!({"all": true})),
        Just(json!({"pool": "customers"})),
        Just(json!({"pool": "parent/child"})),
        Just(json!({"tags": ["prod", "WEB"]})),
        Just(json!({"names": ["guest200", "guest200"]})),
    ]
    .prop_map(|selection| selection.as_object().unwrap().clone())
}

prop_compose! {
    fn stored(id: &'static str)(
        selection in stored_selection(), rest in some_of(STORED)
    ) -> Value {
        let mut job = json!({"id": id, "type": "vzdump", "enabled": 1, "schedule": "02:00"});
        let map = job.as_object_mut().unwrap();
        map.extend(selection);
        map.extend(rest);
        if !map.contains_key("storage") {
            map.remove("notes-template");
            map.remove("protected");
        }
        job
    }
}

prop_compose! {
    fn declarations()(selection in declared_selection(), rest in some_of(DECLARED)) -> Value {
        let mut options = json!({});
        let map = options.as_object_mut().unwrap();
        map.extend(selection);
        map.extend(rest);
        options
    }
}

/// What Proxmox VE makes of a PUT or, with a job that is empty, of a POST: names are deleted
/// first, then a selection replaces the other ones, then all is set.
fn write(job: &mut Map<String, Value>, changes: &Changes) {
    assert!(!changes.is_empty(), "an empty PUT is refused");
    for name in &changes.delete {
        assert!(
            changes.set.get(name).is_none(),
            "`{name}` is set and deleted"
        );
        assert!(
            !["enabled", "schedule"].contains(&name.as_str()),
            "`{name}` cannot be deleted"
        );
        job.remove(name);
    }
    let sets = |name: &str| changes.set.get(name).is_some();
    for name in ["notes-template", "protected"] {
        assert!(!sets(name) || sets("storage"), "`{name}` requires storage");
    }
    let gone: &[&str] = if sets("vmid") {
        &["all", "exclude", "pool"]
    } else if changes.set.get("all") == Some(&ParamValue::Text("1".to_owned())) {
        &["vmid", "pool"]
    } else if sets("pool") {
        &["vmid", "all", "exclude"]
    } else {
        &[]
    };
    for name in gone {
        job.remove(*name);
    }
    for (name, value) in changes.set.iter() {
        let value = match value {
            ParamValue::Text(text) => json!(text),
            ParamValue::List(list) => json!(list),
            ParamValue::Secret(_) => panic!("a job has no secret"),
        };
        job.insert(name.to_owned(), value);
    }
    if job.contains_key("exclude") && !job.contains_key("pool") {
        job.insert("all".to_owned(), json!("1"));
    }
    let selects = |name: &str| {
        job.get(name)
            .is_some_and(|value| value != 0 && value != "0")
    };
    assert!(
        !(selects("all") && selects("vmid")),
        "all conflicts with vmid"
    );
    assert!(
        selects("all") || selects("vmid") || selects("pool"),
        "nothing is selected"
    );
}

/// The jobs after a plan was carried out.
fn carried_out(plan: &Plan<JobAction>, jobs: &[Value]) -> Vec<Value> {
    let mut jobs = jobs.to_vec();
    for action in &plan.actions {
        let find = |jobs: &[Value], id: &str| jobs.iter().position(|job| job["id"] == *id);
        match action {
            JobAction::Create { id, settings } => {
                assert_eq!(find(&jobs, id.as_str()), None);
                let mut job = json!({"id": id.as_str(), "type": "vzdump"});
                write(job.as_object_mut().unwrap(), &settings.to_changes());
                jobs.push(job);
            }
            JobAction::Update { id, change, .. } => {
                let at = find(&jobs, id.as_str()).unwrap();
                write(jobs[at].as_object_mut().unwrap(), &change.to_changes());
            }
            JobAction::Delete { id, .. } => {
                let at = find(&jobs, id).unwrap();
                jobs.remove(at);
            }
            JobAction::Run { .. } => panic!("declaring a job runs nothing"),
        }
    }
    jobs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_second_run_has_nothing_to_do(
        options in declarations(),
        there in proptest::option::of(stored("nightly")),
        other in stored("by-hand"),
    ) {
        let jobs: Vec<Value> = there.into_iter().chain([other]).collect();
        let world = World::new().jobs(jobs.clone());
        let plan = world.plan(options.clone()).unwrap();
        prop_assert_eq!(&plan, &world.plan(options.clone()).unwrap(), "a plan is always the same");

        let after = carried_out(&plan, &jobs);
        let again = World::new().jobs(after).plan(options.clone()).unwrap();
        prop_assert!(again.actions.is_empty(), "{:?}\nthen {:?}", plan.actions, again.actions);
        prop_assert_eq!(&again.diff.before, &again.diff.after);
        prop_assert_eq!(&again.diff.after, &plan.diff.after, "check mode predicts");
    }

    #[test]
    fn the_selection_is_the_declared_one_whatever_was_there(
        options in declarations(), there in stored("nightly"),
    ) {
        let world = World::new().jobs([there.clone()]);
        let plan = world.plan(options.clone()).unwrap();
        let after = carried_out(&plan, &[there]);
        let stored = World::new().jobs(after);
        let stored = &stored.0.job("nightly").unwrap().settings;
        let Spec::Present(declared) = crate::fixture::spec(options).unwrap() else { unreachable!() };
        let selected = selection::select(&declared, &world.surroundings().guests).unwrap();
        let is_selection = |name: &str| key::SELECTION.contains(&name);
        prop_assert_eq!(stored.filtered(is_selection), selected.settings);
    }

    #[test]
    fn absent_removes_that_job_and_no_other(there in stored("nightly"), other in stored("by-hand")) {
        let plan = World::new()
            .jobs([there.clone(), other.clone()])
            .plan(json!({"state": "absent"}))
            .unwrap();
        let after = carried_out(&plan, &[there, other]);
        let ids: BTreeSet<&str> = after.iter().filter_map(|job| job["id"].as_str()).collect();
        prop_assert_eq!(ids, BTreeSet::from(["by-hand"]));
    }
}
