//! What a reading means beside what is recorded.

use serde_json::Value;

use crate::decide::Naming;
use crate::entry::{Digest, Entry, FailedRead, FileStamp, Proof, Reason, State, Verdict};

/// The reason when a file is not what it was when it was first read.
pub const DIGEST_CHANGED: &str = "digest-changed";

/// The reason when two readings of a file do not agree.
pub const UNSTABLE_READ: &str = "unstable-read";

/// Who reads: the version of the program, and the generation of its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a> {
    /// The version.
    pub program: &'a str,
    /// The generation; see [`crate::Settings::checks`].
    pub checks: u32,
}

/// What came of reading a file once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It was read, and this was found.
    Read {
        /// The file, the same before and after.
        stamp: FileStamp,
        /// Its digest; `None` when damage ended the reading early.
        sha256: Option<Digest>,
        /// The verdict on its format.
        verdict: Verdict,
        /// When, in Unix seconds.
        at: i64,
        /// How long it took.
        millis: u64,
        /// Kept in the proof as it is.
        detail: Value,
    },
    /// It could not be read, or changed meanwhile.
    Failed(FailedRead),
}

/// A digest of the archive that stands somewhere else than in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The digest.
    pub sha256: Digest,
    /// Who says so, as the beginning of a sentence that goes on with `say`.
    pub by: String,
}

/// What is known of the archive after the reading.
///
/// The digest of the first sound reading is the measure: another one is damage, even if the format
/// is sound. Only where a name is used again a file that changed is another file.
pub fn judge(
    recorded: Option<&Entry>,
    reading: Reading,
    naming: Naming,
    reader: Reader<'_>,
) -> Entry {
    judge_vouched(recorded, None, reading, naming, reader)
}

/// The same, with a digest that counts while the ledger has none, as after its loss.
pub fn judge_vouched(
    recorded: Option<&Entry>,
    vouched: Option<&Vouched>,
    reading: Reading,
    naming: Naming,
    reader: Reader<'_>,
) -> Entry {
    let before = recorded.and_then(|entry| entry.proof.as_ref());
    match reading {
        // What was proved before stays known; it does not count while the file cannot be read.
        Reading::Failed(failure) => Entry {
            proof: before.cloned(),
            failure: Some(failure),
        },
        Reading::Read {
            stamp,
            sha256,
            mut verdict,
            at,
            millis,
            detail,
        } => {
            let recorded = before
                .filter(|before| naming == Naming::Unique || before.stamp == stamp)
                .and_then(|before| {
                    let when = format!(
                        "what it was when it was last read in full (Unix time {})",
                        before.read_at
                    );
                    Some((before.sha256?, when))
                });
            // A name that is used again has another content than the one that was vouched for.
            let measure = recorded.or_else(|| {
                let vouched = vouched.filter(|_| naming == Naming::Unique)?;
                Some((vouched.sha256, format!("what {} say", vouched.by)))
            });
            if let (Some((was, by)), Some(is)) = (&measure, sha256)
                && *was != is
            {
                verdict.state = State::Corrupt;
                verdict.reasons.push(changed(*was, is, by));
            }
            let is_damaged = verdict.state == State::Corrupt;
            Entry {
                proof: Some(Proof {
                    stamp,
                    // What is damaged when it is first read is no measure: it may be there in
                    // part only, and be whole at the next reading.
                    sha256: measure
                        .map(|(was, _)| was)
                        .or_else(|| sha256.filter(|_| !is_damaged)),
                    verdict,
                    read_at: at,
                    millis,
                    program: reader.program.to_owned(),
                    checks: reader.checks,
                    detail,
                }),
                failure: None,
            }
        }
    }
}

fn changed(was: Digest, is: Digest, by: &str) -> Reason {
    Reason {
        code: DIGEST_CHANGED.to_owned(),
        text: format!(
            "its content is not {by}: SHA-256 was {was} and is {is}. A restore gives back changed data."
        ),
        layer: Some("file".to_owned()),
        ..Reason::default()
    }
}

impl Entry {
    /// Whether a reading with this result is made once more before it is believed: memory, a cable
    /// or a network share may have failed instead of the disk.
    pub fn is_doubtful(&self) -> bool {
        self.failure.is_some()
            || self
                .proof
                .as_ref()
                .is_some_and(|proof| proof.verdict.state == State::Corrupt)
    }
}

/// What is known after a doubtful reading was made once more.
///
/// The second counts. When it is sound, the first is told as a warning: something on the way
/// between disk and memory fails at times.
pub fn settle(first: &Entry, mut second: Entry) -> Entry {
    if first.is_doubtful() && !second.is_doubtful() {
        let what = first.failure.as_ref().map_or_else(
            || "was damaged".to_owned(),
            |failure| format!("failed ({})", failure.text),
        );
        if let Some(proof) = &mut second.proof {
            proof.verdict.state = proof.verdict.state.max(State::Warn);
            proof.verdict.reasons.push(Reason {
                code: UNSTABLE_READ.to_owned(),
                text: format!(
                    "the first reading {what}, the second was sound: the file is good, but memory, controller, cable or network fail at times. Look at the kernel's log."
                ),
                layer: Some("file".to_owned()),
                ..Reason::default()
            });
        }
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Reader<'static> = Reader {
        program: "1.0.0",
        checks: 1,
    };

    fn stamp(mtime: i64) -> FileStamp {
        FileStamp {
            size: 10,
            mtime,
            mtime_nanos: 0,
            inode: 1,
        }
    }

    fn read(mtime: i64, digest: Option<u8>, state: State) -> Reading {
        Reading::Read {
            stamp: stamp(mtime),
            sha256: digest.map(|byte| Digest([byte; 32])),
            verdict: Verdict {
                state,
                reasons: Vec::new(),
            },
            at: 1000,
            millis: 5,
            detail: Value::Null,
        }
    }

    fn first() -> Entry {
        judge(None, read(1, Some(1), State::Ok), Naming::Unique, READER)
    }

    fn state(entry: &Entry) -> State {
        entry.proof.as_ref().unwrap().verdict.state
    }

    #[test]
    fn another_digest_is_damage_for_ever() {
        assert_eq!(state(&first()), State::Ok);
        for mtime in [1, 2] {
            let flipped = read(mtime, Some(2), State::Ok);
            let entry = judge(Some(&first()), flipped.clone(), Naming::Unique, READER);
            assert_eq!(state(&entry), State::Corrupt);
            let proof = entry.proof.clone().unwrap();
            assert_eq!(proof.verdict.reasons[0].code, DIGEST_CHANGED);
            assert_eq!(proof.sha256, Some(Digest([1; 32])), "the measure stays");
            // Read again it is still not what it was; put back it is.
            let again = judge(Some(&entry), flipped, Naming::Unique, READER);
            assert_eq!(state(&again), State::Corrupt);
            let back = judge(
                Some(&entry),
                read(mtime, Some(1), State::Ok),
                Naming::Unique,
                READER,
            );
            assert_eq!(state(&back), State::Ok);
        }
    }

    #[test]
    fn what_was_damaged_at_first_is_no_measure() {
        // As one that was still being copied.
        let part = judge(
            None,
            read(1, Some(1), State::Corrupt),
            Naming::Unique,
            READER,
        );
        let whole = |entry: &Entry, digest| {
            let reading = read(2, Some(digest), State::Ok);
            judge(Some(entry), reading, Naming::Unique, READER)
        };
        let entry = whole(&part, 2);
        assert_eq!(state(&entry), State::Ok);
        // From then on it is one.
        assert_eq!(state(&whole(&entry, 3)), State::Corrupt);
        // One that was sound before stays the measure, whatever is found later.
        let cut = read(2, Some(9), State::Corrupt);
        let cut = judge(Some(&first()), cut, Naming::Unique, READER);
        assert_eq!(state(&whole(&cut, 2)), State::Corrupt);
        assert_eq!(state(&whole(&cut, 1)), State::Ok);
    }

    #[test]
    fn a_name_that_is_used_again_may_have_other_content() {
        let other = |mtime| {
            let entry = judge(
                Some(&first()),
                read(mtime, Some(2), State::Ok),
                Naming::Reused,
                READER,
            );
            (state(&entry), entry.proof.unwrap().sha256)
        };
        assert_eq!(other(2), (State::Ok, Some(Digest([2; 32]))));
        // Without a trace of a change it is damage all the same.
        assert_eq!(other(1), (State::Corrupt, Some(Digest([1; 32]))));
    }

    #[test]
    fn a_reading_without_digest_does_not_lose_the_measure() {
        let cut = judge(
            Some(&first()),
            read(1, None, State::Corrupt),
            Naming::Unique,
            READER,
        );
        assert_eq!(cut.proof.as_ref().unwrap().sha256, Some(Digest([1; 32])));
        let later = judge(
            Some(&cut),
            read(1, Some(2), State::Ok),
            Naming::Unique,
            READER,
        );
        assert_eq!(state(&later), State::Corrupt);
    }

    #[test]
    fn a_failed_read_keeps_what_was_known_and_doubts_it() {
        let failure = FailedRead {
            at: 5,
            text: "Input/output error".to_owned(),
        };
        let failed = judge(
            Some(&first()),
            Reading::Failed(failure.clone()),
            Naming::Unique,
            READER,
        );
        assert!(failed.is_doubtful());
        assert_eq!(failed.proof, first().proof);
        let settled = settle(&failed, first());
        assert_eq!(state(&settled), State::Warn);
        let reason = &settled.proof.unwrap().verdict.reasons[0];
        assert_eq!(reason.code, UNSTABLE_READ);
        assert!(reason.text.contains("failed (Input/output error)"));
        let never = judge(None, Reading::Failed(failure), Naming::Unique, READER);
        assert_eq!(never.proof, None);
        assert!(settle(&failed, never).is_doubtful());
    }

    #[test]
    fn a_digest_that_stands_elsewhere_counts_while_the_ledger_has_none() {
        let vouched = |byte| Vouched {
            sha256: Digest([byte; 32]),
            by: "its notes".to_owned(),
        };
        let judged = |recorded: Option<&Entry>, byte, naming| {
            judge_vouched(
                recorded,
                Some(&vouched(byte)),
                read(1, Some(1), State::Ok),
                naming,
                READER,
            )
        };
        assert_eq!(judged(None, 1, Naming::Unique), first());
        let other = judged(None, 2, Naming::Unique);
        assert_eq!(state(&other), State::Corrupt);
        let proof = other.proof.unwrap();
        assert_eq!(proof.sha256, Some(Digest([2; 32])), "the older word stays");
        let text = &proof.verdict.reasons[0].text;
        assert!(
            text.starts_with("its content is not what its notes say: SHA-256"),
            "{text}"
        );
        // What was read here counts more than what others say; a name that is used again has no
        // word from elsewhere.
        assert_eq!(judged(Some(&first()), 2, Naming::Unique), first());
        assert_eq!(judged(None, 2, Naming::Reused), first());
    }

    #[test]
    fn two_damaged_readings_are_damage() {
        let bad = || {
            judge(
                None,
                read(1, Some(1), State::Corrupt),
                Naming::Unique,
                READER,
            )
        };
        assert_eq!(settle(&bad(), bad()), bad());
    }
}
