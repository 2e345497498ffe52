//! What a playbook relies on: check mode, diff, second runs, defaults, loops, delegation.

use anyhow::{Result, ensure};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::job_rows;
use reprise_tests::site::Site;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![
    check_predicts_and_diff_shows,
    a_loop_and_its_items,
    a_task_goes_to_another_host,
    several_hosts_at_once,
    what_a_role_reads_afterwards,
    the_installed_tarball_is_documented,
];

fn check_predicts_and_diff_shows(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let job = job_rows::base(&site.server()?, "reprise-prod")?;
    let storage = json!({"storage": "more", "type": "dir", "dir_options": {"path": "/srv/more"}, "keep_daily": 7});
    let play = Play::new()
        .connected(&site.server()?.by_token()?)
        .module("storage", "pve_storage", storage)
        .module("job", "vzdump_job", job);

    let check = play
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(check.changes()? == 2, "{}", check.ended.output());
    ensure!(site.calls()?.1 == 0, "check mode wrote");
    // What a person reads: before and after, as a unified diff.
    for line in [
        "--- before: backup job reprise-prod",
        "+    \"schedule\": \"03:00\",",
        "+++ after: storage more",
    ] {
        ensure!(
            check.ended.stdout.contains(line),
            "no `{line}`:\n{}",
            check.ended.stdout
        );
    }
    let real = play
        .clone()
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(real.changes()? == 2, "{}", real.ended.output());
    for task in ["storage", "job"] {
        let diffs = [&check, &real]
            .map(|played| played.result(task).map(|task| task.result["diff"].clone()));
        let [predicted, done] = diffs;
        ensure!(
            predicted? == done?,
            "{task}: check mode predicted another diff"
        );
    }
    let again = play
        .clone()
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    ensure!(
        !again.ended.stdout.contains("+++"),
        "a diff of nothing:\n{}",
        again.ended.stdout
    );
    // Without --diff there is none in the result.
    let quiet = play.argument("--check").run(&controller)?.succeeded()?;
    ensure!(
        quiet.result("job")?.result.get("diff").is_none(),
        "a diff nobody asked for"
    );
    Ok(())
}

fn a_loop_and_its_items(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let task = json!({
        "name": "jobs",
        "reprise.pve.vzdump_job": {
            "id": "reprise-{{ item.name }}",
            "schedule": "{{ item.schedule }}",
            "vmid": "{{ item.guests }}",
            "storage": "backups",
            "enabled": "{{ item.enabled | default(omit) }}",
        },
        "loop": [
            {"name": "prod", "schedule": "03:00", "guests": [100, 101]},
            // Texts where lists and booleans are meant, as variables often have them.
            {"name": "lab", "schedule": "sat 04:00", "guests": "200,201", "enabled": "no"},
        ],
        "loop_control": {"label": "{{ item.name }}"},
    });
    let play = Play::new()
        .connected(&site.server()?.by_token()?)
        .task(task);
    let done = play.clone().run(&controller)?.succeeded()?;
    ensure!(
        done.tasks
            .iter()
            .filter(|task| task.kind == "item_ok" && task.changed())
            .count()
            == 2
    );
    let api = reprise_tests::api::Api::new(&site.server()?)?;
    let lab = api.job("reprise-lab")?.unwrap_or_default();
    ensure!(lab["vmid"] == "200,201" && lab["enabled"] == "0", "{lab}");
    ensure!(play.run(&controller)?.succeeded()?.changes()? == 0);
    Ok(())
}

fn a_task_goes_to_another_host(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let job = job_rows::base(&site.server()?, "reprise-prod")?;
    let play = Play::new()
        .connected(&site.server()?.by_token()?)
        .key("hosts", "far")
        .host("far", json!({"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}))
        .host("near", json!({"ansible_connection": "local"}))
        .task(json!({"name": "job", "reprise.pve.vzdump_job": job, "delegate_to": "near", "run_once": true}));
    let done = play.run(&controller)?.succeeded()?;
    ensure!(done.result("job")?.changed(), "{}", done.ended.output());
    Ok(())
}

fn several_hosts_at_once(tools: &Tools) -> Result<()> {
    let sites = [Site::start()?, Site::start()?, Site::start()?];
    let controller = Controller::new(tools)?;
    let mut play = Play::new().key(
        "module_defaults",
        json!({"group/reprise.pve.all": {
            "api_host": "{{ url }}",
            "api_token_id": "{{ token }}",
            "api_token_secret": "{{ secrets[inventory_hostname] }}",
            "fingerprint": "{{ print }}",
        }}),
    );
    let mut secrets = serde_json::Map::new();
    for (number, site) in sites.iter().enumerate() {
        let server = site.server()?;
        let name = format!("pve{number}");
        let variables = json!({"ansible_connection": "local", "url": server.url, "token": server.token_id, "print": server.fingerprint});
        play = play.host(&name, variables);
        secrets.insert(name, server.token_secret.into());
    }
    // By its short name, as with `collections:` of the play.
    let job = json!({"name": "job", "vzdump_job": {"id": "reprise-prod", "schedule": "daily", "all": true, "storage": "backups"}});
    let play = play
        .variable("secrets", Value::Object(secrets))
        .key("collections", json!(["reprise.pve"]))
        .task(job);
    ensure!(play.clone().run(&controller)?.succeeded()?.changes()? == 3);
    ensure!(play.run(&controller)?.succeeded()?.changes()? == 0);
    Ok(())
}

fn what_a_role_reads_afterwards(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let job = job_rows::base(&site.server()?, "reprise-prod")?;
    let facts = [
        "result is changed",
        "result.job.id == 'reprise-prod'",
        "result.next_run is number",
        "result.guests | map(attribute='vmid') | list == [100, 101, 200, 201]",
        "result.guests | selectattr('vmid', 'eq', 100) | map(attribute='type') | first == 'qemu'",
        "result.guests_unknown is none",
        "result.exit_code == 0",
        "result.actions | length == 1",
        "result.warnings | select('search', 'retention') | list | length == 1",
    ];
    let play = Play::new()
        .connected(&site.server()?.by_token()?)
        .task(json!({"name": "job", "reprise.pve.vzdump_job": job, "register": "result"}))
        .task(json!({"name": "read", "ansible.builtin.assert": {"that": facts}}));
    play.run(&controller)?.succeeded().map(drop)
}

fn the_installed_tarball_is_documented(tools: &Tools) -> Result<()> {
    let controller = Controller::new(tools)?;
    for module in reprise::MODULES {
        let name = format!("reprise.pve.{}", module.declaration.name);
        let mut command = reprise_tests::process::command(tools.venv.join("bin/ansible-doc"));
        command
            .arg("--json")
            .arg(&name)
            .env("HOME", controller.folder().join("home"))
            .env("ANSIBLE_HOME", controller.folder().join("home/.ansible"))
            .env("ANSIBLE_LOCAL_TEMP", controller.folder().join("local"))
            .env("ANSIBLE_COLLECTIONS_PATH", &tools.collections);
        let ended =
            reprise_tests::process::run(command, b"", reprise_tests::process::Watch::Nothing)?;
        let doc = &ended.json()?[&name]["doc"];
        for option in module.declaration.spec.options() {
            ensure!(
                doc["options"].get(option.name).is_some(),
                "{name}: {} is not documented",
                option.name
            );
        }
    }
    Ok(())
}
