use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::journal::tests::entry;

fn open(path: &Path) -> Opened {
    Ledger::open(path, OnBusy::Refuse).unwrap()
}

fn key(number: i64) -> ArchiveKey {
    ArchiveKey::new("/dump", format!("a{number}"))
}

fn filled(path: &Path, count: i64) -> Snapshot {
    let mut opened = open(path);
    assert_eq!(opened.warnings, [""; 0]);
    for number in 0..count {
        assert_eq!(opened.ledger.record(key(number), entry(number)), None);
    }
    opened.ledger.snapshot().clone()
}

#[test]
fn what_is_recorded_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/ledger");
    let mut known = filled(&path, 3);
    let mut opened = open(&path);
    assert_eq!(opened.ledger.snapshot(), &known);
    assert!(opened.ledger.is_kept());
    assert_eq!(opened.ledger.forget(&key(1)), None);
    assert_eq!(opened.ledger.forget(&key(77)), None);
    known.remove(&key(1));
    drop(opened);
    assert_eq!(open(&path).ledger.snapshot(), &known);
}

#[test]
fn a_second_run_is_refused_or_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let first = open(&path);
    let refused = Ledger::open(&path, OnBusy::Refuse).unwrap_err();
    assert_eq!(refused.holder, Some(std::process::id()));
    assert!(
        refused.to_string().contains("verifies just now"),
        "{refused}"
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Ledger::open(&path, OnBusy::Wait(Duration::from_mins(1))));
        std::thread::sleep(Duration::from_millis(50));
        drop(first);
        assert!(waiting.join().unwrap().unwrap().ledger.is_kept());
    });
    let held = open(&path);
    let patience = OnBusy::Wait(Duration::from_millis(10));
    assert!(Ledger::open(&path, patience).is_err());
    drop(held);
}

#[test]
fn a_damaged_ledger_is_moved_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    filled(&path, 3);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let opened = open(&path);
    assert!(opened.ledger.snapshot().is_empty());
    assert!(opened.ledger.is_kept());
    assert!(
        opened.warnings[0].contains("is damaged"),
        "{:?}",
        opened.warnings
    );
    assert_eq!(
        fs::read(folder.path().join("ledger.damaged")).unwrap(),
        bytes
    );
    drop(opened);
    assert_eq!(open(&path).warnings, [""; 0]);
}

#[test]
fn another_format_is_moved_aside_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    fs::write(&path, "reprise proof ledger 0\nabc\n").unwrap();
    let opened = open(&path);
    assert!(
        opened.warnings[0].contains("format `0`"),
        "{:?}",
        opened.warnings
    );
}

#[test]
fn a_run_killed_at_any_byte_leaves_a_ledger_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    filled(&path, 2);
    let bytes = fs::read(&path).unwrap();
    // Each record waits for the disk: a sample here, every byte in the tests of the journal.
    for length in (0..=bytes.len()).rev().step_by(29) {
        fs::write(&path, &bytes[..length]).unwrap();
        let mut opened = open(&path);
        assert_eq!(opened.warnings, [""; 0], "{length}");
        let mut known = opened.ledger.snapshot().clone();
        assert_eq!(opened.ledger.record(key(9), entry(9)), None);
        known.insert(key(9), entry(9));
        drop(opened);
        assert_eq!(open(&path).ledger.snapshot(), &known, "{length}");
    }
}

#[test]
fn what_a_killed_rewrite_left_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let known = filled(&path, 2);
    fs::write(folder.path().join("ledger.new"), "half a led").unwrap();
    let mut opened = open(&path);
    assert_eq!(opened.ledger.snapshot(), &known);
    for round in 0..300 {
        opened.ledger.record(key(0), entry(round));
    }
    let before = fs::metadata(&path).unwrap().len();
    assert_eq!(opened.ledger.compact(), None);
    assert!(fs::metadata(&path).unwrap().len() < before / 50);
    assert_eq!(opened.ledger.record(key(5), entry(5)), None);
    let known = opened.ledger.snapshot().clone();
    drop(opened);
    assert_eq!(open(&path).ledger.snapshot(), &known);
    assert!(!folder.path().join("ledger.new").exists());
}

/// A file system that takes nothing: `/dev/full` says so at each write.
#[test]
fn a_full_disk_is_said_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    filled(&path, 1);
    let mut opened = open(&path);
    let journal = opened.ledger.file.as_mut().unwrap();
    journal.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let warning = opened.ledger.record(key(1), entry(1)).unwrap();
    assert!(warning.contains("cannot be written"), "{warning}");
    assert!(warning.contains("No space left"), "{warning}");
    assert_eq!(opened.ledger.snapshot().len(), 2, "this run knows it");
    drop(opened);
    assert_eq!(open(&path).ledger.snapshot().len(), 1);
}

#[test]
fn a_place_where_nothing_can_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    // Not even root makes a folder below a file.
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let mut opened = open(&file.join("ledger"));
    assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);
    assert!(!opened.ledger.is_kept());
    assert_eq!(opened.ledger.record(key(1), entry(1)), None);
    assert_eq!(opened.ledger.compact(), None);
    assert_eq!(opened.ledger.snapshot().len(), 1);
}

#[test]
fn a_folder_that_may_only_be_read_still_tells_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let known = filled(&path, 2);
    fs::remove_file(beside(&path, ".lock")).unwrap();
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let probe = File::create(folder.path().join("probe"));
    let opened = open(&path);
    mode(0o755);
    assert_eq!(opened.ledger.snapshot(), &known);
    // Root may write there all the same.
    assert_eq!(opened.ledger.is_kept(), probe.is_ok());
}

/// The aim is one second for all of it in the released program; unoptimized code and a busy
/// machine get five.
#[test]
fn ten_thousand_known_archives_are_a_matter_of_moments() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let snapshot: Snapshot = (0..10_000)
        .map(|number| (key(number), entry(number)))
        .collect();
    fs::write(&path, journal::whole(&snapshot).0).unwrap();
    let archives = snapshot.iter().map(|(key, entry)| crate::Present {
        name: key.name.clone(),
        stamp: entry.proof.as_ref().unwrap().stamp,
    });
    let survey = crate::Survey {
        places: [("/dump".to_owned(), archives.collect())].into(),
    };
    let settings = crate::Settings {
        max_age: 1 << 40,
        budget: crate::Budget::default(),
        run_interval: 86_400,
        checks: 1,
    };
    let start = Instant::now();
    let opened = open(&path);
    let plan = crate::decide(&survey, opened.ledger.snapshot(), 20_000, &settings);
    let passed = start.elapsed();
    assert_eq!((plan.trust.len(), plan.bytes), (10_000, 0));
    println!("10 000 known archives: {passed:?}");
    assert!(passed < Duration::from_secs(5), "{passed:?}");
}
