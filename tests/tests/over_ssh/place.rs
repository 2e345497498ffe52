//! The program is put there once, where it can be, whole or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use reprise_tests::cutter::Cutter;
use reprise_tests::environment;

use crate::world::{World, ends};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn it_is_put_there_once() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let way = Cutter::start(world.sshd.port(), u64::MAX)?;
    ends(
        &world.run(way.port(), "far", &["--yes"])?,
        0,
        &["Done:", "write into"],
    );
    let first = way.passed();
    let placed = names(&world.path("state/bin"));
    assert_eq!(placed.len(), 1, "{placed:?}");
    assert!(placed.concat().starts_with("reprise-"), "{placed:?}");
    ends(&world.run(way.port(), "far", &["--yes"])?, 0, &["Done:"]);
    let second = way.passed().saturating_sub(first);
    assert!(
        second.saturating_mul(10) < first,
        "{first} bytes, then {second}"
    );
    assert_eq!(world.done(), (2, 2));
    Ok(())
}

#[test]
fn old_programs_go_when_a_new_one_is_used() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let bin = world.path("state/bin");
    fs::create_dir_all(&bin)?;
    for number in 0..5 {
        let old = bin.join(format!("reprise-{number:016}"));
        fs::write(&old, "old")?;
        let age = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number + 1);
        fs::File::options()
            .append(true)
            .open(&old)?
            .set_modified(age)?;
    }
    ends(&world.on_far(&["--yes"])?, 0, &[]);
    let left = names(&bin);
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left.contains(&format!("reprise-{:016}", 4)), "{left:?}");
    Ok(())
}

#[test]
fn a_cut_while_it_is_put_there_leaves_nothing_and_the_next_call_does_it() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    for after in [20_000, 1_000_000, 9_000_000] {
        let way = Cutter::start(world.sshd.port(), after)?;
        let cut = world.run(way.port(), "far", &["--yes"])?;
        ends(
            &cut,
            1,
            &[
                "was lost while the program was put there",
                "Nothing was done",
            ],
        );
        assert_eq!(world.done(), (0, 0));
    }
    ends(&world.on_far(&["--yes"])?, 0, &["Done:"]);
    assert_eq!(world.done(), (1, 1));
    let whole = names(&world.path("state/bin"))
        .iter()
        .filter(|name| name.starts_with("reprise-"))
        .count();
    assert_eq!(whole, 1);
    Ok(())
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() -> Result<()> {
    // A limit on the size of files stands in for the disk.
    let world = World::start_with(|_| {
        "ForceCommand trap '' XFSZ; ulimit -f 100; eval \"$SSH_ORIGINAL_COMMAND\"".to_owned()
    })?;
    let Some(world) = world else { return Ok(()) };
    let ended = world.on_far(&["--yes"])?;
    ends(
        &ended,
        1,
        &["cannot be put on `far`", "state/bin", "home/.cache/reprise"],
    );
    for folder in ["state/bin", "home/.cache/reprise"] {
        assert_eq!(names(&world.path(folder)), [""; 0], "{folder}");
    }
    assert_eq!(world.done(), (0, 0));
    Ok(())
}

#[test]
fn a_state_that_cannot_be_kept_is_told_before_anything_is_done() -> Result<()> {
    // Not even root can make a folder below a file.
    let world = World::start_with(|folder| {
        format!(
            "SetEnv REPRISE_STATE_DIR=/dev/null/state HOME={}",
            folder.join("home").display()
        )
    })?;
    let Some(world) = world else { return Ok(()) };
    ends(
        &world.on_far(&["--yes"])?,
        1,
        &["cannot make the folder `/dev/null/state/runs`"],
    );
    assert_eq!(world.done(), (0, 0));
    // To look needs no state.
    ends(&world.on_far(&["--dry-run"])?, 0, &["Would be done:"]);
    Ok(())
}

/// A machine that says that it is of this architecture.
fn of_architecture(name: &str) -> Result<Option<World>> {
    World::start_with(|folder| {
        let programs = folder.join("programs");
        let uname = programs.join("uname");
        let script =
            format!("#!/bin/sh\n[ \"$1\" = -m ] && echo {name} || exec /bin/uname \"$@\"\n");
        fs::create_dir(&programs).ok();
        fs::write(&uname, script).ok();
        fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).ok();
        format!(
            "SetEnv REPRISE_STATE_DIR={} HOME={} PATH={}:/usr/bin:/bin",
            folder.join("state").display(),
            folder.join("home").display(),
            programs.display()
        )
    })
}

#[test]
fn a_machine_of_another_architecture_gets_its_own_program() -> Result<()> {
    let other = match std::env::consts::ARCH {
        "x86_64" => "aarch64",
        _ => "x86_64",
    };
    let Some(world) = of_architecture(other)? else {
        return Ok(());
    };
    let name = format!("reprise_{other}");
    ends(&world.on_far(&["--yes"])?, 1, &[&name, "--binaries"]);
    // In truth the machine is this one, so a copy of this program serves as the other's.
    let folder = world.path("binaries");
    fs::create_dir(&folder)?;
    fs::copy(environment::beside("errand")?, folder.join(name))?;
    let folder = folder.to_str().context("no text")?;
    ends(
        &world.on_far(&["--yes", "--binaries", folder])?,
        0,
        &["Done:"],
    );
    Ok(())
}

#[test]
fn a_machine_that_there_is_no_program_for_is_told() -> Result<()> {
    let Some(world) = of_architecture("riscv64")? else {
        return Ok(());
    };
    ends(
        &world.on_far(&["--yes"])?,
        1,
        &["riscv64", "x86_64 and aarch64"],
    );
    Ok(())
}
