use vzdump_archive::{Finding, Reason};

use super::*;

fn run(vmid: u32, found: Option<Reason>, older_sound: Option<&str>) -> RunResult {
    RunResult {
        vmid,
        node: "pve1".to_owned(),
        task: Some("UPID:pve1:1:2:3:vzdump::root@pam:".to_owned()),
        archive: Some(format!(
            "local:backup/vzdump-qemu-{vmid}-2026_01_03-10_00_07.vma.zst"
        )),
        size: Some(4711),
        duration: Some(42),
        verdict: Some(found.as_ref().map_or(Verdict::Ok, |reason| reason.verdict)),
        sha256: Some("5e".repeat(32)),
        reasons: found
            .into_iter()
            .map(|reason| ReasonResult {
                reason,
                guest: Some(vmid),
                older_sound: older_sound.map(str::to_owned),
            })
            .collect(),
        error: None,
        log_tail: Vec::new(),
        warnings: 0,
    }
}

fn cut() -> Reason {
    Reason::new(Finding::ZstdTruncated, "the file ends inside")
}

fn lost(vmid: u32) -> RunResult {
    RunResult {
        archive: None,
        size: None,
        duration: None,
        verdict: None,
        sha256: None,
        error: Some("no space left".to_owned()),
        ..run(vmid, None, None)
    }
}

fn of(runs: Vec<RunResult>) -> RunVerdict {
    verdict(&Report {
        id: "nightly".to_owned(),
        job: None,
        next_run: None,
        next_run_iso: None,
        guests: Vec::new(),
        left_out: Vec::new(),
        guests_unknown: None,
        runs: Some(runs),
        warnings: vec!["the disk of the ledger is full.".to_owned()],
    })
}

#[test]
fn a_damaged_archive_fails_with_what_was_found_and_what_to_do() {
    let older = "vzdump-qemu-101-2026_01_02-10_00_07.vma.zst";
    let failure = of(vec![
        run(100, None, None),
        run(101, Some(cut()), Some(older)),
    ])
    .failure
    .unwrap();
    assert_eq!(failure.exit, Exit::BelowThreshold);
    assert_eq!(
        failure.message,
        "1 of the 2 archives that backup job `nightly` made cannot be relied on: guest 101 on pve1: `local:backup/vzdump-qemu-101-2026_01_03-10_00_07.vma.zst` is corrupt (zstd-truncated: the file ends inside)"
    );
    assert_eq!(
        failure.hint.unwrap(),
        format!(
            "Older and sound, and still there: `{older}` of guest 101. Look for what damages archives (the disk of the storage, the way to it, the memory of the node), then run the job again."
        )
    );
    let failure = of(vec![run(101, Some(cut()), None)]).failure.unwrap();
    assert!(
        failure
            .hint
            .unwrap()
            .starts_with("No older archive of these guests is known to be sound"),
    );
}

#[test]
fn what_was_not_verified_and_a_full_ledger_fail_nothing() {
    let elsewhere = Some(Reason::new(Finding::FileElsewhere, "it is elsewhere"));
    let verdict = of(vec![run(100, elsewhere, None)]);
    assert_eq!(verdict.failure, None);
    assert_eq!(verdict.warnings, ["the disk of the ledger is full."]);
    // A verdict that is worth a word and no failure.
    let odd = Some(Reason::new(Finding::NameCodecTolerated, "gzip under zst"));
    assert_eq!(of(vec![run(100, odd, None)]).failure, None);
    // Whoever does not want it is told nothing.
    let unasked = RunResult {
        verdict: None,
        ..run(100, None, None)
    };
    assert_eq!(of(vec![unasked]).failure, None);
}

#[test]
fn what_is_missing_hides_nothing_that_is_damaged() {
    let failure = of(vec![lost(100), run(101, Some(cut()), None)])
        .failure
        .unwrap();
    assert_eq!(failure.exit, Exit::NeedsAHand);
    for part in [
        "did not save 1 of 2 guests: guest 100 on pve1: no space left",
        "1 of the 1 archives",
        "zstd-truncated",
    ] {
        assert!(failure.message.contains(part), "{failure}");
    }
    let gone = Some(Reason::new(Finding::Vanished, "it is gone"));
    let failure = of(vec![run(101, gone, None)]).failure.unwrap();
    assert!(failure.message.contains("is unreadable"), "{failure}");
}

#[test]
fn a_person_sees_verdict_reasons_and_digest() {
    let elsewhere = Some(Reason::new(Finding::FileElsewhere, "it is elsewhere"));
    let elsewhere = RunResult {
        sha256: None,
        ..run(102, elsewhere, None)
    };
    let mut text = String::new();
    render(
        &[
            run(100, None, None),
            run(101, Some(cut()), None),
            elsewhere,
            lost(103),
        ],
        &mut text,
    );
    insta::assert_snapshot!(text, @r"
    100       local:backup/vzdump-qemu-100-2026_01_03-10_00_07.vma.zst
              4711 bytes in 42 s
              ok
              sha256 5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e
    101       local:backup/vzdump-qemu-101-2026_01_03-10_00_07.vma.zst
              4711 bytes in 42 s
              corrupt
              zstd-truncated: the file ends inside
              sha256 5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e
    102       local:backup/vzdump-qemu-102-2026_01_03-10_00_07.vma.zst
              4711 bytes in 42 s
              not_verified
              file-elsewhere: it is elsewhere
    103       FAILED: no space left
    ");
}
