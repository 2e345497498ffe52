//! The lab's `pvesh` against what was recorded on a real node.

use std::path::{Path, PathBuf};

use reprise_lab::check;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reprise-lab"))
}

/// What may differ: a warning of Perl's that stands beside the error, what a shutdown of a machine
/// that is off says on the terminal only, control groups, and a task that was started between two
/// recordings. Of tables the lab does not know columns, titles and units.
const KNOWN: [&str; 5] = ["102 get", "146 create", "197 get", "201 get", "205 get"];

#[test]
fn what_is_printed_is_what_a_node_printed() {
    let file = fixtures().join("pvesh.jsonl.zst");
    let report = check::pvesh(program(), &file, &fixtures()).unwrap();
    let unknown: Vec<_> = report
        .differences
        .iter()
        .filter(|line| !KNOWN.iter().any(|known| line.starts_with(known)))
        .filter(|line| !line.contains('│') && !line.contains("node status"))
        .collect();
    assert!(unknown.is_empty(), "{report}\n{unknown:#?}");
    assert_eq!(report.below_the_bar(), Vec::<String>::new());
    assert_eq!(report.total().1, 245);
}

/// The bar is felt: a file whose answers are wrong does not pass.
#[test]
fn a_changed_recording_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pvesh.jsonl");
    let record = serde_json::json!({
        "argv": ["pvesh", "get", "/version", "--output-format", "json"], "rc": 0, "stderr": "",
        "stdout": "{\"release\":\"8.4\",\"repoid\":\"0123456789abcdef\",\"version\":\"8.4.21\"}\n",
    });
    let total = |text: String| {
        std::fs::write(&file, text).unwrap();
        check::pvesh(program(), &file, &fixtures()).unwrap().total()
    };
    assert_eq!(total(record.to_string()), (1, 1));
    assert_eq!(total(record.to_string().replace("8.4.21", "9.0.0")), (0, 1));
    assert_eq!(
        total(record.to_string().replace("\"rc\":0", "\"rc\":1")),
        (0, 1)
    );
}
