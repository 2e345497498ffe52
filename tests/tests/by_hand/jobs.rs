//! A job as a whole: made, found again, taken over, taken away, and what is said about it.

use anyhow::Result;
use reprise_lab::ArchiveSeed;
use serde_json::{Value, json};

use crate::support::{JOB, World, fails, succeeds, text, warnings};

#[test]
fn made_found_again_and_removed() -> Result<()> {
    let world = World::start()?;
    let declared = json!({"keep_daily": 7, "comment": "prod"});
    let predicted = world.predict(declared.clone())?;
    succeeds(&predicted, true);
    assert_eq!(predicted["job"], Value::Null, "check mode invents no job");
    assert_eq!(world.api.job(JOB)?, None, "check mode made the job");
    assert_eq!(world.site.calls()?.1, 0, "check mode wrote");

    let made = world.job(declared.clone())?;
    succeeds(&made, true);
    assert_eq!(made["diff"], predicted["diff"]);
    assert_eq!(
        made["actions"],
        json!([format!("create backup job `{JOB}`")])
    );
    assert_eq!(made["job"]["id"], json!(JOB));
    let next = made["next_run"].as_i64().unwrap_or_default();
    assert!(next > 0 && next % 86_400 == 3 * 3600, "{made}");
    assert!(
        text(&made, "next_run_iso").ends_with("T03:00:00Z"),
        "{made}"
    );
    succeeds(&world.job(declared.clone())?, false);

    let removed = json!({"state": "absent"});
    succeeds(&world.predict(removed.clone())?, true);
    assert!(world.api.job(JOB)?.is_some(), "check mode removed the job");
    succeeds(&world.job(removed.clone())?, true);
    assert_eq!(world.api.job(JOB)?, None);
    succeeds(&world.job(removed)?, false);
    Ok(())
}

#[test]
fn an_equal_job_is_named_and_taken_over_when_asked() -> Result<()> {
    let world = World::start()?;
    world.api.post(
        "/cluster/backup",
        &[
            ("id", "by-hand"),
            ("schedule", "03:00"),
            ("all", "1"),
            ("storage", "backups"),
            ("compress", "zstd"),
        ],
    )?;
    let warned = world.predict(json!({}))?;
    succeeds(&warned, true);
    assert!(
        warnings(&warned).contains("job `by-hand` is equal but for its id"),
        "{warned}"
    );

    let adopt = json!({"adopt": true});
    let predicted = world.predict(adopt.clone())?;
    let taken = world.job(adopt.clone())?;
    succeeds(&taken, true);
    assert_eq!(taken["actions"], predicted["actions"]);
    assert_eq!(
        taken["actions"],
        json!([
            format!("create backup job `{JOB}`"),
            format!("remove backup job `by-hand`, which `{JOB}` replaces"),
        ])
    );
    assert_eq!(world.api.job("by-hand")?, None);
    assert!(world.api.job(JOB)?.is_some());
    succeeds(&world.job(adopt)?, false);
    Ok(())
}

#[test]
fn what_a_job_lacks_is_said() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    node.add_storage(
        "dark",
        "dir",
        &[
            ("path", "/srv/dark"),
            ("content", "backup"),
            ("disable", "1"),
        ],
    )?;
    node.add_pool("empty", &[]);
    let said: [(Value, &str); 9] = [
        (
            json!({"rpo_hours": 4}),
            "rpo_hours is 4, but schedule `03:00` leaves up to 24 hours",
        ),
        (json!({"schedule": "2001-01-01"}), "never comes"),
        (json!({"schedule": "08"}), "`08`: a number without a colon"),
        (
            json!({"storage": "nowhere"}),
            "storage `nowhere` does not exist",
        ),
        (
            json!({"storage": "images"}),
            "has no `backup` in its content",
        ),
        (json!({"storage": "dark"}), "storage `dark` is disabled"),
        (
            json!({"all": null, "pool": "empty"}),
            "pool `empty` has no guests",
        ),
        (
            json!({"all": null, "vmid": [100, 555]}),
            "guest 555 does not exist",
        ),
        (
            json!({"keep_last": 1, "rpo_hours": 24}),
            "keeps one archive of a guest",
        ),
    ];
    for (options, expected) in said {
        let result = world.predict(options.clone())?;
        assert_eq!(result.get("failed"), None, "{options}: {result}");
        assert!(warnings(&result).contains(expected), "{options}: {result}");
    }
    let fine = world.predict(json!({"keep_daily": 7, "rpo_hours": 24}))?;
    assert_eq!(warnings(&fine), "", "{fine}");
    Ok(())
}

#[test]
fn a_storage_that_an_earlier_task_makes_is_missed_only_by_the_real_run() -> Result<()> {
    let world = World::start()?;
    let planned = json!({"storage": "soon", "storage_planned": true, "keep_daily": 7});
    let predicted = world.predict(planned.clone())?;
    succeeds(&predicted, true);
    assert_eq!(warnings(&predicted), "", "{predicted}");
    let made = world.job(planned.clone())?;
    succeeds(&made, true);
    assert!(warnings(&made).contains("`soon` does not exist"), "{made}");
    assert_eq!(made["diff"], predicted["diff"]);
    // It says nothing about the job, so it never makes two jobs differ.
    let without = json!({"storage": "soon", "keep_daily": 7});
    succeeds(&world.job(without)?, false);
    succeeds(&world.job(planned)?, false);
    Ok(())
}

#[test]
fn a_storage_that_will_be_full_is_forecast() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    let archive = "vzdump-qemu-100-2026_11_20-03_00_00.vma.zst";
    node.add_archive("backups", &ArchiveSeed::new(archive).with_size(1 << 20))?;
    node.set_capacity("backups", 20 << 20, 2 << 20);
    let result = world.predict(json!({"all": null, "vmid": [100], "keep_daily": 30}))?;
    assert!(warnings(&result).contains("backups"), "{result}");
    assert!(warnings(&result).contains('%'), "{result}");
    let modest = world.predict(json!({"all": null, "vmid": [100], "keep_daily": 2}))?;
    assert_eq!(warnings(&modest), "", "{modest}");
    Ok(())
}

#[test]
fn what_root_alone_may_set_stays_and_is_named() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    node.add_job(
        JOB,
        &[
            ("schedule", "03:00"),
            ("all", "1"),
            ("storage", "backups"),
            ("script", "/usr/local/bin/hook"),
        ],
    );
    let result = world.job(json!({}))?;
    succeeds(&result, true);
    assert!(warnings(&result).contains("script"), "{result}");
    assert_eq!(world.stored()?["script"], json!("/usr/local/bin/hook"));
    succeeds(&world.job(json!({}))?, false);
    Ok(())
}

#[test]
fn a_job_that_nobody_can_read_is_said() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    // What `starttime=25:99` leaves behind: every write of every job fails from then on.
    node.add_job("poison", &[("schedule", "25:99"), ("all", "1")]);
    let result = world.job(json!({}))?;
    assert_eq!(result["failed"], json!(true), "{result}");
    assert!(
        text(&result, "msg").contains("/etc/pve/jobs.cfg"),
        "{result}"
    );
    assert_eq!(world.api.job(JOB)?, None);
    Ok(())
}

#[test]
fn a_job_of_another_maker_is_declared_completely() -> Result<()> {
    let world = World::start()?;
    world.api.post(
        "/cluster/backup",
        &[
            ("id", JOB),
            ("starttime", "01:30"),
            ("dow", "mon,fri"),
            ("vmid", "200;100 101"),
            ("storage", "local"),
            ("compress", "1"),
            ("maxfiles", "2"),
            ("quiet", "1"),
            ("mailto", "ops@example.com"),
        ],
    )?;
    succeeds(&world.predict(json!({}))?, true);
    succeeds(&world.job(json!({}))?, true);
    let job = world.stored()?;
    assert_eq!(job["schedule"], json!("03:00"));
    for gone in [
        "vmid",
        "maxfiles",
        "prune-backups",
        "quiet",
        "mailto",
        "dow",
        "starttime",
    ] {
        assert_eq!(job.get(gone), None, "{job}");
    }
    succeeds(&world.job(json!({}))?, false);
    Ok(())
}

#[test]
fn a_schedule_is_asked_of_the_node() -> Result<()> {
    let world = World::start()?;
    for (schedule, code) in [("mon-fri", 2), ("@daily", 2), ("24:00", 2), ("", 2)] {
        fails(
            &world.predict(json!({"schedule": schedule}))?,
            code,
            &["schedule"],
        );
        fails(
            &world.job(json!({"schedule": schedule}))?,
            code,
            &["schedule"],
        );
    }
    assert_eq!(world.site.calls()?.1, 0, "something was written");
    Ok(())
}
