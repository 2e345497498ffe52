//! What roles refuse before anything is touched, and what they say about it.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use reprise_lab::Clock;
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::nodes::Nodes;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

use crate::site::play;

pub(crate) const TESTS: &[WithTools] = tests![
    every_refusal_says_what_to_do,
    a_node_that_is_down_stops_no_other,
    a_storage_that_was_just_made_is_waited_for,
    a_storage_that_stays_unknown_is_refused,
];

fn one_environment_is_needed(nodes: &Nodes, controller: &Controller) -> Result<()> {
    // Nobody's environment, and two at once.
    let way = nodes.by_api("prod")?;
    for (groups, said) in [
        (&["pve"][..], "is in none of the groups"),
        (&["prod", "mon"], "is in 2 of the groups"),
    ] {
        let mut play = Play::shipped("reprise.pve.site")
            .host("pve-prod", way.clone())
            .variable("reprise_hosts", "all");
        for group in groups {
            play = play.group(group, &["pve-prod"]);
        }
        let refused = play.run(controller)?;
        ensure!(
            refused.ended.code == Some(2) && refused.ended.stdout.contains(said),
            "{}",
            refused.ended.output()
        );
    }
    Ok(())
}

fn nobody_is_no_success(nodes: &Nodes, controller: &Controller) -> Result<()> {
    // A misspelled environment is nobody's, and no success.
    for playbook in ["site", "backup", "verify"] {
        let nobody = play(&format!("reprise.pve.{playbook}"), |environment| {
            nodes.by_api(environment)
        })?
        .variable("env", "prdo")
        .run(controller)?;
        ensure!(
            nobody.ended.code != Some(0)
                && nobody
                    .ended
                    .output()
                    .contains("no host of the inventory is in `prdo`"),
            "{playbook}: {}",
            nobody.ended.output()
        );
    }
    Ok(())
}

fn every_refusal_says_what_to_do(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    nodes.node("prod")?.add_storage(
        "full",
        "dir",
        &[("path", "/srv/full"), ("content", "backup")],
    )?;
    nodes
        .node("prod")?
        .set_capacity("full", 1_000_000_000_000, 999_999_000_000);
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_api(environment))?
        .argument("--limit")
        .argument("prod");
    let existing = json!({"backup_schedule_storage_manage": false});
    let rows: Vec<(Value, &[&str])> = vec![
        (
            json!({"backup_schedule_path": "srv"}),
            &["`srv`", "absolute path"],
        ),
        (
            json!({"preflight_minimum_version": 99}),
            &["8.4", "at least 99", "Upgrade the node"],
        ),
        (
            with(&existing, json!({"backup_schedule_storage": "gone"})),
            &["no storage `gone`", "it has", "local", "reprise.pve.site"],
        ),
        (
            with(&existing, json!({"backup_schedule_storage": "full"})),
            &["`full`", "less than 1 GiB", "preflight_free_gib"],
        ),
        (
            json!({"backup_schedule_environment": "attic"}),
            &["`attic`", "backup_schedule_environments"],
        ),
        (
            json!({"backup_schedule_environments": {"prod": {"shedule": "01:00"}}}),
            &["has shedule for prod", "schedule, retention, rpo_hours"],
        ),
        (
            json!({"backup_schedule_selection": "{\"all\": true}"}),
            &["backup_schedule_selection is a text", "as JSON"],
        ),
        // What the roles' specifications refuse.
        (
            json!({"backup_schedule_state": "gone"}),
            &["value of backup_schedule_state must be one of: present, absent, got: gone"],
        ),
        (
            json!({"backup_schedule_bwlimit": "fast"}),
            &["backup_schedule_bwlimit"],
        ),
        (
            json!({"backup_schedule_retention": {"keep_dayly": 1}}),
            &["keep_dayly"],
        ),
        (
            json!({"preflight_free_gib": "much"}),
            &["preflight_free_gib"],
        ),
    ];
    for (variables, texts) in rows {
        let mut play = site.clone();
        for (name, value) in reprise_tests::server::map(variables.clone()) {
            play = play.variable(&name, value);
        }
        let refused = play.run(&controller)?;
        ensure!(
            refused.ended.code == Some(2),
            "{variables} passed:\n{}",
            refused.ended.output()
        );
        let failed = refused
            .tasks
            .iter()
            .find(|task| task.kind.ends_with("failed"));
        // The result of a refused argument has the whole specification beside the message.
        let message = failed
            .map(reprise_tests::ansible::TaskResult::message)
            .unwrap_or_default();
        for text in texts {
            ensure!(
                message.contains(text),
                "{variables}: no `{text}` in {message}"
            );
        }
    }
    ensure!(nodes.writes()? == 0, "something was changed all the same");

    nobody_is_no_success(&nodes, &controller)?;

    one_environment_is_needed(&nodes, &controller)
}

fn with(one: &Value, other: Value) -> Value {
    Value::Object(reprise_tests::server::merged(
        reprise_tests::server::map(one.clone()),
        other,
    ))
}

fn a_node_that_is_down_stops_no_other(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    // One has no API, the other no SSH: nobody listens on port 1.
    let site = play("reprise.pve.site", |environment| {
        Ok(match environment {
            "lab" => json!({"reprise_api": {
                "api_host": "https://127.0.0.1:1", "api_token_id": "root@pam!tests", "api_token_secret": "00000000-0000-0000-0000-000000000000",
                "validate_certs": false,
            }}),
            "mon" => json!({
                "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1,
            }),
            _ => nodes.by_api(environment)?,
        })
    })?;
    let ran = site.run(&controller)?;
    ensure!(ran.ended.code == Some(2), "{}", ran.ended.output());
    for text in [
        "https://127.0.0.1:1",
        "pve-mon cannot be reached at 127.0.0.1",
        "`ssh -p 1 root@127.0.0.1` works",
        "Not done: pve-lab, pve-mon.",
    ] {
        ensure!(
            ran.ended.stdout.contains(text),
            "no `{text}`:\n{}",
            ran.ended.output()
        );
    }
    ensure!(nodes.jobs("prod")?.len() == 1, "{}", ran.ended.output());
    Ok(())
}

const WAITS: &str = "reprise.pve.preflight : Wait for the state of the storage";

const PATIENCE: Duration = Duration::from_mins(2);
const REPORT: Duration = Duration::from_secs(10);

/// How often somebody asked for the resources of the cluster.
fn looks(nodes: &Nodes) -> Result<usize> {
    let journal = nodes.node("prod")?.journal();
    let of = journal
        .iter()
        .filter(|entry| entry.path == "/cluster/resources");
    Ok(of.count())
}

/// Lets the time of the report come when it was looked for so often.
fn report_at(nodes: &Nodes, clock: &Clock, wanted: usize) -> Result<()> {
    let start = Instant::now();
    while looks(nodes)? < wanted {
        ensure!(start.elapsed() < PATIENCE, "nobody looks");
        std::thread::sleep(Duration::from_millis(20));
    }
    clock.set(clock.now().saturating_add(REPORT.as_secs().cast_signed()));
    Ok(())
}

// As on a real node: nothing of it is in the resources of the cluster for up to 10 seconds. The
// clock of the lab stands, so that a slow machine changes nothing.
fn a_storage_that_was_just_made_is_waited_for(tools: &Tools) -> Result<()> {
    let clock = Clock::fixed(Clock::Real.now());
    let nodes = Nodes::with_storage_report(REPORT, &clock)?;
    let controller = Controller::new(tools)?;
    let site =
        play("reprise.pve.site", |environment| nodes.by_api(environment))?.variable("env", "prod");
    let made = site.clone().run(&controller)?.succeeded()?;
    ensure!(made.changes()? == 2, "{}", made.ended.output());
    ensure!(made.result(WAITS).is_err(), "it waited for no storage");
    // The first look of the run, the first and the second of the waiting task.
    let third = looks(&nodes)?.saturating_add(3);
    let again = std::thread::scope(|scope| {
        let reported = scope.spawn(|| report_at(&nodes, &clock, third));
        let again = site.run(&controller)?;
        reported
            .join()
            .map_err(|_| anyhow!("the clock was lost"))??;
        again.succeeded()
    })?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    let waited = again.result(WAITS)?;
    ensure!(
        waited.kind == "ok" && waited.result["attempts"].as_u64() > Some(1),
        "{}",
        waited.result
    );
    Ok(())
}

fn a_storage_that_stays_unknown_is_refused(tools: &Tools) -> Result<()> {
    let nodes = Nodes::with_storage_report(Duration::from_hours(1), &Clock::Real)?;
    let controller = Controller::new(tools)?;
    let site =
        play("reprise.pve.site", |environment| nodes.by_api(environment))?.variable("env", "prod");
    site.clone().run(&controller)?.succeeded()?;
    let writes = nodes.writes()?;
    let refused = site.run(&controller)?;
    ensure!(refused.ended.code == Some(2), "{}", refused.ended.output());
    for text in [
        "The storage `local-backup` is not available on pve-prod.",
        "`pvesm status --storage local-backup`",
    ] {
        ensure!(
            refused.ended.stdout.contains(text),
            "no `{text}`:\n{}",
            refused.ended.output()
        );
    }
    ensure!(
        nodes.writes()? == writes,
        "something was changed all the same"
    );
    Ok(())
}
