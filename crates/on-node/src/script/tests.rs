//! The scripts, run by the shell of this machine.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use super::*;

fn sh(script: &str, state: &Path, input: &[u8]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the shell is what is tested")]
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(script)
        .env("REPRISE_STATE_DIR", state)
        .env("HOME", state.join("home"))
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The script may have ended without reading.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn program(content: &[u8]) -> Program {
    Program {
        path: "unused".into(),
        hash: hex::encode(Sha256::digest(content)),
    }
}

const ECHO: &[u8] = b"#!/bin/sh\necho it runs with $1\n";

#[test]
fn what_is_placed_is_found_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::find(None).unwrap();
    let missing = sh(&start(&programs, "serve"), folder.path(), b"");
    assert_eq!(
        answer(&missing),
        Some(Answer::Missing(std::env::consts::ARCH.to_owned()))
    );
    let echo = program(ECHO);
    let placed = sh(&place(&echo, 0), folder.path(), ECHO);
    assert_eq!(answer(&placed), Some(Answer::Placed), "{placed}");
    let path = folder.path().join("bin").join(echo.name());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // Under the name that the start looks for.
    let (_, own) = programs.iter().next().unwrap();
    fs::rename(&path, path.with_file_name(own.name())).unwrap();
    let started = sh(&start(&programs, "serve"), folder.path(), b"");
    assert_eq!(started, "it runs with serve\n");
    let left: Vec<_> = fs::read_dir(folder.path().join("bin")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn half_of_it_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let half = &ECHO[..10];
    let answered = sh(&place(&program(ECHO), 0), folder.path(), half);
    assert_eq!(answer(&answered), Some(Answer::Damaged), "{answered}");
    let left: Vec<_> = fs::read_dir(folder.path().join("bin")).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
}

#[test]
fn where_it_cannot_be_another_folder_serves() {
    let folder = tempfile::tempdir().unwrap();
    // Something is there that is no folder; not even root can write below it.
    fs::write(folder.path().join("bin"), "").unwrap();
    let echo = program(ECHO);
    let placed = sh(&place(&echo, 0), folder.path(), ECHO);
    assert_eq!(answer(&placed), Some(Answer::Placed), "{placed}");
    let cache = folder.path().join("home/.cache/reprise");
    assert!(cache.join(echo.name()).exists());

    fs::remove_dir_all(folder.path().join("home")).unwrap();
    fs::write(folder.path().join("home"), "").unwrap();
    let answered = sh(&place(&echo, 0), folder.path(), ECHO);
    let Some(Answer::NoPlace(why)) = answer(&answered) else {
        panic!("{answered}")
    };
    assert!(why.contains("bin") && why.contains("home"), "{why}");
}

#[test]
fn a_full_disk_is_told_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    // A limit on the size of files stands in for the disk: it ends `cat` in the same place.
    let script = format!("ulimit -f 1\ntrap '' XFSZ\n{}", place(&program(ECHO), 0));
    let large = vec![b'x'; 100_000];
    let answered = sh(&script, folder.path(), &large);
    assert!(
        matches!(answer(&answered), Some(Answer::Unplaced(_))),
        "{answered}"
    );
    let left: Vec<_> = fs::read_dir(folder.path().join("bin")).unwrap().collect();
    assert_eq!(left.len(), 0, "{left:?}");
}

/// Runs a script with a file system of its own in place of the state's folder; `None`, said aloud,
/// where that is not allowed.
fn sh_mounted(options: &str, script: &str, input: &[u8]) -> Option<(String, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs \"$REPRISE_STATE_DIR\" || exit 9\n");
    #[expect(clippy::disallowed_methods, reason = "the shell is what is tested")]
    let mut child = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c"])
        .arg(mount + script)
        .env("REPRISE_STATE_DIR", &state)
        .env("HOME", folder.path().join("home"))
        .env_remove("XDG_CACHE_HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    if matches!(output.status.code(), Some(1 | 9)) && output.stdout.is_empty() {
        eprintln!("not run: no file system can be mounted here");
        return None;
    }
    Some((String::from_utf8(output.stdout).unwrap(), folder))
}

#[test]
fn where_programs_may_not_run_another_folder_serves() {
    let echo = program(ECHO);
    let Some((answered, folder)) = sh_mounted("noexec", &place(&echo, 0), ECHO) else {
        return;
    };
    assert_eq!(answer(&answered), Some(Answer::Placed), "{answered}");
    assert!(answered.contains("home/.cache/reprise"), "{answered}");
    let there = folder.path().join("home/.cache/reprise").join(echo.name());
    assert_eq!(fs::read(there).unwrap(), ECHO);
}

#[test]
fn a_disk_that_fills_meanwhile_is_told_in_its_own_words() {
    let script = format!(
        "(\n{})\nls -A \"$REPRISE_STATE_DIR/bin\"\n",
        place(&program(ECHO), 0)
    );
    let large = vec![b'x'; 1_000_000];
    let Some((answered, _folder)) = sh_mounted("size=64k", &script, &large) else {
        return;
    };
    let first = answered.lines().next().unwrap_or_default();
    let Some(Answer::Unplaced(why)) = answer(first) else {
        panic!("{answered}")
    };
    assert!(why.contains("No space left on device"), "{why}");
    assert_eq!(answered.lines().count(), 1, "something is left: {answered}");
}

#[test]
fn other_lines_are_not_ours() {
    assert_eq!(answer("Welcome to pve1"), None);
    assert_eq!(answer(""), None);
    assert_eq!(
        answer("reprise-system Darwin\r\n"),
        Some(Answer::System("Darwin".to_owned()))
    );
}
