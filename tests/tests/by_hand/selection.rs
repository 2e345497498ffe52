//! Which guests a job saves: Proxmox VE changes that silently, the module never does.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::{JOB, World, fails, succeeds, text, warnings};

/// What selects the guests of the job on the node.
fn selection(world: &World) -> Result<Value> {
    let job = world.stored()?;
    let found = ["vmid", "all", "exclude", "pool"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), job.get(*key)?.clone())))
        .collect();
    Ok(Value::Object(found))
}

#[test]
fn from_each_kind_to_each_other() -> Result<()> {
    let world = World::start()?;
    let kinds = [
        (
            json!({"all": null, "vmid": [200, 100]}),
            json!({"vmid": "100,200"}),
        ),
        (
            json!({"exclude": [100]}),
            json!({"all": "1", "exclude": "100"}),
        ),
        (
            json!({"all": null, "pool": "services"}),
            json!({"pool": "services"}),
        ),
        (
            json!({"all": null, "tags": ["web"]}),
            json!({"vmid": "100,200"}),
        ),
        (json!({}), json!({"all": "1"})),
        (
            json!({"all": null, "names": ["guest-201"]}),
            json!({"vmid": "201"}),
        ),
    ];
    for (from, _) in &kinds {
        for (to, expected) in &kinds {
            world.job(from.clone())?;
            let differs = from != to && !(selection(&world)? == *expected);
            let predicted = world.predict(to.clone())?;
            succeeds(&predicted, differs);
            let done = world.job(to.clone())?;
            succeeds(&done, differs);
            assert_eq!(predicted.get("diff"), done.get("diff"), "{from} to {to}");
            assert_eq!(selection(&world)?, *expected, "{from} to {to}");
            succeeds(&world.job(to.clone())?, false);
        }
    }
    Ok(())
}

#[test]
fn what_is_covered_and_what_is_left_out() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    node.set_guest_option(
        100,
        "scsi1",
        "images:100/vm-100-disk-1.raw,backup=0,size=1M",
    );
    let result = world.job(json!({"exclude": [201]}))?;
    succeeds(&result, true);
    let covered: Vec<u64> = result["guests"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|guest| guest["vmid"].as_u64())
        .collect();
    assert_eq!(covered, [100, 101, 200], "{result}");
    assert_eq!(result["left_out"][0]["vmid"], json!(201), "{result}");
    assert_eq!(
        text(&result["left_out"][0], "reason"),
        "excluded by the job"
    );
    assert_eq!(result["guests_unknown"], Value::Null);
    let disks = &result["guests"][0]["disks"];
    let of = |key: &str| {
        let found = disks
            .as_array()
            .into_iter()
            .flatten()
            .find(|disk| disk["key"] == key);
        found.map(|disk| disk["included"].clone())
    };
    assert_eq!(of("scsi0"), Some(json!(true)), "{disks}");
    assert_eq!(of("scsi1"), Some(json!(false)), "{disks}");
    Ok(())
}

#[test]
fn tags_and_names_are_numbers_when_they_arrive() -> Result<()> {
    let world = World::start()?;
    let tagged = json!({"all": null, "tags": ["critical"]});
    let result = world.job(tagged.clone())?;
    succeeds(&result, true);
    assert!(
        warnings(&result).contains("stores guests by number"),
        "{result}"
    );
    // A guest that gets the tag later joins at the next run.
    world.site.node()?.set_guest_option(201, "tags", "critical");
    succeeds(&world.job(tagged)?, true);
    assert_eq!(world.stored()?["vmid"], json!("100,201"));

    let nobody = json!({"all": null, "tags": ["nobody-has-this"]});
    fails(
        &world.job(nobody)?,
        4,
        &["no guest has the tag `nobody-has-this`"],
    );
    let unknown = json!({"all": null, "names": ["nobody"]});
    fails(&world.job(unknown)?, 4, &["no guest has the name `nobody`"]);
    world
        .site
        .node()?
        .set_guest_option(101, "name", "guest-100");
    let twice = json!({"all": null, "names": ["guest-100"]});
    fails(
        &world.job(twice)?,
        3,
        &["`guest-100` belongs to 2 guests", "100, 101"],
    );
    assert_eq!(
        world.stored()?["vmid"],
        json!("100,201"),
        "a refusal changed the job"
    );
    Ok(())
}

#[test]
fn a_selection_that_somebody_changed_is_put_right() -> Result<()> {
    let world = World::start()?;
    let named = json!({"all": null, "vmid": [100]});
    world.job(named.clone())?;
    // Proxmox VE makes a job of all guests of it without a word.
    world
        .api
        .put(&format!("/cluster/backup/{JOB}"), &[("exclude", "200")])?;
    assert_eq!(selection(&world)?, json!({"all": "1", "exclude": "200"}));
    let result = world.job(named)?;
    succeeds(&result, true);
    assert_eq!(
        result["diff"]["before"]["exclude"],
        json!("200"),
        "{result}"
    );
    assert_eq!(selection(&world)?, json!({"vmid": "100"}));
    Ok(())
}
