//! The custom format of `pg_dump`: a header, a table of contents, then a block of data for each
//! entry that has some. Data compressed by zlib has a checksum, which is compared.

use std::collections::HashSet;

use flate2::{Decompress, FlushDecompress, Status};

use crate::number::{narrow, wide};
use crate::stream::Stream;
use crate::{Finding, Findings, Place, Reason};

const MAGIC: &[u8; 5] = b"PGDMP";
/// The format byte of this format; others begin with the same magic number.
const CUSTOM: u8 = 1;
/// The state of an entry that has no data.
const NO_DATA: u8 = 3;
const BLOCK_DATA: u8 = 1;
const BLOCK_BLOBS: u8 = 3;
/// A text of the table of contents is the source of a function at most.
const LONGEST_TEXT: u64 = 256 << 20;
/// The ids of so many entries with data are kept, to know the blocks again.
const MOST_IDS: usize = 1 << 20;
/// The algorithm of compression that has a checksum, since version 1.15.
const GZIP: u8 = 1;
/// The newest algorithm that is known: none, gzip, lz4, zstd.
const NEWEST_ALGORITHM: u8 = 3;
/// Versions whose table of contents is known here.
const VERSIONS: std::ops::RangeInclusive<u16> = 0x010a..=0x0110;

/// Whether a content begins like this.
pub(crate) fn is_custom(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Why reading ends early.
enum Trouble {
    Cut,
    Wrong(String),
    /// The version is not known, so nothing can be said.
    Unknown(u16),
}

/// Reads a dump to its end.
pub(crate) fn check(input: &mut Stream, findings: &mut Findings) {
    let trouble = Reader {
        input: &mut *input,
        version: 0,
        int_size: 0,
        offset_size: 0,
        zlib: false,
        ids: HashSet::new(),
    }
    .archive()
    .err();
    let place = Place::Decoded(input.position());
    let (id, text) = match trouble {
        None => return,
        Some(Trouble::Cut) if input.is_broken() => return,
        Some(Trouble::Cut) => (
            Finding::DumpTruncated,
            "it ends before the last block of its table of contents".to_owned(),
        ),
        Some(Trouble::Wrong(text)) => (Finding::DumpDamaged, text),
        Some(Trouble::Unknown(version)) => (
            Finding::DumpNoEndMark,
            format!(
                "version {}.{} of the custom format is not known here, so its end is not known",
                version >> 8,
                version & 0xff
            ),
        ),
    };
    findings.push(Reason::new(id, text).at(place));
}

struct Reader<'a> {
    input: &'a mut Stream,
    version: u16,
    int_size: u8,
    offset_size: u8,
    /// Whether data is compressed by zlib.
    zlib: bool,
    /// The entries to which data belongs.
    ids: HashSet<i64>,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Trouble> {
        self.input
            .array::<1>()
            .map(|[byte]| byte)
            .ok_or(Trouble::Cut)
    }

    /// A number: its sign, then its bytes from the lowest on.
    fn int(&mut self) -> Result<i64, Trouble> {
        let negative = self.byte()? != 0;
        let mut value: u64 = 0;
        for index in 0..self.int_size {
            let byte = u64::from(self.byte()?);
            let shifted = byte
                .checked_shl(u32::from(index).saturating_mul(8))
                .unwrap_or(0);
            value |= shifted;
        }
        let value =
            i64::try_from(value).map_err(|_| Trouble::Wrong("a number is too large".to_owned()))?;
        Ok(if negative {
            value.saturating_neg()
        } else {
            value
        })
    }

    /// Passes over a text and says whether there was one.
    fn text(&mut self) -> Result<bool, Trouble> {
        let Ok(length) = u64::try_from(self.int()?) else {
            return Ok(false);
        };
        if length > LONGEST_TEXT {
            return Err(Trouble::Wrong(format!("a text claims {length} bytes")));
        }
        if self.input.skip(length) < length {
            return Err(Trouble::Cut);
        }
        Ok(true)
    }

    fn texts(&mut self, count: usize) -> Result<(), Trouble> {
        for _ in 0..count {
            self.text()?;
        }
        Ok(())
    }

    fn archive(&mut self) -> Result<(), Trouble> {
        let head = self.input.array::<11>().ok_or(Trouble::Cut)?;
        let [
            _,
            _,
            _,
            _,
            _,
            major,
            minor,
            _,
            int_size,
            offset_size,
            format,
        ] = head;
        self.version = u16::from_be_bytes([major, minor]);
        if !VERSIONS.contains(&self.version) {
            return Err(Trouble::Unknown(self.version));
        }
        if format != CUSTOM || !matches!(int_size, 4 | 8) || !matches!(offset_size, 4 | 8) {
            return Err(Trouble::Wrong("its header makes no sense".to_owned()));
        }
        (self.int_size, self.offset_size) = (int_size, offset_size);
        self.zlib = if self.version >= 0x010f {
            let algorithm = self.byte()?;
            if algorithm > NEWEST_ALGORITHM {
                return Err(Trouble::Wrong(format!(
                    "the compression {algorithm} is not known"
                )));
            }
            algorithm == GZIP
        } else {
            // A level: 0 is none, -1 what zlib takes by itself.
            self.int()? != 0
        };
        for _ in 0..7 {
            self.int()?;
        }
        // The database, the version of the server, the version of the program.
        self.texts(3)?;
        let entries = self.int()?;
        if entries < 0 {
            return Err(Trouble::Wrong(format!(
                "the table of contents claims {entries} entries"
            )));
        }
        let mut with_data: u64 = 0;
        for _ in 0..entries {
            with_data = with_data.saturating_add(u64::from(self.entry()?));
        }
        self.blocks(with_data)
    }

    /// Passes over an entry and says whether data belongs to it.
    fn entry(&mut self) -> Result<bool, Trouble> {
        let id = self.int()?;
        if id <= 0 {
            return Err(Trouble::Wrong(format!("an entry has the number {id}")));
        }
        let has_dumper = self.int()? != 0;
        // Table and object ids, tag, kind.
        self.texts(4)?;
        if self.version >= 0x010b {
            self.int()?;
        }
        // Definition, drop and copy statements, schema, tablespace.
        self.texts(5)?;
        if self.version >= 0x010e {
            self.text()?;
        }
        if self.version >= 0x0110 {
            self.int()?;
        }
        // Owner, and whether the rows have ids.
        self.texts(2)?;
        while self.text()? {}
        let state = self.byte()?;
        let offset = u64::from(self.offset_size);
        if self.input.skip(offset) < offset {
            return Err(Trouble::Cut);
        }
        let has_data = has_dumper && state != NO_DATA;
        if has_data && self.ids.len() < MOST_IDS && !self.ids.insert(id) {
            return Err(Trouble::Wrong(format!("the entry {id} is there twice")));
        }
        Ok(has_data)
    }

    fn blocks(&mut self, wanted: u64) -> Result<(), Trouble> {
        let mut count: u64 = 0;
        while !self.input.is_at_end() {
            let kind = self.byte()?;
            let id = self.int()?;
            // Each block comes once, and belongs to an entry.
            if wanted < wide(MOST_IDS) && !self.ids.remove(&id) {
                return Err(Trouble::Wrong(format!(
                    "a block of data belongs to the entry {id}, which has none, or has come"
                )));
            }
            match kind {
                BLOCK_DATA => self.chunks()?,
                BLOCK_BLOBS => {
                    while self.int()? != 0 {
                        self.chunks()?;
                    }
                }
                other => {
                    return Err(Trouble::Wrong(format!(
                        "a block of data has the kind {other}"
                    )));
                }
            }
            count = count.saturating_add(1);
        }
        if count < wanted {
            return Err(Trouble::Cut);
        }
        Ok(())
    }

    fn chunks(&mut self) -> Result<(), Trouble> {
        let mut inflated = self.zlib.then(Inflated::new);
        loop {
            let length = self.int()?;
            if length == 0 {
                return inflated.map_or(Ok(()), |inflated| inflated.end());
            }
            let mut left = u64::try_from(length)
                .map_err(|_| Trouble::Wrong("a piece of data has a negative length".to_owned()))?;
            while left > 0 {
                let piece = self.input.piece(left);
                if piece.is_empty() {
                    return Err(Trouble::Cut);
                }
                if let Some(inflated) = &mut inflated {
                    inflated.take(piece)?;
                }
                left = left.saturating_sub(wide(piece.len()));
            }
        }
    }
}

/// Decompresses for the sake of the checksum.
struct Inflated {
    zlib: Decompress,
    room: Vec<u8>,
    ended: bool,
}

impl Inflated {
    fn new() -> Self {
        Self {
            zlib: Decompress::new(true),
            room: vec![0; 32 << 10],
            ended: false,
        }
    }

    fn take(&mut self, mut data: &[u8]) -> Result<(), Trouble> {
        let wrong = |what: &str| Trouble::Wrong(format!("compressed data of a table: {what}"));
        while !self.ended {
            let (taken, given) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self
                .zlib
                .decompress(data, &mut self.room, FlushDecompress::None)
                .map_err(|error| wrong(&error.to_string()))?;
            self.ended = status == Status::StreamEnd;
            let taken = self.zlib.total_in().saturating_sub(taken);
            data = data.get(narrow(taken)..).unwrap_or_default();
            if taken == 0 && self.zlib.total_out() == given {
                break;
            }
        }
        if self.ended && !data.is_empty() {
            return Err(wrong("something follows its end"));
        }
        Ok(())
    }

    /// Nothing at all is no data; what began must have ended.
    fn end(&self) -> Result<(), Trouble> {
        if self.ended || self.zlib.total_in() == 0 {
            return Ok(());
        }
        Err(Trouble::Wrong(
            "compressed data of a table ends before its checksum".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: u32) -> Vec<u8> {
        [vec![0], value.to_le_bytes().to_vec()].concat()
    }

    fn text(value: &str) -> Vec<u8> {
        [
            int(u32::try_from(value.len()).unwrap()),
            value.as_bytes().to_vec(),
        ]
        .concat()
    }

    /// A dump of version 1.16 with one table and one view, with or without compression.
    fn dump_of(algorithm: u8, rows: &[&[u8]]) -> Vec<u8> {
        let mut dump = b"PGDMP\x01\x10\x00\x04\x08\x01".to_vec();
        dump.push(algorithm);
        for value in [1, 2, 3, 4, 5, 126, 0] {
            dump.extend(int(value));
        }
        for value in ["db", "18.1", "18.1"] {
            dump.extend(text(value));
        }
        dump.extend(int(2));
        for (id, has_data) in [(7, true), (8, false)] {
            dump.extend(int(id));
            dump.extend(int(u32::from(has_data)));
            for value in ["1259", "16384", "a", "TABLE DATA"] {
                dump.extend(text(value));
            }
            dump.extend(int(3));
            for value in ["", "", "COPY a FROM stdin;", "public", "", "heap"] {
                dump.extend(text(value));
            }
            dump.extend(int(0));
            for value in ["postgres", "false", "6"] {
                dump.extend(text(value));
            }
            // No more dependencies.
            dump.extend([1, 1, 0, 0, 0]);
            dump.push(if has_data { 2 } else { NO_DATA });
            dump.extend([0; 8]);
        }
        dump.push(BLOCK_DATA);
        dump.extend(int(7));
        for piece in rows {
            dump.extend(int(u32::try_from(piece.len()).unwrap()));
            dump.extend(*piece);
        }
        dump.extend(int(0));
        dump
    }

    fn dump() -> Vec<u8> {
        dump_of(0, &[b"some rows", b"more rows"])
    }

    fn found(data: &[u8]) -> Vec<Finding> {
        let mut findings = Findings::default();
        check(&mut crate::stream::of(data, 100), &mut findings);
        let (reasons, _) = findings.into_parts();
        reasons.iter().map(|reason| reason.id).collect()
    }

    #[test]
    fn a_dump_is_complete_at_its_last_block_and_nowhere_before() {
        let dump = dump();
        assert_eq!(found(&dump), []);
        for length in 5..dump.len() {
            assert_eq!(found(&dump[..length]), [Finding::DumpTruncated], "{length}");
        }
    }

    #[test]
    fn the_checksum_of_compressed_rows_is_compared() {
        use std::io::Write as _;
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(&b"1\tone\n2\ttwo\n".repeat(50)).unwrap();
        let rows = zlib.finish().unwrap();
        let (first, second) = rows.split_at(20);
        let sound = dump_of(GZIP, &[first, second]);
        assert_eq!(found(&sound), []);
        assert_eq!(found(&dump_of(GZIP, &[])), []);
        let at = sound.len() - 5 - rows.len() - 5;
        for place in (at + 2)..(sound.len() - 5) {
            let mut damaged = sound.clone();
            damaged[place] ^= 0x10;
            assert!(!found(&damaged).is_empty(), "{place}");
        }
        for pieces in [&[first][..], &[first, second, b"x"], &[second]] {
            assert_eq!(found(&dump_of(GZIP, pieces)), [Finding::DumpDamaged]);
        }
    }

    #[test]
    fn a_block_belongs_to_one_entry() {
        let sound = dump();
        let block = sound.len() - 5 - 2 * 14 - 6;
        let mut foreign = sound.clone();
        foreign[block + 2] = 9;
        assert_eq!(found(&foreign), [Finding::DumpDamaged]);
        let twice = [&sound[..], &sound[block..]].concat();
        assert_eq!(found(&twice), [Finding::DumpDamaged]);
    }

    #[test]
    fn what_is_not_known_is_not_called_damaged() {
        let mut dump = dump();
        dump[6] = 99;
        assert_eq!(found(&dump), [Finding::DumpNoEndMark]);
        dump[6] = 0x10;
        dump[8] = 3;
        assert_eq!(found(&dump), [Finding::DumpDamaged]);
    }
}
