//! No secret in what the binary prints, in any command line or in a file it leaves, whatever it is
//! called with.

use std::fs;

use anyhow::Result;
use reprise_lab::{Fault, FaultRule};
use reprise_tests::marks::Marks;
use reprise_tests::process::Watch;
use reprise_tests::server::merged;
use serde_json::{Value, json};

use crate::support::World;

const MARKS: [&str; 3] = [
    "mark-of-cifs-3b1f",
    "mark-of-pbs-77aa",
    "mark-of-nobody-0c2d",
];

fn marks(world: &World) -> Marks {
    let own = [
        world.server.token_secret.as_str(),
        world.server.password.as_str(),
    ];
    Marks::new(own.into_iter().chain(MARKS))
}

#[test]
fn not_in_the_result_of_a_module() -> Result<()> {
    let world = World::start()?;
    let marks = marks(&world);
    let cifs = json!({
        "storage": "nas", "type": "cifs", "enabled": false,
        "cifs_options": {"server": "192.0.2.1", "share": "s", "username": "u", "password": MARKS[0]},
    });
    let pbs = json!({
        "storage": "pbs", "type": "pbs", "enabled": false,
        "pbs_options": {"server": "192.0.2.1", "datastore": "d", "username": "u@pbs", "password": MARKS[1]},
    });
    let with = |base: &Value, more: Value| {
        let mut options = world.server.by_token()?;
        options.extend(reprise_tests::server::map(base.clone()));
        Ok::<_, anyhow::Error>(merged(options, more))
    };
    let calls = [
        ("pve_storage", with(&cifs, json!({}))?),
        (
            "pve_storage",
            with(
                &cifs,
                json!({"update_password": "always", "_ansible_diff": true}),
            )?,
        ),
        (
            "pve_storage",
            with(
                &pbs,
                json!({"_ansible_verbosity": 4, "_ansible_debug": true}),
            )?,
        ),
        // An unknown option, also one whose name or value is a secret said elsewhere.
        ("pve_storage", with(&cifs, json!({"passwrd": MARKS[0]}))?),
        ("pve_storage", with(&cifs, json!({"type": MARKS[0]}))?),
        (
            "pve_storage",
            with(&cifs, json!({"storage": MARKS[0], "content": [MARKS[0]]}))?,
        ),
        ("pve_storage", with(&pbs, json!({"keep_last": MARKS[1]}))?),
        (
            "pve_storage",
            with(
                &pbs,
                json!({"pbs_options": {"password": MARKS[1], "port": MARKS[1]}}),
            )?,
        ),
        (
            "vzdump_job",
            world.options(json!({"comment": world.server.token_secret}))?,
        ),
        (
            "vzdump_job",
            world.options(json!({"schedule": world.server.token_secret}))?,
        ),
        (
            "vzdump_job",
            world.options(json!({"api_token_id": "root@pam!none"}))?,
        ),
        (
            "vzdump_job",
            world.options(json!({"api_host": world.server.token_secret}))?,
        ),
        (
            "vzdump_job",
            world.options(json!({"api_user": 7, "api_token_id": world.server.token_secret}))?,
        ),
    ];
    for (module, options) in calls {
        let ended = world.program.module_ended(module, &options)?;
        marks.absent_from_run(&ended)?;
        assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.output());
    }
    marks.absent_below(world.program.home())
}

#[test]
fn not_in_paths_that_are_sent() -> Result<()> {
    let world = World::start()?;
    let mut options = world.options(json!({}))?;
    for name in ["api_token_id", "api_token_secret", "ca_path"] {
        options.remove(name);
    }
    options.extend(world.server.by_password()?);
    world.program.module("vzdump_job", &options)?;
    let made = world.storage(json!({
        "storage": "nas", "type": "cifs", "enabled": false,
        "cifs_options": {"server": "192.0.2.1", "share": "s", "username": "u", "password": MARKS[0]},
    }))?;
    crate::support::succeeds(&made, true);
    let marks = marks(&world);
    let journal = world.site.node()?.journal();
    assert!(
        journal.iter().any(|entry| entry.raw.contains(MARKS[0])),
        "the mark was never sent"
    );
    for entry in journal {
        let (path, body) = entry.raw.split_once('\n').unwrap_or((&entry.raw, ""));
        marks.absent_from("a path", path)?;
        if entry.path != "/access/ticket" && entry.path != "/storage" {
            marks.absent_from("a body", body)?;
        }
    }
    Ok(())
}

#[test]
fn not_when_the_server_answers_with_it() -> Result<()> {
    let world = World::start()?;
    let marks = marks(&world);
    // A server that repeats what it was told must not make the module tell it on.
    let echo = Fault::Status(
        500,
        format!("could not use {} here", world.server.token_secret),
    );
    world.site.node()?.inject(FaultRule::new("/", echo));
    let ended = world
        .program
        .module_ended("vzdump_job", &world.options(json!({}))?)?;
    marks.absent_from_run(&ended)?;
    assert!(ended.stdout.contains("could not use"), "{}", ended.output());
    Ok(())
}

#[test]
fn not_on_a_command_line() -> Result<()> {
    let world = World::start()?;
    let marks = marks(&world);
    let file = world.program.home().join("secret");
    fs::write(&file, &world.server.token_secret)?;
    let secret = file.display().to_string();
    // Slow, so that the command line is there to be seen.
    let slow = Fault::Delay(std::time::Duration::from_millis(300));
    world
        .site
        .node()?
        .inject(FaultRule::new("/cluster", slow).times(1));
    let words = [
        "vzdump_job",
        "--api-host",
        &world.server.url,
        "--api-token-id",
        &world.server.token_id,
        "--api-token-secret-file",
        &secret,
        "--ca-path",
        &world.server.ca_path,
        "--id",
        "x1",
        "--schedule",
        "03:00",
        "--all",
        "--yes",
    ];
    let ended = world.program.by_hand_watched(words, Watch::CommandLines)?;
    assert_eq!(ended.code, Some(0), "{}", ended.output());
    assert!(
        ended
            .command_lines
            .iter()
            .any(|line| line.contains(&secret)),
        "the command line was not seen"
    );
    marks.absent_from_run(&ended)?;
    // There is no flag that would take a secret itself.
    for flag in ["--api-token-secret", "--api-password"] {
        let refused = world.program.by_hand(["vzdump_job", flag, "x"])?;
        assert_eq!(refused.code, Some(2), "{}", refused.output());
    }
    Ok(())
}
