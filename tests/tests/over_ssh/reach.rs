//! Getting there, or being told why not; several machines; what may not be said together.

use std::fs;

use anyhow::Result;
use reprise_tests::marks::Marks;
use reprise_tests::process::{self, Watch};
use serde_json::{Value, json};

use crate::world::{World, ends, results};

#[test]
fn every_way_of_not_getting_there_says_what_to_do() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let key = world.sshd.host_key()?;
    ends(
        &world.run(world.sshd.port(), "down", &["--yes"])?,
        1,
        &["cannot reach `down`", "nothing listens there", "ssh down"],
    );
    fs::write(world.path("known_hosts"), "")?;
    ends(
        &world.on_far(&["--yes"])?,
        1,
        &["host key is not known yet", "ssh far"],
    );
    // A key of the right form that is another machine's.
    let other = World::start()?
        .map(|other| other.sshd.host_key())
        .transpose()?;
    world.know(&other.unwrap_or_default())?;
    ends(
        &world.on_far(&["--yes"])?,
        1,
        &["is not the one that is known", "ssh-keygen -R"],
    );
    world.know(&key)?;
    fs::write(world.sshd.authorized(), "")?;
    ends(
        &world.on_far(&["--yes"])?,
        1,
        &["did not let us in", "authorized_keys"],
    );
    ends(
        &world.on_far(&["--yes", "--ssh-config", "/nonexistent"])?,
        2,
        &["does not exist"],
    );
    ends(&world.run(1, "-oProxyCommand=x", &["--yes"])?, 2, &[]);
    assert_eq!(world.done(), (0, 0));
    Ok(())
}

#[test]
fn one_machine_that_is_down_does_not_hide_the_other() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let ended = world.run(world.sshd.port(), "far,down", &["--yes", "--json"])?;
    ends(&ended, 1, &[]);
    let results = results(&ended)?;
    assert_eq!(results.len(), 2, "{results:?}");
    assert_eq!(results[0]["on"], "far");
    assert_eq!(results[0]["changed"], true);
    assert_eq!(results[0]["exit_code"], 0);
    assert_eq!(results[1]["on"], "down");
    assert_eq!(results[1]["failed"], true);
    assert_eq!(world.done(), (1, 1));
    // For a person every line says which machine it is about; the same machine is asked once.
    let ended = world.run(world.sshd.port(), "far,down,far", &["--yes"])?;
    ends(
        &ended,
        1,
        &["far: Done:", "down: error: cannot reach `down`"],
    );
    assert_eq!(world.done(), (2, 2));
    Ok(())
}

#[test]
fn nothing_is_done_unless_somebody_agrees() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    ends(
        &world.on_far(&["--dry-run"])?,
        0,
        &["Would be done:", "write into"],
    );
    ends(
        &world.on_far(&[])?,
        3,
        &["nobody is there to ask", "write into"],
    );
    assert_eq!(world.done(), (0, 0));
    // On a terminal: the plan is shown, the question comes, and the answer counts.
    for (answer, code, done) in [("n\n", 3, (0, 0)), ("y\n", 0, (1, 1))] {
        let command = world.command(world.sshd.port(), "far", &[])?;
        let line = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ");
        let mut terminal = process::command("script");
        terminal.args(["-qec", &line, "/dev/null"]);
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                terminal.env(name, value);
            }
        }
        let ended = process::run(terminal, answer.as_bytes(), Watch::Nothing)?;
        ends(&ended, code, &["write into", "Do it? [y/N]"]);
        assert_eq!(world.done(), done, "{}", ended.output());
    }
    Ok(())
}

#[test]
fn how_the_api_is_reached_cannot_be_said_beside_it() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let both = world.on_far(&["--yes", "--api-host", "pve1", "--no-such"])?;
    ends(&both, 2, &[]);
    let both = world.on_far(&["--yes", "--api-host", "pve1"])?;
    ends(
        &both,
        2,
        &["--on and --api-host", "pvesh", "Leave one of them out"],
    );
    // What the environment and the settings say of it is for other calls.
    let config = world.path("config.yml");
    fs::write(&config, "api_host: pve1\nerrand:\n  milliseconds: 5\n")?;
    let mut command = world.command(world.sshd.port(), "far", &["--yes", "--json", "--config"])?;
    command
        .arg(&config)
        .env("PROXMOX_HOST", "pve2")
        .env("PROXMOX_TOKEN_ID", "a@pve!b");
    let ended = process::run(command, b"", Watch::Nothing)?;
    ends(&ended, 0, &[]);
    assert_eq!(results(&ended)?[0]["changed"], json!(true));
    Ok(())
}

#[test]
fn a_secret_is_nowhere_but_in_pipes() -> Result<()> {
    const SECRET: &str = "hunter2-of-nobody";
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let file = world.path("near/secret");
    fs::write(&file, SECRET)?;
    let path = file.to_string_lossy().into_owned();
    let arguments = ["--yes", "--milliseconds", "900", "--secret-file", &path];
    let marks = Marks::new([SECRET]);
    for more in [&[][..], &["--json"], &["--fail"]] {
        let all: Vec<&str> = arguments.iter().chain(more).copied().collect();
        let command = world.command(world.sshd.port(), "far", &all)?;
        let ended = process::run(command, b"", Watch::CommandLines)?;
        marks.absent_from_run(&ended)?;
        assert!(
            ended
                .command_lines
                .iter()
                .any(|line| line.contains("detached-run")),
            "nobody saw the run: {:?}",
            ended.command_lines
        );
    }
    marks.absent_below(&world.path("state/runs"))?;
    // The run was there and wrote what it did.
    let runs = fs::read_dir(world.path("state/runs"))?.flatten();
    let events: Vec<String> = runs
        .filter_map(|run| fs::read_to_string(run.path().join("events.jsonl")).ok())
        .collect();
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(
        events.iter().all(|text| text.contains("step 0 with")),
        "{events:?}"
    );
    let failed = world.on_far(&["--yes", "--fail", "--json"])?;
    ends(&failed, 7, &["it was told to fail"]);
    assert_eq!(results(&failed)?[0]["exit_code"], Value::from(7));
    Ok(())
}
