//! The header of a lzop file.

use ::simd_adler32::adler32;
use flate2::Crc;

use crate::number::{be16, be32};
use crate::stream::Stream;
use crate::{Finding, Place, Reason};

pub(super) const MAGIC: [u8; 9] = [0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a];

const ADLER_UNPACKED: u32 = 0x1;
const ADLER_PACKED: u32 = 0x2;
const EXTRA_FIELD: u32 = 0x40;
const CRC_UNPACKED: u32 = 0x100;
const CRC_PACKED: u32 = 0x200;
const MULTIPART: u32 = 0x400;
const FILTER: u32 = 0x800;
const HEADER_CRC: u32 = 0x1000;
const RESERVED: u32 = 0x000f_c000;

/// The oldest version that wrote this header, and the first with level and time in full.
const OLDEST: u16 = 0x0900;
const WITH_LEVEL: u16 = 0x0940;
/// The newest version there is; a file may ask for one.
const NEWEST: u16 = 0x1040;

/// Which checksums every block has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) adler_unpacked: bool,
    pub(super) crc_unpacked: bool,
    pub(super) adler_packed: bool,
    pub(super) crc_packed: bool,
}

impl Sums {
    /// Whether the content has any.
    pub(super) const fn covers_content(self) -> bool {
        self.adler_unpacked || self.crc_unpacked
    }
}

/// What a header says of the blocks behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) sums: Sums,
    /// Each byte is stored as its difference from the one so many bytes before it; 0: as it is.
    pub(super) filter: usize,
}

/// The farthest difference there is.
pub(super) const FARTHEST: usize = 16;

/// What is read of a header, to be summed up.
#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
}

impl Head {
    fn field<const SIZE: usize>(&mut self, input: &mut Stream) -> Result<[u8; SIZE], Reason> {
        let bytes = input.array().ok_or_else(|| truncated(input))?;
        self.bytes.extend(bytes);
        Ok(bytes)
    }
}

/// Reads the header behind the magic number.
pub(super) fn read(input: &mut Stream, start: u64) -> Result<Blocks, Reason> {
    let refuse = |text: String| Reason::new(Finding::LzopHeader, text).at(Place::File(start));
    let mut head = Head::default();
    let version = be16(&head.field::<2>(input)?, 0);
    head.field::<2>(input)?;
    let with_level = version >= WITH_LEVEL;
    let needed = if with_level {
        be16(&head.field::<2>(input)?, 0)
    } else {
        0
    };
    let [method] = head.field::<1>(input)?;
    if with_level {
        head.field::<1>(input)?;
    }
    let flags = be32(&head.field::<4>(input)?, 0);
    let filter = if flags & FILTER != 0 {
        be32(&head.field::<4>(input)?, 0)
    } else {
        0
    };
    head.field::<8>(input)?;
    if with_level {
        head.field::<4>(input)?;
    }
    let [length] = head.field::<1>(input)?;
    let name = input.take(u64::from(length));
    if name.len() < usize::from(length) {
        return Err(truncated(input));
    }
    head.bytes.extend(name);
    let wanted = be32(&input.array::<4>().ok_or_else(|| truncated(input))?, 0);
    let sum = checksum(flags & HEADER_CRC != 0, &head.bytes);
    if wanted != sum {
        return Err(Reason::new(
            Finding::LzopHeaderChecksum,
            format!("the header has the checksum {sum:08x}, written was {wanted:08x}"),
        )
        .at(Place::File(start)));
    }
    if version < OLDEST || needed > NEWEST {
        return Err(refuse(format!(
            "it was written by version {version:#06x} and needs {needed:#06x}"
        )));
    }
    if !(1..=3).contains(&method) {
        return Err(refuse(format!("method {method} is not known")));
    }
    if flags & (MULTIPART | RESERVED) != 0 {
        return Err(refuse(format!(
            "the flags {flags:#010x} ask for what lzop does not write into one file"
        )));
    }
    let filter = usize::try_from(filter)
        .ok()
        .filter(|filter| *filter <= FARTHEST)
        .ok_or_else(|| refuse(format!("filter {filter} is not known")))?;
    if flags & EXTRA_FIELD != 0 {
        extra(input, flags & HEADER_CRC != 0, start)?;
    }
    Ok(Blocks {
        sums: Sums {
            adler_unpacked: flags & ADLER_UNPACKED != 0,
            crc_unpacked: flags & CRC_UNPACKED != 0,
            adler_packed: flags & ADLER_PACKED != 0,
            crc_packed: flags & CRC_PACKED != 0,
        },
        filter,
    })
}

fn extra(input: &mut Stream, crc: bool, start: u64) -> Result<(), Reason> {
    let length = input.array::<4>().ok_or_else(|| truncated(input))?;
    let count = u64::from(u32::from_be_bytes(length));
    // Nobody knows a use of this field, so a long one is damage.
    if count > 1 << 20 {
        return Err(Reason::new(
            Finding::LzopHeader,
            format!("its extra field claims {count} bytes"),
        )
        .at(Place::File(start)));
    }
    let mut bytes = length.to_vec();
    bytes.extend(input.take(count));
    let wanted = be32(&input.array::<4>().ok_or_else(|| truncated(input))?, 0);
    if wanted != checksum(crc, &bytes) {
        return Err(Reason::new(
            Finding::LzopHeaderChecksum,
            "the extra field of the header has another checksum than was written",
        )
        .at(Place::File(start)));
    }
    Ok(())
}

/// The checksum of a header or block.
pub(super) fn checksum(crc: bool, bytes: &[u8]) -> u32 {
    if crc {
        let mut sum = Crc::new();
        sum.update(bytes);
        return sum.sum();
    }
    adler32(&bytes)
}

/// The file ended.
pub(super) fn truncated(input: &Stream) -> Reason {
    Reason::new(
        Finding::LzopTruncated,
        "the file ends before the end mark of lzop",
    )
    .at(Place::File(input.position()))
}
