//! Tokens with few rights: what may not be seen is unknown and never empty, what may not be done
//! is refused before anything is written, with the lines that grant it.

use anyhow::Result;
use reprise_tests::job_rows;
use reprise_tests::server::{map, merged};
use serde_json::{Map, Value, json};

use crate::support::{JOB, World, fails, succeeds, text, warnings};

/// What the reference says `vzdump_job` needs.
const ENOUGH: [(&str, &str); 4] = [
    ("/", "Sys.Audit,Sys.Modify"),
    ("/vms", "VM.Audit"),
    ("/storage", "Datastore.Audit,Datastore.Allocate"),
    ("/pool", "Pool.Audit"),
];

/// The options of the job with a token of these rights.
fn options(world: &World, grants: &[(&str, &str)], more: Value) -> Result<Map<String, Value>> {
    let mut options = world.limited(grants)?;
    options.extend(job_rows::base(&world.server, JOB)?);
    Ok(merged(options, more))
}

/// In check mode and for real, in that order.
fn both(world: &World, module: &str, options: &Map<String, Value>) -> Result<[Value; 2]> {
    let check = merged(options.clone(), json!({"_ansible_check_mode": true}));
    Ok([
        world.program.module(module, &check)?,
        world.program.module(module, options)?,
    ])
}

#[test]
fn the_rights_of_the_reference_are_enough() -> Result<()> {
    let world = World::start()?;
    let job = options(&world, &ENOUGH, json!({"keep_daily": 7}))?;
    let [predicted, done] = both(&world, "vzdump_job", &job)?;
    succeeds(&predicted, true);
    succeeds(&done, true);
    assert_eq!(done["guests_unknown"], Value::Null, "{done}");
    assert_eq!(warnings(&done), "", "{done}");
    let absent = options(&world, &ENOUGH, json!({"state": "absent"}))?;
    succeeds(&world.program.module("vzdump_job", &absent)?, true);

    let storage = merged(
        world.limited(&ENOUGH)?,
        json!({"storage": "more", "type": "dir", "dir_options": {"path": "/srv/more"}}),
    );
    for result in both(&world, "pve_storage", &storage)? {
        succeeds(&result, true);
    }
    Ok(())
}

#[test]
fn hidden_guests_are_unknown() -> Result<()> {
    let world = World::start()?;
    let [root, _, storage, pool] = ENOUGH;
    let blind = [root, storage, pool];
    for result in both(&world, "vzdump_job", &options(&world, &blind, json!({}))?)? {
        succeeds(&result, true);
        assert!(
            text(&result, "guests_unknown").contains("VM.Audit"),
            "{result}"
        );
        assert!(
            warnings(&result).contains("is not known completely"),
            "{result}"
        );
        assert!(!warnings(&result).contains("saves nothing"), "{result}");
    }
    // Of one guest, and that one named: the other is not called missing.
    let one_eyed = [root, ("/vms/100", "VM.Audit"), storage, pool];
    let named = json!({"all": null, "vmid": [100, 200]});
    let world = World::start()?;
    for result in both(&world, "vzdump_job", &options(&world, &one_eyed, named)?)? {
        succeeds(&result, true);
        assert!(
            text(&result, "guests_unknown").contains("VM.Audit"),
            "{result}"
        );
        assert!(warnings(&result).contains("or cannot be seen"), "{result}");
    }
    // Numbers would be stored for good: what cannot be seen may not be left out.
    let tagged = json!({"all": null, "tags": ["web"]});
    for result in both(&world, "vzdump_job", &options(&world, &one_eyed, tagged)?)? {
        fails(&result, 3, &["not all guests can be seen", "VM.Audit"]);
    }
    Ok(())
}

#[test]
fn a_missing_right_is_refused_before_anything_is_written() -> Result<()> {
    // The grants, what the task says, the privilege that is missing, the line that gives it.
    type Case<'a> = (Vec<(&'a str, &'a str)>, Value, &'a str, &'a str);
    let [root, guests, storage, pool] = ENOUGH;
    let cases: [Case<'_>; 4] = [
        (
            vec![("/", "Sys.Audit"), guests, storage, pool],
            json!({}),
            "Sys.Modify",
            "pveum acl modify / ",
        ),
        (
            vec![root, guests, ("/storage", "Datastore.Audit"), pool],
            json!({}),
            "Datastore.Allocate",
            "pveum acl modify /storage/backups ",
        ),
        (
            vec![root, guests, storage, pool],
            json!({"all": null, "pool": "services"}),
            "VM.Backup",
            "pveum acl modify /pool/services ",
        ),
        (
            vec![root, guests, storage, pool],
            json!({"fleecing": {"storage": "images"}}),
            "Datastore.AllocateSpace",
            "pveum acl modify /storage/images ",
        ),
    ];
    for (grants, more, privilege, line) in cases {
        let world = World::start()?;
        let options = options(&world, &grants, more)?;
        for result in both(&world, "vzdump_job", &options)? {
            fails(&result, 3, &[privilege, line, "limited@pve"]);
        }
        assert_eq!(
            world.site.calls()?.1,
            0,
            "{privilege}: something was written"
        );
    }
    Ok(())
}

#[test]
fn jobs_that_cannot_be_listed_are_no_empty_list() -> Result<()> {
    let world = World::start()?;
    let [_, guests, storage, pool] = ENOUGH;
    let options = options(&world, &[guests, storage, pool], json!({}))?;
    for result in both(&world, "vzdump_job", &options)? {
        fails(&result, 3, &["Sys.Audit", "pveum"]);
    }
    assert_eq!(world.site.calls()?.1, 0);
    Ok(())
}

#[test]
fn a_hidden_storage_is_not_made_again() -> Result<()> {
    let world = World::start()?;
    let declared =
        json!({"storage": "backups", "type": "dir", "dir_options": {"path": "/srv/backups"}});
    let blind = [
        ("/", "Sys.Audit"),
        ("/storage/local", "Datastore.Audit,Datastore.Allocate"),
    ];
    let hidden = merged(world.limited(&blind)?, declared.clone());
    for result in both(&world, "pve_storage", &hidden)? {
        fails(
            &result,
            3,
            &["cannot tell whether storage `backups` exists"],
        );
    }
    let world = World::start()?;
    let reader = [("/", "Sys.Audit"), ("/storage", "Datastore.Audit")];
    let changed = merged(
        world.limited(&reader)?,
        merged(map(declared), json!({"keep_last": 3})).into(),
    );
    for result in both(&world, "pve_storage", &changed)? {
        fails(
            &result,
            3,
            &["Datastore.Allocate", "pveum acl modify /storage "],
        );
    }
    assert_eq!(world.site.calls()?.1, 0, "something was written");
    Ok(())
}

#[test]
fn nothing_to_do_needs_no_right_to_write() -> Result<()> {
    let world = World::start()?;
    succeeds(&world.job(json!({"keep_daily": 7}))?, true);
    let [_, guests, _, pool] = ENOUGH;
    let reader = [
        ("/", "Sys.Audit"),
        guests,
        ("/storage", "Datastore.Audit"),
        pool,
    ];
    let options = options(&world, &reader, json!({"keep_daily": 7}))?;
    for result in both(&world, "vzdump_job", &options)? {
        succeeds(&result, false);
    }
    Ok(())
}
