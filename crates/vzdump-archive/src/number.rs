//! Conversions between the widths of numbers, and fields of fixed places.

/// A length in memory as a length of a file.
pub(crate) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A length of a file as one in memory, at most what fits there.
pub(crate) fn narrow(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The bytes of a field; zeros where the data is too short.
pub(crate) fn field<const SIZE: usize>(data: &[u8], at: usize) -> [u8; SIZE] {
    at.checked_add(SIZE)
        .and_then(|end| data.get(at..end))
        .and_then(|bytes| bytes.try_into().ok())
        .unwrap_or([0; SIZE])
}

/// A big-endian field of 16 bits.
pub(crate) fn be16(data: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(field(data, at))
}

/// A big-endian field of 32 bits.
pub(crate) fn be32(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(field(data, at))
}

/// A big-endian field of 64 bits.
pub(crate) fn be64(data: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(field(data, at))
}
