//! A network and a server that misbehave: reads are tried again and not for ever, a write that may
//! have been done is never sent twice, and what changed meanwhile is not overwritten.

use std::time::{Duration, Instant};

use anyhow::Result;
use reprise_lab::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::support::{JOB, World, fails, succeeds, text};

/// The requests of this method to paths that begin so.
fn count(world: &World, method: &str, path: &str) -> Result<usize> {
    let journal = world.site.node()?.journal();
    Ok(journal
        .iter()
        .filter(|entry| entry.method == method && entry.path.starts_with(path))
        .count())
}

#[test]
fn reads_are_tried_again() -> Result<()> {
    let faults = [
        Fault::gateway_timeout(),
        Fault::Status(503, "Service Unavailable".to_owned()),
        Fault::CutBefore,
        Fault::CutAfterProcessing,
        Fault::CutBody(5),
        Fault::Delay(Duration::from_millis(300)),
    ];
    for fault in faults {
        let world = World::start()?;
        let rule = FaultRule::new("/cluster/backup", fault.clone())
            .on_method("GET")
            .times(1);
        world.site.node()?.inject(rule);
        let result = world.job(json!({}))?;
        assert_eq!(result.get("failed"), None, "{fault:?}: {result}");
        assert!(world.api.job(JOB)?.is_some(), "{fault:?}");
    }
    Ok(())
}

#[test]
fn reads_are_not_tried_for_ever() -> Result<()> {
    for fault in [Fault::gateway_timeout(), Fault::CutBefore] {
        let world = World::start()?;
        let rule = FaultRule::new("/storage", fault.clone()).on_method("GET");
        world.site.node()?.inject(rule);
        let start = Instant::now();
        let result = world.job(json!({}))?;
        fails(&result, 1, &["storages"]);
        let tries = count(&world, "GET", "/storage")?;
        assert!((2..=5).contains(&tries), "{fault:?}: {tries} tries");
        assert!(start.elapsed() < Duration::from_secs(30), "{fault:?}");
        assert_eq!(world.site.calls()?.1, 0, "{fault:?}: something was written");
    }
    Ok(())
}

#[test]
fn a_refusal_of_the_server_is_not_tried_again() -> Result<()> {
    let world = World::start()?;
    let rule = FaultRule::new(
        "/storage",
        Fault::Status(500, "got no worker upid".to_owned()),
    );
    world.site.node()?.inject(rule.on_method("GET"));
    let result = world.job(json!({}))?;
    fails(&result, 1, &["got no worker upid"]);
    assert_eq!(count(&world, "GET", "/storage")?, 1);
    Ok(())
}

#[test]
fn a_write_that_may_have_been_done_is_not_sent_again() -> Result<()> {
    let more = [
        json!({}),
        json!({"comment": "two"}),
        json!({"state": "absent"}),
    ];
    for fault in [
        Fault::CutAfterProcessing,
        Fault::CutBody(3),
        Fault::gateway_timeout(),
    ] {
        let world = World::start()?;
        for (method, more) in ["POST", "PUT", "DELETE"].into_iter().zip(&more) {
            let node = world.site.node()?;
            node.clear_journal();
            node.inject(FaultRule::new("/cluster/backup", fault.clone()).on_method(method));
            let result = world.job(more.clone())?;
            let name = format!("{method} {fault:?}");
            assert_eq!(result["exit_code"], json!(7), "{name}: {result}");
            assert_eq!(count(&world, method, "/cluster/backup")?, 1, "{name}");
            node.clear_faults();
            // The next run looks and finishes.
            assert_eq!(world.job(more.clone())?.get("failed"), None, "{name}");
            assert_eq!(world.job(more.clone())?["changed"], json!(false), "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_write_that_was_never_sent_says_so() -> Result<()> {
    let world = World::start()?;
    let node = world.site.node()?;
    node.down()?;
    let result = world.job(json!({}))?;
    fails(&result, 1, &["127.0.0.1", "nothing was sent"]);
    node.up()?;
    succeeds(&world.job(json!({}))?, true);
    Ok(())
}

/// Runs while something else is done to the node between plan and apply.
fn meanwhile(world: &World, more: Value, act: impl FnOnce() -> Result<()>) -> Result<Value> {
    // The schedule is answered last, long after the jobs were read.
    let slow = Fault::Delay(Duration::from_millis(1500));
    let rule = FaultRule::new("/cluster/jobs/schedule-analyze", slow).times(1);
    world.site.node()?.inject(rule);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| world.job(more));
        std::thread::sleep(Duration::from_millis(900));
        act()?;
        let joined = running.join();
        joined.unwrap_or_else(|_| anyhow::bail!("the run panicked"))
    })
}

#[test]
fn a_job_that_changed_meanwhile_is_left_alone() -> Result<()> {
    let world = World::start()?;
    succeeds(&world.job(json!({}))?, true);
    let result = meanwhile(&world, json!({"comment": "ours"}), || {
        let path = format!("/cluster/backup/{JOB}");
        world.api.put(&path, &[("comment", "theirs")]).map(drop)
    })?;
    fails(&result, 3, &["changed by somebody else meanwhile"]);
    assert_eq!(world.stored()?["comment"], json!("theirs"));
    Ok(())
}

#[test]
fn a_job_that_appeared_meanwhile_is_left_alone() -> Result<()> {
    let world = World::start()?;
    let result = meanwhile(&world, json!({"comment": "ours"}), || {
        let theirs = [
            ("id", JOB),
            ("schedule", "daily"),
            ("all", "1"),
            ("comment", "theirs"),
        ];
        world.api.post("/cluster/backup", &theirs).map(drop)
    })?;
    assert_eq!(result["failed"], json!(true), "{result}");
    assert!(text(&result, "msg").contains("already exists"), "{result}");
    assert_eq!(result["exit_code"], json!(3), "{result}");
    assert_eq!(world.stored()?["comment"], json!("theirs"));
    Ok(())
}

#[test]
fn a_plan_that_stops_half_way_says_what_is_left() -> Result<()> {
    let world = World::start()?;
    let twin = [
        ("schedule", "03:00"),
        ("all", "1"),
        ("storage", "backups"),
        ("compress", "zstd"),
    ];
    world.site.node()?.add_job("by-hand", &twin);
    let broken = Fault::Status(500, "disk full".to_owned());
    world
        .site
        .node()?
        .inject(FaultRule::new("/cluster/backup", broken).on_method("DELETE"));
    let result = world.job(json!({"adopt": true}))?;
    assert_eq!(result["exit_code"], json!(7), "{result}");
    assert_eq!(result["changed"], json!(true), "{result}");
    assert_eq!(
        result["done"],
        json!([format!("create backup job `{JOB}`")])
    );
    assert_eq!(
        result["remaining"].as_array().map(Vec::len),
        Some(1),
        "{result}"
    );
    assert!(world.api.job(JOB)?.is_some() && world.api.job("by-hand")?.is_some());
    Ok(())
}
