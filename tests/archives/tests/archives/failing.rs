//! A disk that fails while an archive is read says nothing of the archive.

use std::io::{self, Read};

use reprise_archives::sweep;
use vzdump_archive::{Discard, FileName, Finding, Options, Verdict, examine};

/// Bytes, and then what a disk says that cannot go on.
struct Failing<'a> {
    left: &'a [u8],
    piece: usize,
}

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            const EIO: i32 = 5;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        let length = buffer.len().min(self.piece).min(self.left.len());
        let (now, later) = self.left.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.left = later;
        Ok(length)
    }
}

#[test]
fn an_error_at_any_place_is_no_damage() {
    let subjects = sweep::subjects().unwrap();
    assert!(subjects.len() > 20);
    for subject in subjects {
        let name = FileName::new(&subject.name);
        let length = subject.bytes.len();
        let ends = (0..24.min(length)).chain(length.saturating_sub(24)..=length);
        let places = (0..=length).step_by(length / 60 + 1).chain(ends);
        for end in places {
            let mut input = Failing {
                left: &subject.bytes[..end],
                piece: 700,
            };
            let found = examine(&mut input, &name, &mut Discard, Options::default());
            let ids: Vec<Finding> = found.reasons.iter().map(|reason| reason.id).collect();
            let what = format!("{} of {length} bytes, {end} read: {found:?}", subject.name);
            assert_eq!(found.verdict, Verdict::Unreadable, "{what}");
            assert!(ids.contains(&Finding::ReadError), "{what}");
            let blames = found
                .reasons
                .iter()
                .any(|reason| reason.verdict == Verdict::Corrupt);
            assert!(!blames, "{what}");
            let reason = found.reasons.iter().find(|r| r.id == Finding::ReadError);
            let place = reason.and_then(|reason| reason.offset);
            assert_eq!(place, Some(end.try_into().unwrap()), "{what}");
            assert_eq!(found.sha256, None, "{what}");
        }
    }
}
