use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;

const KEY: &str = "0123456789abcdef";

struct World {
    _folder: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        Self {
            _folder: folder,
            store,
        }
    }

    fn run(&self, now: i64) -> Run {
        self.store
            .lock()
            .unwrap()
            .create(KEY, "sample", now)
            .unwrap()
    }

    fn find(&self, now: i64) -> Found {
        self.store.lock().unwrap().find(KEY, now)
    }
}

fn write(run: &Run, event: &Value) {
    let mut file = private().open(run.events()).unwrap();
    writeln!(file, "{event}").unwrap();
}

fn result(at: i64, changed: bool) -> Value {
    json!({"event": "result", "at": at, "outcome": {"changed": changed}})
}

#[test]
fn a_run_that_lives_is_found_by_its_lock_alone() {
    let world = World::new();
    assert_eq!(world.find(0), Found::Nothing { lost: None });
    let run = world.run(10);
    let alive = run.lock_file().unwrap();
    alive.lock().unwrap();
    assert_eq!(world.find(20), Found::Running(run.clone()));
    // Somebody who only looks keeps nobody from looking.
    assert!(run.is_alive() && run.is_alive());
    let other = world.store.lock().unwrap().find("other", 20);
    assert_eq!(other, Found::Nothing { lost: None });
    drop(alive);
    assert_eq!(world.find(20), Found::Nothing { lost: Some(run) });
}

#[test]
fn a_change_that_nobody_read_is_told_for_an_hour() {
    let world = World::new();
    let run = world.run(10);
    write(&run, &json!({"event": "task", "upid": "UPID:a"}));
    write(&run, &result(100, true));
    assert_eq!(world.find(100 + HOUR - 1), Found::Unread(run.clone()));
    assert_eq!(world.find(100 + HOUR), Found::Nothing { lost: None });
    assert_eq!(run.tasks(), ["UPID:a"]);
    run.mark_read();
    assert_eq!(world.find(101), Found::Nothing { lost: None });
}

#[test]
fn what_changed_nothing_is_done_again() {
    let world = World::new();
    write(&world.run(10), &result(11, false));
    assert_eq!(world.find(12), Found::Nothing { lost: None });
}

#[test]
fn a_run_that_died_is_told_once_with_what_is_known() {
    let world = World::new();
    let run = world.run(10);
    write(&run, &json!({"event": "task", "upid": "UPID:a"}));
    // Half a line, as a full disk or a power cut leaves it.
    write!(private().open(run.events()).unwrap(), "{{\"event\":\"resu").unwrap();
    writeln!(run.error_file().unwrap(), "one\ntwo\nthree").unwrap();
    assert_eq!(
        world.find(12),
        Found::Nothing {
            lost: Some(run.clone())
        }
    );
    assert_eq!(run.tasks(), ["UPID:a"]);
    assert_eq!(run.last_words(2), ["two", "three"]);
    run.mark_read();
    assert_eq!(world.find(12), Found::Nothing { lost: None });
}

#[test]
fn two_runs_of_one_second_have_folders_of_their_own_that_nobody_else_reads() {
    let world = World::new();
    let (one, two) = (world.run(10), world.run(10));
    assert_ne!(one.folder(), two.folder());
    for run in [one, two] {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(run.folder()), 0o700);
        assert_eq!(mode(&run.events()), 0o600);
    }
}

#[test]
fn old_runs_go_and_living_ones_stay() {
    let world = World::new();
    let read = world.run(0);
    read.mark_read();
    let unread = world.run(0);
    let alive = world.run(0);
    let lock = alive.lock_file().unwrap();
    lock.lock().unwrap();
    let there = || [&read, &unread, &alive].map(|run| run.folder().exists());
    let tidy = |now| world.store.lock().unwrap().tidy(now);
    tidy(KEEP_READ);
    assert_eq!(there(), [true, true, true]);
    tidy(KEEP_READ + 1);
    assert_eq!(there(), [false, true, true]);
    tidy(KEEP_UNREAD + 1);
    assert_eq!(there(), [false, false, true]);
}
