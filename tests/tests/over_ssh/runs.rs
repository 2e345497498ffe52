//! A run outlives who asked for it, is done once, and is found again.

use std::time::Duration;

use anyhow::Result;

use crate::world::{World, end_of, ends, results, signal};

const LONG: [&str; 3] = ["--yes", "--milliseconds", "3000"];

#[test]
fn two_callers_at_once_do_it_once() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    // The program is there before, so that both come at the same moment.
    ends(&world.on_far(&["--dry-run"])?, 0, &[]);
    let port = world.sshd.port();
    let callers = [world.spawn(port, &LONG)?, world.spawn(port, &LONG)?];
    let mut found = 0;
    for caller in callers {
        let (code, out, err) = end_of(caller)?;
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains("Done:"), "{out}{err}");
        found += usize::from(err.contains("was already being done on `far`"));
    }
    assert_eq!(found, 1, "one of the two found the other's run");
    assert_eq!(world.done(), (1, 1));
    // Another request is another run, at once.
    ends(&world.on_far(&["--yes"])?, 0, &["Done:"]);
    assert_eq!(world.done(), (2, 2));
    Ok(())
}

#[test]
fn who_interrupts_is_told_that_it_goes_on_and_finds_it_again() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let caller = world.spawn(world.sshd.port(), &LONG)?;
    world.begun()?;
    std::thread::sleep(Duration::from_millis(300));
    signal("INT", caller.id())?;
    let (code, out, err) = end_of(caller)?;
    assert_eq!(code, Some(130), "{out}{err}");
    assert!(err.contains("goes on there"), "{err}");
    assert_eq!(world.done(), (1, 0));
    // Not even asked for with consent: to look finds what goes on.
    let again = world.on_far(&["--milliseconds", "3000"])?;
    ends(&again, 0, &["was already being done on `far`", "Done:"]);
    assert_eq!(world.done(), (1, 1));
    // Its result was read, so the next one is a new one.
    ends(&world.on_far(&LONG)?, 0, &["Done:"]);
    assert_eq!(world.done(), (2, 2));
    Ok(())
}

#[test]
fn a_result_that_nobody_read_is_told_and_not_done_again() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let mut caller = world.spawn(world.sshd.port(), &LONG)?;
    world.begun()?;
    caller.kill()?;
    caller.wait()?;
    while world.done() != (1, 1) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    let mut arguments = LONG.to_vec();
    arguments.push("--json");
    let told = world.on_far(&arguments)?;
    ends(&told, 0, &["nobody was told", "it was not done again"]);
    assert_eq!(results(&told)?[0]["changed"], true);
    assert_eq!(world.done(), (1, 1));
    ends(&world.on_far(&arguments)?, 0, &[]);
    assert_eq!(world.done(), (2, 2));
    Ok(())
}

#[test]
fn a_killed_run_is_told_with_what_it_had_started() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let arguments = ["--yes", "--milliseconds", "20000"];
    // Who listens is told at once.
    let caller = world.spawn(world.sshd.port(), &arguments)?;
    let process = world.begun()?;
    std::thread::sleep(Duration::from_millis(300));
    signal("KILL", process)?;
    let (code, out, err) = end_of(caller)?;
    assert_eq!(code, Some(7), "{out}{err}");
    assert!(err.contains("ended without a result"), "{err}");
    assert!(err.contains("UPID:pve1:00001234"), "{err}");
    std::fs::remove_file(world.file())?;

    // Who had gone is told by the next call, which then does it.
    let mut caller = world.spawn(world.sshd.port(), &arguments)?;
    let process = world.begun()?;
    caller.kill()?;
    caller.wait()?;
    std::thread::sleep(Duration::from_millis(300));
    signal("KILL", process)?;
    std::fs::remove_file(world.file())?;
    let looked = world.on_far(&["--dry-run", "--milliseconds", "20000"])?;
    ends(&looked, 0, &["Would be done:"]);
    let mut next = world.spawn(world.sshd.port(), &arguments)?;
    let process = world.begun()?;
    signal("INT", next.id())?;
    let (code, out, err) = {
        let code = next.wait()?.code();
        let (_, out, err) = end_of(next)?;
        (code, out, err)
    };
    assert_eq!(code, Some(130), "{out}{err}");
    assert!(err.contains("was killed or ended by a restart"), "{err}");
    assert!(err.contains("UPID:pve1:00001234"), "{err}");
    signal("KILL", process)?;
    Ok(())
}
