//! What the fuzzer began with and what it kept, without the fuzzer.

use std::fs;
use std::path::Path;

use reprise_archives::fuzz::TARGETS;
use reprise_archives::seeds;

#[test]
fn what_the_fuzzer_kept_holds_its_promises() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpus.join(name);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            target(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} is empty", folder.display());
    }
}

#[test]
fn seeds_are_sound_and_so_are_their_beginnings() {
    for (name, seed) in seeds::all().unwrap() {
        let (_, target) = TARGETS
            .into_iter()
            .find(|(target, _)| *target == name)
            .unwrap();
        for length in [seed.len(), seed.len() / 2, 300, 1, 0] {
            target(&seed[..length.min(seed.len())]);
        }
    }
}
