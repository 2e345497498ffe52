//! A task outlives who started it, whatever becomes of that.
//!
//! The caller is this test program itself, called again for the one test `caller`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::fake::Fake;
use crate::tasks::{start, task};

/// Tells the caller where the fake program is.
const FOLDER: &str = "REPRISE_TEST_CALLER";

/// A process that starts the task of this fake, in a process group of its own as in a terminal.
#[expect(
    clippy::disallowed_methods,
    reason = "the test needs a caller that can be killed"
)]
fn caller(fake: &Fake) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["survival::call", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, fake.path(""))
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Sends a signal to the whole group, as a terminal that is closed or a cut connection does.
#[expect(
    clippy::disallowed_methods,
    reason = "the standard library can send no signal but KILL, and to no group"
)]
fn signal(signal: &str, caller: &Child) {
    let sent = Command::new("kill")
        .args([signal, "--", &format!("-{}", caller.id())])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
#[ignore = "the process that the other tests here kill"]
#[expect(clippy::disallowed_methods, reason = "how this process was told")]
fn call() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let mut fake = Fake::doing("");
    let folder = std::path::PathBuf::from(folder);
    fake.settings.program = folder.join("pvesh");
    fake.settings.outputs = folder.join("state/tasks");
    fake.settings.active_tasks = folder.join("active");
    println!("{}", start(&fake).unwrap());
    std::thread::sleep(std::time::Duration::from_mins(1));
}

#[test]
fn killed_before_it_knows_the_task() {
    for kind in ["-KILL", "-HUP", "-TERM", "-INT"] {
        let fake = Fake::doing(&format!("BEFORE=1\n{}", task("1")));
        let mut caller = caller(&fake);
        fake.wait_for("calls", "create ");
        assert_eq!(fake.text("upid"), "", "the task does not run yet");
        signal(kind, &caller);
        caller.wait().unwrap();
        fake.wait_for("worker", "finished\nended\n");
    }
}

#[test]
fn killed_or_unread_while_the_task_runs() {
    for kind in ["-KILL", "-HUP"] {
        let fake = Fake::doing(&task("1.5"));
        let mut caller = caller(&fake);
        let mut lines = BufReader::new(caller.stdout.take().unwrap()).lines();
        let told = lines.any(|line| line.unwrap().contains("UPID:pve1:"));
        assert!(told, "the caller names its task");
        // Nobody reads any more, then nobody is there any more.
        drop(lines);
        signal(kind, &caller);
        caller.wait().unwrap();
        assert_eq!(fake.text("worker"), "", "the task still runs");
        fake.wait_for("worker", "finished\nended\n");
    }
}
