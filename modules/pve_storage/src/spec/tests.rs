//! What is refused, and with which words; what is declared and what is stored in one form.

use module_kit::{Exit, Module, testing};
use serde_json::{Value, json};

use super::*;
use crate::PveStorage;
use crate::observe::Present;

fn spec(options: Value) -> Result<Spec, Failure> {
    testing::spec::<PveStorage>(options)
}

/// A folder with some more options.
fn dir(more: Value) -> Value {
    let mut options = json!({"storage": "backups", "type": "dir", "dir_options": {"path": "/b"}});
    let Value::Object(more) = more else {
        panic!("no object")
    };
    options.as_object_mut().unwrap().extend(more);
    options
}

fn nfs(more: Value) -> Value {
    let mut options =
        json!({"storage": "nfs", "type": "nfs", "nfs_options": {"server": "nas", "export": "/e"}});
    let Value::Object(more) = more else {
        panic!("no object")
    };
    options.as_object_mut().unwrap().extend(more);
    options
}

fn own(kind: &str, more: Value) -> Value {
    let mut own = match kind {
        "cifs" => json!({"server": "nas", "share": "s"}),
        _ => json!({"server": "pbs", "datastore": "d", "username": "u@pbs"}),
    };
    let Value::Object(more) = more else {
        panic!("no object")
    };
    own.as_object_mut().unwrap().extend(more);
    let mut options = json!({"storage": "far", "type": kind});
    options[format!("{kind}_options")] = own;
    options
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_error_names_its_option() {
    let fingerprint = vec!["AB"; 31].join(":");
    for (options, words) in [
        (dir(json!({"storage": "a"})), "storage: "),
        (dir(json!({"storage": "1ab"})), "storage: "),
        (dir(json!({"storage": "ab."})), "storage: "),
        (
            json!({"storage": "ab"}),
            "state is present but all of the following are missing: type",
        ),
        (
            json!({"storage": "ab", "type": "dir"}),
            "type is dir but all of the following are missing: dir_options",
        ),
        (
            json!({"storage": "ab", "type": "nfs", "dir_options": {"path": "/b"}}),
            "type is nfs but all of the following are missing: nfs_options",
        ),
        (
            dir(json!({"nfs_options": {"server": "a", "export": "/e"}})),
            "mutually exclusive",
        ),
        (
            dir(json!({"type": "zfs"})),
            "value of type must be one of: dir, nfs, cifs, pbs",
        ),
        (dir(json!({"content": []})), "content is an empty list"),
        (dir(json!({"content": ["films"]})), "content"),
        (dir(json!({"nodes": ["pve1", "a.b"]})), "nodes: "),
        (dir(json!({"nodes": []})), "nodes is an empty list"),
        (
            dir(json!({"max_protected_backups": -2})),
            "max_protected_backups: -2 is less than -1",
        ),
        (
            dir(json!({"keep_last": -1})),
            "keep_last: -1 is less than 0",
        ),
        (dir(json!({"keep_last": 0})), "every keep_* option is 0"),
        (
            dir(json!({"keep_last": 1, "keep_all": true})),
            "keep_all: everything is kept",
        ),
        (
            nfs(json!({"shared": true})),
            "shared: a storage of type nfs is shared by nature",
        ),
        (
            dir(json!({"dir_options": {"path": "b"}})),
            "dir_options.path: `b` is no absolute path",
        ),
        (
            dir(json!({"dir_options": {"path": "/b\nx"}})),
            "dir_options.path: ",
        ),
        (dir(json!({"dir_options": {}})), "path"),
        (
            dir(json!({"dir_options": {"path": "/b", "is_mountpoint": "mnt"}})),
            "dir_options.is_mountpoint: `mnt`",
        ),
        (
            nfs(json!({"nfs_options": {"server": "a", "export": "e"}})),
            "nfs_options.export: `e` is no absolute path",
        ),
        (
            nfs(json!({"nfs_options": {"server": " ", "export": "/e"}})),
            "nfs_options.server: it is empty",
        ),
        (
            nfs(json!({"nfs_options": {"server": "a", "export": "/e", "options": "a\nb"}})),
            "nfs_options.options: it has a line break",
        ),
        (
            own("cifs", json!({"password": "p"})),
            "cifs_options: a password, but no username",
        ),
        (
            own("cifs", json!({"share": ""})),
            "cifs_options.share: it is empty",
        ),
        (own("cifs", json!({"smbversion": "1.0"})), "smbversion"),
        (
            own("pbs", json!({"port": 0})),
            "pbs_options.port: 0 is not from 1 to 65535",
        ),
        (
            own("pbs", json!({"port": 65536})),
            "pbs_options.port: 65536 is not",
        ),
        (
            own("pbs", json!({"fingerprint": fingerprint})),
            "pbs_options.fingerprint: not 32 pairs",
        ),
        (
            own("pbs", json!({"datastore": "a\tb"})),
            "pbs_options.datastore: it has a line break",
        ),
    ] {
        let failure = spec(options.clone()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{failure}");
        assert!(failure.message.contains(words), "{options}: {failure}");
    }
    let mut pbs = own("pbs", json!({}));
    pbs["content"] = json!(["backup", "iso"]);
    let failure = spec(pbs).unwrap_err();
    assert!(
        failure.message.contains("takes `backup` alone, not `iso`"),
        "{failure}"
    );
}

#[test]
fn an_absent_storage_needs_nothing_but_its_id() {
    let absent = spec(json!({"name": "old", "state": "absent", "confirmed": true})).unwrap();
    assert_eq!(
        absent,
        Spec::Absent {
            storage: "old".parse().unwrap(),
            confirmed: true,
            jobs_removed: Vec::new()
        }
    );
    assert_eq!(absent.storage().as_str(), "old");
}

#[test]
fn a_password_is_written_as_said_and_never_shown() {
    for (update, always) in [("on_create", false), ("always", true)] {
        let mut options = own("pbs", json!({"password": "hunter2-is-long"}));
        options["update_password"] = json!(update);
        let Spec::Present(declared) = spec(options).unwrap() else {
            panic!("absent")
        };
        assert_eq!(matches!(declared.password, Password::Always(_)), always);
        assert!(!format!("{declared:?}").contains("hunter2"), "{declared:?}");
        assert_eq!(declared.settings.get(key::PASSWORD), None);
    }
    for kind in ["cifs", "pbs"] {
        let options = own(
            kind,
            json!({"password": "hunter2-is-long", "username": "u@pbs"}),
        );
        let options = testing::options(&PveStorage::DECLARATION, options).unwrap();
        let args: Args = serde_json::from_value(Value::Object(options)).unwrap();
        assert!(!format!("{args:?}").contains("hunter2"), "{args:?}");
    }
}

/// Each option beside what Proxmox VE gives back for it.
#[test]
fn what_is_declared_and_what_is_stored_have_one_form() {
    let stored = |answer: Value| {
        let mut whole = json!({"storage": "backups", "digest": "d", "content": "backup"});
        let Value::Object(answer) = answer else {
            panic!("no object")
        };
        whole.as_object_mut().unwrap().extend(answer);
        Present::new(serde_json::from_value(whole).unwrap())
    };
    let pairs = vec!["ab"; 32].join(":");
    for (options, answer) in [
        (dir(json!({})), json!({"type": "dir", "path": "/b"})),
        (
            dir(json!({"dir_options": {"path": "/b//c/"}})),
            json!({"type": "dir", "path": "/b//c/"}),
        ),
        (
            dir(json!({})),
            json!({"type": "dir", "path": "/b", "prune-backups": "keep-all=0", "shared": 0, "disable": 0, "is_mountpoint": "0"}),
        ),
        (
            dir(json!({"content": ["iso", "backup", "iso"]})),
            json!({"type": "dir", "path": "/b", "content": "iso,backup"}),
        ),
        (
            dir(json!({"nodes": ["pve2", "pve1"]})),
            json!({"type": "dir", "path": "/b", "nodes": "pve1,pve2"}),
        ),
        (
            dir(json!({"enabled": false, "shared": true})),
            json!({"type": "dir", "path": "/b", "disable": 1, "shared": "1"}),
        ),
        (
            dir(json!({"max_protected_backups": -1, "keep_all": true})),
            json!({"type": "dir", "path": "/b", "max-protected-backups": "-1", "prune-backups": "keep-all=1"}),
        ),
        (
            dir(json!({"keep_daily": 7, "keep_last": 2, "keep_weekly": 0})),
            json!({"type": "dir", "path": "/b", "prune-backups": "keep-daily=7,keep-last=2"}),
        ),
        (
            dir(
                json!({"dir_options": {"path": "/b", "is_mountpoint": true, "create_base_path": false, "create_subdirs": true}}),
            ),
            json!({"type": "dir", "path": "/b", "is_mountpoint": "1", "create-base-path": 0}),
        ),
        (
            dir(json!({"dir_options": {"path": "/b", "is_mountpoint": "/mnt"}})),
            json!({"type": "dir", "path": "/b", "is_mountpoint": "/mnt"}),
        ),
        (
            nfs(json!({})),
            json!({"type": "nfs", "path": "/mnt/pve/nfs", "server": "nas", "export": "/e", "shared": 1}),
        ),
        (
            nfs(json!({"nfs_options": {"server": "nas", "export": "/e", "options": "vers=4.2"}})),
            json!({"type": "nfs", "server": "nas", "export": "/e", "options": "vers=4.2"}),
        ),
        (
            own(
                "cifs",
                json!({"username": "u", "password": "p", "domain": "d", "smbversion": "3.0", "subdir": "/x", "options": "o"}),
            ),
            json!({"type": "cifs", "path": "/mnt/pve/far", "shared": 1, "server": "nas", "share": "s", "username": "u", "domain": "d", "smbversion": "3.0", "subdir": "/x", "options": "o"}),
        ),
        (
            own("cifs", json!({})),
            json!({"type": "cifs", "server": "nas", "share": "s", "smbversion": "default"}),
        ),
        (
            own(
                "pbs",
                json!({"namespace": "n", "fingerprint": pairs.to_uppercase(), "port": 8007}),
            ),
            json!({"type": "pbs", "shared": 1, "server": "pbs", "datastore": "d", "username": "u@pbs", "namespace": "n", "fingerprint": pairs, "encryption-key": "aa:bb"}),
        ),
    ] {
        let Spec::Present(declared) = spec(options.clone()).unwrap() else {
            panic!("absent")
        };
        let present = stored(answer.clone());
        let difference = present.settings.change_to(&declared.settings, &[]);
        assert!(
            difference.is_empty(),
            "{options} beside {answer}: {}",
            difference.sentence()
        );
        assert_eq!(present.kind, declared.kind);
    }
}

#[test]
fn the_table_is_sound_and_the_struct_knows_all_of_it() {
    assert_eq!(
        ansible_module::check_spec(&PveStorage::DECLARATION.spec),
        [""; 0]
    );
    let options = json!({"storage": "ab", "state": "absent"});
    assert_eq!(testing::table_and_args::<PveStorage>(options), [""; 0]);
}

#[test]
fn the_structs_of_sub_options_know_all_of_them() {
    use crate::args::{CifsArgs, DirArgs, NfsArgs, PbsArgs};
    for (name, fields) in [
        ("dir_options", testing::field_names::<DirArgs>()),
        ("nfs_options", testing::field_names::<NfsArgs>()),
        ("cifs_options", testing::field_names::<CifsArgs>()),
        ("pbs_options", testing::field_names::<PbsArgs>()),
    ] {
        let option = PveStorage::DECLARATION
            .spec
            .options()
            .find(|option| option.name == name);
        let table: Vec<&str> = option
            .unwrap()
            .kind
            .suboptions()
            .iter()
            .map(|option| option.name)
            .collect();
        assert_eq!(table, fields, "{name}");
    }
}
