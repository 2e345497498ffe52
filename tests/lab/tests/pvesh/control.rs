//! Faults from another process: `reprise-lab fault`.

use std::process::{Output, Stdio};

use reprise_lab::Power;

use crate::support::{World, stderr, stdout};

fn fault(world: &World, words: &[&str]) -> Output {
    #[expect(
        clippy::disallowed_methods,
        reason = "these tests are about the program"
    )]
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_reprise-lab"));
    command
        .arg("fault")
        .arg("--socket")
        .arg(world.node().socket())
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn order(world: &World, words: &[&str]) {
    let output = fault(world, words);
    assert!(output.status.success(), "{words:?}: {output:?}");
}

fn backup(world: &World) -> Output {
    let words = ["create", "/nodes/pve1/vzdump", "--vmid", "300"];
    world.run(&[&words[..], &["--storage", "backups"]].concat())
}

#[test]
fn requests_fail_as_often_as_was_asked() {
    let world = World::start();
    let version = || world.run(&["get", "/version"]).status.code();
    order(
        &world,
        &[
            "--path",
            "/version",
            "--times",
            "1",
            "status",
            "596",
            "Connection timed out",
        ],
    );
    assert_eq!((version(), version()), (Some(255), Some(0)));
    order(&world, &["--method", "GET", "cut-before"]);
    assert_eq!(version(), None, "it was killed");
    order(&world, &["clear"]);
    assert_eq!(version(), Some(0));
    order(&world, &["down"]);
    assert_eq!(version(), Some(255));
    order(&world, &["up"]);
    assert_eq!(version(), Some(0));
}

#[test]
fn tasks_fail_where_was_asked() {
    let world = World::start();
    order(
        &world,
        &[
            "--after",
            "2",
            "--times",
            "1",
            "task-fail",
            "vzdump",
            "no more",
        ],
    );
    assert!(stdout(&backup(&world)).contains("failed - no more"));
    order(&world, &["--times", "1", "disk-full", "vzdump"]);
    assert!(stdout(&backup(&world)).contains("No space left on device"));
    order(
        &world,
        &["--after", "3", "--times", "1", "reader-gone", "vzdump"],
    );
    let gone = backup(&world);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert!(stderr(&gone).starts_with("broken pipe"), "{gone:?}");
    assert!(!stdout(&gone).contains("UPID"), "{gone:?}");
    let active = std::fs::read_to_string(world.active()).unwrap();
    assert_eq!(active.matches(" broken pipe\n").count(), 1, "{active}");
    assert!(backup(&world).status.success());
}

#[test]
fn what_cannot_be_is_said() {
    let world = World::start();
    order(&world, &["guest", "300", "dead"]);
    world.node().set_running(300, Power::Running);
    let there = world.node().guest_endpoint(300).unwrap();
    assert!(std::net::TcpStream::connect(there).is_err());
    let unknown = fault(&world, &["guest", "999", "dead"]);
    assert!(
        stderr(&unknown).contains("node pve1 has no guest 999"),
        "{unknown:?}"
    );
    let wrong = fault(&world, &["guest", "300", "loud"]);
    assert!(stderr(&wrong).contains("take banner, silent, dead or unplugged"));
}
