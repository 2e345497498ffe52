//! gzip: one or several members, each with its CRC-32 and its length.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Decoded;
use crate::number::wide;
use crate::stream::{End, Feeder, Stream};
use crate::{Finding, Place, Reason};

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 0x10;
const UNKNOWN: u8 = 0xe0;

pub(super) fn decode(input: &mut Stream, output: &Feeder, decoded: &mut Decoded) -> End {
    let mut first = true;
    loop {
        if input.is_at_end() {
            return if input.is_broken() {
                End::Broken
            } else {
                End::Complete
            };
        }
        let start = input.position();
        if input.is_cut_off(MAGIC.len()) {
            return End::Broken;
        }
        if input.peek(MAGIC.len()) != MAGIC {
            return no_member(first, start, input, decoded);
        }
        if let Err(reason) = member(input, output) {
            // What a failed read cut off is not the fault of the file.
            if !input.is_broken() || reason.id != Finding::GzipTruncated {
                decoded.findings.push(reason);
            }
            return End::Broken;
        }
        first = false;
    }
}

fn no_member(first: bool, start: u64, input: &mut Stream, decoded: &mut Decoded) -> End {
    if first {
        decoded.findings.push(
            Reason::new(
                Finding::GzipMagic,
                "it does not begin with the magic number of gzip",
            )
            .at(Place::File(start)),
        );
        return End::Broken;
    }
    let mut zeros = true;
    loop {
        let piece = input.piece(u64::MAX);
        if piece.is_empty() {
            break;
        }
        zeros &= piece.iter().all(|byte| *byte == 0);
    }
    let length = input.position().saturating_sub(start);
    let (id, what) = if zeros {
        (Finding::GzipTrailingZeros, "zeros")
    } else {
        (Finding::GzipTrailing, "something that is no gzip member")
    };
    decoded.findings.push(
        Reason::new(
            id,
            format!("{length} bytes of {what} follow the last member"),
        )
        .at(Place::File(start)),
    );
    End::Complete
}

fn member(input: &mut Stream, output: &Feeder) -> Result<(), Reason> {
    header(input)?;
    let mut inflate = Decompress::new(false);
    let mut crc = Crc::new();
    let mut buffer = output.buffer();
    let mut length: usize = 0;
    loop {
        let source = input.ready();
        let at_end = source.is_empty();
        let room = buffer.get_mut(length..).unwrap_or_default();
        let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
        let result = inflate.decompress(source, room, FlushDecompress::None);
        let used = inflate.total_in().saturating_sub(in_before);
        let made = inflate.total_out().saturating_sub(out_before);
        let made = usize::try_from(made).unwrap_or(usize::MAX);
        input.consume(usize::try_from(used).unwrap_or(usize::MAX));
        let begin = length;
        length = length.saturating_add(made);
        crc.update(buffer.get(begin..length).unwrap_or_default());
        match result {
            Ok(Status::StreamEnd) => break,
            Ok(_) => {}
            Err(error) => {
                output.send(buffer, length);
                let said = error.to_string();
                let said = said.trim_start_matches("deflate decompression error: ");
                return Err(
                    Reason::new(Finding::GzipDamaged, format!("inflate says: {said}"))
                        .at(Place::File(input.position())),
                );
            }
        }
        if length == buffer.len() {
            output.send(buffer, length);
            buffer = output.buffer();
            length = 0;
        } else if at_end && made == 0 {
            output.send(buffer, length);
            return Err(truncated(input, "compressed data"));
        } else if used == 0 && made == 0 {
            // Neither moves although both could: only damage does that.
            output.send(buffer, length);
            return Err(Reason::new(Finding::GzipDamaged, "inflate comes to no end")
                .at(Place::File(input.position())));
        }
    }
    output.send(buffer, length);
    trailer(input, crc.sum(), inflate.total_out())
}

fn trailer(input: &mut Stream, crc: u32, length: u64) -> Result<(), Reason> {
    let at = Place::File(input.position());
    let fields = (input.array::<4>(), input.array::<4>());
    let (Some(wanted), Some(wanted_length)) = fields else {
        return Err(truncated(input, "trailer"));
    };
    let wanted = u32::from_le_bytes(wanted);
    if wanted != crc {
        return Err(Reason::new(
            Finding::GzipChecksum,
            format!("the CRC-32 of the content is {crc:08x}, written was {wanted:08x}"),
        )
        .at(at));
    }
    let wanted = u32::from_le_bytes(wanted_length);
    // Of the length only the low 32 bits are kept.
    if u64::from(wanted) != length & u64::from(u32::MAX) {
        return Err(Reason::new(
            Finding::GzipLength,
            format!("the content has {length} bytes, written was {wanted} (modulo 2^32)"),
        )
        .at(at));
    }
    Ok(())
}

fn header(input: &mut Stream) -> Result<(), Reason> {
    let at = Place::File(input.position());
    let mut crc = Crc::new();
    let head = input
        .array::<10>()
        .ok_or_else(|| truncated(input, "header"))?;
    crc.update(&head);
    let [_, _, method, flags, ..] = head;
    if method != DEFLATE {
        return Err(Reason::new(
            Finding::GzipHeader,
            format!("method {method} is not deflate"),
        )
        .at(at));
    }
    if flags & UNKNOWN != 0 {
        return Err(Reason::new(
            Finding::GzipHeader,
            format!("the flags {flags:#04x} are not known"),
        )
        .at(at));
    }
    if flags & EXTRA != 0 {
        let length = input
            .array::<2>()
            .ok_or_else(|| truncated(input, "header"))?;
        crc.update(&length);
        let length = usize::from(u16::from_le_bytes(length));
        let extra = input.take(wide(length));
        if extra.len() < length {
            return Err(truncated(input, "header"));
        }
        crc.update(&extra);
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            text(input, &mut crc)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        let wanted = input
            .array::<2>()
            .ok_or_else(|| truncated(input, "header"))?;
        if u32::from(u16::from_le_bytes(wanted)) != crc.sum() & 0xffff {
            return Err(Reason::new(
                Finding::GzipHeader,
                "the header has another CRC than was written",
            )
            .at(at));
        }
    }
    Ok(())
}

/// Passes over a text that ends with a zero byte.
fn text(input: &mut Stream, crc: &mut Crc) -> Result<(), Reason> {
    loop {
        let ready = input.ready();
        if ready.is_empty() {
            return Err(truncated(input, "header"));
        }
        let end = ready.iter().position(|byte| *byte == 0);
        let count = end.map_or(ready.len(), |end| end.saturating_add(1));
        crc.update(ready.get(..count).unwrap_or_default());
        input.consume(count);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn truncated(input: &Stream, what: &str) -> Reason {
    Reason::new(
        Finding::GzipTruncated,
        format!("the file ends inside the {what} of a gzip member"),
    )
    .at(Place::File(input.position()))
}
