//! The header of a zstd frame: what a decoder does not tell.

/// A frame, little-endian.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame to be passed over: `5? 2a 4d 18`.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// The longest header: magic, descriptor, window, dictionary, content size.
pub(super) const LONGEST: usize = 18;

/// What stands at the beginning of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// Data.
    Data(Header),
    /// Something for others, of this length with its header.
    Skippable(u64),
    /// The file ends inside of the header.
    Truncated,
    /// No frame.
    None,
}

/// What the header of a data frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether a checksum follows.
    pub(super) checksum: bool,
    /// How much memory its decoder needs.
    pub(super) window: u64,
    /// Whether the bit is set that encoders leave alone.
    pub(super) unused_bit: bool,
}

/// Whether a file begins like this.
pub(super) fn is_frame(start: &[u8]) -> bool {
    start.starts_with(&MAGIC) || is_skippable(start)
}

fn is_skippable(start: &[u8]) -> bool {
    start.first().is_some_and(|byte| byte & 0xf0 == 0x50) && start.get(1..4) == Some(&SKIPPABLE)
}

/// Reads the header; `start` is as much as there is of [`LONGEST`] bytes.
pub(super) fn parse(start: &[u8]) -> Frame {
    if is_skippable(start) {
        let Some(length) = start.get(4..8).and_then(|bytes| bytes.try_into().ok()) else {
            return Frame::Truncated;
        };
        return Frame::Skippable(u64::from(u32::from_le_bytes(length)).saturating_add(8));
    }
    if !start.starts_with(&MAGIC) {
        return if start.len() < MAGIC.len() && MAGIC.starts_with(start) {
            Frame::Truncated
        } else {
            Frame::None
        };
    }
    data_frame(start).map_or(Frame::Truncated, Frame::Data)
}

fn data_frame(start: &[u8]) -> Option<Header> {
    let descriptor = *start.get(4)?;
    let single_segment = descriptor & 0x20 != 0;
    let dictionary: usize = match descriptor & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    let content: usize = match descriptor >> 6 {
        0 => usize::from(single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let window = if single_segment {
        let begin = dictionary.saturating_add(5);
        let field = start.get(begin..begin.saturating_add(content))?;
        let mut bytes = [0; 8];
        bytes.get_mut(..content)?.copy_from_slice(field);
        let size = u64::from_le_bytes(bytes);
        // Two bytes count from 256 on.
        if content == 2 {
            size.saturating_add(256)
        } else {
            size
        }
    } else {
        let byte = *start.get(5)?;
        let base = 1_u64.checked_shl(u32::from(byte >> 3).saturating_add(10))?;
        let eighths = u64::from(byte & 7);
        base.saturating_add((base >> 3).saturating_mul(eighths))
    };
    Some(Header {
        checksum: descriptor & 4 != 0,
        window,
        unused_bit: descriptor & 0x10 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_pipe() {
        // What `zstd` writes at level 3: a window of 2 MiB, a checksum, no size.
        let header = parse(&[0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0, 0]);
        assert_eq!(
            header,
            Frame::Data(Header {
                checksum: true,
                window: 2 << 20,
                unused_bit: false
            })
        );
    }

    #[test]
    fn a_single_segment_needs_its_content() {
        let header = parse(&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x00, 0x10, 0]);
        let Frame::Data(header) = header else {
            panic!("{header:?}");
        };
        assert_eq!((header.window, header.checksum), (0x1000 + 256, false));
    }

    #[test]
    fn what_is_cut_is_not_what_is_something_else() {
        assert_eq!(parse(&[0x28, 0xb5]), Frame::Truncated);
        assert_eq!(parse(&[0x28, 0xb5, 0x2f, 0xfd]), Frame::Truncated);
        assert_eq!(parse(b"text"), Frame::None);
        assert_eq!(parse(&[0x28, 0xb6]), Frame::None);
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];
        assert_eq!(parse(&skippable), Frame::Skippable(12));
    }
}
