//! bzip2: one or several streams. Every block and every stream has its CRC, which the library
//! checks.

use ::bzip2::{Decompress, Status};

use super::Decoded;
use crate::number::narrow;
use crate::stream::{End, Feeder, Stream};
use crate::{Finding, Place, Reason};

const MAGIC: [u8; 3] = *b"BZh";
const LONGEST_MAGIC: usize = 10;

/// Whether a file begins as a stream: magic, level, and a block or the end.
pub(super) fn is_stream(start: &[u8]) -> bool {
    let level = start
        .get(3)
        .is_some_and(|level| (b'1'..=b'9').contains(level));
    let next = start.get(4..LONGEST_MAGIC);
    let block = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    let end = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    start.starts_with(&MAGIC) && level && next.is_some_and(|next| next == block || next == end)
}

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
            let (id, text, end) = if first {
                (
                    Finding::Bzip2Magic,
                    "it does not begin with the magic number of bzip2",
                    End::Broken,
                )
            } else {
                (
                    Finding::Bzip2Trailing,
                    "behind the last bzip2 stream there is something that is none",
                    End::Complete,
                )
            };
            decoded
                .findings
                .push(Reason::new(id, text).at(Place::File(start)));
            return end;
        }
        if let Err(reason) = stream(input, output) {
            if !input.is_broken() || reason.id != Finding::Bzip2Truncated {
                decoded.findings.push(reason);
            }
            return End::Broken;
        }
        first = false;
    }
}

fn stream(input: &mut Stream, output: &Feeder) -> Result<(), Reason> {
    let mut decoder = Decompress::new(false);
    let mut buffer = output.buffer();
    let mut length: usize = 0;
    loop {
        let source = input.ready();
        let at_end = source.is_empty();
        let room = buffer.get_mut(length..).unwrap_or_default();
        let (in_before, out_before) = (decoder.total_in(), decoder.total_out());
        let result = decoder.decompress(source, room);
        let used = decoder.total_in().saturating_sub(in_before);
        let made = decoder.total_out().saturating_sub(out_before);
        input.consume(narrow(used));
        length = length.saturating_add(narrow(made));
        match result {
            Ok(Status::StreamEnd) => {
                output.send(buffer, length);
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => {
                output.send(buffer, length);
                return Err(Reason::new(Finding::Bzip2Damaged, says(&error.to_string()))
                    .at(Place::File(input.position())));
            }
        }
        if length == buffer.len() {
            output.send(buffer, length);
            buffer = output.buffer();
            length = 0;
        } else if at_end && made == 0 {
            output.send(buffer, length);
            return Err(Reason::new(
                Finding::Bzip2Truncated,
                "the file ends inside a bzip2 stream",
            )
            .at(Place::File(input.position())));
        } else if used == 0 && made == 0 {
            output.send(buffer, length);
            return Err(Reason::new(Finding::Bzip2Damaged, "bzip2 comes to no end")
                .at(Place::File(input.position())));
        }
    }
}

/// What the library says already begins with its name.
fn says(error: &str) -> String {
    format!("bzip2 says: {}", error.trim_start_matches("bzip2: "))
}
