//! `reprise.pve.site`: what each environment gets, twice, with other wishes, and taken away again.

use anyhow::{Result, ensure};
use reprise_tests::ansible::{Controller, Play, Played};
use reprise_tests::environment::Tools;
use reprise_tests::nodes::{ENVIRONMENTS, Nodes};
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![
    check_then_do_then_nothing_then_absent,
    wishes_come_before_the_environment,
    own_environments_come_on_top,
    over_ssh_on_the_nodes,
];

/// The playbook for all nodes, each reached in this way.
pub(crate) fn play(playbook: &str, way: impl Fn(&str) -> Result<Value>) -> Result<Play> {
    let mut play = Play::shipped(playbook);
    for environment in ENVIRONMENTS {
        let node = format!("pve-{environment}");
        play = play
            .host(&node, way(environment)?)
            .group(environment, &[&node]);
    }
    Ok(play)
}

/// One value of the only job of an environment, as text.
fn of_job(nodes: &Nodes, environment: &str, key: &str) -> Result<String> {
    let jobs = nodes.jobs(environment)?;
    ensure!(jobs.len() == 1, "{environment} has {jobs:?}");
    Ok(match &jobs[0][key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

fn has_storage(nodes: &Nodes, environment: &str) -> Result<bool> {
    let storages = nodes.list(environment, "/storage")?;
    Ok(storages
        .iter()
        .any(|storage| storage["storage"] == "local-backup"))
}

fn check_then_do_then_nothing_then_absent(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_api(environment))?;
    let check = site
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(check.changes()? == 6, "{}", check.ended.output());
    ensure!(nodes.writes()? == 0, "check mode wrote");
    ensure!(
        check
            .ended
            .stdout
            .contains("+    \"schedule\": \"sat 04:00\","),
        "{}",
        check.ended.stdout
    );
    // Nobody is told of a failed backup, and that is a warning of Ansible's own.
    let said = check
        .ended
        .output()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    ensure!(
        said.contains("[WARNING]: no notification is chosen for job `reprise-prod`"),
        "{}",
        check.ended.output()
    );

    // The storage is not there yet, and the same play would make it.
    ensure!(!said.contains("does not exist"), "{said}");

    let made = site.clone().run(&controller)?.succeeded()?;
    ensure!(made.changes()? == 6, "{}", made.ended.output());
    for (environment, schedule, retention) in [
        ("prod", "03:00", "keep-daily=7,keep-weekly=4,keep-monthly=3"),
        ("lab", "sat 04:00", "keep-weekly=2"),
        ("mon", "02:30", "keep-daily=7,keep-weekly=4"),
    ] {
        ensure!(of_job(&nodes, environment, "id")? == format!("reprise-{environment}"));
        ensure!(of_job(&nodes, environment, "schedule")? == schedule);
        let kept = of_job(&nodes, environment, "prune-backups")?;
        for part in retention.split(',') {
            let (key, count) = part.split_once('=').unwrap_or_default();
            // As text or as an object: the server is not of one mind.
            ensure!(
                kept.contains(part)
                    || kept.contains(&format!("\"{key}\":\"{count}\""))
                    || kept.contains(&format!("\"{key}\":{count}")),
                "{environment}: {kept}"
            );
        }
        ensure!(of_job(&nodes, environment, "storage")? == "local-backup");
        ensure!(has_storage(&nodes, environment)?);
    }

    let again = site
        .clone()
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());

    // The job goes, storage and archives stay, until they are named.
    let absent = site.variable("backup_schedule_state", "absent");
    let writes = nodes.writes()?;
    let check = absent
        .clone()
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    ensure!(check.changes()? == 3 && nodes.writes()? == writes);
    ensure!(absent.clone().run(&controller)?.succeeded()?.changes()? == 3);
    let storages = absent.variable("backup_schedule_remove_storage", true);
    for environment in ENVIRONMENTS {
        ensure!(nodes.jobs(environment)?.is_empty() && has_storage(&nodes, environment)?);
    }
    ensure!(storages.clone().run(&controller)?.succeeded()?.changes()? == 3);
    ensure!(!has_storage(&nodes, "prod")?);
    ensure!(storages.run(&controller)?.succeeded()?.changes()? == 0);
    Ok(())
}

fn wishes_come_before_the_environment(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_api(environment))?
        .argument("--limit")
        .argument("pve-lab")
        .variable("backup_schedule_schedule", "mon..fri 22:15")
        .variable("backup_schedule_retention", json!({"keep_last": 3}))
        .variable("backup_schedule_bwlimit", 51200)
        .variable("backup_schedule_notify", json!(["ops@example.com"]))
        .variable("backup_schedule_selection", json!({"vmid": [200, 210]}))
        .variable(
            "backup_schedule_guests",
            json!([{"vmid": 200, "backup_enabled": false}]),
        )
        .variable("backup_schedule_job_id", "nightly")
        .variable("backup_schedule_path", "/srv/archives")
        .variable(
            "backup_schedule_job_options",
            json!({"mode": "stop", "mailnotification": "failure"}),
        );
    let made = site.clone().run(&controller)?.succeeded()?;
    ensure!(made.changes()? == 3, "{}", made.ended.output());
    // The job says what it saves of that guest, and so does the server.
    let job = made.result("reprise.pve.backup_schedule : Declare the job of the environment")?;
    ensure!(
        job.result["guests"][0]["disks"][0]["included"] == false,
        "{}",
        job.result
    );
    for (key, value) in [
        ("id", "nightly"),
        ("schedule", "mon..fri 22:15"),
        ("bwlimit", "51200"),
        ("mailto", "ops@example.com"),
        ("mailnotification", "failure"),
        ("notification-mode", "legacy-sendmail"),
        ("vmid", "200,210"),
        ("mode", "stop"),
    ] {
        let found = of_job(&nodes, "lab", key)?;
        ensure!(found == value, "{key} is {found}");
    }
    let kept = of_job(&nodes, "lab", "prune-backups")?;
    ensure!(
        kept.contains("keep-last") && !kept.contains("weekly"),
        "{kept}"
    );
    ensure!(nodes.jobs("prod")?.is_empty(), "--limit was not kept");
    for warning in ["no notification", "leaves out"] {
        let said = made.ended.output().contains(warning);
        ensure!(said == (warning == "leaves out"), "{}", made.ended.stdout);
    }
    // The guest that nobody saves is named.
    ensure!(made.ended.stdout.contains("nightly leaves out 201"));
    ensure!(site.clone().run(&controller)?.succeeded()?.changes()? == 0);

    // An environment of one's own, by variables alone; what a module refuses is an error.
    let own = site
        .variable("env", "lab")
        .variable("backup_schedule_environment", "attic")
        .variable("backup_schedule_job_options", json!({"mood": "stop"}));
    let refused = own.run(&controller)?;
    ensure!(refused.ended.code == Some(2), "{}", refused.ended.output());
    let job = "reprise.pve.backup_schedule : Declare the job of the environment";
    ensure!(
        refused
            .result(job)?
            .message()
            .contains("Unsupported parameters")
            && refused.result(job)?.message().contains("mood"),
        "{}",
        refused.ended.output()
    );
    Ok(())
}

fn own_environments_come_on_top(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_api(environment))?
        .group("web", &["pve-lab"])
        .variable("backup_schedule_environment", "{{ given | default('web') }}")
        .variable(
            "backup_schedule_environments",
            json!({"mon": {"schedule": "01:15"}, "web": {"schedule": "daily", "retention": {"keep_last": 3}}}),
        )
        // One name, as people write it.
        .variable("backup_schedule_notify", "system");
    for (environment, given) in [("prod", "prod"), ("mon", "mon"), ("lab", "web")] {
        site.clone()
            .argument("--limit")
            .argument(&format!("pve-{environment}"))
            .variable("given", given)
            .run(&controller)?
            .succeeded()?;
    }
    for (environment, id, schedule, kept) in [
        ("prod", "reprise-prod", "03:00", "keep-monthly"),
        ("mon", "reprise-mon", "01:15", "keep-weekly"),
        ("lab", "reprise-web", "daily", "keep-last"),
    ] {
        ensure!(of_job(&nodes, environment, "id")? == id);
        ensure!(of_job(&nodes, environment, "schedule")? == schedule);
        let found = of_job(&nodes, environment, "prune-backups")?;
        ensure!(found.contains(kept), "{environment}: {found}");
        let mode = of_job(&nodes, environment, "notification-mode")?;
        ensure!(mode == "notification-system", "{environment}: {mode}");
    }
    Ok(())
}

fn a_missing_mount_is_found(site: &Play, nodes: &Nodes, controller: &Controller) -> Result<()> {
    // A mount that is missing is found before anything else is made, also in check mode.
    let mount =
        json!({"type": "dir", "dir_options": {"path": "/srv/backup", "is_mountpoint": true}});
    let mounted = site
        .clone()
        .argument("--check")
        .argument("--limit")
        .argument("pve-mon")
        .argument("--tags")
        .argument("schedule")
        .variable("backup_schedule_storage_options", mount);
    let refused = mounted.clone().run(controller)?;
    ensure!(
        refused.ended.code == Some(2)
            && refused
                .ended
                .stdout
                .contains("Nothing is mounted at /srv/backup on pve-mon"),
        "{}",
        refused.ended.output()
    );
    nodes.node("mon")?.mount("/srv/backup")?;
    mounted.run(controller)?.succeeded()?;
    Ok(())
}

fn over_ssh_on_the_nodes(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let nodes = Nodes::with_hosts(tools)?;
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_ssh(environment))?
        .variable("reprise_verify", true)
        .variable(
            "reprise_config",
            json!({"vzdump_job": {"storage": "local-backup"}}),
        );
    a_missing_mount_is_found(&site, &nodes, &controller)?;

    let check = site
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(check.changes()? > 0, "{}", check.ended.output());
    ensure!(nodes.jobs("prod")?.is_empty(), "check mode wrote");
    let installed = nodes.node("mon")?.local("/usr/local/bin/reprise");
    ensure!(
        installed.symlink_metadata().is_err(),
        "check mode installed"
    );

    let made = site.clone().run(&controller)?.succeeded()?;
    for environment in ENVIRONMENTS {
        ensure!(of_job(&nodes, environment, "id")? == format!("reprise-{environment}"));
    }
    says_version(&made)?;
    ensure!(installed.symlink_metadata()?.is_symlink());
    let again = site.clone().run(&controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());

    // A node that is down is named, and the others go on.
    nodes.node("lab")?.down()?;
    let run = play("reprise.pve.backup", |environment| {
        nodes.by_ssh(environment)
    })?;
    let run = run.run(&controller)?;
    ensure!(run.ended.code == Some(2), "{}", run.ended.output());
    for text in [
        "pve-lab cannot be reached at",
        "Not done: pve-lab.",
        "--limit pve-lab",
    ] {
        ensure!(
            run.ended.stdout.contains(text),
            "no `{text}`:\n{}",
            run.ended.output()
        );
    }
    let sound = run.ended.stdout.matches(" is ok").count();
    ensure!(sound > 4, "{}", run.ended.output());
    for environment in ["prod", "mon"] {
        let dump = nodes.node(environment)?.local("/var/lib/local-backup/dump");
        ensure!(
            std::fs::read_dir(dump)?.count() > 0,
            "{environment} made no archive"
        );
    }
    nodes.node("lab")?.up()?;

    let absent = site
        .variable("reprise_state", "absent")
        .variable("backup_verify_state", "absent")
        .variable("backup_schedule_state", "absent")
        .variable("backup_schedule_remove_storage", true);
    let check = absent
        .clone()
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    ensure!(check.changes()? > 0 && installed.symlink_metadata()?.is_symlink());
    ensure!(absent.clone().run(&controller)?.succeeded()?.changes()? > 0);
    ensure!(
        installed.symlink_metadata().is_err(),
        "the program is still there"
    );
    ensure!(nodes.jobs("mon")?.is_empty());
    let dump = nodes.node("mon")?.local("/var/lib/local-backup/dump");
    ensure!(
        std::fs::read_dir(dump)?.count() > 0,
        "the archives are gone"
    );
    let settings = nodes.node("mon")?.local("/etc/reprise");
    ensure!(
        !settings.exists(),
        "the folder of the settings is still there"
    );
    let again = absent.run(&controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    Ok(())
}

fn says_version(played: &Played) -> Result<()> {
    let said = &played
        .result("reprise.pve.reprise : Ask the program for its version")?
        .result;
    let text = said["stdout"].as_str().unwrap_or_default();
    ensure!(text.starts_with("reprise "), "{said}");
    Ok(())
}
