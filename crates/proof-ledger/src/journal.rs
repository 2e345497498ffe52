//! The lines of the file.
//!
//! The first line names the format. Every other is a record: sixteen hexadecimal digits, a blank,
//! JSON, a line break. The digits are the start of the SHA-256 over the digits of the line before
//! and the JSON, so that no line can be changed, lost or moved without every later one failing.
//! The later record of an archive replaces the earlier.
//!
//! A program that is killed while it writes leaves a last line without an end: that is no damage,
//! the record was not yet there. Everything else that does not check is.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entry::{ArchiveKey, Entry, Snapshot};

/// The first line. Another number is another format, which is not read.
pub(crate) const HEADER: &str = "reprise proof ledger 1\n";

/// What the first line begins with in every format.
const FAMILY: &str = "reprise proof ledger ";

/// The digits in front of a record.
pub(crate) type Chain = [u8; DIGITS];
const DIGITS: usize = 16;

/// What the first record is chained to.
pub(crate) const START: Chain = *b"0000000000000000";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record<'a> {
    /// What is known of an archive now.
    Set(#[serde(borrow)] Box<Set<'a>>),
    /// The archive is gone.
    Forget(ArchiveKey),
}

#[derive(Debug, Serialize, Deserialize)]
struct Set<'a> {
    key: std::borrow::Cow<'a, ArchiveKey>,
    entry: std::borrow::Cow<'a, Entry>,
}

/// The file in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// What it says.
    pub snapshot: Snapshot,
    /// How many bytes of it count: a last line that was cut does not.
    pub length: u64,
    /// How many records stand in it, also those that later ones replace.
    pub records: usize,
    pub(crate) chain: Chain,
}

/// Why a ledger is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// It is no ledger.
    NotALedger,
    /// It was written in another format.
    OtherFormat(String),
    /// This line does not check.
    Line(usize),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotALedger => f.write_str("its first line is not that of a ledger"),
            Self::OtherFormat(format) => write!(
                f,
                "it has format `{format}`, which this version does not read"
            ),
            Self::Line(number) => write!(f, "line {number} is damaged"),
        }
    }
}

/// Reads the bytes of a ledger.
pub fn replay(bytes: &[u8]) -> Result<Replayed, Damage> {
    let mut replayed = Replayed {
        chain: START,
        ..Replayed::default()
    };
    let Some(header) = bytes.split_inclusive(|byte| *byte == b'\n').next() else {
        return Ok(replayed);
    };
    if header != HEADER.as_bytes() {
        // Killed while the very first line was written.
        if HEADER.as_bytes().starts_with(header) {
            return Ok(replayed);
        }
        let other = std::str::from_utf8(header)
            .ok()
            .and_then(|header| header.strip_prefix(FAMILY))
            .filter(|format| format.len() < 20 && format.ends_with('\n'));
        return Err(other.map_or(Damage::NotALedger, |format| {
            Damage::OtherFormat(format.trim().to_owned())
        }));
    }
    let mut length = header.len();
    let lines = bytes
        .get(length..)
        .unwrap_or_default()
        .split_inclusive(|byte| *byte == b'\n');
    for (number, line) in lines.enumerate() {
        let Some(body) = line.strip_suffix(b"\n") else {
            break;
        };
        let read = record(body, &replayed.chain).ok_or(Damage::Line(number.saturating_add(2)))?;
        replayed.chain = read.0;
        match read.1 {
            Record::Set(set) => {
                let (key, entry) = (set.key.into_owned(), set.entry.into_owned());
                replayed.snapshot.insert(key, entry);
            }
            Record::Forget(key) => {
                replayed.snapshot.remove(&key);
            }
        }
        replayed.records = replayed.records.saturating_add(1);
        length = length.saturating_add(line.len());
    }
    replayed.length = u64::try_from(length).unwrap_or(u64::MAX);
    Ok(replayed)
}

fn record<'a>(line: &'a [u8], before: &Chain) -> Option<(Chain, Record<'a>)> {
    let (digits, rest) = line.split_first_chunk::<DIGITS>()?;
    let json = rest.strip_prefix(b" ")?;
    (chained(before, json) == *digits).then_some(())?;
    Some((*digits, serde_json::from_slice(json).ok()?))
}

/// The digits of a record that follows another.
fn chained(before: &Chain, json: &[u8]) -> Chain {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let hash = Sha256::new()
        .chain_update(before)
        .chain_update(json)
        .finalize();
    let mut digits = START;
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
        for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = HEX.get(usize::from(half)).copied().unwrap_or(b'0');
        }
    }
    digits
}

/// The line that says what is known of an archive, and what the next one is chained to.
pub(crate) fn set(before: &Chain, key: &ArchiveKey, entry: &Entry) -> (Vec<u8>, Chain) {
    line(
        before,
        &Record::Set(Box::new(Set {
            key: std::borrow::Cow::Borrowed(key),
            entry: std::borrow::Cow::Borrowed(entry),
        })),
    )
}

/// The line that says that an archive is gone.
pub(crate) fn forget(before: &Chain, key: &ArchiveKey) -> (Vec<u8>, Chain) {
    line(before, &Record::Forget(key.clone()))
}

fn line(before: &Chain, record: &Record<'_>) -> (Vec<u8>, Chain) {
    // Texts and numbers in structs always become JSON; an empty line would be noticed as damage.
    let json = serde_json::to_vec(record).unwrap_or_default();
    let digits = chained(before, &json);
    let mut line = digits.to_vec();
    line.push(b' ');
    line.extend_from_slice(&json);
    line.push(b'\n');
    (line, digits)
}

/// The whole file that says this and no more.
pub(crate) fn whole(snapshot: &Snapshot) -> (Vec<u8>, Chain) {
    let mut bytes = HEADER.as_bytes().to_vec();
    let mut chain = START;
    for (key, entry) in snapshot {
        let (line, next) = set(&chain, key, entry);
        bytes.extend_from_slice(&line);
        chain = next;
    }
    (bytes, chain)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::entry::{FileStamp, Proof, Reason, State, Verdict};

    pub(crate) fn entry(read_at: i64) -> Entry {
        Entry {
            proof: Some(Proof {
                stamp: FileStamp {
                    size: 1 << 30,
                    mtime: 1_700_000_000,
                    mtime_nanos: 5,
                    inode: 42,
                },
                sha256: Some(crate::Digest([7; 32])),
                verdict: Verdict {
                    state: State::Corrupt,
                    reasons: vec![Reason {
                        code: "cluster-missing".to_owned(),
                        text: "cluster 7 of `drive-scsi0` is missing\nand more".to_owned(),
                        layer: Some("vma".to_owned()),
                        offset: Some(4096),
                        disk: Some("scsi0".to_owned()),
                    }],
                },
                read_at,
                millis: 1500,
                program: "0.1.0".to_owned(),
                checks: 1,
                detail: serde_json::json!({"disks": ["scsi0"]}),
            }),
            failure: None,
        }
    }

    fn file(count: i64) -> (Vec<u8>, Snapshot) {
        let mut snapshot = Snapshot::new();
        for number in 0..count {
            snapshot.insert(
                ArchiveKey::new("/dump", format!("a{number}")),
                entry(number),
            );
        }
        (whole(&snapshot).0, snapshot)
    }

    #[test]
    fn what_is_written_is_read() {
        let (mut bytes, mut snapshot) = file(3);
        let replayed = replay(&bytes).unwrap();
        assert_eq!(replayed.snapshot, snapshot);
        assert_eq!(replayed.length, u64::try_from(bytes.len()).unwrap());
        let gone = ArchiveKey::new("/dump", "a1");
        let (line, chain) = forget(&replayed.chain, &gone);
        bytes.extend(line);
        let renewed = ArchiveKey::new("/dump", "a2");
        bytes.extend(set(&chain, &renewed, &entry(99)).0);
        snapshot.remove(&gone);
        snapshot.insert(renewed, entry(99));
        let replayed = replay(&bytes).unwrap();
        assert_eq!((replayed.snapshot, replayed.records), (snapshot, 5));
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_records_before_it() {
        let (bytes, _) = file(3);
        for length in 0..bytes.len() {
            let cut = replay(&bytes[..length]).unwrap();
            let whole_lines = bytes[..length].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(cut.records, whole_lines.saturating_sub(1), "{length}");
            assert!(usize::try_from(cut.length).unwrap() <= length);
        }
    }

    #[test]
    fn no_flipped_byte_changes_what_is_believed() {
        let (bytes, snapshot) = file(3);
        let last_line = bytes.len() - 1;
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80, 0xff] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                match replay(&bad) {
                    Err(_) => {}
                    // The end of the last line is lost: a cut, which costs the last record.
                    Ok(cut) => {
                        assert_eq!(at, last_line);
                        let mut rest = snapshot.clone();
                        rest.pop_last();
                        assert_eq!(cut.snapshot, rest);
                    }
                }
            }
        }
    }

    #[test]
    fn no_line_can_be_lost_moved_or_doubled() {
        let (bytes, _) = file(4);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for other in [
            [0, 2, 3, 4, 4],
            [0, 1, 3, 4, 4],
            [0, 2, 1, 3, 4],
            [0, 1, 1, 2, 3],
        ] {
            let bad: Vec<u8> = other
                .iter()
                .flat_map(|line| lines[*line])
                .copied()
                .collect();
            assert!(replay(&bad).is_err(), "{other:?}");
        }
    }

    #[test]
    fn another_format_is_named_and_not_read() {
        let damage = replay(b"reprise proof ledger 2\nsomething").unwrap_err();
        assert_eq!(damage, Damage::OtherFormat("2".to_owned()));
        assert!(damage.to_string().contains("format `2`"));
        for other in [&b"SQLite format 3\0"[..], b"\n", &[0; 4096]] {
            assert_eq!(replay(other), Err(Damage::NotALedger));
        }
        assert_eq!(replay(b"").unwrap().records, 0);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), header: bool) {
            let mut file = if header { HEADER.as_bytes().to_vec() } else { Vec::new() };
            file.extend(bytes);
            let _any = replay(&file);
        }
    }
}
