//! The ledger of proofs: what was found when an archive was read to its last byte, so that it is
//! not read again before there is a reason to.
//!
//! Losing the ledger costs one full reread and nothing else. What it says is used only for a file
//! that is still the one that was read (size, time of change, inode), and it is never believed
//! when it is damaged: every line carries a checksum over itself and all lines before it.
//!
//! It is an append-only file of its own and no database. A proof is a few hundred bytes, all of
//! them are needed at once, and what matters is that a damaged file is noticed: redb 4.6, the
//! first choice, gave back wrong values without a word for 3712 of 4000 single flipped bytes in its
//! file and panicked on 34, and a panic ends this program.
//!
//! | file | what it knows |
//! |---|---|
//! | `entry` | what is remembered of an archive |
//! | `journal` | the lines of the file: format, checksums, what a cut end is. Pure |
//! | `store` | the file: lock, append, compact, moving a damaged one aside |
//! | `decide`, `cycle` | what is read now, trusted, postponed; when the cycle ends. Pure |
//! | `judge` | what a reading means beside what is recorded. Pure |
//! | `shared` | storages of several nodes: who verifies, and the proofs the others read |
//! | `notes` | the digest in the notes of an archive. Pure |

mod cycle;
mod decide;
mod entry;
#[cfg(test)]
mod histories;
mod journal;
mod judge;
mod notes;
mod shared;
mod store;

pub use decide::{
    Budget, Field, Naming, Postponed, Present, Read, ReadPlan, Settings, Survey, Why, decide,
};
pub use entry::{
    ArchiveKey, Digest, Entry, FailedRead, FileStamp, Proof, Reason, Snapshot, State, Verdict,
};
pub use journal::{Damage, Replayed, replay};
pub use judge::{
    DIGEST_CHANGED, Reader, Reading, UNSTABLE_READ, Vouched, judge, judge_vouched, settle,
};
pub use notes::{digest_in, with_digest, without_digest};
pub use shared::{
    Borrowed, PROOFS_FILE, SharedProofs, Verifier, borrow, read_proofs, verifier, write_proofs,
};
pub use store::{Ledger, OnBusy, Opened, Refused};
