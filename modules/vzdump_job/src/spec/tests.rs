//! What is refused, and with which words.

use module_kit::Exit;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{declared, spec};

/// The refusal of these options, which is one of usage.
fn refusal(over: Value) -> String {
    let failure = spec(over).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage, "{failure}");
    failure.to_string()
}

#[track_caller]
fn refused(over: Value, words: &str) {
    let text = refusal(over);
    assert!(text.contains(words), "`{words}` is not in: {text}");
}

fn with_all(mut over: Value) -> Value {
    over["all"] = json!(true);
    over
}

#[test]
fn ids_that_could_never_be_changed_are_refused() {
    for id in ["a", "1abc", "_ab", "a b", "a.b", "ä-b", ""] {
        let text = refusal(with_all(json!({"id": id})));
        assert!(text.starts_with("id: "), "{text}");
    }
    refused(
        with_all(json!({"id": "a".repeat(51)})),
        "2 to 50 characters",
    );
    assert!(spec(with_all(json!({"id": "a".repeat(50)}))).is_ok());
    // An absent job is named by the same rules.
    refused(json!({"state": "absent", "id": "1a"}), "id: ");
}

#[test]
fn every_error_names_its_option() {
    for (over, words) in [
        (
            json!({"schedule": "25:00"}),
            "schedule `25:00`: 25 is no hour",
        ),
        (json!({"schedule": ""}), "schedule is empty"),
        (
            json!({"schedule": null}),
            "state is present but all of the following are missing: schedule",
        ),
        (json!({"storage": "1x"}), "storage: "),
        (json!({"node": "pve1.example.com"}), "node: "),
        (json!({"comment": "a\nb"}), "comment: one line only"),
        (
            json!({"comment": "x".repeat(513)}),
            "comment: longer than 512",
        ),
        (json!({"rpo_hours": 0}), "rpo_hours: 0 is less than 1"),
        (json!({"threads": -1}), "threads: -1 is not from 0 to 1024"),
        (
            json!({"threads": 2, "compress": "lzo"}),
            "threads: compress `lzo` has no threads",
        ),
        (
            json!({"notes_template": "{{x}}"}),
            "notes_template: `{{x}}`",
        ),
        (
            json!({"notes_template": "x", "storage": null}),
            "missing parameter(s) required by 'notes_template': storage",
        ),
        (
            json!({"protected": true, "storage": null}),
            "missing parameter(s) required by 'protected': storage",
        ),
        (json!({"exclude_path": ["/a", ""]}), "exclude_path: ``"),
        (json!({"exclude_path": ["/a\nb"]}), "exclude_path: `/a\\nb`"),
        (json!({"exclude_path": ["/a "]}), "exclude_path: `/a `"),
        (json!({"fleecing": {}}), "fleecing: enabled, but no storage"),
        (json!({"fleecing": {"storage": "-"}}), "fleecing.storage: "),
        (json!({"bwlimit": -1}), "bwlimit: -1 is less than 0"),
        (json!({"ionice": 9}), "ionice: 9 is not from 0 to 8"),
        (json!({"lockwait": -1}), "lockwait: -1 is less than 0"),
        (json!({"stopwait": -1}), "stopwait: -1 is less than 0"),
        (
            json!({"performance": {"max_workers": 257}}),
            "performance.max_workers: 257 is not from 1 to 256",
        ),
        (
            json!({"performance": {"pbs_entries_max": 0}}),
            "performance.pbs_entries_max: 0 is less than 1",
        ),
        (json!({"mailto": ["a b", "c/d"]}), "mailto: `c/d`"),
        (json!({"keep_daily": -1}), "keep_daily: -1 is less than 0"),
        (json!({"keep_all": true}), "keep_all: everything is kept"),
        (json!({"keep_daily": 0}), "every keep_* option is 0"),
        (
            json!({"mode": "warm"}),
            "value of mode must be one of: snapshot, suspend, stop",
        ),
        (json!({"speed": 1}), "speed"),
    ] {
        refused(with_all(over), words);
    }
}

#[test]
fn one_selection_and_no_empty_one() {
    for (over, words) in [
        (json!({}), "missing: vmid, all, pool, tags, names"),
        (
            json!({"all": false}),
            "all is false and nothing else selects guests",
        ),
        (
            json!({"all": false, "exclude": [100]}),
            "all is false and nothing else selects guests",
        ),
        (json!({"vmid": []}), "vmid is an empty list"),
        (json!({"vmid": [99]}), "vmid: `99` is no guest id"),
        (
            json!({"vmid": [1_000_000_000]}),
            "vmid: `1000000000` is no guest id",
        ),
        (json!({"vmid": [-100]}), "vmid: `-100` is no guest id"),
        (
            json!({"all": true, "exclude": [1]}),
            "exclude: `1` is no guest id",
        ),
        (json!({"exclude": [100]}), "vmid, all, pool, tags, names"),
        (
            json!({"vmid": [100], "all": true}),
            "mutually exclusive: vmid|all|pool|tags|names",
        ),
        (
            json!({"vmid": [100], "exclude": [100]}),
            "mutually exclusive: exclude|vmid",
        ),
        (json!({"pool": "p", "tags": ["t"]}), "mutually exclusive"),
        (json!({"pool": "a/b/c/d"}), "pool: "),
        (json!({"tags": []}), "tags: an empty list"),
        (
            json!({"tags": ["a", " "]}),
            "tags: an empty list or an empty name",
        ),
        (
            json!({"names": [""]}),
            "names: an empty list or an empty name",
        ),
    ] {
        refused(over, words);
    }
}

#[test]
fn numbers_are_sorted_and_stand_once() {
    let Selection::Guests(guests) = declared(json!({"vmid": ["200", 100, 200]})).selection else {
        panic!("no numbers")
    };
    let numbers: Vec<u32> = guests.into_iter().map(Vmid::get).collect();
    assert_eq!(numbers, [100, 200]);
    let all = declared(json!({"all": true, "exclude": []})).selection;
    assert_eq!(
        all,
        Selection::All {
            exclude: BTreeSet::new()
        }
    );
}

#[test]
fn an_absent_job_needs_nothing_but_its_id() {
    let spec = spec(json!({"state": "absent", "schedule": "nonsense", "vmid": []})).unwrap();
    assert_eq!(spec, Spec::Absent("nightly".parse().unwrap()));
    assert_eq!(spec.id().as_str(), "nightly");
}

#[test]
fn what_is_explicit_is_written_even_when_it_is_the_default() {
    // The node's vzdump.conf would count else.
    let settings = declared(json!({
        "all": true, "bwlimit": 0, "ionice": 7, "remove": true, "compress": "none",
        "stdexcludes": true, "lockwait": 180, "notification_mode": "auto",
    }))
    .settings;
    for (name, value) in [
        (key::BWLIMIT, "0"),
        (key::IONICE, "7"),
        (key::REMOVE, "1"),
        (key::COMPRESS, "0"),
        (key::MODE, "snapshot"),
        (key::STDEXCLUDES, "1"),
        (key::LOCKWAIT, "180"),
        (key::NOTIFICATION_MODE, "auto"),
    ] {
        assert_eq!(settings.get_text(name), Some(value), "{name}");
    }
    assert_eq!(settings.get(key::ENABLED), None);
}

#[test]
fn threads_belong_to_their_compressor() {
    let of = |compress: &str| {
        let settings = declared(json!({"all": true, "compress": compress, "threads": 0})).settings;
        (
            settings.get_text(key::ZSTD).map(str::to_owned),
            settings.get_text(key::PIGZ).map(str::to_owned),
        )
    };
    assert_eq!(of("zstd"), (Some("0".into()), None));
    assert_eq!(of("gzip"), (None, Some("0".into())));
}

#[test]
fn empty_values_are_the_same_as_none() {
    let plain = declared(json!({"all": true}));
    let empty = declared(json!({
        "all": true, "comment": "  ", "notes_template": "", "exclude_path": [], "mailto": [""],
        "performance": {}, "keep_last": 0, "keep_all": false,
    }));
    assert_eq!(plain.settings, empty.settings);
}

#[test]
fn the_table_is_sound_and_the_struct_knows_all_of_it() {
    use module_kit::{Module, testing};
    let table = crate::VzdumpJob::DECLARATION.spec;
    assert_eq!(ansible_module::check_spec(&table), [""; 0]);
    assert_eq!(
        testing::table_and_args::<crate::VzdumpJob>(json!({"id": "ab", "state": "absent"})),
        [""; 0]
    );
}
