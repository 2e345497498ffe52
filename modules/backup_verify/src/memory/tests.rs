use std::fs;
use std::path::Path;

use module_kit::Module as _;
use module_kit::testing::{self, Server};
use module_kit::{Exit, Progress};
use serde_json::{Value, json};
use vzdump_archive::{Finding, Verdict};

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

#[test]
fn two_runs_at_once_do_not_meet() {
    let world = World::new();
    world.put(SOUND, &fixture());
    let path = world.folder.path().join("ledger");
    let _held = proof_ledger::Ledger::open(&path, proof_ledger::OnBusy::Refuse).unwrap();
    let failure = crate::memory::Memory::open(
        &path,
        &[],
        &[],
        proof_ledger::Settings {
            max_age: 1,
            budget: proof_ledger::Budget::default(),
            run_interval: 1,
            checks: 1,
        },
        0,
    )
    .unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
}
