use super::*;
use crate::entry::{FailedRead, Verdict};

const DAY: i64 = 86_400;
const NOW: i64 = 1_000 * DAY;

fn settings(bytes: Option<u64>) -> Settings {
    Settings {
        max_age: 30 * DAY,
        budget: Budget {
            bytes,
            seconds: None,
            paused: false,
        },
        run_interval: DAY,
        checks: 2,
    }
}

fn stamp(size: u64) -> FileStamp {
    FileStamp {
        size,
        mtime: 5,
        mtime_nanos: 6,
        inode: 7,
    }
}

fn entry(size: u64, age: i64) -> Entry {
    Entry {
        proof: Some(Proof {
            stamp: stamp(size),
            sha256: None,
            verdict: Verdict::OK,
            read_at: NOW - age,
            millis: 1000,
            program: String::new(),
            checks: 2,
            detail: serde_json::Value::Null,
        }),
        failure: None,
    }
}

fn survey(archives: &[(&str, u64)]) -> Survey {
    let archives = archives.iter().map(|(name, size)| Present {
        name: (*name).to_owned(),
        stamp: stamp(*size),
    });
    Survey {
        places: BTreeMap::from([("/dump".to_owned(), archives.collect())]),
    }
}

fn ledger(entries: &[(&str, Entry)]) -> Snapshot {
    entries
        .iter()
        .map(|(name, entry)| (ArchiveKey::new("/dump", *name), entry.clone()))
        .collect()
}

fn names(keys: impl IntoIterator<Item = ArchiveKey>) -> Vec<String> {
    keys.into_iter().map(|key| key.name).collect()
}

fn why(present: u64, entry: Entry) -> Option<Why> {
    let plan = decide(
        &survey(&[("a", present)]),
        &ledger(&[("a", entry)]),
        NOW,
        &settings(None),
    );
    plan.read.into_iter().next().map(|read| read.why)
}

#[test]
fn every_doubt_is_a_reading() {
    assert_eq!(why(1, entry(1, 0)), None);
    assert_eq!(why(1, entry(1, 30 * DAY - 1)), None);
    assert_eq!(why(1, entry(1, 30 * DAY)), Some(Why::Due(30 * DAY)));
    assert_eq!(why(1, entry(1, -1)), Some(Why::ClockWentBack));
    assert_eq!(why(1, Entry::default()), Some(Why::New));
    assert_eq!(why(2, entry(1, 0)), Some(Why::Changed(vec![Field::Size])));
    let with = |change: fn(&mut Entry)| {
        let mut entry = entry(1, 0);
        change(&mut entry);
        why(1, entry)
    };
    assert_eq!(
        with(|entry| entry.proof.as_mut().unwrap().stamp.mtime_nanos = 0),
        Some(Why::Changed(vec![Field::Mtime]))
    );
    assert_eq!(
        with(|entry| entry.proof.as_mut().unwrap().stamp.inode = 0),
        Some(Why::Changed(vec![Field::Inode]))
    );
    assert_eq!(
        with(|entry| entry.proof.as_mut().unwrap().checks = 1),
        Some(Why::OlderChecks)
    );
    let failed = with(|entry| {
        entry.failure = Some(FailedRead {
            at: 0,
            text: String::new(),
        });
    });
    assert_eq!(failed, Some(Why::FailedBefore));
}

#[test]
fn the_budget_takes_the_oldest_and_never_what_is_new() {
    let present = survey(&[("a", 10), ("b", 10), ("c", 10), ("d", 10), ("new", 500)]);
    let known = ledger(&[
        ("a", entry(10, 31 * DAY)),
        ("b", entry(10, 33 * DAY)),
        ("c", entry(10, 32 * DAY)),
        ("d", entry(10, DAY)),
    ]);
    let plan = decide(&present, &known, NOW, &settings(Some(20)));
    // The new one takes the budget; one is renewed all the same.
    assert_eq!(
        names(plan.read.iter().map(|read| read.key.clone())),
        ["new", "b"]
    );
    assert_eq!((plan.renewals, plan.bytes), (1, 510));
    assert_eq!(names(plan.postponed.into_iter().map(|p| p.key)), ["c", "a"]);
    assert_eq!(names(plan.trust), ["d"]);
    assert_eq!(plan.cycle_end, NOW + 29 * DAY);
}

#[test]
fn a_budget_of_time_is_bytes_at_the_speed_of_before() {
    let known = ledger(&[
        ("a", entry(100, 31 * DAY)),
        ("b", entry(100, 32 * DAY)),
        ("c", entry(100, 33 * DAY)),
    ]);
    let mut settings = settings(None);
    settings.budget.seconds = Some(2);
    let plan = decide(
        &survey(&[("a", 100), ("b", 100), ("c", 100)]),
        &known,
        NOW,
        &settings,
    );
    assert_eq!(
        names(plan.read.into_iter().map(|read| read.key)),
        ["c", "b"]
    );
    assert_eq!(plan.cycle_end, NOW + DAY);
}

#[test]
fn what_is_gone_is_forgotten_where_one_could_look() {
    let mut known = ledger(&[("a", entry(1, 0)), ("gone", entry(1, 0))]);
    known.insert(ArchiveKey::new("/unseen", "x"), entry(1, DAY));
    known.insert(ArchiveKey::new("/unseen", "old"), entry(1, 91 * DAY));
    let plan = decide(&survey(&[("a", 1)]), &known, NOW, &settings(None));
    assert_eq!(names(plan.forget), ["gone", "old"]);
    // An empty folder may be one that is not mounted.
    let plan = decide(&survey(&[]), &known, NOW, &settings(None));
    assert_eq!(names(plan.forget), ["old"]);
}

#[test]
fn without_a_ledger_everything_is_read_once() {
    let plan = decide(
        &survey(&[("a", 1), ("b", 2)]),
        &Snapshot::new(),
        NOW,
        &settings(Some(1)),
    );
    assert_eq!((plan.read.len(), plan.bytes), (2, 3));
    assert_eq!(plan.cycle_end, NOW);
}

#[test]
fn a_run_that_renews_nothing_reads_what_is_new_and_says_when_the_others_are_done() {
    let mut settings = settings(Some(10));
    settings.budget.paused = true;
    let ledger = ledger(&[
        ("old", entry(10, 40 * DAY)),
        ("older", entry(10, 50 * DAY)),
        ("young", entry(10, DAY)),
    ]);
    let survey = survey(&[("old", 10), ("older", 10), ("young", 10), ("new", 10)]);
    let plan = decide(&survey, &ledger, NOW, &settings);
    let names: Vec<_> = plan
        .read
        .iter()
        .map(|read| read.key.name.as_str())
        .collect();
    assert_eq!((names, plan.renewals), (vec!["new"], 1));
    let waiting: Vec<_> = plan.postponed.iter().map(|one| &one.key.name).collect();
    assert_eq!(waiting, ["older", "old"]);
    // The next two runs renew one each; the young one has its turn when it is due.
    assert_eq!(plan.cycle_end, NOW + 29 * DAY);
    settings.max_age = 100 * DAY;
    assert_eq!(
        decide(&Survey::default(), &ledger, NOW, &settings).cycle_end,
        NOW
    );
}
