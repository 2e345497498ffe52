//! A token with exactly the rights that the reference asks for does everything, one without any
//! is refused before anything is written.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{PREFIX, Suite, runs};
use crate::ansible::Play;
use crate::process::{self, Watch};
use crate::server::{Limited, Server};

/// What `vzdump_job` and `pve_storage` need, running jobs included; by path.
pub const ENOUGH: [(&str, &str); 4] = [
    ("/", "Sys.Audit,Sys.Modify"),
    ("/vms", "VM.Audit,VM.Backup"),
    (
        "/storage",
        "Datastore.Audit,Datastore.Allocate,Datastore.AllocateSpace",
    ),
    ("/pool", "Pool.Audit"),
];

/// The user that is made for it.
const USER: &str = "reprise-test@pve";

pub(super) fn enough(suite: &mut Suite<'_>) -> Result<()> {
    let (limited, made) = match &suite.server.limited {
        Some(limited) => (limited.clone(), false),
        None if suite.server.exec.is_empty() => {
            suite
                .left_out
                .push("a token with few rights: neither `limited` nor `exec` is set".to_owned());
            return Ok(());
        }
        None => {
            unmake(suite);
            (make(suite).inspect_err(|_| unmake(suite))?, true)
        }
    };
    let storage = suite.server.storage()?.to_owned();
    let before = suite.api.backups(&suite.server.node, &storage)?;
    let worked = work(suite, &limited, &storage);
    for volume in suite.api.backups(&suite.server.node, &storage)? {
        if !before.contains(&volume) {
            suite.remove_backup(&storage, &volume)?;
        }
    }
    if made {
        unmake(suite);
    }
    worked
}

fn play(suite: &Suite<'_>, token: &Limited) -> Result<Play> {
    let server = Server {
        token_id: token.token_id.clone(),
        token_secret: token.token_secret.clone(),
        ..suite.server.clone()
    };
    Ok(Play::new().connected(&server.by_token()?))
}

fn work(suite: &Suite<'_>, limited: &Limited, storage: &str) -> Result<()> {
    let name = format!("{PREFIX}few-rights");
    let job = json!({
        "id": name, "schedule": "sat 05:00", "vmid": [suite.server.ct], "storage": storage,
        "mode": "stop", "compress": "zstd", "enabled": false, "keep_all": true,
        "notes_template": "{% raw %}{{guestname}}{% endraw %} of a test",
    });
    let folder = json!({"storage": name, "type": "dir", "dir_options": {"path": "/var/tmp/reprise-test-dir"}});
    let declared = play(suite, limited)?
        .module("job", "vzdump_job", job)
        .module("storage", "pve_storage", folder);
    let done = suite.predicted(&declared)?;
    ensure!(done.changes()? == 2, "{}", done.ended.output());
    let unknown = done.result("job")?.result.get("guests_unknown");
    ensure!(
        unknown == Some(&Value::Null),
        "guests are hidden: {unknown:?}"
    );
    suite.unchanged(&declared)?;
    let run = json!({"id": name, "state": "run"});
    let ran = play(suite, limited)?
        .module("run", "vzdump_job", run)
        .run(suite.controller)?
        .succeeded()?;
    runs::saved(suite, storage, &ran.result("run")?.result)?;
    let absent = play(suite, limited)?
        .module("job", "vzdump_job", json!({"id": name, "state": "absent"}))
        .module(
            "storage",
            "pve_storage",
            json!({"storage": name, "state": "absent"}),
        );
    ensure!(suite.predicted(&absent)?.changes()? == 2, "not all is gone");
    Ok(())
}

/// A token of its own, separated and without a single right.
pub(super) fn none(suite: &mut Suite<'_>) -> Result<()> {
    let user = suite.server.token_id.split('!').next().unwrap_or_default();
    let path = format!("/access/users/{user}/token/{PREFIX}none");
    // One that a cut-off run left has a secret that nobody knows.
    suite.api.delete(&path).ok();
    let made = suite.api.post(&path, &[("privsep", "1")])?;
    let secret = made.get("value").and_then(Value::as_str);
    let token = Limited {
        token_id: format!("{user}!{PREFIX}none"),
        token_secret: secret.context("a token without a secret")?.to_owned(),
    };
    let refused = refused(suite, &token);
    suite.api.delete(&path)?;
    refused
}

fn refused(suite: &Suite<'_>, token: &Limited) -> Result<()> {
    let name = format!("{PREFIX}none");
    let job =
        json!({"id": name, "schedule": "daily", "all": true, "storage": suite.server.storage()?});
    let play = play(suite, token)?.module("job", "vzdump_job", job);
    for play in [play.clone().argument("--check"), play] {
        let ended = play.run(suite.controller)?;
        let result = ended.result("job")?;
        ensure!(
            result.kind == "failed"
                && result.result.get("exit_code") == Some(&json!(3))
                && result.message().contains("Sys.Audit"),
            "{}",
            result.result
        );
    }
    ensure!(suite.api.job(&name)?.is_none(), "{name} was made");
    Ok(())
}

// As root on the node: roles can only be made there.
fn make(suite: &Suite<'_>) -> Result<Limited> {
    pveum(suite, &["user", "add", USER])?;
    for (number, (path, privileges)) in ENOUGH.iter().enumerate() {
        let role = role(number);
        pveum(suite, &["role", "add", &role, "--privs", privileges])?;
        pveum(
            suite,
            &["acl", "modify", path, "--users", USER, "--roles", &role],
        )?;
    }
    let made = [
        "user",
        "token",
        "add",
        USER,
        "suite",
        "--privsep",
        "0",
        "--output-format",
        "json",
    ];
    let made: Value = serde_json::from_str(&pveum(suite, &made)?)?;
    let secret = made.get("value").and_then(Value::as_str);
    Ok(Limited {
        token_id: format!("{USER}!suite"),
        token_secret: secret.context("pveum told no secret")?.to_owned(),
    })
}

// What is not there need not be removed.
fn unmake(suite: &Suite<'_>) {
    pveum(suite, &["user", "delete", USER]).ok();
    for number in 0..ENOUGH.len() {
        pveum(suite, &["role", "delete", &role(number)]).ok();
    }
}

fn role(number: usize) -> String {
    format!("{PREFIX}{number}")
}

fn pveum(suite: &Suite<'_>, words: &[&str]) -> Result<String> {
    let (program, arguments) = suite
        .server
        .exec
        .split_first()
        .context("`exec` is not set")?;
    let mut command = process::command(program);
    command.args(arguments).arg("pveum").args(words);
    let ended = process::run(command, b"", Watch::Nothing)?;
    ensure!(ended.code == Some(0), "pveum {words:?}: {}", ended.output());
    Ok(ended.stdout)
}
