//! What a run of a job made is read at once, where it is, and nobody has to read it again.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{TaskFault, TaskFaultRule};
use reprise_tests::job_rows;
use reprise_tests::on_node::OnNode;
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use serde_json::{Map, Value, json};

use crate::support::{JOB, World, on_node, succeeds, text, warnings};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node with a job of one container, and the program there.
struct There {
    world: World,
    program: Program,
    _node: OnNode,
}

impl There {
    fn start() -> Result<Self> {
        let world = World::start()?;
        let (node, program) = on_node(world.site.node()?)?;
        let there = Self {
            program,
            world,
            _node: node,
        };
        let ct = there.world.server.ct;
        let base = job_rows::base(&there.world.server, JOB)?;
        let options = merged(base, json!({"all": null, "vmid": [ct]}));
        succeeds(&there.program.module("vzdump_job", &options)?, true);
        Ok(there)
    }

    fn run(&self, more: Value) -> Result<Value> {
        let options = merged(Map::new(), json!({"id": JOB, "state": "run"}));
        self.program.module("vzdump_job", &merged(options, more))
    }

    fn verify(&self, more: Value) -> Result<Value> {
        let mut options = Map::new();
        options.insert("storage".to_owned(), json!("backups"));
        options.insert("coverage".to_owned(), json!(false));
        self.program.module("backup_verify", &merged(options, more))
    }

    fn local(&self, path: &str) -> Result<PathBuf> {
        Ok(self.world.site.node()?.local(path))
    }

    fn ledger(&self) -> Result<PathBuf> {
        self.local("/var/lib/reprise/ledger")
    }

    /// The files of archives in the storage with this ending.
    fn files(&self, ending: &str) -> Result<Vec<PathBuf>> {
        let dump = self.local("/srv/backups/dump")?;
        let mut files = Vec::new();
        for entry in fs::read_dir(dump).into_iter().flatten() {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(ending) {
                files.push(path);
            }
        }
        Ok(files)
    }

    /// How many lines the log of a guest's task has.
    fn lines(&self, guest: &Value) -> Result<usize> {
        let task = text(guest, "task");
        let node = &self.world.server.node;
        let log = format!("/nodes/{node}/tasks/{task}/log?limit=500");
        let lines = self.world.api.get(&log)?;
        lines.as_array().map(Vec::len).context("no log")
    }

    /// Runs the job, whose storage loses the end of the archive as soon as it is complete.
    fn run_and_lose(&self, lines: usize) -> Result<Value> {
        // Names of archives tell the second.
        std::thread::sleep(Duration::from_millis(1100));
        let pause = TaskFault::Slow(Duration::from_secs(3));
        let rule = TaskFaultRule::new("vzdump", pause).after_lines(lines - 2);
        self.world.site.node()?.inject_into_tasks(rule.times(1));
        let logs = self.files(".log")?;
        let sound = self.files(".tar.zst")?;
        std::thread::scope(|scope| -> Result<Value> {
            let run = scope.spawn(|| self.run(json!({})));
            let start = Instant::now();
            // Its log is written beside it when it is complete, and some lines of the task follow.
            while self.files(".log")?.len() == logs.len() {
                ensure!(start.elapsed() < PATIENCE, "no archive is made");
                std::thread::sleep(Duration::from_millis(10));
            }
            let made = self.files(".tar.zst")?;
            let new = made.iter().find(|path| !sound.contains(path));
            let file = fs::OpenOptions::new()
                .write(true)
                .open(new.context("no new archive")?)?;
            file.set_len(file.metadata()?.len() / 2)?;
            drop(file);
            ensure!(
                !run.is_finished(),
                "it ended before the archive was damaged"
            );
            run.join()
                .map_err(|_| anyhow::anyhow!("the call panicked"))?
        })
    }
}

#[test]
fn what_a_run_made_is_known_to_the_verification_that_follows() -> Result<()> {
    let there = There::start()?;
    let check = there.run(json!({"_ansible_check_mode": true}))?;
    succeeds(&check, true);
    ensure!(check.get("runs").is_none() && !there.ledger()?.exists());
    let unread = there.run(json!({"verify": false}))?;
    succeeds(&unread, true);
    assert_eq!(unread["runs"][0]["verdict"], Value::Null, "{unread}");
    ensure!(!there.ledger()?.exists());
    fs::remove_dir_all(there.local("/srv/backups/dump")?)?;

    let ran = there.run(json!({}))?;
    succeeds(&ran, true);
    assert_eq!(warnings(&ran), "");
    let guest = &ran["runs"][0];
    assert_eq!(guest["verdict"], "ok", "{ran}");
    assert_eq!(guest["reasons"], json!([]));
    ensure!(text(guest, "sha256").len() == 64, "{ran}");
    let verified = there.verify(json!({}))?;
    succeeds(&verified, false);
    assert_eq!(verified["summary"]["trusted"], 1, "{verified}");
    assert_eq!(verified["summary"]["bytes_read"], 0, "{verified}");
    assert_eq!(verified["archives"][0]["volid"], guest["archive"]);
    assert_eq!(verified["archives"][0]["sha256"], guest["sha256"]);
    Ok(())
}

#[test]
fn an_archive_that_its_storage_damaged_fails_the_run_that_made_it() -> Result<()> {
    let there = There::start()?;
    let sound = there.run(json!({}))?;
    succeeds(&sound, true);
    let older = text(&sound["runs"][0], "archive").to_owned();
    let older = older.rsplit('/').next().context("no name")?;

    let ran = there.run_and_lose(there.lines(&sound["runs"][0])?)?;
    assert_eq!(ran["failed"], json!(true), "{ran}");
    assert_eq!(ran["exit_code"], json!(5), "{ran}");
    assert_eq!(ran["changed"], json!(true), "{ran}");
    let guest = &ran["runs"][0];
    assert_eq!(guest["error"], Value::Null, "vzdump saw nothing: {ran}");
    assert_eq!(guest["verdict"], "corrupt", "{ran}");
    assert_eq!(guest["reasons"][0]["id"], "zstd-truncated", "{ran}");
    assert_eq!(guest["reasons"][0]["older_sound"], json!(older), "{ran}");
    let said = text(&ran, "msg");
    for part in [
        text(guest, "archive"),
        "is corrupt (zstd-truncated",
        older,
        "run the job again",
    ] {
        ensure!(said.contains(part), "no `{part}`: {ran}");
    }
    // Nothing was removed, and the finding is known from now on.
    assert_eq!(there.files(".tar.zst")?.len(), 2);
    let verified = there.verify(json!({}))?;
    assert_eq!(verified["exit_code"], json!(5), "{verified}");
    assert_eq!(verified["summary"]["trusted"], 2, "{verified}");
    assert_eq!(verified["summary"]["ok"], 1, "{verified}");
    Ok(())
}

#[test]
fn the_ledger_may_be_elsewhere_and_fails_no_backup() -> Result<()> {
    let there = There::start()?;
    let own = json!({"ledger": "/var/lib/reprise/own"});
    succeeds(&there.run(own.clone())?, true);
    ensure!(!there.ledger()?.exists() && there.local("/var/lib/reprise/own")?.exists());
    assert_eq!(there.verify(own)?["summary"]["trusted"], 1);

    std::thread::sleep(Duration::from_millis(1100));
    let ran = there.run(json!({"ledger": "/proc/nowhere/ledger"}))?;
    succeeds(&ran, true);
    assert_eq!(ran["runs"][0]["verdict"], "ok", "{ran}");
    let said = warnings(&ran);
    ensure!(said.contains("cannot be written"), "{said}");
    Ok(())
}
