//! Maps of sparse files: which parts of a file its data are.

use super::header::{BLOCK, number};
use crate::number::wide;
use crate::stream::Stream;

/// So many parts are kept; a file with more is checked, and its data is not handed on.
const MOST_PARTS: usize = 1 << 20;
/// The longest number of a map in text.
const MOST_DIGITS: usize = 20;

/// A map: offsets and lengths, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Map {
    pub(super) parts: Vec<(u64, u64)>,
    pub(super) has_more: bool,
    end: u64,
    stored: u64,
}

/// Why a map could not be read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The archive ends in it.
    Cut,
    /// It is wrong.
    Wrong(String),
}

impl Map {
    /// A map out of its parts, of which a header may have told the number.
    pub(super) fn of(parts: &[(u64, u64)], told: Option<u64>) -> Result<Self, Trouble> {
        let mut map = Self::default();
        let count = wide(parts.len());
        if let Some(told) = told.filter(|told| *told != count) {
            return Err(Trouble::Wrong(format!(
                "its map has {count} parts and should have {told}"
            )));
        }
        for (offset, length) in parts {
            map.push(*offset, *length)?;
        }
        Ok(map)
    }

    fn push(&mut self, offset: u64, length: u64) -> Result<(), Trouble> {
        if offset < self.end {
            return Err(Trouble::Wrong(format!(
                "the part at {offset} begins before the one before it ends"
            )));
        }
        self.end = offset
            .checked_add(length)
            .ok_or_else(|| Trouble::Wrong(format!("the part at {offset} has no end")))?;
        self.stored = self.stored.saturating_add(length);
        if self.parts.len() < MOST_PARTS {
            self.parts.push((offset, length));
        } else {
            self.has_more = true;
        }
        Ok(())
    }

    /// Compares it with the size of the file and with the data there is.
    pub(super) fn check(&self, size: u64, data: u64) -> Result<(), Trouble> {
        if self.end > size {
            return Err(Trouble::Wrong(format!(
                "its parts reach to {} and the file has {size} bytes",
                self.end
            )));
        }
        if self.stored != data {
            return Err(Trouble::Wrong(format!(
                "its parts have {} bytes and {data} are stored",
                self.stored
            )));
        }
        Ok(())
    }
}

/// Reads the map of form 1.0, which stands before the data as lines of numbers, filled up to a
/// block. Gives the map and how many bytes it took.
pub(super) fn read_text(input: &mut Stream, available: u64) -> Result<(Map, u64), Trouble> {
    let mut text = Text {
        input,
        taken: 0,
        available,
    };
    let count = text.number()?;
    let mut map = Map::default();
    for _ in 0..count {
        let offset = text.number()?;
        let length = text.number()?;
        map.push(offset, length)?;
    }
    let rest = super::header::padding(text.taken);
    let fill = text.available.saturating_sub(text.taken).min(rest);
    if text.input.skip(fill) < fill {
        return Err(Trouble::Cut);
    }
    if fill < rest {
        return Err(Trouble::Wrong(
            "the map is not filled up to a block".to_owned(),
        ));
    }
    Ok((map, text.taken.saturating_add(rest)))
}

struct Text<'a> {
    input: &'a mut Stream,
    taken: u64,
    available: u64,
}

impl Text<'_> {
    fn number(&mut self) -> Result<u64, Trouble> {
        let mut digits = Vec::new();
        loop {
            if self.taken >= self.available {
                return Err(Trouble::Wrong(
                    "the map is longer than the member".to_owned(),
                ));
            }
            let [byte] = self.input.array::<1>().ok_or(Trouble::Cut)?;
            self.taken = self.taken.saturating_add(1);
            if byte == b'\n' {
                break;
            }
            digits.push(byte);
            if digits.len() > MOST_DIGITS {
                break;
            }
        }
        super::pax::decimal(&digits)
            .ok_or_else(|| Trouble::Wrong("a line of the map is no number".to_owned()))
    }
}

/// Reads the map of the old GNU form, which is in the header and in blocks behind it.
pub(super) fn read_gnu(input: &mut Stream, header: &[u8; BLOCK]) -> Result<(Map, u64), Trouble> {
    let mut map = Map::default();
    let mut open = true;
    let size = entry(header, 483).ok_or_else(|| no_number("real size"))?;
    entries(header, 386, 4, &mut map, &mut open)?;
    let mut more = header.get(482).is_some_and(|flag| *flag != 0);
    while more {
        if !open {
            return Err(Trouble::Wrong(
                "its map has ended and claims to go on".to_owned(),
            ));
        }
        let block = input.array::<BLOCK>().ok_or(Trouble::Cut)?;
        entries(&block, 0, 21, &mut map, &mut open)?;
        more = block.get(504).is_some_and(|flag| *flag != 0);
    }
    Ok((map, size))
}

fn no_number(what: &str) -> Trouble {
    Trouble::Wrong(format!("the {what} of a sparse file is no number"))
}

fn entry(bytes: &[u8; BLOCK], at: usize) -> Option<u64> {
    number(bytes.get(at..at.checked_add(12)?)?)
}

fn entries(
    bytes: &[u8; BLOCK],
    at: usize,
    count: usize,
    map: &mut Map,
    open: &mut bool,
) -> Result<(), Trouble> {
    for index in 0..count {
        let place = at.saturating_add(index.saturating_mul(24));
        // An empty field ends the list.
        if bytes.get(place.saturating_add(12)) == Some(&0) {
            *open = false;
        }
        if !*open {
            return Ok(());
        }
        let offset = entry(bytes, place).ok_or_else(|| no_number("offset"))?;
        let length = entry(bytes, place.saturating_add(12)).ok_or_else(|| no_number("length"))?;
        map.push(offset, length)?;
    }
    Ok(())
}
