//! The blob area of the header: packed pieces of data, each behind its length.

use std::ops::Range;

/// Where blobs begin, and what is in them. Only these starts can be pointed to.
#[derive(Debug)]
pub(super) struct Blobs<'a> {
    area: &'a [u8],
    /// A bit for each byte of the area: one that is full of empty blobs has millions of starts.
    starts: Vec<u64>,
    /// Where a blob begins that is longer than the area.
    pub(super) overrun: Option<usize>,
}

impl<'a> Blobs<'a> {
    /// Walks the area. Its byte 0 is padding, so that offset 0 can mean none.
    pub(super) fn new(area: &'a [u8]) -> Self {
        let mut starts = vec![0; area.len().div_ceil(64)];
        let mut overrun = None;
        let mut at: usize = 1;
        while let Some(blob) = range(area, at) {
            if blob.end > area.len() {
                overrun = Some(at);
                break;
            }
            if let Some(word) = starts.get_mut(at >> 6) {
                *word |= 1 << (at & 63);
            }
            at = blob.end;
        }
        Self {
            area,
            starts,
            overrun,
        }
    }

    /// The blob that begins at this offset.
    pub(super) fn data(&self, offset: u32) -> Option<&'a [u8]> {
        let at = usize::try_from(offset).ok()?;
        let is_start = self.starts.get(at >> 6)? & (1 << (at & 63)) != 0;
        self.area.get(range(self.area, at).filter(|_| is_start)?)
    }

    /// A name: the terminating zero counts, and nothing follows it.
    pub(super) fn name(&self, offset: u32) -> Option<String> {
        let (last, name) = self.data(offset)?.split_last()?;
        // What C reads ends at the first zero.
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        (*last == 0 && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }
}

/// Where the data of the blob at this place is, as its length says.
fn range(area: &[u8], at: usize) -> Option<Range<usize>> {
    let begin = at.checked_add(2)?;
    let length = u16::from_le_bytes(area.get(at..begin)?.try_into().ok()?);
    Some(begin..begin.checked_add(usize::from(length))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_start_of_a_blob_can_be_pointed_to() {
        let area = [0, 3, 0, b'a', b'b', 0, 2, 0, b'x', b'y'];
        let blobs = Blobs::new(&area);
        assert_eq!(blobs.name(1).as_deref(), Some("ab"));
        assert_eq!(blobs.data(6), Some(&b"xy"[..]));
        assert_eq!(blobs.name(6), None);
        assert_eq!(blobs.data(2), None);
        assert_eq!(blobs.overrun, None);
    }

    #[test]
    fn a_blob_beyond_the_area_ends_the_walk() {
        let area = [0, 1, 0, b'a', 9, 0, b'b'];
        let blobs = Blobs::new(&area);
        assert_eq!(blobs.data(1), Some(&b"a"[..]));
        assert_eq!((blobs.data(4), blobs.overrun), (None, Some(4)));
        assert_eq!(Blobs::new(&[]).overrun, None);
    }
}
