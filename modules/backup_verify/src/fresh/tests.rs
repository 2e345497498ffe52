use std::fs;
use std::path::Path;
use std::time::Duration;

use module_kit::Module as _;
use module_kit::testing::{self, Server};
use proof_ledger::{Ledger, OnBusy, PROOFS_FILE};
use serde_json::json;

use super::*;
use crate::BackupVerify;

const OLDER: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";
const NEW: &str = "vzdump-qemu-104-2026_01_03-10_00_07.vma.zst";
/// It is there, and no backup of now.
const BESIDE: &str = "vzdump-qemu-104-2026_01_01-10_00_07.vma.zst";

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn made(name: &str, by: &str) -> Made {
    Made {
        volume: format!("local:backup/{name}").parse().unwrap(),
        vmid: Vmid::new(104).unwrap(),
        node: node(by),
    }
}

/// The node `pve1` with a storage that has archives.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dump")).unwrap();
        let world = Self { folder };
        for name in [BESIDE, OLDER, NEW] {
            fs::write(world.archive(name), sound()).unwrap();
        }
        world
    }

    fn dump(&self) -> PathBuf {
        self.folder.path().join("dump")
    }

    fn archive(&self, name: &str) -> PathBuf {
        self.dump().join(name)
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn read_by(&self, made: &[Made], read_by: ReadBy, ledger: &Path) -> Fresh {
        let surroundings = Surroundings {
            here: Some(node("pve1")),
            folders: vec![Folder {
                storage: "local".parse().unwrap(),
                node: node("pve1"),
                path: self.dump(),
                read_by,
            }],
        };
        let mut spec = spec(made, Place::At(ledger.to_owned()));
        spec.remembering.patience = Duration::ZERO;
        Server::default().with_context(|context| read(made, &surroundings, spec, context))
    }

    fn read(&self, name: &str) -> Fresh {
        self.read_by(&[made(name, "pve1")], ReadBy::Here, &self.ledger())
    }

    /// How many bytes a run of the module reads, and what it believes.
    fn verified(&self) -> (u64, u64) {
        let arguments = json!({"path": self.dump(), "ledger": self.ledger(), "fail_on": []});
        let spec = testing::spec::<BackupVerify>(arguments).unwrap();
        let observed = Server::default()
            .with_context(|context| BackupVerify::observe(&spec, context))
            .unwrap();
        let report = BackupVerify::report(&spec, &observed, &module_kit::Progress::Applied(&[]));
        (report.summary.trusted, report.summary.bytes_read)
    }
}

fn sound() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/archives");
    fs::read(folder.join(OLDER)).unwrap()
}

/// The one archive, of which nothing was said.
#[track_caller]
fn only(fresh: Fresh) -> FreshArchive {
    assert_eq!(fresh.warnings, [""; 0]);
    let [archive] = fresh.archives.try_into().unwrap();
    archive
}

/// That it was not read, and why.
#[track_caller]
fn is_elsewhere(archive: &FreshArchive, why: &str) {
    assert_eq!(archive.verdict, Verdict::NotVerified);
    assert_eq!(archive.sha256, None);
    let reason = &archive.reasons[0];
    assert_eq!(reason.reason.id, Finding::FileElsewhere);
    assert_eq!(reason.guest, Some(104));
    assert!(reason.reason.text.contains(why), "{}", reason.reason.text);
}

#[test]
fn what_was_made_is_read_and_known_to_the_next_run_and_nothing_else_is() {
    let world = World::new();
    let archive = only(world.read(NEW));
    assert_eq!(archive.verdict, Verdict::Ok);
    assert_eq!(archive.sha256.map(|digest| digest.len()), Some(64));
    assert_eq!(archive.reasons, []);
    let size = u64::try_from(sound().len()).unwrap();
    assert_eq!(world.verified(), (1, 2 * size));
    // What is known is not forgotten for a new one.
    fs::write(world.archive(&NEW.replace("01_03", "01_04")), sound()).unwrap();
    only(world.read(&NEW.replace("01_03", "01_04")));
    assert_eq!(world.verified(), (4, 0));
}

#[test]
fn a_damaged_one_is_told_with_what_is_older_and_known_to_be_sound() {
    let world = World::new();
    fs::write(world.archive(NEW), &sound()[..100]).unwrap();
    let older = |world: &World| {
        let archive = only(world.read(NEW));
        assert_eq!(archive.verdict, Verdict::Corrupt);
        assert_eq!(archive.reasons[0].reason.id, Finding::ZstdTruncated);
        // Again it is not read: what the ledger says is told.
        archive.reasons[0].older_sound.clone()
    };
    assert_eq!(older(&world), None, "nobody read the others");
    only(world.read(BESIDE));
    assert_eq!(older(&world).as_deref(), Some(BESIDE));
    only(world.read(OLDER));
    assert_eq!(older(&world).as_deref(), Some(OLDER));
    // One that changed since is nothing to go back to.
    fs::write(world.archive(OLDER), &sound()[..100]).unwrap();
    assert_eq!(older(&world).as_deref(), Some(BESIDE));
    fs::remove_file(world.archive(BESIDE)).unwrap();
    assert_eq!(older(&world), None);
}

#[test]
fn what_another_node_made_is_read_only_where_all_see_it() {
    let world = World::new();
    let theirs = [made(NEW, "pve2")];
    let archive = only(world.read_by(&theirs, ReadBy::Here, &world.ledger()));
    is_elsewhere(
        &archive,
        "on storage `local` of node `pve2`; run backup_verify there",
    );
    // On a shared storage it is read, whoever reads the rest of it.
    let proofs = world.dump().join(PROOFS_FILE);
    let by_other = ReadBy::Other(node("pve0"));
    let archive = only(world.read_by(&theirs, by_other, &world.ledger()));
    assert_eq!(archive.verdict, Verdict::Ok);
    assert!(!proofs.exists());
    // The one whose proofs count writes them.
    let all = ReadBy::HereForAll(node("pve1"));
    only(world.read_by(&[made(OLDER, "pve1")], all.clone(), &world.ledger()));
    let names = || -> Vec<String> {
        let proofs = proof_ledger::read_proofs(&world.dump()).unwrap().unwrap();
        proofs.archives.into_keys().collect()
    };
    assert_eq!(names(), [OLDER, NEW]);
    // A ledger that is lost takes nothing from them, and what is gone goes.
    fs::remove_file(world.ledger()).unwrap();
    fs::remove_file(world.archive(NEW)).unwrap();
    only(world.read_by(&[made(BESIDE, "pve1")], all, &world.ledger()));
    assert_eq!(names(), [BESIDE, OLDER]);
}

#[test]
fn a_storage_that_is_not_here_and_a_file_that_is_gone_are_two_things() {
    let world = World::new();
    fs::remove_file(world.archive(NEW)).unwrap();
    let archive = only(world.read(NEW));
    assert_eq!(archive.verdict, Verdict::Unreadable);
    assert_eq!(archive.reasons[0].reason.id, Finding::Vanished);
    fs::remove_dir_all(world.dump()).unwrap();
    is_elsewhere(&only(world.read(NEW)), "cannot read `");
    let other = Made {
        volume: format!("nas:backup/{NEW}").parse().unwrap(),
        ..made(NEW, "pve1")
    };
    let archive = only(world.read_by(&[other], ReadBy::Here, &world.ledger()));
    is_elsewhere(
        &archive,
        "storage `nas` of node `pve1` is no folder on this machine",
    );
}

#[test]
fn a_ledger_that_cannot_be_had_or_written_hides_no_verdict() {
    let world = World::new();
    let held = Ledger::open(&world.ledger(), OnBusy::Refuse).unwrap();
    let all = ReadBy::HereForAll(node("pve1"));
    let fresh = world.read_by(&[made(NEW, "pve1")], all, &world.ledger());
    assert_eq!(fresh.archives[0].verdict, Verdict::Ok);
    assert!(
        fresh.warnings[0].contains("verifies just now")
            && fresh.warnings[0].contains("not remembered"),
        "{:?}",
        fresh.warnings
    );
    assert_eq!(fresh.warnings.len(), 1);
    assert!(!world.dump().join(PROOFS_FILE).exists());
    drop(held);
    let nowhere = Path::new("/proc/nowhere/ledger");
    let fresh = world.read_by(&[made(NEW, "pve1")], ReadBy::Here, nowhere);
    assert_eq!(fresh.archives[0].verdict, Verdict::Ok);
    assert!(
        fresh.warnings[0].contains("cannot be written"),
        "{:?}",
        fresh.warnings
    );
}

#[test]
fn from_elsewhere_nothing_is_asked_and_nothing_read() {
    let snapshot = Made {
        volume: "pbs:backup/vm/104/2026-01-03T10:00:07Z".parse().unwrap(),
        ..made(NEW, "pve1")
    };
    let server = Server::default();
    let fresh = server.with_context(|context| {
        verify_fresh(&[made(NEW, "pve1"), snapshot], &Place::Usual, None, context)
    });
    assert_eq!(server.asked(), [""; 0]);
    is_elsewhere(&fresh.archives[0], "run backup_verify there");
    let snapshot = &fresh.archives[1];
    assert_eq!(snapshot.verdict, Verdict::NotVerified);
    assert_eq!(
        snapshot.reasons[0].reason.id,
        Finding::BackupServerUnverified
    );
}
