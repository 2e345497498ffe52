//! What is asked of any bytes at all: nothing panics, nothing reaches beyond its disk, and what is
//! called sound is complete. The fuzzer calls these, and a test does with what the fuzzer kept.
//!
//! The first byte says whether checksums are made right again before: behind one that is wrong
//! nothing more is read, and a fuzzer does not guess one.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest as _, Sha256};
use vzdump_archive::{Examination, FileName, Member, MemberKind, Options, Sink, Verdict, examine};

use crate::make::{sign_extent, sign_header, sign_lzop, sign_member};

/// What one kind of input is read by.
pub type Target = fn(&[u8]);

/// All of them, by the name of their folder in the corpus.
pub const TARGETS: [(&str, Target); 5] = [
    ("vma", vma),
    ("tar", tar),
    ("lzop", lzop),
    ("dump", dump),
    ("ledger", ledger),
];

/// A machine's archive.
///
/// # Panics
/// When one of the promises is broken.
pub fn vma(data: &[u8]) {
    let Some((signed, mut archive)) = split(data) else {
        return;
    };
    if signed {
        sign_header(&mut archive);
        let mut at = number(&archive, 56, 4);
        while let Some(head) = archive.get(at..at.saturating_add(512)) {
            let blocks = number(head, 6, 2);
            sign_extent(&mut archive, at);
            at = at.saturating_add(512 + 4096 * blocks);
        }
    }
    let (examination, watch) = watched("vzdump-qemu-100-a.vma", &archive);
    if examination.verdict != Verdict::Ok {
        return;
    }
    for (device, disk) in &watch.disks {
        let whole = disk.name == "vmstate" || disk.covered == disk.size;
        assert!(whole, "disk {device} is called sound: {disk:?}");
    }
}

/// A container's archive.
///
/// # Panics
/// When one of the promises is broken.
pub fn tar(data: &[u8]) {
    let Some((signed, mut archive)) = split(data) else {
        return;
    };
    if signed {
        for at in (0..archive.len()).step_by(512) {
            let magic = archive.get(at + 257..at + 262);
            if magic == Some(b"ustar") && archive.len() - at >= 512 {
                sign_member(&mut archive, at);
            }
        }
    }
    let (examination, watch) = watched("vzdump-lxc-200-a.tar", &archive);
    if examination.verdict == Verdict::Ok {
        assert_eq!(Some(watch.members), examination.members);
        assert!(!examination.configs.is_empty());
    }
}

/// Any compressed file; the fuzzer is given lzop files to begin with.
pub fn lzop(data: &[u8]) {
    let Some((signed, mut file)) = split(data) else {
        return;
    };
    if signed {
        sign_lzop(&mut file);
    }
    // The name leaves it to the content what it is.
    watched("file", &file);
    watched("vzdump-lxc-200-a.tar.lzo", &file);
}

/// The dump of a database.
pub fn dump(data: &[u8]) {
    let Some((custom, content)) = split(data) else {
        return;
    };
    watched(if custom { "db.pgc" } else { "db.sql" }, &content);
}

/// A ledger of proofs, whose lines are chained here unless the first byte is odd.
///
/// # Panics
/// When one of the promises is broken.
pub fn ledger(data: &[u8]) {
    let Some((chained, body)) = split(data) else {
        return;
    };
    let bytes = if chained { chain(&body) } else { body };
    let Ok(replayed) = proof_ledger::replay(&bytes) else {
        return;
    };
    let length = usize::try_from(replayed.length).unwrap_or(usize::MAX);
    assert!(length <= bytes.len(), "more counts than there is");
    // What does not count changes nothing, and what counts is read the same again.
    let again = proof_ledger::replay(bytes.get(..length).unwrap_or_default());
    assert_eq!(again.as_ref(), Ok(&replayed));
}

fn chain(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"reprise proof ledger 1\n".to_vec();
    let mut digits = "0".repeat(16);
    for json in body.split(|byte| *byte == b'\n') {
        let sum = Sha256::new()
            .chain_update(&digits)
            .chain_update(json)
            .finalize();
        digits = hex::encode(sum.get(..8).unwrap_or_default());
        bytes.extend(digits.as_bytes());
        bytes.push(b' ');
        bytes.extend(json);
        bytes.push(b'\n');
    }
    bytes
}

fn split(data: &[u8]) -> Option<(bool, Vec<u8>)> {
    let (first, rest) = data.split_first()?;
    Some((first & 1 == 0, rest.to_vec()))
}

fn number(bytes: &[u8], at: usize, length: usize) -> usize {
    let field = bytes.get(at..at + length).unwrap_or_default();
    field
        .iter()
        .fold(0, |value, byte| value << 8 | usize::from(*byte))
}

fn watched(name: &str, mut data: &[u8]) -> (Examination, Watch) {
    let mut watch = Watch::default();
    let examination = examine(
        &mut data,
        &FileName::new(name),
        &mut watch,
        Options::default(),
    );
    (examination, watch)
}

#[derive(Debug)]
struct Disk {
    name: String,
    size: u64,
    covered: u64,
}

/// Holds what comes by to what is promised of it.
#[derive(Debug, Default)]
struct Watch {
    disks: BTreeMap<u8, Disk>,
    members: u64,
    open: Option<(u64, u64)>,
}

impl Watch {
    fn cover(&mut self, device: u8, offset: u64, length: u64) -> io::Result<()> {
        let disk = self.disks.get_mut(&device);
        let disk = disk.ok_or_else(|| io::Error::other("data of a disk that was not announced"))?;
        let end = offset.checked_add(length);
        let inside = disk.name == "vmstate" || end.is_some_and(|end| end <= disk.size);
        assert!(inside, "{length} bytes at {offset} of {disk:?}");
        disk.covered = disk.covered.saturating_add(length);
        let once = disk.name == "vmstate" || disk.covered <= disk.size;
        assert!(once, "a part came twice: {disk:?}");
        Ok(())
    }
}

impl Sink for Watch {
    fn disk(&mut self, device: u8, name: &str, size: u64) -> io::Result<()> {
        let disk = Disk {
            name: name.to_owned(),
            size,
            covered: 0,
        };
        assert!(self.disks.insert(device, disk).is_none());
        Ok(())
    }

    fn data(&mut self, device: u8, offset: u64, data: &[u8]) -> io::Result<()> {
        self.cover(device, offset, data.len() as u64)
    }

    fn zeros(&mut self, device: u8, offset: u64, length: u64) -> io::Result<()> {
        self.cover(device, offset, length)
    }

    fn member(&mut self, member: &Member) -> io::Result<()> {
        self.members += 1;
        let is_file = matches!(member.kind, MemberKind::File | MemberKind::Other(_));
        self.open = is_file.then_some((member.size, 0));
        Ok(())
    }

    fn member_data(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Some((size, reached)) = &mut self.open {
            assert!(offset >= *reached, "the parts of a file go back");
            *reached = offset + data.len() as u64;
            assert!(*reached <= *size, "data beyond the end of a file");
        }
        Ok(())
    }
}
