//! One block of 512 bytes: the header of a member.

use crate::MemberKind;
use crate::number::{field, wide};

pub(super) const BLOCK: usize = 512;

/// The fields of a header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    /// None when the field is no number.
    pub(super) size: Option<u64>,
}

/// Whether a content begins with a header.
pub(crate) fn is_header(start: &[u8]) -> bool {
    start
        .get(..BLOCK)
        .and_then(|bytes| bytes.try_into().ok())
        .is_some_and(has_checksum)
}

/// Whether the checksum is right, counted without sign as the standard says, or with it as some
/// old programs did.
pub(super) fn has_checksum(bytes: &[u8; BLOCK]) -> bool {
    let Some(wanted) = number(&field::<8>(bytes, 148)) else {
        return false;
    };
    let mut unsigned: u64 = 0;
    let mut signed: i64 = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let byte = if (148..156).contains(&index) {
            b' '
        } else {
            *byte
        };
        unsigned = unsigned.saturating_add(u64::from(byte));
        signed = signed.saturating_add(i64::from(byte.cast_signed()));
    }
    wanted == unsigned || i64::try_from(wanted) == Ok(signed)
}

/// Takes a header apart whose checksum is right.
pub(super) fn parse(bytes: &[u8; BLOCK]) -> Header {
    let magic: [u8; 8] = field(bytes, 257);
    let mut name = text(bytes.get(..100).unwrap_or_default());
    if &magic == b"ustar\x0000" {
        let prefix = text(bytes.get(345..500).unwrap_or_default());
        if !prefix.is_empty() {
            name = [prefix.as_slice(), b"/", name.as_slice()].concat();
        }
    }
    Header {
        kind: field::<1>(bytes, 156)[0],
        name,
        link: text(bytes.get(157..257).unwrap_or_default()),
        size: number(&field::<12>(bytes, 124)),
    }
}

/// A text that ends with its field or with a zero byte.
fn text(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

/// A number: octal digits between spaces, or big-endian behind a byte 0x80.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    if *first & 0x80 != 0 {
        // Negative ones, 0xff, mean nothing for a size.
        let mut value = u64::from(first & 0x7f);
        for byte in rest {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    let digits = bytes.get(..end)?.trim_ascii();
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value = value.checked_mul(8)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// What a type byte means for who unpacks.
pub(super) fn member_kind(kind: u8, name: &[u8]) -> MemberKind {
    match kind {
        // Before directories had a type, a slash at the end made one.
        b'0' | 0 | b'7' if name.ends_with(b"/") => MemberKind::Directory,
        b'0' | 0 | b'7' | b'S' => MemberKind::File,
        b'1' => MemberKind::HardLink,
        b'2' => MemberKind::SymbolicLink,
        b'3' => MemberKind::CharacterDevice,
        b'4' => MemberKind::BlockDevice,
        b'5' | b'D' => MemberKind::Directory,
        b'6' => MemberKind::Fifo,
        other => MemberKind::Other(other),
    }
}

/// How many bytes fill the last block of data of this length.
pub(super) fn padding(size: u64) -> u64 {
    let block = wide(BLOCK);
    size.checked_rem(block)
        .filter(|rest| *rest > 0)
        .map_or(0, |rest| block.saturating_sub(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_both_forms() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"    17 \0"), Some(0o17));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(
            number(&[0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
            Some(1 << 32)
        );
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"12x4\0"), None);
        assert_eq!(number(b"777777777777777777777777"), None);
        assert_eq!(number(b""), None);
    }

    #[test]
    fn data_fills_blocks() {
        assert_eq!(
            [padding(0), padding(1), padding(512), padding(513)],
            [0, 511, 0, 511]
        );
    }
}
