//! `--on root@node`: a stored job runs on a node through the node's own `pvesh`, and outlives the
//! connection of whoever asked for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reprise_lab::{Fault, FaultRule, GuestKind, Node, TaskFault, TaskFaultRule};
use reprise_tests::cutter::Cutter;
use reprise_tests::environment::{self, HostTools};
use reprise_tests::host::{HostLab, NODES, wait_until};
use reprise_tests::process::{self, Ended, Watch};
use reprise_tests::site;
use reprise_tests::tests;
use reprise_tests::trial::Needing;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const TESTS: &[Needing<HostTools>] = tests![
    the_job_runs_on_the_node_and_its_archives_are_named,
    a_cut_connection_leaves_the_backup_running_and_the_next_call_finds_it,
    a_backup_that_ended_unseen_is_told_and_not_made_again,
    a_node_that_is_not_reached_does_not_hide_the_other,
];

const JOB: &str = "nightly";
const PROD: &str = NODES[0];
const LAB: &str = NODES[1];
/// What the job saves: a virtual machine and a container.
const GUESTS: [u32; 2] = [100, 200];
/// Where the storage of the job has its archives, as the node sees it.
const DUMP: &str = "/var/lib/vz/dump";

/// Nodes with a job, and the machine that somebody calls from.
struct There {
    lab: HostLab,
    near: TempDir,
}

impl There {
    fn start(tools: &HostTools) -> Result<Self> {
        let lab = HostLab::start(tools)?;
        for name in NODES {
            let node = lab.node(name)?;
            let options = [("path", "/srv/images"), ("content", "images,rootdir")];
            node.add_storage("images", "dir", &options)?;
            site::add_guests(node, GuestKind::Qemu, GUESTS[0], 1)?;
            site::add_guests(node, GuestKind::Lxc, GUESTS[1], 1)?;
            let vmid = GUESTS.map(|vmid| vmid.to_string()).join(",");
            let options = [
                ("schedule", "03:00"),
                ("vmid", vmid.as_str()),
                ("storage", "local"),
                ("compress", "zstd"),
                ("mode", "snapshot"),
            ];
            node.add_job(JOB, &options);
        }
        let near = tempfile::Builder::new().prefix("reprise-near-").tempdir()?;
        Ok(Self { lab, near })
    }

    fn node(&self, name: &str) -> Result<&Node> {
        self.lab.node(name)
    }

    /// The lab's configuration of ssh, but for the port of this node.
    fn through(&self, name: &str, port: u16) -> Result<PathBuf> {
        let path = self.near.path().join(format!("ssh_config-{name}-{port}"));
        // For ssh the first value counts.
        let own = fs::read_to_string(&self.lab.host(name)?.config)?;
        fs::write(&path, format!("Host {name}\n    Port {port}\n\n{own}"))?;
        Ok(path)
    }

    /// A proxy before the sshd of a node.
    fn cutter(&self, name: &str) -> Result<Cutter> {
        let login = self.node(name)?.ssh().context("no host")?;
        Cutter::start(login.port, u64::MAX)
    }

    /// The call that runs the job; the words say on which nodes.
    fn command(&self, words: &[&str], config: &Path, more: &[&str]) -> Result<Command> {
        let mut command = process::command(environment::binary()?);
        command
            .args(words)
            .args(["--id", JOB, "--state", "run"])
            .arg("--yes")
            .arg("--ssh-config")
            .arg(config)
            .args(more)
            .env("HOME", self.near.path())
            .current_dir(self.near.path());
        Ok(command)
    }

    /// The same to its end, on the first node through this port.
    fn run(&self, port: u16, more: &[&str]) -> Result<Ended> {
        let config = self.through(PROD, port)?;
        let command = self.command(&["--on", &root_at(PROD), "vzdump_job"], &config, more)?;
        process::run(command, b"", Watch::Nothing)
    }

    /// Backups take several seconds from now on.
    fn slow(&self, name: &str) -> Result<()> {
        for line in 4..12 {
            let pause = TaskFault::Slow(Duration::from_millis(700));
            let rule = TaskFaultRule::new("vzdump", pause).after_lines(line);
            self.node(name)?.inject_into_tasks(rule.times(1));
        }
        Ok(())
    }

    /// All backup tasks of a node as its own `pvesh` lists them: name and status.
    fn tasks(&self, name: &str) -> Result<Vec<(String, String)>> {
        let line = format!(
            "pvesh get /nodes/{name}/tasks --typefilter vzdump --source all --output-format json"
        );
        let listed: Vec<Value> = serde_json::from_str(&self.lab.host(name)?.output(&line)?)?;
        let text = |task: &Value, key: &str| task[key].as_str().unwrap_or_default().to_owned();
        Ok(listed
            .iter()
            .map(|task| (text(task, "upid"), text(task, "status")))
            .collect())
    }

    /// The tasks that the node's own list says are running.
    fn running(&self, name: &str) -> Result<Vec<String>> {
        let list = self.node(name)?.local("/var/log/pve/tasks/active");
        let text = fs::read_to_string(list).unwrap_or_default();
        Ok(text
            .lines()
            .filter(|line| line.contains(":vzdump:"))
            .filter_map(|line| line.strip_suffix(" 0"))
            .map(str::to_owned)
            .collect())
    }

    /// How often a backup was asked for on a node.
    fn started(&self, name: &str) -> Result<usize> {
        let journal = self.node(name)?.journal();
        let is_start =
            |method: &str, path: &str| method == "POST" && path == format!("/nodes/{name}/vzdump");
        Ok(journal
            .iter()
            .filter(|entry| is_start(&entry.method, &entry.path))
            .count())
    }

    /// The archives in the dump folder, which lies in the node's root and nowhere else.
    fn archives(&self, name: &str) -> Result<BTreeSet<String>> {
        let seen = self.lab.host(name)?.output(&format!("ls {DUMP}"))?;
        let folder = self.node(name)?.local(DUMP);
        let mut archives = BTreeSet::new();
        for file in seen.lines().filter(|file| {
            Path::new(file)
                .extension()
                .is_some_and(|extension| extension == "zst")
        }) {
            let length = fs::metadata(folder.join(file)).with_context(|| file.to_owned())?;
            ensure!(length.len() > 0, "{file} is empty");
            archives.insert(file.to_owned());
        }
        Ok(archives)
    }

    /// The result of a node names an archive of each guest, and these are the files that there are.
    fn told(&self, name: &str, result: &Value) -> Result<()> {
        ensure!(result["changed"] == json!(true), "{result}");
        ensure!(result["failed"] != json!(true), "{result}");
        let runs = result["runs"].as_array().context("no runs")?;
        let mut guests = BTreeSet::new();
        let mut named = BTreeSet::new();
        for run in runs {
            ensure!(run["error"].is_null(), "{run}");
            guests.insert(run["vmid"].as_u64().context("no guest")?);
            let archive = run["archive"].as_str().context("no archive")?;
            let file = archive.strip_prefix("local:backup/").context("no volume")?;
            let length = fs::metadata(self.node(name)?.local(DUMP).join(file))?.len();
            ensure!(run["size"] == json!(length), "{length} bytes: {run}");
            named.insert(file.to_owned());
        }
        ensure!(guests == GUESTS.map(u64::from).into(), "{guests:?}");
        let archives = self.archives(name)?;
        ensure!(
            named == archives,
            "{named:?} were told, {archives:?} are there"
        );
        Ok(())
    }

    /// One backup was started on the node, and it has ended well.
    fn done_once(&self, name: &str, upid: Option<&str>) -> Result<()> {
        let tasks = self.tasks(name)?;
        ensure!(tasks.len() == 1, "{tasks:?}");
        ensure!(tasks.iter().all(|(_, status)| status == "OK"), "{tasks:?}");
        if let Some(upid) = upid {
            ensure!(tasks.iter().all(|(task, _)| task == upid), "{tasks:?}");
        }
        let started = self.started(name)?;
        ensure!(started == 1, "{started} backups were asked for");
        Ok(())
    }

    /// Starts the job and cuts the connection as soon as its backup runs. The backup's name.
    fn cut_half_way(&self) -> Result<String> {
        self.slow(PROD)?;
        let way = self.cutter(PROD)?;
        let (cut, upid) = std::thread::scope(|scope| -> Result<(Ended, String)> {
            let call = scope.spawn(|| self.run(way.port(), &[]));
            let mut upid = None;
            let found = wait_until(|| {
                ensure!(!call.is_finished(), "the call ended before its backup ran");
                upid = self.running(PROD)?.pop();
                Ok(upid.is_some())
            });
            let cut = found.and_then(|()| way.cut());
            let ended = call
                .join()
                .map_err(|_| anyhow::anyhow!("the call panicked"))??;
            cut.with_context(|| ended.output())?;
            Ok((ended, upid.context("no backup")?))
        })?;
        ends(
            &cut,
            7,
            &[
                &format!("the connection to `{}` was lost", root_at(PROD)),
                "goes on there. Give the same command again",
            ],
        )?;
        ensure!(!cut.stdout.contains("Done:"), "{}", cut.output());
        let running = self.running(PROD)?;
        ensure!(
            running.len() == 1 && running.concat().starts_with(&upid),
            "{upid} does not run any more: {running:?}"
        );
        let (upid, _) = upid.rsplit_once(' ').unwrap_or((&upid, ""));
        Ok(upid.to_owned())
    }
}

fn root_at(name: &str) -> String {
    format!("root@{name}")
}

/// Fails with everything that was printed unless it ended so and said all this.
fn ends(ended: &Ended, code: i32, says: &[&str]) -> Result<()> {
    let output = ended.output();
    ensure!(ended.code == Some(code), "{:?}: {output}", ended.code);
    for part in says {
        ensure!(output.contains(part), "no `{part}`: {output}");
    }
    Ok(())
}

/// The results, one for each node.
fn results(ended: &Ended) -> Result<Vec<Value>> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).with_context(|| ended.output()))
        .collect()
}

fn the_job_runs_on_the_node_and_its_archives_are_named(tools: &HostTools) -> Result<()> {
    let there = There::start(tools)?;
    let way = there.cutter(PROD)?;
    let ended = there.run(way.port(), &["--json"])?;
    ends(&ended, 0, &[])?;
    let results = results(&ended)?;
    ensure!(results.len() == 1, "{results:?}");
    ensure!(results[0]["on"] == json!(root_at(PROD)), "{results:?}");
    there.told(PROD, &results[0])?;
    there.done_once(PROD, None)?;
    // Everything went through the node's own `pvesh`, as root.
    let journal = there.node(PROD)?.journal();
    ensure!(
        journal.iter().all(|entry| entry.raw.starts_with("pvesh ")
            && entry.identity.as_deref() == Some("root@pam")),
        "{journal:#?}"
    );
    ensure!(there.started(LAB)? == 0 && there.archives(LAB)?.is_empty());

    // The program lies where the node keeps its state, nowhere in the home, and is put there once.
    let host = there.lab.host(PROD)?;
    let placed = host.output("ls -A /var/lib/reprise/bin")?;
    ensure!(
        placed.lines().count() == 1 && placed.starts_with("reprise-"),
        "{placed}"
    );
    let inside = there.node(PROD)?.local("/var/lib/reprise/bin");
    let length = fs::metadata(inside.join(&placed))?.len();
    ensure!(length == fs::metadata(environment::binary()?)?.len());
    let home = host.output("ls -d $HOME/.cache $HOME/.local 2>/dev/null; true")?;
    ensure!(home.is_empty(), "left in the home: {home}");
    let before = way.passed();
    let ended = there.run(way.port(), &[])?;
    ends(&ended, 0, &["Done:", "local:backup/vzdump-lxc-200-"])?;
    let again = way.passed().saturating_sub(before);
    ensure!(again < length / 10, "{again} bytes the second time");
    ensure!(there.tasks(PROD)?.len() == 2, "each call is a backup");
    Ok(())
}

fn a_cut_connection_leaves_the_backup_running_and_the_next_call_finds_it(
    tools: &HostTools,
) -> Result<()> {
    let there = There::start(tools)?;
    let upid = there.cut_half_way()?;
    let way = there.cutter(PROD)?;
    let again = there.run(way.port(), &["--json"])?;
    let says = format!("was already being done on `{}`", root_at(PROD));
    ends(&again, 0, &[&says])?;
    there.told(PROD, results(&again)?.first().context("no result")?)?;
    there.done_once(PROD, Some(&upid))
}

fn a_backup_that_ended_unseen_is_told_and_not_made_again(tools: &HostTools) -> Result<()> {
    let there = There::start(tools)?;
    let upid = there.cut_half_way()?;
    // By itself: nobody is connected any more.
    wait_until(|| Ok(there.running(PROD)?.is_empty()))?;
    there.done_once(PROD, Some(&upid))?;
    // The run reads the log of its backup and writes down what came of it.
    let runs = there.node(PROD)?.local("/var/lib/reprise/runs");
    wait_until(|| {
        let events = fs::read_dir(&runs)?.flatten();
        let mut texts = events.map(|run| fs::read_to_string(run.path().join("events.jsonl")));
        Ok(texts.any(|text| text.is_ok_and(|text| text.contains(r#""event":"result""#))))
    })?;
    let way = there.cutter(PROD)?;
    let told = there.run(way.port(), &["--json"])?;
    ends(&told, 0, &["nobody was told", "it was not done again"])?;
    there.told(PROD, results(&told)?.first().context("no result")?)?;
    there.done_once(PROD, Some(&upid))
}

fn a_node_that_is_not_reached_does_not_hide_the_other(tools: &HostTools) -> Result<()> {
    let there = There::start(tools)?;
    let both = NODES.map(root_at).join(",");
    let config = there.lab.host(PROD)?.config;
    there.node(LAB)?.down()?;
    let command = there.command(&["vzdump_job", "--on", &both], &config, &["--json"])?;
    let ended = process::run(command, b"", Watch::Nothing)?;
    ends(&ended, 1, &[])?;
    let first = results(&ended)?;
    ensure!(first.len() == 2, "{first:?}");
    ensure!(first[0]["on"] == json!(root_at(PROD)), "{first:?}");
    ensure!(first[0]["exit_code"] == json!(0), "{first:?}");
    there.told(PROD, &first[0])?;
    there.done_once(PROD, None)?;
    ensure!(first[1]["on"] == json!(root_at(LAB)), "{first:?}");
    ensure!(first[1]["failed"] == json!(true), "{first:?}");
    ensure!(first[1]["exit_code"] == json!(1), "{first:?}");
    let why = first[1]["msg"].as_str().unwrap_or_default();
    let unreached = format!("cannot reach `{}`", root_at(LAB));
    ensure!(why.contains(&unreached), "{why}");

    // A node that lets us in, but whose Proxmox VE does not do what it is asked.
    there.node(LAB)?.up()?;
    let broken = Fault::Status(500, "unable to open file".to_owned());
    there
        .node(LAB)?
        .inject(FaultRule::new("/cluster/backup", broken));
    let command = there.command(&["vzdump_job", "--on", &both], &config, &[])?;
    let ended = process::run(command, b"", Watch::Nothing)?;
    let done = format!("{}: Done:", root_at(PROD));
    ends(&ended, 1, &[&done, "local:backup/vzdump-qemu-100-"])?;
    let failed = format!("{}: error: ", root_at(LAB));
    let line = ended.stderr.lines().find(|line| line.starts_with(&failed));
    ensure!(
        line.is_some_and(|line| line.contains("unable to open file")),
        "{}",
        ended.output()
    );
    ensure!(there.tasks(PROD)?.len() == 2);
    ensure!(there.started(LAB)? == 0 && there.tasks(LAB)?.is_empty());
    Ok(())
}
