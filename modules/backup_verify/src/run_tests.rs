//! The five steps, over real archives in a folder.

use std::fs;
use std::path::Path;

use module_kit::testing::{self, Server};
use module_kit::{Exit, Module as _, Progress};
use serde_json::{Value, json};
use vzdump_archive::{Finding, Verdict};

use crate::{BackupVerify, Report};

const SOUND: &str = "vzdump-qemu-104-2026_01_02-10_00_07.vma.zst";

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/archives");
    fs::read(folder.join(name)).unwrap()
}

fn verify(arguments: Value) -> Result<Report, module_kit::Failure> {
    let spec = testing::spec::<BackupVerify>(arguments)?;
    Server::default().with_context(|context| {
        let observed = BackupVerify::observe(&spec, context)?;
        assert!(BackupVerify::plan(&spec, &observed)?.is_empty());
        Ok(BackupVerify::report(
            &spec,
            &observed,
            &Progress::Applied(&[]),
        ))
    })
}

fn ids(report: &Report, index: usize) -> Vec<Finding> {
    report.archives[index]
        .reasons
        .iter()
        .map(|reason| reason.reason.id)
        .collect()
}

#[test]
fn a_folder_says_of_each_archive_what_is_wrong_and_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, data: &[u8]| fs::write(folder.path().join(name), data).unwrap();
    let good = fixture(SOUND);
    put("vzdump-qemu-104-2026_01_02-10_00_07.vma.zst", &good);
    put(
        "vzdump-qemu-104-2026_01_03-10_00_07.vma.zst",
        &good[..good.len() - 20],
    );
    put("vzdump-qemu-104-2026_01_04-10_00_07.vma.dat", &good[..100]);
    put("vzdump-qemu-104-2026_01_01-10_00_07.vma.dat", &good[..100]);
    put(
        "vzdump-lxc-105-2026_01_04-10_00_07.log",
        b"x ERROR: Backup of CT 105 failed - no\n",
    );
    let report = verify(json!({"path": folder.path()})).unwrap();
    let verdicts: Vec<(String, Verdict)> = report
        .archives
        .iter()
        .map(|archive| (archive.time.clone().unwrap(), archive.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("2026_01_02-10_00_07".to_owned(), Verdict::Ok),
            ("2026_01_03-10_00_07".to_owned(), Verdict::Corrupt),
            ("2026_01_04-10_00_07".to_owned(), Verdict::Incomplete),
            ("2026_01_01-10_00_07".to_owned(), Verdict::Warn),
            ("2026_01_04-10_00_07".to_owned(), Verdict::Incomplete),
        ]
    );
    assert_eq!(ids(&report, 1), [Finding::ZstdTruncated]);
    let reason = &report.archives[1].reasons[0];
    assert_eq!(
        (reason.guest, reason.older_sound.as_deref()),
        (Some(104), Some(SOUND))
    );
    assert_eq!(ids(&report, 3), [Finding::LeftoverSuperseded]);
    let verdict = BackupVerify::verdict(&report);
    let failure = verdict.failure.unwrap();
    assert_eq!(failure.exit, Exit::BelowThreshold);
    assert!(
        failure.message.starts_with("3 of 5 archives fail"),
        "{failure}"
    );
    let table = BackupVerify::render(&report);
    assert!(
        table.contains("older and sound: vzdump-qemu-104-2026_01_02"),
        "{table}"
    );
}

#[test]
fn what_counts_as_failed_is_the_users_choice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SOUND);
    fs::write(&path, &fixture(SOUND)[..50]).unwrap();
    let fails = |fail_on: Value| {
        let report = verify(json!({"path": [path], "fail_on": fail_on})).unwrap();
        assert_eq!(report.archives[0].verdict, Verdict::Corrupt);
        BackupVerify::verdict(&report).failure.is_some()
    };
    assert!(fails(json!(["corrupt"])) && !fails(json!(["warn"])) && !fails(json!([])));
}

#[test]
fn checksum_files_beside_an_archive_count() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, data: &[u8]| fs::write(folder.path().join(name), data).unwrap();
    put(SOUND, &fixture(SOUND));
    let sum = |name: &str| {
        let report = verify(json!({"path": folder.path().join(name)})).unwrap();
        (
            report.archives[0].verdict,
            report.archives[0].sha256.clone().unwrap(),
        )
    };
    let (verdict, digest) = sum(SOUND);
    assert_eq!(verdict, Verdict::Ok);
    put("SHA256SUMS", format!("{digest}  {SOUND}\n").as_bytes());
    assert_eq!(sum(SOUND).0, Verdict::Ok);
    put(
        &format!("{SOUND}.md5"),
        format!("{}  {SOUND}\n", "0".repeat(32)).as_bytes(),
    );
    assert_eq!(sum(SOUND).0, Verdict::Corrupt);
}

#[test]
fn nothing_to_verify_is_never_fine() {
    let folder = tempfile::tempdir().unwrap();
    let failure = verify(json!({"path": folder.path()})).unwrap_err();
    assert_eq!(failure.exit, Exit::NothingFound);
    let failure = verify(json!({"path": folder.path().join("absent")})).unwrap_err();
    assert_eq!(failure.exit, Exit::NothingFound);
    assert!(failure.to_string().contains("absent"), "{failure}");
}

#[test]
fn a_backup_that_runs_is_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join("vzdump-qemu-104-2026_01_04-10_00_07.vma.dat");
    let file = fs::File::create(&path).unwrap();
    fs::create_dir(
        folder
            .path()
            .join("vzdump-qemu-104-2026_01_04-10_00_07.tmp"),
    )
    .unwrap();
    let verdicts = || {
        let report = verify(json!({"path": folder.path()})).unwrap();
        report
            .archives
            .iter()
            .map(|archive| archive.verdict)
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts(), [Verdict::InProgress; 2]);
    drop(file);
    assert_eq!(verdicts(), [Verdict::Incomplete; 2]);
}
