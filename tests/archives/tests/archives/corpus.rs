//! The committed archives of the real programs.

use std::path::Path;

use reprise_archives::corpus::{Score, examined, manifest};

/// What stands in the manifest is what we say, and what we restore is what was saved.
#[test]
fn the_committed_archives_are_judged_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/archives");
    let manifest = manifest(&folder).unwrap();
    let mut score = Score::default();
    for entry in &manifest.entries {
        let (examination, mut restored) = examined(&folder, entry).unwrap();
        score.add(entry, &examination, &mut restored).unwrap();
    }
    assert_eq!(score.misses, Vec::<String>::new());
    assert!(
        score.damaged >= 7 && score.sound >= 5 && score.truths >= 6,
        "{score:?}"
    );
}
