//! What changes while `backup_verify` reads: archives that go, grow and shrink. The program is
//! stopped while something is done, so that no test has to be quick.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reprise_archives::machines::{Machine, noise};
use reprise_tests::process;
use reprise_tests::program::Program;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{text, warnings};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// In KiB in a second: a large archive takes more than a second, in which it can be caught being read.
const SLOWLY: &str = "--bwlimit=512";

/// A sound archive that takes its time.
pub(crate) fn large() -> Result<Vec<u8>> {
    let disk = noise(3, 3 << 18);
    Ok(Machine::with("", vec![("scsi0", disk)]).archive()?)
}

/// A program that runs.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    pub(crate) fn start(program: &Program, words: &[&str]) -> Result<Self> {
        let all = ["backup_verify", "--json", "--parallel=1", SLOWLY];
        let all = all.into_iter().chain(words.iter().copied());
        Ok(Self {
            child: Some(program.start_by_hand(all)?),
        })
    }

    fn id(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("it has ended")?.id())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let mut command = process::command("sh");
        let line = format!("kill -{signal} {}", self.id()?);
        command.args(["-c", &line]);
        let ended = process::run(command, b"", process::Watch::Nothing)?;
        ensure!(ended.code == Some(0), "{line}: {ended:?}");
        Ok(())
    }

    /// Waits until it reads one of the files, and stops it there.
    pub(crate) fn stopped_at<'a>(&self, files: &[&'a Path]) -> Result<&'a Path> {
        let start = Instant::now();
        let folder = format!("/proc/{}/fd", self.id()?);
        let of = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
        while start.elapsed() < PATIENCE {
            let open = fs::read_dir(&folder).into_iter().flatten().flatten();
            for open in open {
                let is_it = |file: &&&Path| of(&open.path()).ok() == of(file).ok();
                if let Some(file) = files.iter().find(is_it) {
                    self.signal("STOP")?;
                    return Ok(file);
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        anyhow::bail!("it opened none of {files:?}")
    }

    /// Lets it go on, and gives its result.
    pub(crate) fn result(mut self) -> Result<Value> {
        self.signal("CONT")?;
        let child = self.child.take().context("it has ended")?;
        let output = child.wait_with_output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("no result: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            process::end(child);
        }
    }
}

/// A folder with large archives, and a ledger beside it.
struct World {
    folder: TempDir,
    program: Program,
    content: Vec<u8>,
}

impl World {
    fn with(count: u32) -> Result<Self> {
        let world = Self {
            folder: tempfile::Builder::new()
                .prefix("reprise-meanwhile-")
                .tempdir()?,
            program: Program::under_test()?,
            content: large()?,
        };
        fs::create_dir(world.dump())?;
        for number in 1..=count {
            world.put(number)?;
        }
        Ok(world)
    }

    fn dump(&self) -> PathBuf {
        self.folder.path().join("dump")
    }

    fn archive(&self, number: u32) -> PathBuf {
        let name = format!("vzdump-qemu-100-2026_01_02-03_04_{number:02}.vma");
        self.dump().join(name)
    }

    fn put(&self, number: u32) -> Result<()> {
        Ok(fs::write(self.archive(number), &self.content)?)
    }

    fn start(&self, paths: &[&Path]) -> Result<Running> {
        let ledger = format!("--ledger={}", self.folder.path().join("ledger").display());
        let paths = paths
            .iter()
            .map(|path| format!("--path={}", path.display()));
        let words: Vec<String> = paths.chain([ledger]).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Running::start(&self.program, &words)
    }

    /// Reads it to the end, as fast as it goes.
    fn run(&self) -> Result<Value> {
        let ledger = format!("--ledger={}", self.folder.path().join("ledger").display());
        let path = format!("--path={}", self.dump().display());
        let words = ["backup_verify", "--json", &path, &ledger];
        self.program.by_hand(words)?.json()
    }

    fn remembered(&self) -> Result<usize> {
        let bytes = fs::read(self.folder.path().join("ledger"))?;
        let replayed = proof_ledger::replay(&bytes);
        let replayed = replayed.map_err(|damage| anyhow::anyhow!("{damage}"))?;
        Ok(replayed.snapshot.len())
    }
}

/// The verdicts, in the order of the archives.
fn verdicts(result: &Value) -> Vec<&str> {
    let archives = result["archives"].as_array();
    let archives = archives.into_iter().flatten();
    archives.map(|archive| text(archive, "verdict")).collect()
}

fn finding(archive: &Value) -> &str {
    text(&archive["reasons"][0], "id")
}

#[test]
fn archives_that_a_prune_removes_are_left_out_and_fail_nothing() -> Result<()> {
    let world = World::with(1)?;
    assert_eq!(verdicts(&world.run()?), ["ok"]);
    for number in [2, 3, 4] {
        world.put(number)?;
    }
    let paths = [2, 3, 4].map(|number| world.archive(number));
    let [second, third, fourth] = &paths;
    let running = world.start(&[&world.dump()])?;
    let reads = running.stopped_at(&[second, third, fourth])?;
    // One that is known, one that is read now, one that is still to be read.
    let other = paths.iter().find(|path| path.as_path() != reads);
    fs::remove_file(world.archive(1))?;
    fs::remove_file(reads)?;
    fs::remove_file(other.context("there is no other")?)?;
    let result = running.result()?;
    assert_eq!(result["exit_code"], 0, "{result}");
    assert_eq!(verdicts(&result), ["ok"], "{result}");
    assert_eq!(result["summary"]["total"], 1, "{result}");
    assert_eq!(result["summary"]["trusted"], 0, "{result}");
    let said = warnings(&result);
    assert!(
        said.contains("3 archives were removed while this ran"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    let next = world.run()?;
    assert_eq!(next["exit_code"], 0, "{next}");
    assert_eq!(next["summary"]["trusted"], 1, "{next}");
    assert_eq!(warnings(&next), "");
    assert_eq!(world.remembered()?, 1);
    Ok(())
}

#[test]
fn a_folder_that_is_another_one_now_is_no_prune() -> Result<()> {
    let world = World::with(2)?;
    let paths = [world.archive(1), world.archive(2)];
    let [first, second] = &paths;
    let running = world.start(&[&world.dump()])?;
    running.stopped_at(&[first, second])?;
    // As where a storage is no longer mounted.
    let aside = world.folder.path().join("aside");
    fs::rename(world.dump(), &aside)?;
    fs::create_dir(world.dump())?;
    let result = running.result()?;
    assert_eq!(result["exit_code"], 5, "{result}");
    assert_eq!(result["summary"]["total"], 2, "{result}");
    assert_eq!(result["summary"]["unreadable"], 1, "{result}");
    let unread = result["archives"].as_array().into_iter().flatten();
    let unread: Vec<&str> = unread.map(finding).filter(|id| !id.is_empty()).collect();
    assert_eq!(unread, ["vanished"], "{result}");
    assert_eq!(warnings(&result), "");
    fs::remove_dir(world.dump())?;
    fs::rename(&aside, world.dump())?;
    let next = world.run()?;
    assert_eq!(verdicts(&next), ["ok", "ok"], "{next}");
    assert_eq!(next["summary"]["trusted"], 1, "{next}");
    Ok(())
}

#[test]
fn a_file_that_was_named_must_be_there() -> Result<()> {
    let world = World::with(2)?;
    let paths = [world.archive(1), world.archive(2)];
    let [first, second] = &paths;
    let running = world.start(&[first, second])?;
    let reads = running.stopped_at(&[first, second])?;
    let other = paths.iter().find(|path| path.as_path() != reads);
    fs::remove_file(other.context("there is no other")?)?;
    let result = running.result()?;
    assert_eq!(result["exit_code"], 5, "{result}");
    assert_eq!(result["summary"]["ok"], 1, "{result}");
    assert_eq!(result["summary"]["unreadable"], 1, "{result}");
    Ok(())
}

#[test]
fn a_backup_that_ends_while_others_are_read_was_not_interrupted() -> Result<()> {
    let world = World::with(1)?;
    let target = world.dump().join("vzdump-qemu-101-2026_01_03-03_04_05.vma");
    let begun = target.with_extension("vma.dat");
    let work = target.with_extension("tmp");
    fs::create_dir(&work)?;
    fs::write(&begun, &world.content)?;
    let running = world.start(&[&world.dump()])?;
    running.stopped_at(&[&world.archive(1)])?;
    fs::rename(&begun, &target)?;
    fs::remove_dir(&work)?;
    let result = running.result()?;
    assert_eq!(result["exit_code"], 0, "{result}");
    assert_eq!(verdicts(&result), ["ok"], "{result}");
    assert_eq!(warnings(&result), "");
    assert_eq!(verdicts(&world.run()?), ["ok", "ok"]);
    Ok(())
}

#[test]
fn what_was_written_during_the_first_reading_is_judged_by_the_second() -> Result<()> {
    let world = World::with(1)?;
    let path = world.archive(1);
    let while_read = |change: &dyn Fn(&mut fs::File) -> Result<()>| {
        let running = world.start(&[&world.dump()])?;
        running.stopped_at(&[&path])?;
        change(&mut fs::OpenOptions::new().append(true).open(&path)?)?;
        running.result()
    };
    // It grows, and what comes is no part of an archive.
    let grown = while_read(&|file| Ok(file.write_all(b"more of it")?))?;
    assert_eq!(grown["exit_code"], 5, "{grown}");
    assert_eq!(verdicts(&grown), ["corrupt"], "{grown}");
    assert_eq!(finding(&grown["archives"][0]), "vma-trailing", "{grown}");
    // It shrinks to what it should be. Nothing failed, so there is nothing to warn of.
    fs::write(&path, [&world.content[..], b"more"].concat())?;
    let length = u64::try_from(world.content.len())?;
    let whole = while_read(&|file| Ok(file.set_len(length)?))?;
    assert_eq!(verdicts(&whole), ["ok"], "{whole}");
    assert_eq!(whole["archives"][0]["reasons"], serde_json::json!([]));
    let next = world.run()?;
    assert_eq!(
        (verdicts(&next), &next["summary"]["trusted"]),
        (vec!["ok"], &1.into())
    );
    // It shrinks to less.
    world.put(1)?;
    world.put(2)?;
    let cut = while_read(&|file| Ok(file.set_len(length / 2)?))?;
    assert_eq!(verdicts(&cut), ["corrupt", "ok"], "{cut}");
    world.put(1)?;
    assert_eq!(verdicts(&world.run()?), ["ok", "ok"]);
    Ok(())
}

#[test]
fn an_archive_that_was_still_being_copied_is_sound_when_it_is_whole() -> Result<()> {
    let world = World::with(1)?;
    fs::write(world.archive(2), &world.content[..world.content.len() / 2])?;
    assert_eq!(verdicts(&world.run()?), ["ok", "corrupt"]);
    world.put(2)?;
    assert_eq!(verdicts(&world.run()?), ["ok", "ok"]);
    // From now on it is known.
    let mut changed = world.content.clone();
    let last = changed.last_mut().context("it is empty")?;
    *last ^= 1;
    fs::write(world.archive(2), changed)?;
    let result = world.run()?;
    assert_eq!(verdicts(&result), ["ok", "corrupt"], "{result}");
    assert_eq!(finding(&result["archives"][1]), "digest-changed");
    Ok(())
}
