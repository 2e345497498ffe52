//! The lab against what was recorded on a real server.

use std::path::{Path, PathBuf};

use reprise_lab::check;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// What may differ: the resolver's own words, a page of the web server, and a path that the
/// schema of the lab does not have.
const KNOWN: [&str; 4] = [
    "294 storages/badnode",
    "345 content/file-restore",
    "580 vzdump/badnode",
    "950 encodings/html",
];

#[test]
fn answers_are_those_of_the_recorded_server() {
    let file = fixtures().join("scenario.jsonl.zst");
    let report = check::scenario(&file, &fixtures()).unwrap();
    let unknown: Vec<_> = report
        .differences
        .iter()
        .filter(|line| !KNOWN.iter().any(|known| line.starts_with(known)))
        .collect();
    assert!(unknown.is_empty(), "{report}\n{unknown:#?}");
    assert_eq!(report.below_the_bar(), Vec::<String>::new());
    assert_eq!(report.total().1, 749);
}

#[test]
fn retention_is_that_of_the_recorded_server() {
    let report = check::retention(&fixtures().join("prune-vectors.jsonl.zst")).unwrap();
    assert_eq!(report.total(), (3000, 3000), "{:#?}", report.differences);
}

#[test]
fn restores_destroy_what_they_destroyed_on_the_recorded_server() {
    let file = fixtures().join("restore-loss.jsonl.zst");
    let report = check::losses(&file, &fixtures()).unwrap();
    assert_eq!(report.total(), (129, 129), "{:#?}", report.differences);
}

/// A recording in which a restore spares what the lab destroys does not pass.
#[test]
fn a_loss_that_was_not_recorded_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("losses.jsonl");
    let packed = std::fs::File::open(fixtures().join("restore-loss.jsonl.zst")).unwrap();
    let text = std::io::read_to_string(zstd::stream::Decoder::new(packed).unwrap()).unwrap();
    // The volume with `backup=0` keeps its name, and the log has a line about it.
    let changed = text
        .replace("vm-310-disk-5.raw", "vm-310-disk-1.raw")
        .replace("\"rescan volumes...\"", "\"kept the volumes\"");
    assert_ne!(changed, text);
    std::fs::write(&file, changed).unwrap();
    let report = check::losses(&file, &fixtures()).unwrap();
    let named = |name: &str| report.differences.iter().any(|line| line.contains(name));
    assert!(named("after-force/config: answer: $.data.mp0"), "{report}");
    assert!(named("force-restore-vm: log"), "{report}");
    assert_eq!(report.below_the_bar(), ["total"]);
}

/// The bar is felt: a file whose answers are wrong does not pass.
#[test]
fn a_changed_recording_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.jsonl");
    let record = serde_json::json!({
        "index": 0, "section": "tasks", "name": "version", "kind": "request", "at": 1_795_263_000,
        "request": {"method": "GET", "path": "/api2/json/version", "params": null, "encoding": null, "as": "full"},
        "response": {"status": 200, "reason": "OK", "content_type": "application/json;charset=UTF-8",
            "body": {"data": {"version": "8.4.21", "release": "8.4", "repoid": "0123456789abcdef"}}},
        "volatile": [],
    });
    std::fs::write(&file, record.to_string()).unwrap();
    let report = check::scenario(&file, &fixtures()).unwrap();
    assert_eq!((report.total(), report.below_the_bar().len()), ((1, 1), 0));
    let wrong = record.to_string().replace("8.4.21", "9.0.0");
    std::fs::write(&file, wrong).unwrap();
    let report = check::scenario(&file, &fixtures()).unwrap();
    assert_eq!(report.total(), (0, 1));
    assert_eq!(report.below_the_bar(), ["tasks", "total"]);
}
