//! Every option of `vzdump_job`: set, set again, changed and cleared, and what the node then has.

use anyhow::Result;
use reprise_lab::Release;
use reprise_tests::job_rows::{self, ELSEWHERE, Row, Step};
use reprise_tests::server::merged;
use serde_json::json;

use crate::support::{World, fails, succeeds};

#[test]
fn every_option_of_the_table_is_tried() -> Result<()> {
    let world = World::start()?;
    let rows = job_rows::rows(&world.server, &world.api)?;
    assert_eq!(job_rows::untried(&rows), Vec::<&str>::new());
    let table: Vec<&str> = reprise::MODULES
        .iter()
        .filter(|module| module.declaration.name == "vzdump_job")
        .flat_map(|module| module.declaration.spec.options())
        .map(|option| option.name)
        .collect();
    for (name, _) in ELSEWHERE {
        assert!(table.contains(name), "`{name}` is no option any more");
    }
    for row in &rows {
        assert!(
            table.contains(&row.option),
            "`{}` is no option any more",
            row.option
        );
        assert!(
            row.has_second() || row.option == "all",
            "{} has one value",
            row.option
        );
    }
    Ok(())
}

#[test]
fn each_is_set_changed_and_cleared() -> Result<()> {
    each_on(&World::start()?)
}

#[test]
fn the_next_release_takes_each_too() -> Result<()> {
    let world = World::of_release(Release::Nine)?;
    assert_eq!(world.api.get("/version")?["version"], "9.2.11");
    each_on(&world)?;
    // It knows no parameter that went away, so none of them can have been sent.
    succeeds(&world.job(json!({}))?, true);
    succeeds(&world.job(json!({"state": "absent"}))?, true);
    let storage = json!({"storage": "more", "type": "dir", "dir_options": {"path": "/srv/more"}, "keep_daily": 7});
    for changed in [true, false] {
        succeeds(&world.storage(storage.clone())?, changed);
    }
    Ok(())
}

fn each_on(world: &World) -> Result<()> {
    let rows = job_rows::rows(&world.server, &world.api)?;
    // One job for each option; four at a time, the node takes them as they come.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(rows.len().div_ceil(4))
            .map(|part| scope.spawn(|| part.iter().filter_map(|row| failure(world, row)).collect()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|_| vec!["panicked".to_owned()]))
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn failure(world: &World, row: &Row) -> Option<String> {
    let id = format!("row-{}", row.option.replace('_', "-"));
    let steps = job_rows::base(&world.server, &id).map(|base| row.steps(&base));
    let tried = steps.and_then(|steps| steps.iter().try_for_each(|step| one(world, &id, step)));
    tried
        .err()
        .map(|error| format!("{}: {error:#}", row.option))
}

fn one(world: &World, id: &str, step: &Step) -> Result<()> {
    let mut options = merged(world.server.by_token()?, json!(step.options));
    options.insert("_ansible_diff".to_owned(), json!(true));
    let check = merged(options.clone(), json!({"_ansible_check_mode": true}));
    let predicted = world.program.module("vzdump_job", &check)?;
    let done = world.program.module("vzdump_job", &options)?;
    let name = &step.name;
    for (mode, result) in [("check mode", &predicted), ("the run", &done)] {
        anyhow::ensure!(
            result.get("failed").is_none() && result["changed"] == json!(step.changes),
            "{name}: {mode}: expected changed={}: {result}",
            step.changes
        );
    }
    anyhow::ensure!(
        done.get("diff").is_some() == step.changes,
        "{name}: a diff is there when something changed: {done}"
    );
    for key in ["diff", "actions", "next_run"] {
        anyhow::ensure!(
            predicted.get(key) == done.get(key),
            "{name}: check mode predicted another {key}: {predicted} {done}"
        );
    }
    let job = world.api.job(id)?.unwrap_or_default();
    let found = job.get(step.parameter).cloned().unwrap_or_default();
    anyhow::ensure!(
        found == step.expected,
        "{name}: {} is {found}, not {}",
        step.parameter,
        step.expected
    );
    Ok(())
}

#[test]
fn threads_belong_to_their_compressor() -> Result<()> {
    let world = World::start()?;
    let threads = |compress: &str| json!({"compress": compress, "threads": 2});
    for (compress, set, unset) in [("zstd", "zstd", "pigz"), ("gzip", "pigz", "zstd")] {
        succeeds(&world.job(threads(compress))?, true);
        let job = world.stored()?;
        assert_eq!(job[set], json!("2"), "{job}");
        assert_eq!(job.get(unset), None, "{job}");
        succeeds(&world.job(threads(compress))?, false);
    }
    for compress in ["lzo", "none"] {
        fails(&world.job(threads(compress))?, 2, &["threads", compress]);
    }
    Ok(())
}

#[test]
fn numbers_that_cannot_be_are_refused() -> Result<()> {
    let world = World::start()?;
    let cases = [
        (json!({"ionice": 9}), "ionice"),
        (json!({"bwlimit": -1}), "bwlimit"),
        (
            json!({"performance": {"max_workers": 0}}),
            "performance.max_workers",
        ),
        (
            json!({"performance": {"max_workers": 257}}),
            "performance.max_workers",
        ),
        (json!({"fleecing": {"enabled": true}}), "fleecing"),
        (json!({"keep_last": 0}), "keeping everything"),
        (json!({"rpo_hours": 0}), "rpo_hours"),
        (json!({"all": null, "vmid": [99]}), "vmid"),
        (json!({"exclude": ["99"]}), "exclude"),
        (json!({"all": null, "vmid": []}), "vmid"),
        (json!({"all": false}), "all is false"),
        (json!({"comment": "x".repeat(513)}), "comment"),
        (json!({"notes_template": "{{vmid"}), "notes_template"),
        (json!({"storage": null, "notes_template": "x"}), "storage"),
    ];
    for (options, says) in cases {
        fails(&world.job(options)?, 2, &[says]);
    }
    assert_eq!(world.site.calls()?.1, 0, "something was written");
    Ok(())
}
