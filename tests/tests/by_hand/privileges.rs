//! The lines of `reprise privileges` are enough for everything a module does, and nothing in them
//! is too much: with each privilege taken away in turn the run is refused, or tells as unknown what
//! it could not see, and names the privilege. All of it comes from the modules' declarations.

use anyhow::{Context as _, Result, bail, ensure};
use module_kit::privileges::{Missing, Need, Operation};
use reprise_lab::Separation;
use reprise_tests::job_rows;
use reprise_tests::server::{map, merged};
use serde_json::{Map, Value, json};

use crate::support::{JOB, World, fails, succeeds, text, warnings};

/// What `reprise privileges` printed, carried out in the lab as a node would, but for one privilege.
fn token(world: &World, lines: &str, without: Option<&str>) -> Result<Map<String, Value>> {
    let node = world.site.node()?;
    let mut made = None;
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["pveum", "role", "add", role, "--privs", privileges] => {
                let kept: Vec<&str> = privileges
                    .trim_matches('"')
                    .split(',')
                    .filter(|privilege| Some(*privilege) != without)
                    .collect();
                node.add_role(role, &kept.join(","));
            }
            ["pveum", "user", "add", user] => node.add_user(user, "a-password"),
            [
                "pveum",
                "acl",
                "modify",
                path,
                "--users",
                user,
                "--roles",
                role,
            ] => {
                node.grant(path, user, role);
            }
            [
                "pveum",
                "user",
                "token",
                "add",
                user,
                name,
                "--privsep",
                "0",
            ] => {
                let token = format!("{user}!{name}");
                node.add_token(&token, Separation::Shared)?;
                made = Some(token);
            }
            _ => bail!("this is no line that a node knows: {line}"),
        }
    }
    let token = made.context("no line makes a token")?;
    world.site.server_with(&token)?.by_token()
}

/// The cases of a module, each of which `--without` can leave out.
fn cases(operations: &[Operation]) -> Vec<&'static str> {
    operations
        .iter()
        .flat_map(|operation| operation.needs)
        .filter_map(|need| need.when.map(|case| case.name))
        .collect()
}

/// The lines for one operation in one case.
fn lines(world: &World, module: &str, operation: &Operation, case: Option<&str>) -> Result<String> {
    let mut arguments = vec!["privileges", module, "--operation", operation.name];
    let others: Vec<&str> = cases(std::slice::from_ref(operation))
        .into_iter()
        .filter(|other| Some(*other) != case)
        .collect();
    let others = others.join(",");
    if !others.is_empty() {
        arguments.extend(["--without", &others]);
    }
    if module == "vzdump_job" {
        arguments.extend(["--storage", "backups,images"]);
    }
    let ended = world.program.by_hand(arguments)?;
    ensure!(ended.code == Some(0), "{}", ended.output());
    Ok(ended.stdout)
}

/// What the task says for an operation in a case; what must be there before is made.
fn task(world: &World, module: &str, operation: &str, case: Option<&str>) -> Result<Value> {
    let guest = world.server.ct;
    if module == "pve_storage" {
        let declared = json!({
            "storage": "more", "type": "dir", "dir_options": {"path": "/srv/more"},
        });
        return Ok(match operation {
            "absent" => {
                succeeds(&world.storage(declared)?, true);
                json!({"storage": "more", "state": "absent"})
            }
            _ => declared,
        });
    }
    if module == "pve_info" {
        return Ok(json!({}));
    }
    if module == "backup_verify" {
        return Ok(match case {
            None => json!({"fail_on": []}),
            Some("pools") => json!({"fail_on": [], "rpo": {"pool:services": 6}}),
            Some(other) => bail!("nobody says here how backup_verify comes to {other}"),
        });
    }
    if module == "guest_backup" {
        return Ok(json!({"vmid": world.server.vm, "backup_enabled": false}));
    }
    let selection = json!({"all": null, "tags": ["web"]});
    let declared = match (operation, case) {
        ("present", Some("pool")) => json!({"all": null, "pool": "services"}),
        (_, Some("fleecing")) => {
            merged(map(selection), json!({"fleecing": {"storage": "images"}})).into()
        }
        (_, Some("limits")) => json!({"all": null, "vmid": [guest], "bwlimit": 51200}),
        (_, Some("retention")) => json!({"all": null, "vmid": [guest], "keep_last": 3}),
        ("present", None) => selection,
        (_, None | Some("pool")) => json!({"all": null, "vmid": [guest]}),
        (_, Some(other)) => bail!("nobody says here how vzdump_job comes to {other}"),
    };
    if operation == "present" {
        let base = job_rows::base(&world.server, JOB)?;
        return Ok(merged(base, declared).into());
    }
    succeeds(&world.job(declared)?, true);
    Ok(json!({"id": JOB, "state": operation}))
}

/// In check mode and for real, in that order.
fn both(world: &World, module: &str, options: &Map<String, Value>) -> Result<[Value; 2]> {
    let check = merged(options.clone(), json!({"_ansible_check_mode": true}));
    Ok([
        world.program.module(module, &check)?,
        world.program.module(module, options)?,
    ])
}

/// Does one thing with these lines but for one privilege.
fn done(
    module: &str,
    operation: &Operation,
    case: Option<&str>,
    without: Option<&str>,
) -> Result<(World, [Value; 2])> {
    let world = World::start()?;
    let task = task(&world, module, operation.name, case)?;
    let lines = lines(&world, module, operation, case)?;
    let options = merged(token(&world, &lines, without)?, task);
    let results = both(&world, module, &options)?;
    Ok((world, results))
}

#[test]
fn the_printed_lines_are_enough_for_everything_a_module_does() -> Result<()> {
    for module in reprise::MODULES {
        let declaration = module.declaration;
        for operation in declaration.operations {
            let own = cases(std::slice::from_ref(operation)).into_iter().map(Some);
            for case in std::iter::once(None).chain(own) {
                let (_, results) = done(declaration.name, operation, case, None)?;
                for result in results {
                    let only_looks = ["backup_verify", "pve_info"].contains(&declaration.name);
                    succeeds(&result, !only_looks);
                    let unknown = result["unknown"].as_array();
                    assert!(unknown.is_none_or(Vec::is_empty), "{case:?}: {result}");
                    assert_eq!(text(&result, "guests_unknown"), "", "{case:?}: {result}");
                    assert!(!warnings(&result).contains("cannot be seen"), "{result}");
                }
            }
        }
    }
    Ok(())
}

/// Everything that a result says.
fn said(result: &Value) -> String {
    format!(
        "{} {} {}",
        warnings(result),
        text(result, "guests_unknown"),
        result["unknown"]
    )
}

#[test]
fn without_any_one_of_them_a_run_is_refused_or_says_what_it_cannot_see() -> Result<()> {
    let mut tried = 0;
    for module in reprise::MODULES {
        let declaration = module.declaration;
        for operation in declaration.operations {
            for need in operation.needs {
                tried += 1;
                let about = format!("{} {} {need:?}", declaration.name, operation.name);
                let case = need.when.map(|case| case.name);
                let (world, results) =
                    done(declaration.name, operation, case, Some(need.privilege))?;
                for result in &results {
                    refused_or_unknown(need, result, &about);
                }
                if need.missing == Missing::Refused {
                    let journal = world.site.node()?.journal();
                    let written = journal.iter().find(|entry| {
                        let by = entry.identity.as_deref().unwrap_or_default();
                        entry.is_write() && by.starts_with("reprise@pve")
                    });
                    assert!(written.is_none(), "{about}: {written:?}");
                }
            }
        }
    }
    assert!(tried > 10, "{tried}");
    Ok(())
}

fn refused_or_unknown(need: &Need, result: &Value, about: &str) {
    if need.missing == Missing::Refused {
        fails(result, 3, &[need.privilege, "pveum"]);
        return;
    }
    // What cannot be seen may make a plan impossible, too: then it is refused with the same name.
    let whole = format!("{} {}", said(result), text(result, "msg"));
    assert!(whole.contains(need.privilege), "{about}: {result}");
}
