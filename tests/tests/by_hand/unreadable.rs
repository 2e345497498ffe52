//! What `backup_verify` cannot read is unreadable: it does not wait for it, and the next run is
//! right.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use reprise_tests::process;
use reprise_tests::program::Program;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{fails, succeeds, text};

const SOUND: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";

/// A frame that decoders of zstd pass by: another content in the same sound format.
const NOTHING: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];

pub(crate) fn sound() -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives");
    Ok(fs::read(folder.join(SOUND))?)
}

/// The name of an archive of this day.
pub(crate) fn name(day: u32) -> String {
    format!("vzdump-qemu-104-2026_02_{day:02}-10_00_07.vma.zst")
}

/// A folder with one sound archive, of day 1, and a ledger beside it.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Result<Self> {
        let world = Self {
            folder: tempfile::Builder::new()
                .prefix("reprise-unreadable-")
                .tempdir()?,
        };
        fs::create_dir(world.dump())?;
        fs::write(world.archive(1), sound()?)?;
        Ok(world)
    }

    fn dump(&self) -> PathBuf {
        self.folder.path().join("dump")
    }

    fn archive(&self, day: u32) -> PathBuf {
        self.dump().join(name(day))
    }

    fn options(&self) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("path".to_owned(), json!([self.dump()]));
        let ledger = self.folder.path().join("ledger");
        options.insert("ledger".to_owned(), json!(ledger));
        options
    }

    fn run(&self) -> Result<Value> {
        Program::under_test()?.module("backup_verify", &self.options())
    }

    /// Takes away what was made, puts archives there, and looks whether the next run is right.
    fn is_right_again(&self, days: std::ops::RangeInclusive<u32>) -> Result<()> {
        for day in days.clone() {
            let path = self.archive(day);
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
                fs::remove_dir(&path)?;
            } else {
                fs::remove_file(&path)?;
            }
            fs::write(path, sound()?)?;
        }
        let made = u64::try_from(days.count())?;
        let next = self.run()?;
        succeeds(&next, false);
        assert_eq!(next["summary"]["ok"], made + 1, "{next}");
        assert_eq!(next["summary"]["trusted"], 1, "{next}");
        Ok(())
    }
}

/// The names of the findings of an archive, the first of each.
fn findings(result: &Value) -> Vec<(&str, &str)> {
    let archives = result["archives"].as_array();
    archives
        .into_iter()
        .flatten()
        .map(|archive| (text(archive, "verdict"), text(&archive["reasons"][0], "id")))
        .collect()
}

fn pipe(path: &Path) -> Result<()> {
    let mut command = process::command("mkfifo");
    command.arg(path);
    let ended = process::run(command, b"", process::Watch::Nothing)?;
    ensure!(ended.code == Some(0), "mkfifo: {ended:?}");
    Ok(())
}

#[test]
fn what_is_no_file_is_not_waited_for() -> Result<()> {
    let world = World::new()?;
    pipe(&world.archive(2))?;
    fs::create_dir(world.archive(3))?;
    // It has no end.
    symlink("/dev/zero", world.archive(4))?;
    drop(UnixListener::bind(world.archive(5))?);
    symlink("/nowhere/at/all", world.archive(6))?;
    // Neither are the files that belong to an archive.
    for beside in [format!("{}.notes", name(1)), "SHA256SUMS".to_owned()] {
        pipe(&world.dump().join(beside))?;
    }
    pipe(&world.dump().join("vzdump-lxc-105-2026_01_04-10_00_07.log"))?;
    let result = world.run()?;
    fails(&result, 5, &["5 of 6 archives fail", "is unreadable"]);
    let no_file = ("unreadable", "not-a-file");
    assert_eq!(
        findings(&result),
        [
            ("ok", ""),
            no_file,
            no_file,
            no_file,
            no_file,
            ("unreadable", "vanished")
        ],
        "{result}"
    );
    // Named on its own, too.
    let mut named = world.options();
    named.insert("path".to_owned(), json!([world.archive(2)]));
    let named = Program::under_test()?.module("backup_verify", &named)?;
    fails(&named, 5, &["is unreadable"]);
    for beside in fs::read_dir(world.dump())? {
        let beside = beside?.path();
        let is_archive = beside.extension().is_some_and(|ending| ending == "zst");
        if !is_archive {
            fs::remove_file(beside)?;
        }
    }
    world.is_right_again(2..=6)
}

#[test]
fn a_disk_that_fails_is_no_damage_of_the_archive() -> Result<()> {
    let world = World::new()?;
    // A regular file of which no byte can be read: at its beginning no memory is.
    symlink("/proc/self/mem", world.archive(2))?;
    let result = world.run()?;
    fails(&result, 5, &["1 of 2 archives fail", "os error 5"]);
    assert_eq!(
        findings(&result),
        [("ok", ""), ("unreadable", "read-error")],
        "{result}"
    );
    // It is tried again, and what was sound is still known.
    let again = world.run()?;
    fails(&again, 5, &["os error 5"]);
    assert_eq!(again["summary"]["trusted"], 1, "{again}");
    world.is_right_again(2..=2)
}

/// The program as somebody whom the bits of files concern, as they do not concern root.
fn as_nobody() -> Result<Program> {
    let words = ["unshare", "--user"].map(str::to_owned);
    let mut tried = process::command("unshare");
    tried.args(["--user", "true"]);
    let ended = process::run(tried, b"", process::Watch::Nothing)?;
    ensure!(
        ended.code == Some(0),
        "this machine makes no namespaces: {ended:?}"
    );
    Ok(Program::under_test()?.run_by(words.into()))
}

#[test]
fn what_may_not_be_read_is_unreadable_until_it_may_be() -> Result<()> {
    let world = World::new()?;
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    fs::write(world.archive(2), sound()?)?;
    mode(&world.archive(2), 0)?;
    let nobody = as_nobody()?;
    let run = || nobody.module("backup_verify", &world.options());
    let result = run()?;
    fails(&result, 5, &["1 of 2 archives fail", "is unreadable"]);
    assert_eq!(
        findings(&result),
        [("ok", ""), ("unreadable", "permission-denied")],
        "{result}"
    );
    let hint = "Run it as a user that may read";
    assert!(text(&result, "msg").contains(hint), "{result}");
    // Of a folder that lets nobody in, names are seen and no more.
    mode(&world.dump(), 0o444)?;
    let locked = run()?;
    let listed = fs::metadata(world.dump())?.permissions().mode() & 0o777;
    mode(&world.dump(), 0o000)?;
    let closed = run()?;
    mode(&world.dump(), 0o755)?;
    assert_eq!(listed, 0o444);
    fails(&locked, 5, &["2 of 2 archives fail", hint]);
    let denied = ("unreadable", "permission-denied");
    assert_eq!(findings(&locked), [denied, denied], "{locked}");
    fails(&closed, 1, &["dump", "Permission denied", hint]);
    // What it was before is not forgotten meanwhile.
    mode(&world.archive(2), 0o600)?;
    fs::write(world.archive(1), [&NOTHING[..], &sound()?].concat())?;
    let changed = run()?;
    fails(&changed, 5, &["its content is not what it was"]);
    assert_eq!(changed["summary"]["ok"], 1, "{changed}");
    fs::write(world.archive(1), sound()?)?;
    let next = run()?;
    succeeds(&next, false);
    assert_eq!(next["summary"]["ok"], 2, "{next}");
    assert_eq!(world.run()?["summary"]["trusted"], 2);
    Ok(())
}
