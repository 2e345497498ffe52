//! Marked secrets through every way, at every verbosity: in nothing that is printed, in no command
//! line, in no file that stays.
//!
//! The secrets come from variables: ansible-core itself prints the lines of a playbook where a task
//! failed. They are not given by `environment:` of a task either: core itself writes those variables
//! into the command line of the shell that it starts.

use anyhow::{Result, ensure};
use reprise_lab::{Fault, FaultRule};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::Tools;
use reprise_tests::marks::Marks;
use reprise_tests::site::Site;
use reprise_tests::sshd::Sshd;
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

use crate::ways::{nobody, only_root};

pub(crate) const TESTS: &[WithTools] = tests![
    on_this_machine,
    on_this_machine_with_every_word,
    by_ssh_with_every_word,
    in_the_background_with_every_word,
    by_su_with_every_word,
    from_the_environment_with_every_word,
];

const CIFS: &str = "mark-of-cifs-5d0e1c";
const PBS: &str = "mark-of-pbs-90ab77";

/// Secrets, and a play with tasks that succeed and that fail in every way a task can.
struct Marked {
    site: Site,
    marks: Marks,
    play: Play,
}

fn marked(decorate: impl Fn(Value) -> Value) -> Result<Marked> {
    let site = Site::start()?;
    let server = site.server()?;
    let marks = Marks::new([
        server.token_secret.as_str(),
        server.password.as_str(),
        CIFS,
        PBS,
    ]);
    let cifs = json!({"storage": "nas", "type": "cifs", "enabled": false, "cifs_options": {"server": "192.0.2.1", "share": "s", "username": "u", "password": "{{ cifs }}"}});
    let pbs = json!({"storage": "pbs", "type": "pbs", "enabled": false, "update_password": "always", "pbs_options": {"server": "192.0.2.1", "datastore": "d", "username": "u@pbs", "password": "{{ pbs }}"}});
    let job = json!({"id": "reprise-prod", "schedule": "daily", "all": true, "storage": "backups"});
    let over = |base: &Value, more: Value| {
        Value::Object(reprise_tests::server::merged(
            reprise_tests::server::map(base.clone()),
            more,
        ))
    };
    let by_password = json!({"api_user": server.user, "api_password": "{{ password }}", "api_token_id": null, "api_token_secret": null});
    let tasks = [
        ("pve_storage", cifs.clone()),
        ("pve_storage", pbs.clone()),
        ("pve_storage", over(&cifs, json!({"passwrd": "{{ cifs }}"}))),
        ("pve_storage", over(&cifs, json!({"type": "{{ cifs }}"}))),
        ("pve_storage", over(&pbs, json!({"keep_last": "{{ pbs }}"}))),
        (
            "pve_storage",
            over(
                &pbs,
                json!({"pbs_options": {"password": "{{ pbs }}", "prot": "{{ pbs }}"}}),
            ),
        ),
        ("vzdump_job", job.clone()),
        (
            "vzdump_job",
            over(
                &job,
                json!({"comment": "{{ password }}", "api_password": "{{ password }}"}),
            ),
        ),
        (
            "vzdump_job",
            over(
                &job,
                json!({"mode": "{{ password }}", "api_password": "{{ password }}"}),
            ),
        ),
        (
            "vzdump_job",
            over(
                &job,
                json!({"api_user": "nobody@pve", "api_token_id": "none"}),
            ),
        ),
        (
            "vzdump_job",
            over(&job, json!({"id": ["{{ pve_api.api_token_secret }}"]})),
        ),
        (
            "vzdump_job",
            over(&job, json!({"api_host": "{{ pve_api.api_token_secret }}"})),
        ),
        ("vzdump_job", over(&job, by_password)),
        (
            "vzdump_job",
            over(&job, json!({"id": "x1", "state": "absent"})),
        ),
    ];
    let connection = reprise_tests::server::merged(
        server.by_token()?,
        json!({"ca_path": null, "fingerprint": server.fingerprint}),
    );
    let mut play = Play::new()
        .connected(&connection)
        .variable("cifs", CIFS)
        .variable("pbs", PBS)
        .variable("password", server.password.as_str())
        .argument("--diff")
        .watched();
    for (number, (module, options)) in tasks.into_iter().enumerate() {
        let name = format!("reprise.pve.{module}");
        play = play.task(decorate(
            json!({"name": format!("task {number}"), name: options, "ignore_errors": true}),
        ));
    }
    Ok(Marked { site, marks, play })
}

/// Runs it in check mode and for real, and looks everywhere.
fn search(marked: &Marked, controller: &Controller, verbosity: &str) -> Result<()> {
    let mut play = marked.play.clone();
    if !verbosity.is_empty() {
        play = play.argument(verbosity);
    }
    for played in [
        play.clone().argument("--check").run(controller)?,
        play.run(controller)?,
    ] {
        let ran = |task: usize, kind: &str| {
            let result = played.result(&format!("task {task}"))?;
            ensure!(result.kind == kind, "task {task}: {}", result.result);
            Ok::<_, anyhow::Error>(())
        };
        ran(0, "ok")?;
        ran(6, "ok")?;
        ran(2, "failed")?;
        ran(9, "failed")?;
        marked.marks.absent_from_run(&played.ended)?;
        for task in &played.tasks {
            marked
                .marks
                .absent_from(&task.task, &task.result.to_string())?;
        }
        ensure!(
            played
                .ended
                .command_lines
                .iter()
                .any(|line| line.contains("ansible-playbook")),
            "no command line was seen"
        );
    }
    marked.marks.absent_below(controller.folder())?;
    for entry in marked.site.node()?.journal() {
        let path = entry
            .raw
            .split_once('\n')
            .map_or(entry.raw.as_str(), |(path, _)| path);
        marked.marks.absent_from("a path that was sent", path)?;
    }
    Ok(())
}

fn on_this_machine(tools: &Tools) -> Result<()> {
    search(&marked(|task| task)?, &Controller::new(tools)?, "")
}

fn on_this_machine_with_every_word(tools: &Tools) -> Result<()> {
    let marked = marked(|task| task)?;
    // A server that repeats what it was told.
    let echo = Fault::Status(500, format!("no good: {CIFS}"));
    marked
        .site
        .node()?
        .inject(FaultRule::new("/storage", echo).on_method("PUT"));
    search(&marked, &Controller::new(tools)?, "-vvvv")
}

fn by_ssh_with_every_word(tools: &Tools) -> Result<()> {
    let sshd = Sshd::start(&tools.sshd)?;
    let mut marked = marked(|task| task)?;
    marked.play = marked.play.host("node", sshd.host());
    search(&marked, &Controller::new(tools)?, "-vvvv")
}

fn in_the_background_with_every_word(tools: &Tools) -> Result<()> {
    let marked = marked(|task| with(task, json!({"async": 60, "poll": 1})))?;
    // Check mode does not run tasks in the background on every core, so only for real.
    let controller = Controller::new(tools)?;
    let played = marked.play.clone().argument("-vvvv").run(&controller)?;
    marked.marks.absent_from_run(&played.ended)?;
    ensure!(
        played.result("task 6")?.changed(),
        "{}",
        played.ended.output()
    );
    // Core's wrapper clears up behind a task in the background up to five seconds late.
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(20) {
        if std::fs::read_dir(controller.remote())?.next().is_none() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    marked.marks.absent_below(controller.folder())
}

fn by_su_with_every_word(tools: &Tools) -> Result<()> {
    only_root()?;
    search(
        &marked(|task| with(task, nobody()))?,
        &Controller::new(tools)?,
        "-vvvv",
    )
}

fn from_the_environment_with_every_word(tools: &Tools) -> Result<()> {
    let site = Site::start()?;
    let server = site.server()?;
    let marks = Marks::new([server.token_secret.as_str()]);
    let controller = Controller::new(tools)?;
    let job = json!({"id": "reprise-prod", "schedule": "daily", "all": true, "storage": "backups"});
    let played = Play::new()
        .module("job", "vzdump_job", job)
        .module(
            "mistake",
            "vzdump_job",
            json!({"id": "x1", "scedule": "daily"}),
        )
        .environment("PROXMOX_HOST", server.url.as_str())
        .environment("PROXMOX_TOKEN_ID", server.token_id.as_str())
        .environment("PROXMOX_TOKEN_SECRET", server.token_secret.as_str())
        .environment("PROXMOX_FINGERPRINT", server.fingerprint.as_str())
        .argument("-vvvv")
        .watched()
        .run(&controller)?;
    ensure!(played.result("job")?.changed(), "{}", played.ended.output());
    ensure!(played.result("mistake")?.kind == "failed");
    marks.absent_from_run(&played.ended)?;
    marks.absent_below(controller.folder())
}

fn with(task: Value, more: Value) -> Value {
    Value::Object(reprise_tests::server::merged(
        reprise_tests::server::map(task),
        more,
    ))
}
