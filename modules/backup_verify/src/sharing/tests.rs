use std::fs;

use proof_ledger::{ArchiveKey, Entry, PROOFS_FILE, Proof};
use vzdump_archive::{Discard, Options, Verdict, examine_file};

use super::*;

const SOUND: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// A folder with an archive, and what its reader knows of it.
struct World {
    folder: tempfile::TempDir,
    ledger: Snapshot,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/archives");
        let path = folder.path().join(SOUND);
        fs::copy(fixtures.join(SOUND), &path).unwrap();
        let examination = examine_file(&path, &mut Discard, Options::default());
        let proof = Proof {
            stamp: FileStamp::of(&fs::metadata(&path).unwrap()),
            sha256: examination.sha256.as_ref().unwrap().parse().ok(),
            verdict: proof_ledger::Verdict::OK,
            read_at: 1000,
            millis: 1,
            program: "1".to_owned(),
            checks: 1,
            detail: serde_json::to_value(&examination).unwrap(),
        };
        let place = folder.path().canonicalize().unwrap();
        let key = ArchiveKey::new(place.to_str().unwrap(), SOUND);
        let entry = Entry {
            proof: Some(proof),
            failure: None,
        };
        Self {
            folder,
            ledger: Snapshot::from([(key, entry)]),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(SOUND)
    }

    fn publish(&self, renewed: bool) -> Vec<String> {
        let place = self.folder.path().canonicalize().unwrap();
        let renewed = renewed.then(|| place.to_str().unwrap().to_owned());
        let folders = [(self.folder.path().to_owned(), node("pve1"))];
        publish(&folders, &renewed.into_iter().collect(), &self.ledger, 2000)
    }

    fn lend(&self, read_by: &ReadBy) -> (Found, Vec<String>) {
        let mut lenders = Lenders::default();
        let lent = lenders.lend(&self.path(), read_by, 500, None);
        (lent, lenders.warnings())
    }

    /// That nothing is known of it, and why.
    #[track_caller]
    fn is_unproved(&self, read_by: &ReadBy, why: &str) {
        let (lent, _) = self.lend(read_by);
        assert_eq!(lent.examination.verdict, Verdict::NotVerified);
        assert_eq!((lent.read_at, lent.by), (None, None));
        let reason = &lent.examination.reasons[0];
        assert_eq!(reason.id, Finding::NotProvedYet);
        assert!(reason.text.contains(why), "{}", reason.text);
    }
}

#[test]
fn one_of_the_nodes_that_have_it_and_are_online_reads() {
    let [one, two, away] = ["pve1", "pve2", "pve9"].map(node);
    let of = |here: &NodeName, named: Option<&NodeName>, online: &[&NodeName]| {
        ReadBy::of_shared(here, named, online)
    };
    let both = [&two, &one];
    assert_eq!(of(&one, None, &both), ReadBy::HereForAll(one.clone()));
    assert_eq!(of(&two, None, &both), ReadBy::Other(one.clone()));
    assert_eq!(of(&two, None, &[&two]), ReadBy::HereForAll(two.clone()));
    assert_eq!(of(&one, Some(&two), &both), ReadBy::Other(two.clone()));
    assert_eq!(of(&two, Some(&two), &both), ReadBy::HereForAll(two.clone()));
    assert_eq!(of(&one, Some(&away), &both), ReadBy::Absent(away.clone()));
}

#[test]
fn what_one_node_read_counts_on_another_as_long_as_it_is_that_file() {
    let world = World::new();
    let other = ReadBy::Other(node("pve1"));
    world.is_unproved(&other, "left no proofs yet");
    assert_eq!(world.publish(true), [""; 0]);
    let (lent, warnings) = world.lend(&other);
    assert_eq!(lent.examination.verdict, Verdict::Ok);
    assert_eq!(
        (lent.read_at, lent.by.as_deref()),
        (Some(1000), Some("pve1"))
    );
    assert_eq!(warnings, [""; 0]);
    let later = Lenders::default().lend(&world.path(), &other, 5000, None);
    assert_eq!(later.examination.verdict, Verdict::Ok);
    world.is_unproved(&ReadBy::Absent(node("pve9")), "`verify_node`");
    // A file that was written again is another file.
    let mut bytes = fs::read(world.path()).unwrap();
    bytes.push(0);
    fs::write(world.path(), bytes).unwrap();
    world.is_unproved(&other, "is not the file that node `pve1` read");
    fs::rename(world.path(), world.path().with_extension("old")).unwrap();
    fs::write(world.folder.path().join(SOUND.replace("104", "105")), "").unwrap();
    let mut lenders = Lenders::default();
    let unknown = world.folder.path().join(SOUND.replace("104", "105"));
    let lent = lenders.lend(&unknown, &other, 0, None);
    assert!(
        lent.examination.reasons[0]
            .text
            .contains("has not read it yet")
    );
    fs::write(world.folder.path().join(PROOFS_FILE), "{\"form").unwrap();
    fs::rename(world.path().with_extension("old"), world.path()).unwrap();
    world.is_unproved(&other, "cannot be read");
}

#[test]
fn what_a_node_made_and_read_itself_counts_until_the_reader_says_something() {
    let mut world = World::new();
    let (other, absent) = (ReadBy::Other(node("pve1")), ReadBy::Absent(node("pve1")));
    let lend = |world: &World, read_by: &ReadBy, oldest| {
        let own = OwnProofs::new(&world.ledger, node("pve2"));
        Lenders::default().lend(&world.path(), read_by, oldest, Some(&own))
    };
    for read_by in [&other, &absent] {
        let found = lend(&world, read_by, 500);
        assert_eq!(found.examination.verdict, Verdict::Ok);
        assert_eq!(
            (found.read_at, found.by.as_deref()),
            (Some(1000), Some("pve2"))
        );
    }
    let is_unproved = |found: Found| found.read_at.is_none() && found.by.is_none();
    assert!(is_unproved(lend(&world, &other, 1001)), "too old");
    // What the reader says comes first, also that it could not read it.
    world.publish(true);
    assert_eq!(lend(&world, &other, 500).by.as_deref(), Some("pve1"));
    let entry = world.ledger.values_mut().next().unwrap();
    entry.failure = Some(proof_ledger::FailedRead {
        at: 1500,
        text: "no".to_owned(),
    });
    world.publish(true);
    assert!(is_unproved(lend(&world, &other, 500)));
    // Nor does it count once the file is another, or when its own last try failed.
    fs::remove_file(world.folder.path().join(PROOFS_FILE)).unwrap();
    assert!(is_unproved(lend(&world, &other, 500)));
    world.ledger.values_mut().next().unwrap().failure = None;
    assert!(!is_unproved(lend(&world, &other, 500)));
    let bytes = fs::read(world.path()).unwrap();
    fs::write(world.path(), &bytes[1..]).unwrap();
    assert!(is_unproved(lend(&world, &other, 500)));
}

#[test]
fn proofs_that_nobody_renews_are_told() {
    let world = World::new();
    world.publish(true);
    let mut lenders = Lenders::default();
    lenders.lend(&world.path(), &ReadBy::Other(node("pve1")), 1001, None);
    let warnings = lenders.warnings();
    assert!(
        warnings[0].starts_with("1 proofs of node `pve1` are older"),
        "{warnings:?}"
    );
}

#[test]
fn proofs_are_written_when_something_new_is_known() {
    let mut world = World::new();
    let proofs =
        || fs::metadata(world.folder.path().join(PROOFS_FILE)).map(|file| FileStamp::of(&file));
    assert_eq!(world.publish(false), [""; 0]);
    let first = proofs().unwrap();
    world.publish(false);
    assert_eq!(proofs().unwrap(), first);
    world.publish(true);
    assert_ne!(proofs().unwrap(), first);
    // A version that cannot be understood is not believed.
    for entry in world.ledger.values_mut() {
        entry.proof.as_mut().unwrap().detail = serde_json::json!({"verdict": "splendid"});
    }
    world.publish(true);
    world.is_unproved(&ReadBy::Other(node("pve1")), "another version");
    fs::remove_file(world.folder.path().join(PROOFS_FILE)).unwrap();
    fs::create_dir(world.folder.path().join(PROOFS_FILE)).unwrap();
    let warnings = world.publish(true);
    assert!(warnings[0].contains("cannot be written"), "{warnings:?}");
}
