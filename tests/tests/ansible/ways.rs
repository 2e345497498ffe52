//! The ways to a host and to a user, and tasks in the background.

use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, ensure};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::server::Server;
use reprise_tests::site::Site;
use reprise_tests::sshd::Sshd;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

pub(crate) const TESTS: &[WithTools] = tests![
    by_ssh,
    become_by_su,
    in_the_background,
    by_ssh_in_the_background_as_another,
    by_the_environment,
];

/// A job of this name with the storage of the site.
fn job(server: &Server, id: &str) -> Result<Value> {
    Ok(Value::Object(reprise_tests::job_rows::base(server, id)?))
}

/// The options of the connection without a file, which another user could not read.
fn pinned(server: &Server) -> Result<serde_json::Map<String, Value>> {
    let change = json!({"ca_path": null, "fingerprint": server.fingerprint});
    Ok(reprise_tests::server::merged(server.by_token()?, change))
}

pub(crate) fn only_root() -> Result<()> {
    let user = std::fs::metadata("/proc/self").context("no /proc")?.uid();
    ensure!(
        user == 0,
        "becoming another user by su without a password needs root: run the tests as root"
    );
    Ok(())
}

/// Nobody, whose own shell lets nobody in.
pub(crate) fn nobody() -> Value {
    json!({"become": true, "become_method": "ansible.builtin.su", "become_user": "nobody", "become_flags": "-s /bin/sh"})
}

fn with(task: Value, more: Value) -> Value {
    Value::Object(reprise_tests::server::merged(
        reprise_tests::server::map(task),
        more,
    ))
}

fn by_ssh(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let sshd = Sshd::start(&tools.sshd)?;
    let server = site.server()?;
    let play = Play::new()
        .connected(&server.by_token()?)
        .host("node", sshd.host())
        .module("job", "vzdump_job", job(&server, "reprise-prod")?);
    let check = play
        .clone()
        .argument("--check")
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(
        check.changes()? == 1 && site.calls()?.1 == 0,
        "{}",
        check.ended.output()
    );
    let real = play
        .clone()
        .argument("--diff")
        .run(&controller)?
        .succeeded()?;
    ensure!(real.changes()? == 1, "{}", real.ended.output());
    ensure!(check.result("job")?.result["diff"] == real.result("job")?.result["diff"]);
    ensure!(play.run(&controller)?.succeeded()?.changes()? == 0);
    let left: Vec<_> = std::fs::read_dir(controller.remote())?.flatten().collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

fn become_by_su(tools: &Tools) -> Result<()> {
    only_root()?;
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let server = site.server()?;
    let root = json!({"become": true, "become_method": "ansible.builtin.su"});
    let task = |name: &str, who: Value| {
        let task = json!({"name": name, "reprise.pve.vzdump_job": job(&server, name)?});
        Ok::<_, anyhow::Error>(with(task, who))
    };
    let play = Play::new()
        .connected(&pinned(&server)?)
        .task(task("as-root", root)?)
        .task(task("as-nobody", nobody())?);
    ensure!(
        play.clone()
            .argument("--check")
            .run(&controller)?
            .succeeded()?
            .changes()?
            == 2
    );
    ensure!(play.clone().run(&controller)?.succeeded()?.changes()? == 2);
    ensure!(play.run(&controller)?.succeeded()?.changes()? == 0);
    // It really was nobody: a file that only root reads cannot be read.
    let private = controller.folder().join("home/ca.pem");
    std::fs::copy(&server.ca_path, &private)?;
    let ca_path = json!({"ca_path": private, "fingerprint": null});
    let blocked = Play::new()
        .connected(&reprise_tests::server::merged(server.by_token()?, ca_path))
        .task(task("as-nobody", nobody())?);
    let blocked = blocked.run(&controller)?;
    let result = blocked.result("as-nobody")?;
    ensure!(
        result.kind == "failed" && result.message().contains("ca.pem"),
        "{}",
        result.result
    );
    Ok(())
}

fn in_the_background(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let server = site.server()?;
    let play = Play::new()
        .connected(&server.by_token()?)
        .task(json!({"name": "waited", "reprise.pve.vzdump_job": job(&server, "waited")?, "async": 60, "poll": 1}))
        .task(json!({"name": "started", "reprise.pve.vzdump_job": job(&server, "started")?, "async": 60, "poll": 0, "register": "job"}))
        .task(json!({
            "name": "fetched",
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "status",
            "until": "status is finished",
            "retries": 60,
            "delay": 1,
        }));
    let done = play.clone().run(&controller)?.succeeded()?;
    for task in ["waited", "fetched"] {
        let result = done.result(task)?;
        ensure!(
            result.changed() && result.result["exit_code"] == 0,
            "{task}: {}",
            result.result
        );
    }
    ensure!(done.result("fetched")?.result["id"] == "started");
    let api = reprise_tests::api::Api::new(&server)?;
    ensure!(api.job("waited")?.is_some() && api.job("started")?.is_some());
    let again = play.run(&controller)?.succeeded()?;
    ensure!(!again.result("waited")?.changed() && !again.result("fetched")?.changed());
    Ok(())
}

fn by_ssh_in_the_background_as_another(tools: &Tools) -> Result<()> {
    only_root()?;
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let sshd = Sshd::start(&tools.sshd)?;
    let server = site.server()?;
    let task = json!({"name": "job", "reprise.pve.vzdump_job": job(&server, "reprise-prod")?, "async": 60, "poll": 1});
    // Its results lie where nobody may write.
    let nobody = with(
        nobody(),
        json!({"vars": {
            "ansible_async_dir": controller.remote().join("async-of-nobody"),
            // Core's wrapper is Python, and nobody may not enter the folder of the virtual environment.
            "ansible_python_interpreter": "/usr/bin/python3",
        }}),
    );
    let play = Play::new()
        .connected(&pinned(&server)?)
        .host("node", sshd.host())
        .task(with(task, nobody));
    ensure!(
        play.clone()
            .run(&controller)?
            .succeeded()?
            .result("job")?
            .changed()
    );
    ensure!(!play.run(&controller)?.succeeded()?.result("job")?.changed());
    Ok(())
}

fn by_the_environment(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let controller = Controller::new(tools)?;
    let server = site.server()?;
    let (host, port) = server.endpoint()?;
    let environment = json!({
        "PROXMOX_HOST": host,
        "PROXMOX_PORT": port.to_string(),
        "PROXMOX_USER": "{{ login.user }}",
        "PROXMOX_PASSWORD": "{{ login.password }}",
        "PROXMOX_FINGERPRINT": server.fingerprint,
    });
    let play = Play::new()
        .variable(
            "login",
            json!({"user": server.user, "password": server.password}),
        )
        .key("environment", environment)
        .module("job", "vzdump_job", job(&server, "reprise-prod")?);
    ensure!(play.clone().run(&controller)?.succeeded()?.changes()? == 1);
    ensure!(play.run(&controller)?.succeeded()?.changes()? == 0);
    Ok(())
}
