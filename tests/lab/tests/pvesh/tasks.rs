//! Tasks run in the foreground, in a process of their own, and share the fate of `pvesh`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use reprise_lab::{TaskFault, TaskFaultRule};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{World, command_line, pid, stat, stdout};

fn kill(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A backup whose every line after the fourth comes late enough to act in between.
fn slow_backup(world: &World) {
    for line in 4..30 {
        let pause = TaskFault::Slow(Duration::from_millis(if line == 4 { 700 } else { 20 }));
        let rule = TaskFaultRule::new("vzdump", pause);
        world
            .node()
            .inject_into_tasks(rule.after_lines(line).times(1));
    }
}

fn log_of(world: &World, upid: &str) -> Vec<String> {
    let log = world.json(&["get", &format!("/nodes/pve1/tasks/{upid}/log")]);
    let lines = log.as_array().unwrap().iter();
    lines
        .map(|line| line["t"].as_str().unwrap().to_owned())
        .collect()
}

fn started(world: &World) -> (Child, String) {
    slow_backup(world);
    let child = world.start_backup(Stdio::piped());
    let upid = world.running();
    // The process has its name as soon as it knows it.
    World::wait_for("the title", || {
        command_line(pid(&upid)).filter(|line| line == &format!("task {upid}"))
    });
    World::wait_for("the pause", || {
        (log_of(world, &upid).len() == 4).then_some(())
    });
    (child, upid)
}

#[test]
fn lines_come_one_by_one_and_the_name_of_the_task_at_the_end() {
    let world = World::start();
    let (mut child, upid) = started(&world);
    let worker = pid(&upid);
    let fields = stat(worker);
    assert_eq!(fields[1], child.id().to_string(), "a child of pvesh");
    assert_eq!(fields[3], worker.to_string(), "in a session of its own");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("INFO: starting new backup job: vzdump 300"));
    let active = fs::read_to_string(world.active()).unwrap();
    assert!(active.starts_with(&format!("{upid} 0\n")), "{active}");
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success());
    let last = rest.last().unwrap();
    assert_eq!(serde_json::from_str::<String>(last).unwrap(), upid);
    assert_eq!(
        rest[rest.len() - 2],
        "INFO: Backup job finished successfully"
    );
    let mut log = log_of(&world, &upid);
    assert_eq!(log.pop().unwrap(), "TASK OK");
    assert_eq!(log[0], first);
    assert_eq!(log[1..], rest[..rest.len() - 1]);
    let active = fs::read_to_string(world.active()).unwrap();
    let ended = active.lines().next().unwrap();
    let (time, status) = ended
        .strip_prefix(&format!("{upid} 1 "))
        .unwrap()
        .split_once(' ')
        .unwrap();
    assert!(i64::from_str_radix(time, 16).unwrap() > 1_700_000_000);
    assert_eq!(status, "OK");
    assert_eq!(command_line(worker), None);
}

fn dies_by(signal: Signal) {
    let world = World::start();
    let (mut child, upid) = started(&world);
    kill(child.id(), signal);
    assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
    // It lives until it has something to say.
    assert!(command_line(pid(&upid)).is_some());
    assert_eq!(world.ended(&upid), "unexpected status");
    World::wait_for("its end", || {
        command_line(pid(&upid)).is_none().then_some(())
    });
    let log = log_of(&world, &upid);
    assert!(!log.iter().any(|line| line.starts_with("TASK")), "{log:?}");
    // Neither a lock nor half an archive stays.
    let config = world.json(&["get", "/nodes/pve1/lxc/300/config"]);
    assert_eq!(config.get("lock"), None);
    let content = ["get", "/nodes/pve1/storage/backups/content"];
    assert_eq!(world.json(&content), json!([]));
}

#[test]
fn a_killed_pvesh_takes_its_task_along_at_the_next_line() {
    dies_by(Signal::KILL);
}

#[test]
fn a_closed_terminal_does_the_same() {
    dies_by(Signal::HUP);
}

#[test]
fn a_pvesh_asked_to_end_asks_its_task() {
    let world = World::start();
    let (mut child, upid) = started(&world);
    kill(child.id(), Signal::TERM);
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(world.ended(&upid), "job errors");
    assert!(text.contains("failed - interrupted by signal"), "{text}");
    assert!(text.ends_with(&format!("\"{upid}\"\n")), "{text}");
}

#[test]
fn a_killed_process_of_a_task_is_the_end_of_the_task() {
    let world = World::start();
    let hang = TaskFaultRule::new("vzdump", TaskFault::Hang).after_lines(3);
    world.node().inject_into_tasks(hang);
    let mut child = world.start_backup(Stdio::piped());
    let upid = world.running();
    World::wait_for("three lines", || {
        (log_of(&world, &upid).len() == 3).then_some(())
    });
    kill(pid(&upid), Signal::KILL);
    assert_eq!(world.ended(&upid), "unexpected status");
    assert!(child.wait().unwrap().success());
}

#[test]
fn nobody_reads() {
    let world = World::start();
    let (mut child, upid) = started(&world);
    drop(child.stdout.take());
    assert_eq!(world.ended(&upid), "broken pipe");
    assert_eq!(child.wait().unwrap().code(), Some(255));
    let log = log_of(&world, &upid);
    assert_eq!(log.last().unwrap(), "TASK ERROR: broken pipe");
}

#[test]
fn whoever_writes_into_a_file_needs_no_reader() {
    let world = World::start();
    slow_backup(&world);
    let output = tempfile::NamedTempFile::new().unwrap();
    let mut child = world.start_backup(output.reopen().unwrap());
    let upid = world.running();
    assert!(child.wait().unwrap().success());
    assert_eq!(world.ended(&upid), "OK");
    let text = fs::read_to_string(output.path()).unwrap();
    assert!(text.ends_with(&format!("\"{upid}\"\n")), "{text}");
    let volumes = world.run(&["get", "/nodes/pve1/storage/backups/content"]);
    assert!(stdout(&volumes).contains("vzdump-lxc-300-"));
}
