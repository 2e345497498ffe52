//! The file format of `lzop`: a header, blocks of 256 KiB with their adler32, four zero bytes.

use std::io::{self, Cursor, Read, Write};

const MAGIC: [u8; 9] = [0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a];
const BLOCK: usize = 256 << 10;
/// adler32 of what is packed, data from a pipe, written on unix.
const FLAGS: u32 = 0x0300_000d;
const ADLER_UNPACKED: u32 = 1;
const ADLER_PACKED: u32 = 2;
const CRC_UNPACKED: u32 = 0x100;
const CRC_PACKED: u32 = 0x200;
const EXTRA_FIELD: u32 = 0x40;
const FILTER: u32 = 0x800;

fn adler32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    // So many sums stay below 2^32.
    for chunk in data.chunks(5552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    (high << 16) | low
}

fn damaged(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("lzop: {text}"))
}

/// Packs what is written into it.
#[derive(Debug)]
pub(super) struct Encoder<W: Write> {
    out: W,
    block: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        let mut head = Vec::new();
        // Versions of the program and the library, and the oldest that can read this.
        for version in [0x1040_u16, 0x20a0, 0x0940] {
            head.extend(version.to_be_bytes());
        }
        head.extend([1, 5]);
        // Flags, mode and the two halves of the time; a name of no length.
        for word in [FLAGS, 0, 0, 0] {
            head.extend(word.to_be_bytes());
        }
        head.push(0);
        out.write_all(&MAGIC)?;
        out.write_all(&head)?;
        out.write_all(&adler32(&head).to_be_bytes())?;
        Ok(Self {
            out,
            block: Vec::with_capacity(BLOCK),
        })
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write_block()?;
        self.out.write_all(&[0; 4])?;
        self.out.flush()
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let packed = lzokay_native::compress(&self.block)
            .map_err(|error| io::Error::other(format!("lzo: {error:?}")))?;
        let length = |data: &[u8]| u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
        // What does not get smaller is stored as it is.
        let stored = if packed.len() < self.block.len() {
            &packed
        } else {
            &self.block
        };
        self.out.write_all(&length(&self.block))?;
        self.out.write_all(&length(stored))?;
        self.out.write_all(&adler32(&self.block).to_be_bytes())?;
        self.out.write_all(stored)?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let take = data.len().min(BLOCK - self.block.len());
        self.block.extend(data.iter().take(take));
        if self.block.len() == BLOCK {
            self.write_block()?;
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the header; what follows is unpacked block by block.
pub(super) fn open<R: Read>(mut input: R) -> io::Result<Decoder<R>> {
    let mut magic = [0; 9];
    input.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(damaged("not a lzop file"));
    }
    let mut head = vec![0; 25];
    input.read_exact(&mut head)?;
    let flags = head
        .get(8..12)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    if flags & (FILTER | EXTRA_FIELD) != 0 {
        return Err(damaged(
            "a filter or an extra field, which nobody writes here",
        ));
    }
    let mut name = vec![0; usize::from(head.last().copied().unwrap_or(0))];
    input.read_exact(&mut name)?;
    head.extend(name);
    if word(&mut input)? != adler32(&head) {
        return Err(damaged("header corrupted"));
    }
    Ok(Decoder {
        input,
        flags,
        block: Cursor::default(),
        ended: false,
    })
}

fn word(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Unpacks.
#[derive(Debug)]
pub(super) struct Decoder<R: Read> {
    input: R,
    flags: u32,
    block: Cursor<Vec<u8>>,
    ended: bool,
}

impl<R: Read> Decoder<R> {
    fn next_block(&mut self) -> io::Result<()> {
        let unpacked = usize::try_from(word(&mut self.input)?).map_err(io::Error::other)?;
        if unpacked == 0 {
            self.ended = true;
            return Ok(());
        }
        let packed = usize::try_from(word(&mut self.input)?).map_err(io::Error::other)?;
        if unpacked > 64 << 20 || packed > unpacked {
            return Err(damaged("block size"));
        }
        let mut wanted = None;
        for flag in [ADLER_UNPACKED, CRC_UNPACKED] {
            if self.flags & flag != 0 {
                let sum = word(&mut self.input)?;
                wanted = wanted.or((flag == ADLER_UNPACKED).then_some(sum));
            }
        }
        for flag in [ADLER_PACKED, CRC_PACKED] {
            if packed < unpacked && self.flags & flag != 0 {
                word(&mut self.input)?;
            }
        }
        let mut data = vec![0; packed];
        self.input.read_exact(&mut data)?;
        if packed < unpacked {
            data = lzokay_native::decompress_all(&data, Some(unpacked))
                .map_err(|error| damaged(&format!("{error:?}")))?;
        }
        if wanted.is_some_and(|wanted| wanted != adler32(&data)) {
            return Err(damaged("checksum error"));
        }
        self.block = Cursor::new(data);
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.block.read(target)?;
            if count > 0 || self.ended || target.is_empty() {
                return Ok(count);
            }
            self.next_block()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_is_that_of_rfc_1950() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let mut packed = Vec::new();
        let mut encoder = Encoder::new(&mut packed).unwrap();
        encoder.write_all(&[3; 5000]).unwrap();
        encoder.finish().unwrap();
        // The sum of the first block, behind header and sizes.
        packed[38 + 8] ^= 1;
        let mut out = Vec::new();
        assert!(open(&packed[..]).unwrap().read_to_end(&mut out).is_err());
    }
}
