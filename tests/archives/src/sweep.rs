//! Each byte of small archives flipped, and each length to which they can be cut: what is seen of
//! it. The figures of the full sweep are kept in `figures/sweep.json`, from which the page of the
//! documentation is made; every run of the tests sweeps a sample.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vzdump_archive::{Codec, Discard, Examination, FileName, Integrity, Options, Verdict, examine};

use crate::machines::{Machine, disk};
use crate::make::pack;
use crate::{dumps, packings, trees};

/// Archives are not larger: each of their bytes is flipped, and that takes its time.
pub const LARGEST: usize = 32 << 10;

/// A small archive.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The row of the table that it counts for.
    pub format: String,
    /// What the examination is told it is called.
    pub name: String,
    /// Its compression.
    pub codec: Codec,
    /// What is in it, decompressed.
    pub content: Vec<u8>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What becomes of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is called corrupt, or warned of.
    Seen,
    /// It is called sound, and what it holds is what was saved.
    Harmless,
    /// It is called sound, it is said that its integrity cannot be proved, and something differs.
    NotProvable,
    /// It is called sound and proven, and something differs. There must be none.
    Missed,
}

/// How often each came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// All changes.
    pub all: u64,
    /// Those that were seen.
    pub seen: u64,
    /// Those that change nothing of the content.
    pub harmless: u64,
    /// Those of which it is said that nobody could see them.
    pub not_provable: u64,
    /// Those that were missed.
    pub missed: u64,
}

impl Count {
    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome) {
        self.all += 1;
        match outcome {
            Outcome::Seen => self.seen += 1,
            Outcome::Harmless => self.harmless += 1,
            Outcome::NotProvable => self.not_provable += 1,
            Outcome::Missed => self.missed += 1,
        }
    }

    fn join(&mut self, other: Self) {
        self.all += other.all;
        self.seen += other.seen;
        self.harmless += other.harmless;
        self.not_provable += other.not_provable;
        self.missed += other.missed;
    }
}

/// The figures of one format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many archives there were, and how many bytes they have.
    pub archives: u64,
    /// All their bytes.
    pub bytes: u64,
    /// Each byte, flipped.
    pub flips: Count,
    /// Each length to which they can be cut.
    pub cuts: Count,
    /// The SHA-256 over the archives: other ones make other figures.
    pub sha256: String,
}

/// The figures of all formats.
pub type Table = BTreeMap<String, Figures>;

const CODECS: [(Codec, &str); 5] = [
    (Codec::None, ""),
    (Codec::Zstd, ".zst"),
    (Codec::Gzip, ".gz"),
    (Codec::Lzo, ".lzo"),
    (Codec::Bzip2, ".bz2"),
];

/// Three of each format.
///
/// # Errors
/// When one cannot be made.
pub fn subjects() -> io::Result<Vec<Subject>> {
    let machines = [
        Machine::with("one block", vec![("scsi0", disk(4096, &[(0, 900)]))]),
        Machine::with(
            "two disks",
            vec![
                ("scsi0", disk(66_048, &[(300, 700), (65_536, 512)])),
                ("virtio1", disk(70_144, &[])),
            ],
        ),
        Machine {
            per_extent: 1,
            ..Machine::with(
                "an EFI disk, the memory",
                vec![
                    ("efidisk0", disk(540_672, &[(540_000, 600)])),
                    ("vmstate", disk(65_536, &[(60_000, 1200)])),
                ],
            )
        },
    ];
    let mut subjects = Vec::new();
    let trees = trees::every_kind();
    let trees = [0, 1, 6].map(|index| trees.get(index).map(trees::Tree::archive));
    for (codec, ending) in CODECS {
        for machine in &machines {
            let content = machine.archive().map_err(io::Error::other)?;
            subjects.push(Subject {
                format: format!("vma{ending}"),
                name: format!("vzdump-qemu-100-a.vma{ending}"),
                codec,
                bytes: pack(codec, &content)?,
                content,
            });
        }
        for content in trees.iter().flatten() {
            subjects.push(Subject {
                format: format!("tar{ending}"),
                name: format!("vzdump-lxc-200-a.tar{ending}"),
                codec,
                bytes: pack(codec, content)?,
                content: content.clone(),
            });
        }
    }
    let [smallest, ..] = &machines;
    let content = smallest.archive().map_err(io::Error::other)?;
    for packing in packings::every_kind() {
        if packing.codec == Codec::Lzo && packing.checked {
            subjects.push(Subject {
                format: "lzop, other headers and checksums".to_owned(),
                name: "vzdump-qemu-100-a.vma.lzo".to_owned(),
                codec: packing.codec,
                bytes: (packing.pack)(&content)?,
                content: content.clone(),
            });
        }
    }
    for (format, name, content) in dumps::every_kind()? {
        subjects.push(Subject {
            format: format.to_owned(),
            name: name.to_owned(),
            codec: Codec::None,
            bytes: content.clone(),
            content,
        });
    }
    Ok(subjects)
}

impl Subject {
    /// What is said of these bytes under its name.
    pub fn examined(&self, mut bytes: &[u8]) -> Examination {
        let name = FileName::new(&self.name);
        examine(&mut bytes, &name, &mut Discard, Options::default())
    }

    /// What becomes of a change that made these bytes of it.
    pub fn outcome(&self, bytes: &[u8]) -> Outcome {
        let examination = self.examined(bytes);
        if examination.verdict != Verdict::Ok {
            return Outcome::Seen;
        }
        // Without a compression no other program can tell either.
        let is_same = self.codec != Codec::None
            && unpacked(self.codec, bytes).is_some_and(|content| content == self.content);
        if is_same {
            Outcome::Harmless
        } else if examination.integrity == Integrity::NotProvable {
            Outcome::NotProvable
        } else {
            Outcome::Missed
        }
    }

    /// A byte flipped. The pattern differs from byte to byte.
    pub fn flipped(&self, at: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << (at.wrapping_mul(5) % 8);
        }
        bytes
    }

    /// Flips and cuts at these places.
    pub fn sweep(&self, places: impl Iterator<Item = usize>) -> (Count, Count) {
        let (mut flips, mut cuts) = (Count::default(), Count::default());
        for at in places {
            let flip = self.outcome(&self.flipped(at));
            let cut = self.outcome(self.bytes.get(..at).unwrap_or_default());
            for (what, outcome) in [("flipped", flip), ("the end", cut)] {
                if outcome == Outcome::Missed {
                    println!("MISSED {}: byte {at} {what}", self.format);
                }
            }
            flips.add(flip);
            cuts.add(cut);
        }
        (flips, cuts)
    }
}

/// The full sweep.
///
/// # Errors
/// When an archive cannot be made.
pub fn full(tell: impl Fn(&Subject)) -> io::Result<Table> {
    let mut table = empty()?;
    for subject in subjects()? {
        tell(&subject);
        // In two halves: an examination has threads of its own that wait for each other.
        let middle = subject.bytes.len() / 2;
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| subject.sweep(0..middle));
            let second = subject.sweep(middle..subject.bytes.len());
            (first.join(), second)
        });
        let first = first.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let figures = table.entry(subject.format).or_default();
        for (flips, cuts) in [first, second] {
            figures.flips.join(flips);
            figures.cuts.join(cuts);
        }
    }
    Ok(table)
}

/// The archives of the table, before anything is counted.
///
/// # Errors
/// When one cannot be made.
pub fn empty() -> io::Result<Table> {
    let mut table = Table::new();
    let mut sums: BTreeMap<String, Sha256> = BTreeMap::new();
    for subject in subjects()? {
        let figures = table.entry(subject.format.clone()).or_default();
        figures.archives += 1;
        figures.bytes += subject.bytes.len() as u64;
        sums.entry(subject.format)
            .or_default()
            .update(&subject.bytes);
    }
    for (format, sum) in sums {
        if let Some(figures) = table.get_mut(&format) {
            figures.sha256 = hex::encode(sum.finalize());
        }
    }
    Ok(table)
}

/// What another program would make of it.
pub fn unpacked(codec: Codec, mut packed: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    match codec {
        Codec::Zstd => return zstd::decode_all(packed).ok(),
        Codec::Gzip => flate2::read::MultiGzDecoder::new(packed)
            .read_to_end(&mut data)
            .ok()?,
        Codec::Bzip2 => bzip2::read::MultiBzDecoder::new(packed)
            .read_to_end(&mut data)
            .ok()?,
        Codec::Lzo => return unpacked_lzop(packed),
        Codec::None => packed.read_to_end(&mut data).ok()?,
    };
    Some(data)
}

/// Without a look at any checksum: what differs in the content must show.
fn unpacked_lzop(packed: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| -> Option<usize> {
        let bytes = packed.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let mut data = Vec::new();
    let mut at = 0;
    while at < packed.len() {
        let flags = word(at + 17)?;
        let name = usize::from(*packed.get(at + 33)?);
        at += 34 + name + 4;
        loop {
            let length = word(at)?;
            at += 4;
            if length == 0 {
                break;
            }
            let stored = word(at)?;
            at += 4;
            for flag in [1, 0x100, 2, 0x200] {
                let is_there = flags & flag != 0 && (flag & 0x101 != 0 || stored < length);
                at += if is_there { 4 } else { 0 };
            }
            let block = packed.get(at..at + stored)?;
            at += stored;
            if stored == length {
                data.extend(block);
            } else {
                data.extend(lzokay_native::decompress_all(block, Some(length)).ok()?);
            }
        }
    }
    Some(data)
}
