//! The role `backup_verify`: what it lays down on a node, run there by hand as systemd would, and
//! the playbook `reprise.pve.verify`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::{Timestamp, ToSpan as _};
use reprise_lab::{ArchiveSeed, Node};
use reprise_tests::ansible::{Controller, Play};
use reprise_tests::environment::{Tools, systemd_analyze};
use reprise_tests::host::Host;
use reprise_tests::nodes::Nodes;
use reprise_tests::process::{self, Watch};
use reprise_tests::tests;
use reprise_tests::trial::WithTools;
use serde_json::{Value, json};

use crate::site::play;

pub(crate) const TESTS: &[WithTools] = tests![
    units_and_hook_do_their_work_and_go_again,
    every_node_says_what_it_found_before_one_fails,
    what_the_schedule_promises_is_what_is_expected,
];

const UNITS: &str = "/etc/systemd/system";
const SERVICE: &str = "reprise-verify.service";
const READER: &str = "reprise-verify-new.service";
const TIMER: &str = "reprise-verify.timer";
const SCRIPT: &str = "/usr/local/sbin/reprise-vzdump-hook";
const FLAG: &str = "/run/reprise-new-archives";
const CONF: &str = "/etc/vzdump.conf";

fn units_and_hook_do_their_work_and_go_again(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let nodes = Nodes::with_hosts(tools)?;
    let controller = Controller::new(tools)?;
    let node = nodes.node("prod")?;
    let host = Host::of(node)?;
    fs::write(
        node.local(CONF),
        "# vzdump defaults\nbwlimit: 51200\nscript: /root/own.sh\n",
    )?;
    let role = Play::new()
        .host("pve-prod", nodes.by_ssh("prod")?)
        .group("prod", &["pve-prod"])
        .key(
            "roles",
            json!(["reprise.pve.reprise", "reprise.pve.backup_verify"]),
        )
        .variable(
            "reprise_config",
            json!({"vzdump_job": {"storage": "local"}}),
        )
        .variable("backup_verify_rpo", json!({"tag:db": 6}))
        .variable("backup_verify_hook", true)
        .environment("ANSIBLE_PIPELINING", "1")
        .argument("--diff");

    let refused = role.clone().run(&controller)?;
    ensure!(
        refused.ended.code == Some(2)
            && refused.ended.stdout.contains("script /root/own.sh already"),
        "{}",
        refused.ended.output()
    );
    ensure!(!node.local(SCRIPT).exists());
    fs::write(node.local(CONF), "# vzdump defaults\nbwlimit: 51200\n")?;

    let check = role
        .clone()
        .argument("--check")
        .run(&controller)?
        .succeeded()?;
    ensure!(!node.local(SCRIPT).exists(), "check mode wrote");
    let made = role.clone().run(&controller)?.succeeded()?;
    ensure!(
        check.changes()? == made.changes()?,
        "{}",
        made.ended.output()
    );
    let again = role.clone().run(&controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());

    ensure!(
        node.local(&format!("{UNITS}/timers.target.wants/{TIMER}"))
            .is_symlink()
    );
    let config = fs::read_to_string(node.local("/etc/reprise/config.yml"))?;
    for text in ["storage: local", "tag:db: 6", "rpo_hours: 26"] {
        ensure!(config.contains(text), "no `{text}` in\n{config}");
    }
    ensure!(
        fs::read_to_string(node.local(CONF))?
            .ends_with(&format!("bwlimit: 51200\nscript: {SCRIPT}\n"))
    );
    sound_for_systemd(node)?;

    // As the timer runs it: nobody saves the guests of this node yet, and that is said.
    let ran = host.run(&command(node, SERVICE)?)?;
    ensure!(
        ran.code == Some(5) && ran.output().contains("unprotected"),
        "{}",
        ran.output()
    );
    ensure!(node.local("/var/lib/reprise/ledger").exists());
    the_hook_never_fails(node, &host)?;
    what_was_made_goes(role, node, &controller)
}

/// What the role made is gone, and what others or runs made stays.
fn what_was_made_goes(role: Play, node: &Node, controller: &Controller) -> Result<()> {
    let absent = role.variable("backup_verify_state", "absent");
    let check = absent
        .clone()
        .argument("--check")
        .run(controller)?
        .succeeded()?;
    ensure!(node.local(SCRIPT).exists(), "check mode removed");
    let gone = absent.clone().run(controller)?.succeeded()?;
    ensure!(
        check.changes()? == gone.changes()?,
        "{}",
        gone.ended.output()
    );
    for path in [
        SERVICE,
        READER,
        TIMER,
        &format!("timers.target.wants/{TIMER}"),
    ] {
        ensure!(
            node.local(&format!("{UNITS}/{path}"))
                .symlink_metadata()
                .is_err(),
            "{path}"
        );
    }
    ensure!(!node.local(SCRIPT).exists() && !node.local(FLAG).exists());
    ensure!(fs::read_to_string(node.local(CONF))? == "# vzdump defaults\nbwlimit: 51200\n");
    let config = fs::read_to_string(node.local("/etc/reprise/config.yml"))?;
    ensure!(
        config.contains("vzdump_job") && !config.contains("backup_verify"),
        "{config}"
    );
    ensure!(
        node.local("/var/lib/reprise/ledger").exists(),
        "the ledger is gone"
    );
    let again = absent.run(controller)?.succeeded()?;
    ensure!(again.changes()? == 0, "{}", again.ended.output());
    Ok(())
}

/// What `ExecStart=` of a unit is to a shell.
fn command(node: &Node, unit: &str) -> Result<String> {
    let text = fs::read_to_string(node.local(&format!("{UNITS}/{unit}")))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    Ok(line.context("no ExecStart")?.replace("$$", "$"))
}

fn sound_for_systemd(node: &Node) -> Result<()> {
    let Some(analyze) = systemd_analyze()? else {
        return Ok(());
    };
    // It asks whether the programs are there: they are on the node.
    let folder = tempfile::tempdir()?;
    for unit in [SERVICE, READER, TIMER] {
        let text = fs::read_to_string(node.local(&format!("{UNITS}/{unit}")))?;
        let text = text.replace("/usr/local/bin/backup_verify", "/bin/true");
        fs::write(folder.path().join(unit), text)?;
    }
    for unit in [SERVICE, READER, TIMER] {
        let mut verify = process::command(&analyze);
        verify.arg("verify").arg(folder.path().join(unit));
        let ended = process::run(verify, b"", Watch::Nothing)?;
        let own: Vec<&str> = ended
            .stderr
            .lines()
            .filter(|line| line.contains("reprise-verify"))
            .collect();
        ensure!(
            ended.code == Some(0) && own.is_empty(),
            "{unit}: {}",
            ended.output()
        );
    }
    Ok(())
}

fn the_hook_never_fails(node: &Node, host: &Host) -> Result<()> {
    let silent = |line: &str| -> Result<()> {
        let ended = host.run(line)?;
        ensure!(
            ended.code == Some(0) && ended.output().trim().is_empty(),
            "`{line}` ended with {:?}: {}",
            ended.code,
            ended.output()
        );
        Ok(())
    };
    let start = format!("start --no-block {READER}");
    let started = || -> Result<usize> {
        let calls = node.systemctl_calls()?;
        Ok(calls
            .iter()
            .filter(|call| call.arguments.join(" ") == start)
            .count())
    };
    for phase in [
        "job-init",
        "backup-start snapshot 100",
        "backup-abort snapshot 100",
        "",
    ] {
        silent(&format!("{SCRIPT} {phase}"))?;
    }
    ensure!(started()? == 0 && !node.local(FLAG).exists());
    silent(&format!("{SCRIPT} backup-end snapshot 100"))?;
    ensure!(started()? == 1 && node.local(FLAG).exists());
    // What the unit does of it, and without the mark.
    let read = host.run(&command(node, READER)?)?;
    ensure!(
        read.code == Some(5) && !node.local(FLAG).exists(),
        "{}",
        read.output()
    );
    silent(&command(node, READER)?)?;
    // No systemctl, no touch, and a folder that cannot be written.
    silent(&format!("PATH=/nowhere {SCRIPT} job-end"))?;
    silent(&format!(
        "rm -f {FLAG}; mkdir {FLAG}; chmod 0 {FLAG}; {SCRIPT} job-end; rmdir {FLAG}"
    ))
}

fn guests_that_nobody_has(nodes: &Nodes, controller: &Controller) -> Result<()> {
    // A guest that one node has is none that another one misses; one that nobody has is an error.
    let asked = play("reprise.pve.verify", |environment| {
        nodes.by_api(environment)
    })?;
    for (vmid, code) in [("201", 0), ("201,9998", 2)] {
        let said = asked.clone().variable("vmid", vmid).run(controller)?;
        let names = said
            .ended
            .output()
            .contains("No node of the play has guest 9998,");
        ensure!(
            said.ended.code == Some(code) && names == (code != 0),
            "{vmid}: {}",
            said.ended.output()
        );
    }
    Ok(())
}

fn every_node_says_what_it_found_before_one_fails(tools: &Tools) -> Result<()> {
    crate::ways::only_root()?;
    let nodes = Nodes::with_hosts(tools)?;
    let controller = Controller::new(tools)?;
    let on_nodes = |playbook: &str| -> Result<Play> {
        Ok(play(playbook, |environment| nodes.by_ssh(environment))?
            .variable("reprise_install", false)
            .environment("ANSIBLE_PIPELINING", "1"))
    };
    on_nodes("reprise.pve.site")?
        .run(&controller)?
        .succeeded()?;
    on_nodes("reprise.pve.backup")?
        .run(&controller)?
        .succeeded()?;

    let verify = on_nodes("reprise.pve.verify")?;
    let fine = verify.clone().run(&controller)?.succeeded()?;
    ensure!(fine.changes()? == 0, "{}", fine.ended.output());
    let counts = regex_lite::Regex::new("(\\d+) guests, (\\d+) of them protected")?;
    let all: Vec<_> = counts.captures_iter(&fine.ended.stdout).collect();
    ensure!(
        all.len() == 3 && all.iter().all(|node| node[1] == node[2] && &node[1] != "0"),
        "{}",
        fine.ended.output()
    );

    // An archive is cut off.
    let dump = nodes.node("lab")?.local("/var/lib/local-backup/dump");
    let archive = archive_of(&dump, "vzdump-qemu-200-")?;
    let size = fs::metadata(&archive)?.len();
    fs::File::options()
        .write(true)
        .open(&archive)?
        .set_len(size / 2)?;
    let pages = controller.folder().join("pages");
    let found = verify
        .clone()
        .variable("reprise_report", json!(pages))
        .run(&controller)?;
    ensure!(found.ended.code == Some(2), "{}", found.ended.output());
    // Also of the node that failed.
    for (node, guest) in [
        ("pve-prod", "gitlab"),
        ("pve-lab", "runner"),
        ("pve-mon", "302"),
    ] {
        let page = pages.join(format!("{node}.html"));
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        ensure!(
            text.contains(&format!("<bdi>{node}</bdi>")) && text.contains(guest),
            "the page of {node}: {text}"
        );
    }
    for text in [
        "pve-lab: corrupt: /var/lib/local-backup/dump/vzdump-qemu-200-",
        "pve-lab: 200 (",
        "pve-prod: ",
        "pve-mon: ",
        "Not done, or with findings: pve-lab.",
    ] {
        ensure!(
            found.ended.stdout.contains(text),
            "no `{text}`:\n{}",
            found.ended.output()
        );
    }
    let failed = found.result("reprise.pve.backup_verify : Fail when something counts as failed");
    ensure!(failed.is_ok(), "{}", found.ended.output());

    // Only what another guest has counts then.
    let other = verify
        .variable("env", "lab")
        .variable("vmid", json!([201]))
        .run(&controller)?
        .succeeded()?;
    ensure!(
        other.ended.stdout.contains("1 guests, 1 of them protected"),
        "{}",
        other.ended.output()
    );

    guests_that_nobody_has(&nodes, &controller)?;

    // Through the API no file can be read, and none counts as read.
    let far = play("reprise.pve.verify", |environment| {
        nodes.by_api(environment)
    })?
    .variable("env", "prod")
    .run(&controller)?
    .succeeded()?;
    ensure!(
        far.ended.stdout.contains("0 of them ok"),
        "{}",
        far.ended.output()
    );
    Ok(())
}

fn archive_of(folder: &Path, start: &str) -> Result<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.starts_with(start) && name.contains(".vma")
        })
        .collect();
    found.pop().context("no archive")
}

// Nobody has to say twice how often backups are made.
fn what_the_schedule_promises_is_what_is_expected(tools: &Tools) -> Result<()> {
    let nodes = Nodes::start()?;
    let controller = Controller::new(tools)?;
    let site = play("reprise.pve.site", |environment| nodes.by_api(environment))?;
    site.run(&controller)?.succeeded()?;
    let old = Timestamp::now().checked_sub(72.hours())?;
    let old = old.strftime("%Y_%m_%d-%H_%M_%S");
    for (environment, vmid) in [("lab", 200), ("prod", 100)] {
        let seed = ArchiveSeed::new(&format!("vzdump-qemu-{vmid}-{old}.vma.zst"));
        nodes
            .node(environment)?
            .add_archive("local-backup", &seed)?;
    }
    let weekly = json!({"attic": {"schedule": "sun 01:00", "rpo_hours": 100}});
    let attic =
        json!({"backup_schedule_environments": weekly, "backup_schedule_environment": "attic"});
    let rows: [(&str, u32, Value, i64); 6] = [
        // Saved on Saturdays: its archive is three days old and young enough.
        ("lab", 200, json!({}), 170),
        ("prod", 100, json!({}), 26),
        ("prod", 100, json!({"backup_schedule_rpo_hours": 80}), 82),
        ("prod", 100, attic, 102),
        // What is said for this role comes first.
        (
            "prod",
            100,
            json!({"backup_schedule_rpo_hours": 80, "backup_verify_environments": {"prod": {"rpo_hours": 30}}}),
            30,
        ),
        (
            "prod",
            100,
            json!({"backup_schedule_rpo_hours": 80, "backup_verify_rpo_hours": 90}),
            90,
        ),
    ];
    for (environment, vmid, variables, expected) in rows {
        let mut verify = play("reprise.pve.verify", |environment| {
            nodes.by_api(environment)
        })?
        .variable("env", environment)
        .variable("vmid", json!([vmid]));
        for (name, value) in reprise_tests::server::map(variables.clone()) {
            verify = verify.variable(&name, value);
        }
        let ran = verify.run(&controller)?;
        let found = ran.result("reprise.pve.backup_verify : Verify, and tell who is protected")?;
        let guest = &found.result["guests"][0];
        ensure!(
            guest["vmid"] == vmid && guest["rpo_hours"] == expected,
            "{environment}, {variables}: {guest}"
        );
        let state = if expected < 72 { "stale" } else { "unverified" };
        ensure!(
            guest["state"] == state,
            "{environment}, {variables}: {guest}"
        );
    }
    Ok(())
}
