use std::fs;
use std::path::Path;

use module_kit::Module as _;
use module_kit::testing::{self, Server};
use module_kit::{Exit, Progress};
use serde_json::{Value, json};
use vzdump_archive::{Finding, Verdict};

use super::{Asked, Memory};
use crate::reading::Pass;
use crate::{BackupVerify, Report};

const SOUND: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";

fn fixture() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/archives");
    fs::read(folder.join(SOUND)).unwrap()
}

fn verify(arguments: Value) -> Result<Report, module_kit::Failure> {
    let spec = testing::spec::<BackupVerify>(arguments)?;
    Server::default().with_context(|context| {
        let observed = BackupVerify::observe(&spec, context)?;
        Ok(BackupVerify::report(
            &spec,
            &observed,
            &Progress::Applied(&[]),
        ))
    })
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(world.folder.path().join("dump")).unwrap();
        world
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("dump").join(name), bytes).unwrap();
    }

    fn run(&self) -> Report {
        verify(json!({
            "path": self.folder.path().join("dump"),
            "ledger": self.folder.path().join("ledger"),
        }))
        .unwrap()
    }
}

fn finding(report: &Report) -> Vec<Finding> {
    let reasons = &report.archives[0].reasons;
    reasons.iter().map(|reason| reason.reason.id).collect()
}

#[test]
fn what_did_not_change_is_not_read_again_and_said_alike() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let first = world.run();
    assert_eq!((first.summary.trusted, first.summary.ok), (0, 1));
    assert!(first.summary.bytes_read > 0);
    let second = world.run();
    assert_eq!((second.summary.trusted, second.summary.bytes_read), (1, 0));
    assert_eq!(second.archives, first.archives);
    assert!(second.summary.cycle_end.is_some());
    // A lost ledger costs one reading.
    fs::remove_file(world.folder.path().join("ledger")).unwrap();
    assert_eq!(world.run().summary.trusted, 0);
    assert_eq!(world.run().summary.trusted, 1);
    // So does a damaged one, and it is said.
    fs::write(world.folder.path().join("ledger"), "nonsense\n").unwrap();
    let third = world.run();
    assert_eq!(third.summary.trusted, 0);
    let warnings = BackupVerify::verdict(&third).warnings;
    assert!(
        warnings.iter().any(|text| text.contains("is not used")),
        "{warnings:?}"
    );
}

#[test]
fn another_content_of_a_sound_format_is_damage() {
    let world = World::new();
    // The same content in two frames: sound in itself, and not what was read.
    world.put(SOUND, &fixture());
    assert_eq!(world.run().archives[0].verdict, Verdict::Ok);
    let mut other = fixture();
    // An empty skippable frame of zstd, which decoders pass by.
    other.splice(0..0, [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    world.put(SOUND, &other);
    let report = world.run();
    assert_eq!(report.archives[0].verdict, Verdict::Corrupt, "{report:?}");
    assert!(finding(&report).contains(&Finding::DigestChanged));
    let again = world.run();
    assert_eq!(again.summary.trusted, 1);
    assert_eq!(again.archives, report.archives, "it stays damaged");
    world.put(SOUND, &fixture());
    assert_eq!(world.run().archives[0].verdict, Verdict::Ok);
}

fn open(
    path: &Path,
    archives: &[&Path],
    budget: proof_ledger::Budget,
    context: &module_kit::Context<'_>,
) -> Result<Memory, module_kit::Failure> {
    let asked = Asked {
        ledger: Some(path),
        archives,
        listed: &[],
        renewal: proof_ledger::Settings {
            max_age: 1,
            budget,
            run_interval: 1,
            checks: 1,
        },
        readers: 1,
        patience: std::time::Duration::from_millis(if budget.paused { 60_000 } else { 100 }),
    };
    Memory::open(&asked, context)
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let path = world.folder.path().join("ledger");
    let held = proof_ledger::Ledger::open(&path, proof_ledger::OnBusy::Refuse).unwrap();
    let budget = proof_ledger::Budget::default();
    Server::default().with_context(|context| {
        let failure = open(&path, &[], budget, context).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
    });
    // One that only looks does not mind.
    Server::default().with_check_context(|context| {
        open(&path, &[], budget, context).unwrap();
    });
    // One that reads only what is new waits for the other's end.
    let paused = proof_ledger::Budget {
        paused: true,
        ..budget
    };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            Server::default().with_context(|context| open(&path, &[], paused, context).is_ok())
        });
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(held);
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn check_mode_believes_the_ledger_and_writes_nothing() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let arguments = json!({
        "path": world.folder.path().join("dump"),
        "ledger": world.folder.path().join("deeper/ledger"),
    });
    let spec = testing::spec::<BackupVerify>(arguments).unwrap();
    let look = || {
        Server::default()
            .with_check_context(|context| BackupVerify::observe(&spec, context).unwrap().trusted)
    };
    assert_eq!(look(), 0);
    assert!(!world.folder.path().join("deeper").exists());
    Server::default().with_context(|context| drop(BackupVerify::observe(&spec, context).unwrap()));
    let ledger = world.folder.path().join("deeper/ledger");
    let before = fs::read(&ledger).unwrap();
    assert_eq!(look(), 1);
    world.put(&SOUND.replace("_07", "_08"), &fixture());
    assert_eq!(look(), 1);
    assert_eq!(fs::read(&ledger).unwrap(), before);
}

/// A reading as if the file had said this.
fn pass(path: &Path, verdict: Option<Verdict>) -> Pass {
    let mut examination = vzdump_archive::examine_file(
        path,
        &mut vzdump_archive::Discard,
        vzdump_archive::Options::default(),
    );
    if let Some(verdict) = verdict {
        let finding = match verdict {
            Verdict::Unreadable => Finding::ReadError,
            _ => Finding::ZstdTruncated,
        };
        let reason = vzdump_archive::Reason::new(finding, "the disk said so");
        examination.verdict = verdict;
        examination.reasons = vec![reason];
        examination.sha256 = None;
    }
    let metadata = fs::metadata(path).unwrap();
    Pass {
        examination,
        stamp: Some(proof_ledger::FileStamp::of(&metadata)),
        time: std::time::Duration::from_millis(7),
    }
}

#[test]
fn a_reading_that_failed_is_made_once_more_before_it_counts() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let path = world.folder.path().join("dump").join(SOUND);
    let ledger = world.folder.path().join("ledger");
    let settle = |first: Option<Verdict>, second: Option<Verdict>, kept: Option<&Path>| {
        Server::default().with_context(|context| {
            let again = std::cell::Cell::new(0);
            let asked = Asked {
                ledger: kept,
                archives: &[&path],
                listed: &[],
                renewal: testing::spec::<BackupVerify>(json!({}))
                    .unwrap()
                    .remembering
                    .renewal,
                readers: 1,
                patience: std::time::Duration::ZERO,
            };
            let memory = Memory::open(&asked, context).unwrap();
            let examination = memory.settle(0, pass(&path, first), &|| {
                again.set(again.get() + 1);
                pass(&path, second)
            });
            (examination, again.get())
        })
    };
    // With and without a ledger.
    for kept in [None, Some(ledger.as_path())] {
        let (sound, again) = settle(None, Some(Verdict::Corrupt), kept);
        assert_eq!((sound.verdict, again), (Verdict::Ok, 0));
        for doubtful in [Verdict::Corrupt, Verdict::Unreadable] {
            let (bad, again) = settle(Some(doubtful), Some(doubtful), kept);
            assert_eq!((bad.verdict, again), (doubtful, 1), "twice is believed");
            let (good, again) = settle(Some(doubtful), None, kept);
            assert_eq!((good.verdict, again), (Verdict::Warn, 1));
            let ids: Vec<_> = good.reasons.iter().map(|reason| reason.id).collect();
            assert_eq!(ids, [Finding::UnstableRead], "{good:?}");
        }
    }
    let entries = proof_ledger::Ledger::look(&ledger).ledger;
    let entry = entries.snapshot().values().next().unwrap();
    assert_eq!(
        entry.proof.as_ref().unwrap().millis,
        7,
        "as long as it took"
    );
}

#[test]
fn an_archive_that_cannot_be_looked_at_just_now_is_not_forgotten() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let other = SOUND.replace("_07", "_08");
    world.put(&other, &fixture());
    world.run();
    let path = world.folder.path().join("dump").join(SOUND);
    fs::remove_file(&path).unwrap();
    // A link to nowhere: it is listed and tells nothing of itself.
    std::os::unix::fs::symlink("/nowhere/at/all", &path).unwrap();
    let report = world.run();
    assert_eq!(report.archives[0].verdict, Verdict::Unreadable);
    fs::remove_file(&path).unwrap();
    let mut changed = fixture();
    changed.splice(0..0, [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    world.put(SOUND, &changed);
    let report = world.run();
    assert_eq!(finding(&report), [Finding::DigestChanged], "{report:?}");
}

#[test]
fn what_is_remembered_names_the_older_sound_archive_too() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let newer = SOUND.replace("02-10", "03-10");
    world.put(&newer, &fixture()[..100]);
    let first = world.run();
    let second = world.run();
    assert_eq!(second.summary.trusted, 2);
    assert_eq!(second.archives, first.archives);
    assert_eq!(second.archives[1].verdict, Verdict::Corrupt);
    assert_eq!(second.archives[1].older_sound.as_deref(), Some(SOUND));
    assert_eq!(
        second.archives[1].reasons[0].older_sound.as_deref(),
        Some(SOUND)
    );
}

#[test]
fn a_digest_in_the_notes_outlives_the_ledger() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let digest = world.run().archives[0].sha256.clone().unwrap();
    fs::remove_file(world.folder.path().join("ledger")).unwrap();
    world.put(
        &format!("{SOUND}.notes"),
        format!("web 1\nsha256:{digest}\n").as_bytes(),
    );
    assert_eq!(world.run().archives[0].verdict, Verdict::Ok);
    fs::remove_file(world.folder.path().join("ledger")).unwrap();
    let mut changed = fixture();
    changed.splice(0..0, [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    world.put(SOUND, &changed);
    let report = world.run();
    assert_eq!(finding(&report), [Finding::DigestChanged]);
    assert!(
        report.archives[0].reasons[0]
            .reason
            .text
            .contains("its notes (`")
    );
    // Without any ledger they count as well.
    let report = verify(json!({
        "path": world.folder.path().join("dump"), "remember": false,
    }))
    .unwrap();
    assert_eq!(finding(&report), [Finding::DigestChanged]);
    assert_eq!(report.summary.cycle_end, None);
}

#[test]
fn a_run_has_its_time_and_says_what_waits() {
    let world = World::new();
    let names: Vec<String> = (1..=6)
        .map(|day| SOUND.replace("_07", &format!("_0{day}")))
        .collect();
    for name in &names {
        world.put(name, &fixture());
    }
    world.run();
    let run = |days: i64, more: Value| {
        let mut arguments = json!({
            "path": world.folder.path().join("dump"),
            "ledger": world.folder.path().join("ledger"),
            "parallel": 1,
        });
        for (name, value) in more.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        let spec = testing::spec::<BackupVerify>(arguments).unwrap();
        let clock = module_kit::FixedClock(1_795_000_000 + days * 86_400);
        let connect = || Err(module_kit::Failure::usage("nobody is asked"));
        let context = module_kit::Context::new(&clock, &connect);
        let observed = BackupVerify::observe(&spec, &context).unwrap();
        BackupVerify::report(&spec, &observed, &Progress::Applied(&[])).summary
    };
    // Nothing is due.
    assert_eq!(
        (run(1, json!({})).trusted, run(1, json!({})).postponed),
        (6, 0)
    );
    let hook = run(31, json!({"renew": false}));
    assert_eq!((hook.trusted, hook.postponed), (6, 6));
    let size = fixture().len();
    let two = run(31, json!({"budget_bytes": 2 * size}));
    assert_eq!((two.trusted, two.postponed, two.ok), (4, 4, 6));
    assert_eq!(two.cycle_end, Some(1_795_000_000 + 33 * 86_400));
    // What is new is read whatever the budget says, and one renewal is always made.
    world.put(&SOUND.replace("_07", "_17"), &fixture());
    world.put(&SOUND.replace("_07", "_18"), &fixture());
    let one = run(31, json!({"budget_bytes": 1}));
    assert_eq!((one.trusted, one.postponed, one.ok), (5, 3, 8));
    let all = run(31, json!({"budget_time": "1h"}));
    assert_eq!((all.trusted, all.postponed), (5, 0));
}
