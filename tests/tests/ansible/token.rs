//! The user and token that the role `reprise` makes on request: the least rights, a secret that
//! nobody sees, and nothing left or touched afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::nodes::Nodes;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![
    a_token_with_the_least_rights_is_made_and_taken_away,
    what_somebody_else_made_is_refused_and_stays,
];

const USER: &str = "reprise@pve";

fn play(nodes: &Nodes, token: Value) -> Result<Play> {
    Ok(Play::new()
        .host("pve-prod", nodes.by_ssh("prod")?)
        .key("roles", json!(["reprise.pve.reprise"]))
        .variable("reprise_token", token)
        .argument("--diff"))
}

/// What the API lists there, of one key that contains a text.
fn named(nodes: &Nodes, path: &str, key: &str, text: &str) -> Result<Vec<Value>> {
    let mut listed = nodes.list("prod", path)?;
    listed.retain(|entry| entry[key].as_str().is_some_and(|name| name.contains(text)));
    Ok(listed)
}

fn a_token_with_the_least_rights_is_made_and_taken_away(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let nodes = Nodes::with_hosts(tools)?;
    let controller = Controller::new(tools)?;
    let wanted = json!({"modules": ["vzdump_job"], "storages": ["local"], "without": ["pool"]});
    let made = play(&nodes, wanted)?;
    let check = made
        .clone()
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    ensure!(nodes.writes()? == 0, "check mode wrote");
    ensure!(
        check.ended.stdout.contains("+user: reprise@pve"),
        "{}",
        check.ended.output()
    );
    let done = made
        .clone()
        .argument("-vvv")
        .run(&controller)?
        .succeeded()?;
    ensure!(
        done.changes()? == check.changes()?,
        "{}",
        done.ended.output()
    );

    let root = nodes.node("prod")?.root().to_owned();
    let file = root.join("etc/reprise/token.secret");
    ensure!(fs::metadata(&file)?.permissions().mode() & 0o777 == 0o600);
    let secret = fs::read_to_string(&file)?.trim().to_owned();
    ensure!(secret.len() == 36, "no secret in {}", file.display());
    ensure!(
        !done.ended.output().contains(&secret),
        "the secret was shown"
    );

    // The token can do what it is for, over the API; and nothing else was given.
    let entries = named(&nodes, "/access/acl", "ugid", USER)?;
    let mut held: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {}", entry["path"], entry["roleid"]).replace('"', ""))
        .collect();
    held.sort_unstable();
    ensure!(
        held == [
            "/ RepriseSystem",
            "/storage/local RepriseStorage",
            "/vms RepriseGuests"
        ],
        "{held:?}"
    );
    let node = nodes.node("prod")?;
    let job = Play::new().variable("secret", secret.as_str()).task(
        json!({"name": "job", "reprise.pve.vzdump_job": {
            "id": "reprise-token", "schedule": "daily", "vmid": [100], "storage": "local",
            "api_host": node.url(), "api_token_id": format!("{USER}!ansible"),
            "api_token_secret": "{{ secret }}", "ca_path": node.ca_path(),
        }}),
    );
    ensure!(job.run(&controller)?.succeeded()?.result("job")?.changed());

    let again = made.clone().run(&controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    // The secret may be moved away: the token is there.
    fs::remove_file(&file)?;
    ensure!(made.clone().run(&controller)?.succeeded()?.changes()? == 0);
    less_is_given_when_less_is_needed(&nodes, &controller)?;
    everything_made_goes(&nodes, &controller)
}

/// Less is needed, and somebody changed a role by hand.
fn less_is_given_when_less_is_needed(nodes: &Nodes, controller: &Controller) -> Result<()> {
    let node = nodes.node("prod")?;
    node.add_role("RepriseSystem", "Sys.Audit,Sys.Modify,Sys.PowerMgmt");
    node.grant("/nodes", USER, "PVEAdmin");
    let less = play(
        nodes,
        json!({"modules": ["vzdump_job"], "storages": ["local"], "without": ["pool"], "operations": ["absent"]}),
    )?;
    let check = less
        .clone()
        .argument("--check")
        .run(controller)?
        .succeeded()?;
    let done = less.run(controller)?.succeeded()?;
    ensure!(
        check.changes()? == done.changes()?,
        "{}",
        done.ended.output()
    );
    ensure!(named(nodes, "/access/acl", "ugid", USER)?.len() == 1);
    let roles = named(nodes, "/access/roles", "roleid", "Reprise")?;
    ensure!(
        roles.len() == 1 && roles[0]["privs"] == "Sys.Audit,Sys.Modify",
        "{roles:?}"
    );
    Ok(())
}

/// `absent` needs no variable: what was made is written down.
fn everything_made_goes(nodes: &Nodes, controller: &Controller) -> Result<()> {
    let root = nodes.node("prod")?.root().to_owned();
    let absent = play(nodes, json!({}))?.variable("reprise_state", "absent");
    let writes = nodes.writes()?;
    let check = absent
        .clone()
        .argument("--check")
        .run(controller)?
        .succeeded()?;
    ensure!(nodes.writes()? == writes, "check mode wrote");
    let gone = absent.clone().run(controller)?.succeeded()?;
    ensure!(
        check.changes()? == gone.changes()?,
        "{}",
        gone.ended.output()
    );
    ensure!(named(nodes, "/access/users", "userid", USER)?.is_empty());
    ensure!(named(nodes, "/access/roles", "roleid", "Reprise")?.is_empty());
    ensure!(named(nodes, "/access/acl", "ugid", USER)?.is_empty());
    ensure!(!root.join("etc/reprise").exists());
    let again = absent.run(controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    Ok(())
}

fn what_somebody_else_made_is_refused_and_stays(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let nodes = Nodes::with_hosts(tools)?;
    let controller = Controller::new(tools)?;
    let node = nodes.node("prod")?;
    node.add_user("own@pve", "not-a-word-of-any-dictionary");
    node.add_role("OwnSystem", "Sys.Audit");
    node.grant("/", "own@pve", "OwnSystem");
    for (token, said) in [
        (json!({"user": "own@pve"}), "has the user `own@pve` already"),
        (
            json!({"role_prefix": "Own"}),
            "has the roles OwnSystem already",
        ),
        (json!({"modules": ["vzdump_jop"]}), "vzdump_jop"),
        (json!({"file": "/root/secret"}), "file"),
    ] {
        let refused = play(&nodes, token)?.run(&controller)?;
        ensure!(
            refused.ended.code == Some(2) && refused.ended.output().contains(said),
            "no `{said}`:\n{}",
            refused.ended.output()
        );
    }
    ensure!(nodes.writes()? == 0, "something was made all the same");

    // A secret that cannot be written down is known to nobody: its token goes again.
    let lost = play(&nodes, json!({"secret_file": "/nowhere/token.secret"}))?.run(&controller)?;
    ensure!(
        lost.ended.code == Some(2) && lost.ended.output().contains("the token was removed again"),
        "{}",
        lost.ended.output()
    );
    let users = nodes.list("prod", "/access/users?full=1")?;
    let user = users
        .iter()
        .find(|user| user["userid"] == USER)
        .context("no user")?;
    ensure!(user["tokens"] == json!([]), "{user}");

    // Whoever has taken the user over keeps it, and a role that another holds stays.
    node.grant("/vms", "own@pve", "RepriseGuests");
    let absent = play(&nodes, json!({"state": "absent"}))?;
    absent.run(&controller)?.succeeded()?;
    let roles = named(&nodes, "/access/roles", "roleid", "Reprise")?;
    ensure!(
        roles.len() == 1 && roles[0]["roleid"] == "RepriseGuests",
        "{roles:?}"
    );
    ensure!(named(&nodes, "/access/users", "userid", "own@pve")?.len() == 1);
    Ok(())
}
