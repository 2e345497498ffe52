//! On a node: through `pvesh`, whose tasks die with it, and must not die with us.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use reprise_lab::{TaskFault, TaskFaultRule};
use reprise_tests::job_rows;
use reprise_tests::on_node::OnNode;
use reprise_tests::process;
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use serde_json::{Map, Value, json};

use crate::support::{JOB, World, fails, on_node, succeeds, text};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node, and the binary on it.
struct There {
    world: World,
    program: Program,
    _node: OnNode,
}

impl There {
    fn start() -> Result<Self> {
        let world = World::start()?;
        let (node, program) = on_node(world.site.node()?)?;
        Ok(Self {
            program,
            world,
            _node: node,
        })
    }

    fn options(&self, more: Value) -> Result<Map<String, Value>> {
        Ok(merged(job_rows::base(&self.world.server, JOB)?, more))
    }

    fn job(&self, more: Value) -> Result<Value> {
        self.program.module("vzdump_job", &self.options(more)?)
    }

    fn run_options() -> Map<String, Value> {
        merged(Map::new(), json!({"id": JOB, "state": "run"}))
    }

    /// The stored job of one container, whose backup takes its time.
    fn slow_job(&self) -> Result<()> {
        let ct = self.world.server.ct;
        succeeds(&self.job(json!({"all": null, "vmid": [ct]}))?, true);
        for line in 4..12 {
            let pause = TaskFault::Slow(Duration::from_millis(250));
            let rule = TaskFaultRule::new("vzdump", pause);
            let node = self.world.site.node()?;
            node.inject_into_tasks(rule.after_lines(line).times(1));
        }
        Ok(())
    }

    /// The newest line of the node's list of tasks that says this.
    fn listed(&self, says: impl Fn(&str) -> bool) -> Result<String> {
        let list = self.world.site.node()?.local("/var/log/pve/tasks/active");
        let start = Instant::now();
        loop {
            let text = std::fs::read_to_string(&list).unwrap_or_default();
            if let Some(line) = text.lines().find(|line| says(line)) {
                return Ok(line.to_owned());
            }
            anyhow::ensure!(start.elapsed() < PATIENCE, "it is not listed:\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn running_backup(&self) -> Result<String> {
        let line = self.listed(|line| line.contains(":vzdump:") && line.ends_with(": 0"))?;
        Ok(line.trim_end_matches(" 0").to_owned())
    }

    fn archives(&self) -> Result<usize> {
        let server = &self.world.server;
        let path = format!("/nodes/{}/storage/backups/content", server.node);
        let listed = self.world.api.get(&path)?;
        Ok(listed.as_array().map_or(0, Vec::len))
    }

    /// Starts the job and kills the program as soon as its backup runs; the backup's name.
    fn killed_half_way(&self) -> Result<String> {
        self.slow_job()?;
        let mut started: Child = self
            .program
            .start_module("vzdump_job", &Self::run_options())?;
        let upid = self.running_backup()?;
        process::end(&mut started);
        assert_eq!(self.archives()?, 0, "it had ended before it was killed");
        Ok(upid)
    }

    /// Waits until the program knows its backup: it needs the output of `pvesh` no more then.
    fn wait_until_found(&self) -> Result<()> {
        let outputs = self.world.site.node()?.local("/var/lib/reprise/tasks");
        let start = Instant::now();
        while std::fs::read_dir(&outputs)?.next().is_some() {
            anyhow::ensure!(start.elapsed() < PATIENCE, "the backup is not found");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The `pvesh` above the process of a backup.
    fn parent(upid: &str) -> Result<u32> {
        let worker = upid.split(':').nth(2).context("no task")?;
        let worker = u32::from_str_radix(worker, 16)?;
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("no fields")?;
        let parent = fields.split_whitespace().nth(1).context("no parent")?;
        Ok(parent.parse()?)
    }
}

#[test]
fn a_job_comes_stays_and_goes_with_few_calls() -> Result<()> {
    let there = There::start()?;
    let node = there.world.site.node()?;
    let mut counts = Vec::new();
    for (more, changed) in [
        (json!({"_ansible_check_mode": true}), true),
        (json!({}), true),
        (json!({}), false),
        (json!({"state": "absent"}), true),
    ] {
        node.clear_journal();
        let options = match more.get("state") {
            Some(_) => merged(Map::new(), json!({"id": JOB, "state": "absent"})),
            None => there.options(more)?,
        };
        succeeds(&there.program.module("vzdump_job", &options)?, changed);
        let journal = node.journal();
        assert!(
            journal.iter().all(|entry| entry.raw.starts_with("pvesh ")
                && entry.identity.as_deref() == Some("root@pam")),
            "{journal:#?}"
        );
        counts.push(journal.len());
    }
    assert_eq!(there.world.api.job(JOB)?, None);
    // Each costs 0.6 seconds of a real node's processor.
    assert!(counts.iter().all(|count| *count <= 12), "{counts:?} calls");
    Ok(())
}

#[test]
fn the_job_runs_and_its_archive_is_named() -> Result<()> {
    let there = There::start()?;
    there.slow_job()?;
    let node = there.world.site.node()?;
    node.clear_journal();
    let ran = there.program.module("vzdump_job", &There::run_options())?;
    succeeds(&ran, true);
    let archive = text(&ran["runs"][0], "archive");
    assert!(archive.contains("vzdump-lxc-"), "{ran}");
    // Following a task costs a call each time it is looked at, and these backups take two seconds.
    let calls = node.journal().len();
    assert!(calls <= 20, "{calls} calls");
    Ok(())
}

#[test]
fn a_backup_outlives_whoever_started_it() -> Result<()> {
    let there = There::start()?;
    let upid = there.killed_half_way()?;
    let ended = there.listed(|line| line.starts_with(&format!("{upid} 1 ")))?;
    assert!(ended.ends_with(" OK"), "{ended}");
    assert_eq!(there.archives()?, 1);
    // The next call is not disturbed by what the first one left.
    let ran = there.program.module("vzdump_job", &There::run_options())?;
    succeeds(&ran, true);
    Ok(())
}

#[test]
fn nobody_need_read_what_we_print() -> Result<()> {
    let there = There::start()?;
    there.slow_job()?;
    let words = ["vzdump_job", "--id", JOB, "--state", "run", "--yes"];
    let mut started = there.program.start_by_hand(words)?;
    let upid = there.running_backup()?;
    drop(started.stdout.take());
    drop(started.stderr.take());
    let ended = there.listed(|line| line.starts_with(&format!("{upid} 1 ")))?;
    assert!(ended.ends_with(" OK"), "{ended}");
    started.wait()?;
    Ok(())
}

#[test]
fn a_killed_pvesh_is_told_as_a_failed_backup() -> Result<()> {
    let there = There::start()?;
    there.slow_job()?;
    let program = &there.program;
    let ran = std::thread::scope(|scope| -> Result<Value> {
        let run = scope.spawn(|| program.module("vzdump_job", &There::run_options()));
        let upid = there.running_backup()?;
        there.wait_until_found()?;
        let pvesh = There::parent(&upid)?;
        let mut kill = process::command("kill");
        kill.args(["-KILL", &pvesh.to_string()]);
        assert!(kill.status()?.success());
        run.join()
            .map_err(|_| anyhow::anyhow!("the call panicked"))?
    })?;
    assert_eq!(ran["failed"], json!(true), "{ran}");
    assert!(text(&ran, "msg").contains("unexpected status"), "{ran}");
    assert_eq!(there.archives()?, 0);
    Ok(())
}

#[test]
fn a_node_that_is_down_changes_nothing() -> Result<()> {
    let there = There::start()?;
    there.world.site.node()?.down()?;
    let result = there.job(json!({}))?;
    fails(&result, 1, &["does not answer"]);
    Ok(())
}
