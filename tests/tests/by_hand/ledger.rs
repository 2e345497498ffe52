//! What `backup_verify` remembers: on a node, between nodes, and when something fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reprise_tests::environment::by_xtask;
use reprise_tests::on_node::OnNode;
use reprise_tests::program::Program;
use reprise_tests::server::merged;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{World, fails, on_node, succeeds, text, warnings};

const SOUND: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";
/// A frame that decoders of zstd pass by: another content in the same sound format.
const NOTHING: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];

fn sound() -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives");
    Ok(fs::read(folder.join(SOUND))?)
}

fn changed() -> Result<Vec<u8>> {
    Ok([&NOTHING[..], &sound()?].concat())
}

fn name(number: u32) -> String {
    let (minutes, seconds) = (number / 60, number % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("vzdump-qemu-104-2026_01_02-{hours:02}_{minutes:02}_{seconds:02}.vma.zst")
}

/// Archives in a folder, and a ledger beside it.
struct Folder {
    folder: TempDir,
    program: Program,
}

impl Folder {
    fn with(count: u32) -> Result<Self> {
        Self::inside(&std::env::temp_dir(), count)
    }

    fn inside(parent: &Path, count: u32) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("reprise-ledger-")
            .tempdir_in(parent)?;
        fs::create_dir(folder.path().join("dump"))?;
        let own = Self {
            folder,
            program: Program::under_test()?,
        };
        let content = sound()?;
        for number in 0..count {
            fs::write(own.archive(number), &content)?;
        }
        Ok(own)
    }

    fn archive(&self, number: u32) -> PathBuf {
        self.folder.path().join("dump").join(name(number))
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn options(&self, more: Value) -> Map<String, Value> {
        let mut options = Map::new();
        options.insert("path".to_owned(), json!([self.folder.path().join("dump")]));
        options.insert("ledger".to_owned(), json!(self.ledger()));
        merged(options, more)
    }

    fn run(&self) -> Result<Value> {
        self.program
            .module("backup_verify", &self.options(json!({})))
    }
}

#[track_caller]
fn counts(result: &Value, total: u64, trusted: u64) {
    assert_eq!(result["summary"]["total"], total, "{result}");
    assert_eq!(result["summary"]["trusted"], trusted, "{result}");
}

/// A lab's node with one archive, and the program there.
struct There {
    world: World,
    _node: OnNode,
    program: Program,
}

impl There {
    fn start() -> Result<Self> {
        let world = World::start()?;
        let node = world.site.node()?;
        // A folder that the namespace of the node shows.
        node.add_storage(
            "nas",
            "dir",
            &[
                ("path", "/srv/backups/nas"),
                ("content", "backup"),
                ("shared", "1"),
            ],
        )?;
        let (on_node, program) = on_node(node)?;
        let there = Self {
            world,
            _node: on_node,
            program,
        };
        for storage in ["backups", "nas"] {
            fs::create_dir_all(there.dump(storage)?)?;
            fs::write(there.dump(storage)?.join(SOUND), sound()?)?;
        }
        Ok(there)
    }

    fn dump(&self, storage: &str) -> Result<PathBuf> {
        let path = match storage {
            "nas" => "/srv/backups/nas/dump",
            _ => "/srv/backups/dump",
        };
        Ok(self.world.site.node()?.local(path))
    }

    fn ledger(&self) -> Result<PathBuf> {
        Ok(self.world.site.node()?.local("/var/lib/reprise/ledger"))
    }

    fn verify(&self, storage: &str, more: Value) -> Result<Value> {
        let mut options = Map::new();
        options.insert("storage".to_owned(), json!(storage));
        options.insert("coverage".to_owned(), json!(false));
        self.program.module("backup_verify", &merged(options, more))
    }
}

#[test]
fn on_a_node_it_is_remembered_without_being_asked_and_never_in_check_mode() -> Result<()> {
    let there = There::start()?;
    let check = there.verify("backups", json!({"_ansible_check_mode": true}))?;
    succeeds(&check, false);
    counts(&check, 1, 0);
    ensure!(!there.ledger()?.exists());
    let nothing = there.verify("backups", json!({"remember": false}))?;
    counts(&nothing, 1, 0);
    assert_eq!(nothing["summary"]["cycle_end"], Value::Null);
    ensure!(!there.ledger()?.exists());
    succeeds(&there.verify("backups", json!({}))?, false);
    ensure!(there.ledger()?.exists());
    let again = there.verify("backups", json!({}))?;
    counts(&again, 1, 1);
    assert_eq!(again["summary"]["bytes_read"], 0);
    fs::write(there.dump("backups")?.join(SOUND), changed()?)?;
    fails(
        &there.verify("backups", json!({}))?,
        5,
        &["is corrupt", "its content is not what it was"],
    );
    Ok(())
}

#[test]
fn a_shared_storage_has_one_reader_whose_proofs_count_elsewhere() -> Result<()> {
    let there = There::start()?;
    let proofs = there.dump("nas")?.join(".reprise-proofs.json");
    there.verify("nas", json!({"_ansible_check_mode": true}))?;
    ensure!(!proofs.exists(), "check mode wrote");
    let other = there.verify("nas", json!({"verify_node": "pve-away"}))?;
    assert_eq!(other["archives"][0]["verdict"], "not_verified", "{other}");
    assert!(
        text(&other["archives"][0]["reasons"][0], "text").contains("`pve-away`"),
        "{other}"
    );
    ensure!(!proofs.exists(), "who is not the reader wrote");
    succeeds(&there.verify("nas", json!({}))?, false);
    let written: Value = serde_json::from_slice(&fs::read(&proofs)?)?;
    assert_eq!(written["node"], "pve-prod");
    ensure!(written["archives"][SOUND]["proof"]["sha256"].is_string());
    // Where nobody else looks there is no such file.
    there.verify("backups", json!({}))?;
    ensure!(!there.dump("backups")?.join(".reprise-proofs.json").exists());
    // The proofs find a change even when the ledger is lost.
    fs::remove_file(there.ledger()?)?;
    fs::write(there.dump("nas")?.join(SOUND), changed()?)?;
    fails(
        &there.verify("nas", json!({}))?,
        5,
        &["what the proofs of node `pve-prod` say"],
    );
    Ok(())
}

#[test]
fn the_digest_stands_in_the_notes_and_outlives_the_ledger() -> Result<()> {
    let there = There::start()?;
    let archive = there.dump("backups")?.join(SOUND);
    let notes = there.dump("backups")?.join(format!("{SOUND}.notes"));
    fs::write(&notes, "web 1\nbefore the update\n")?;
    let node = there.world.site.node()?;
    let with_notes = json!({"notes": true});
    let check = json!({"notes": true, "_ansible_check_mode": true});
    there.verify("backups", check)?;
    assert_eq!(fs::read_to_string(&notes)?, "web 1\nbefore the update\n");
    let result = there.verify("backups", with_notes.clone())?;
    succeeds(&result, false);
    assert_eq!(warnings(&result), "");
    let digest = text(&result["archives"][0], "sha256").to_owned();
    assert_eq!(
        fs::read_to_string(&notes)?.trim_end(),
        format!("web 1\nbefore the update\nsha256:{digest}")
    );
    node.clear_journal();
    there.verify("backups", with_notes.clone())?;
    assert_eq!(there.world.site.calls()?.1, 0, "it stands there already");
    fs::remove_file(there.ledger()?)?;
    fs::write(&archive, changed()?)?;
    let result = there.verify("backups", with_notes)?;
    fails(&result, 5, &["what its notes (`", ".notes`) say"]);
    ensure!(fs::read_to_string(&notes)?.contains(&digest), "{result}");
    Ok(())
}

/// CS-005 aims at 5 s with Proxmox VE and 1 s without, on an idle machine; what was needed is
/// printed.
#[test]
fn ten_thousand_known_archives_are_a_matter_of_moments() -> Result<()> {
    const COUNT: u32 = 10_000;
    // Where it waits for no disk, the many first readings are quick.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let folder = Folder::inside(&parent, COUNT)?;
    let start = Instant::now();
    succeeds(&folder.run()?, false);
    let first = start.elapsed();
    let start = Instant::now();
    let result = folder.run()?;
    let known = start.elapsed();
    counts(&result, COUNT.into(), COUNT.into());
    println!("{COUNT} archives in a folder: read in {first:?}, known in {known:?}");
    // The same on a node, which lists them.
    let there = There::start()?;
    let dump = there.dump("backups")?;
    fs::remove_dir_all(&dump)?;
    fs::create_dir(&dump)?;
    let content = sound()?;
    for number in 0..COUNT {
        fs::write(dump.join(name(number)), &content)?;
    }
    // Each first reading waits for the disk of the ledger: here, too, it is none.
    let ledger = json!({"ledger": folder.folder.path().join("of-node")});
    let start = Instant::now();
    there.verify("backups", ledger.clone())?;
    let first = start.elapsed();
    let start = Instant::now();
    let result = there.verify("backups", ledger)?;
    let listed = start.elapsed();
    counts(&result, COUNT.into(), COUNT.into());
    println!("{COUNT} archives on a node: read in {first:?}, known in {listed:?}");
    // The aims are seconds of an idle machine. Here other tests run beside it: this only finds
    // what grows faster than the number of archives.
    if by_xtask() {
        ensure!(known < Duration::from_secs(20), "{known:?}");
        ensure!(listed < Duration::from_mins(1), "{listed:?}");
    }
    Ok(())
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_next_run_that_is_right() -> Result<()> {
    const COUNT: u32 = 60;
    let folder = Folder::with(1)?;
    succeeds(&folder.run()?, false);
    for number in 1..COUNT {
        fs::write(folder.archive(number), sound()?)?;
    }
    // Known, and changed since: no killed run may forget what it was.
    fs::write(folder.archive(0), changed()?)?;
    let mut dice = Dice(42);
    let mut most = 0;
    for _ in 0..25 {
        let mut child = folder
            .program
            .start_module("backup_verify", &folder.options(json!({})))?;
        std::thread::sleep(Duration::from_millis(dice.below(250)));
        child.kill()?;
        child.wait()?;
        if let Ok(bytes) = fs::read(folder.ledger()) {
            let replayed = proof_ledger::replay(&bytes);
            let replayed = replayed.map_err(|damage| anyhow::anyhow!("{damage}"))?;
            ensure!(replayed.snapshot.len() >= most, "something was forgotten");
            most = replayed.snapshot.len();
        }
    }
    println!("{most} of {COUNT} were known after the last kill");
    let result = folder.run()?;
    fails(&result, 5, &["its content is not what it was"]);
    assert_eq!(result["summary"]["corrupt"], 1, "{result}");
    assert_eq!(result["summary"]["ok"], COUNT - 1, "{result}");
    assert_eq!(warnings(&result), "");
    counts(&folder.run()?, COUNT.into(), COUNT.into());
    Ok(())
}

/// The program where the ledger's folder is a file system of its own.
fn on_mount(folder: &Folder, place: &Path, options: &str) -> Result<Program> {
    fs::create_dir_all(place)?;
    let script = "set -e; mount -t tmpfs -o \"$1\" none \"$2\"; shift 2; exec \"$@\"";
    let words = [
        "unshare",
        "--mount",
        "--map-root-user",
        "sh",
        "-c",
        script,
        "sh",
        options,
        &place.display().to_string(),
    ];
    ensure!(folder.ledger().exists() || folder.archive(0).exists());
    Ok(Program::under_test()?.run_by(words.map(str::to_owned).into()))
}

#[test]
fn no_verdict_is_hidden_where_the_ledger_has_no_room_or_must_not_be_written() -> Result<()> {
    let folder = Folder::with(12)?;
    fs::write(folder.archive(3), &sound()?[..200])?;
    let place = folder.folder.path().join("small");
    for (options, says) in [
        ("size=8k", "No space left"),
        ("ro", "Read-only file system"),
    ] {
        let program = on_mount(&folder, &place, options)?;
        let more = json!({"ledger": place.join("ledger")});
        let result = program.module("backup_verify", &folder.options(more))?;
        fails(&result, 5, &["1 of 12 archives fail"]);
        assert_eq!(result["summary"]["ok"], 11, "{result}");
        let said = warnings(&result);
        assert!(
            said.contains("cannot be written") && said.contains(says),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "said once: {said}");
    }
    // Where there is room again everything is read once more, and remembered.
    counts(&folder.run()?, 12, 0);
    counts(&folder.run()?, 12, 12);
    Ok(())
}

#[test]
fn two_runs_at_the_same_time_leave_one_right_ledger() -> Result<()> {
    let folder = Folder::with(40)?;
    for _ in 0..4 {
        fs::remove_file(folder.ledger()).ok();
        let mut first = folder
            .program
            .start_module("backup_verify", &folder.options(json!({})))?;
        let second = folder.run()?;
        let code = second["exit_code"].as_u64();
        ensure!(code == Some(0) || code == Some(3), "{second}");
        if code == Some(3) {
            assert!(
                text(&second, "msg").contains("verifies just now"),
                "{second}"
            );
        }
        ensure!(first.wait()?.success());
        let next = folder.run()?;
        counts(&next, 40, 40);
        assert_eq!(warnings(&next), "");
    }
    Ok(())
}

#[test]
fn what_is_written_while_it_is_read_is_never_called_sound_and_read_again() -> Result<()> {
    let folder = Folder::with(1)?;
    let content = sound()?;
    // On a busy machine the writer may pause for a whole reading, or for all of them. What is then
    // called sound must be what was there at that time.
    let mut tries = 0..50;
    let result = loop {
        ensure!(tries.next().is_some(), "the writer was never seen");
        let result = read_while_it_grows(&folder, &content)?;
        let archive = &result["archives"][1];
        match archive["verdict"].as_str() {
            Some("ok" | "warn") => {
                let size = archive["size"].as_u64().context("it has no size")?;
                let whole = fs::read(folder.archive(1))?;
                let read = whole
                    .get(..usize::try_from(size)?)
                    .context("it has shrunk")?;
                assert_eq!(archive["sha256"], sha256(read), "{result}");
            }
            _ => break result,
        }
    };
    fails(&result, 5, &["is unreadable"]);
    assert_eq!(result["summary"]["ok"], 1, "{result}");
    assert_eq!(
        result["archives"][1]["reasons"][0]["id"], "changed-while-read",
        "{result}"
    );
    fs::write(folder.archive(1), content)?;
    let next = folder.run()?;
    succeeds(&next, false);
    counts(&next, 2, 1);
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Verifies the folder while empty frames are added to its second archive.
fn read_while_it_grows(folder: &Folder, content: &[u8]) -> Result<Value> {
    let path = folder.archive(1);
    fs::write(&path, content)?;
    // What an earlier try called sound must not be held against this one.
    fs::remove_file(folder.ledger()).ok();
    let (growing, grown) = (AtomicBool::new(true), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<()> {
            use std::io::Write as _;
            let mut file = fs::OpenOptions::new().append(true).open(&path)?;
            while growing.load(Ordering::Relaxed) {
                file.write_all(&NOTHING)?;
                grown.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        while !grown.load(Ordering::Relaxed) && !writer.is_finished() {
            std::thread::yield_now();
        }
        let result = folder.run();
        growing.store(false, Ordering::Relaxed);
        writer.join().ok().context("the writer panicked")??;
        result
    })
}
