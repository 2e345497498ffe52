//! zstd: one or several frames, each with its checksum.

use ::zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use super::Decoded;
use super::zstd_frame::{self, Frame, Header};
use crate::stream::{End, Feeder, Stream};
use crate::{Finding, Place, Reason};

/// The largest window for which zstd decodes without being asked to.
const LARGEST_WINDOW: u64 = 128 << 20;
const LARGEST_WINDOW_LOG: u32 = 27;

pub(super) fn decode(input: &mut Stream, output: &Feeder, decoded: &mut Decoded) -> End {
    let mut frames = match new_decoder() {
        Ok(frames) => frames,
        Err(error) => {
            decoded.findings.push(Reason::new(
                Finding::ZstdDamaged,
                format!("zstd could not be started: {error}"),
            ));
            return End::Broken;
        }
    };
    let mut first = true;
    loop {
        let start = input.position();
        if input.is_at_end() {
            return if input.is_broken() {
                End::Broken
            } else {
                End::Complete
            };
        }
        match zstd_frame::parse(input.peek(zstd_frame::LONGEST)) {
            Frame::Data(header) => {
                if let Err(reason) = frame(&mut frames, header, start, input, output, decoded) {
                    if let Some(reason) = reason {
                        decoded.findings.push(reason);
                    }
                    return End::Broken;
                }
            }
            Frame::Skippable(length) => {
                if input.skip(length) < length {
                    return truncated(input, decoded);
                }
            }
            Frame::Truncated => return truncated(input, decoded),
            Frame::None if first => {
                decoded.findings.push(
                    Reason::new(
                        Finding::ZstdMagic,
                        "it does not begin with the magic number of zstd",
                    )
                    .at(Place::File(start)),
                );
                return End::Broken;
            }
            Frame::None => {
                decoded.findings.push(
                    Reason::new(
                        Finding::ZstdTrailing,
                        "behind the last zstd frame there is something that is no frame",
                    )
                    .at(Place::File(start)),
                );
                return End::Complete;
            }
        }
        first = false;
    }
}

fn new_decoder() -> std::io::Result<Decoder<'static>> {
    let mut frames = Decoder::new()?;
    frames.set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW_LOG))?;
    Ok(frames)
}

/// Decodes one frame. An error without a reason follows from another.
fn frame(
    frames: &mut Decoder<'_>,
    header: Header,
    start: u64,
    input: &mut Stream,
    output: &Feeder,
    decoded: &mut Decoded,
) -> Result<(), Option<Reason>> {
    if header.window > LARGEST_WINDOW {
        return Err(Some(
            Reason::new(
                Finding::ZstdWindow,
                format!("the frame asks for a window of {} bytes", header.window),
            )
            .at(Place::File(start)),
        ));
    }
    if header.unused_bit {
        decoded.findings.push(
            Reason::new(
                Finding::ZstdReserved,
                "the unused bit of the frame header is set",
            )
            .at(Place::File(start.saturating_add(4))),
        );
    }
    if !header.checksum {
        decoded.checked = false;
        decoded.findings.push(
            Reason::new(
                Finding::ZstdNoChecksum,
                "the frame was written without a checksum: integrity not provable",
            )
            .at(Place::File(start)),
        );
    }
    let mut buffer = output.buffer();
    let mut length = 0;
    loop {
        let source = input.ready();
        let at_end = source.is_empty();
        let mut from = InBuffer::around(source);
        let room = buffer.get_mut(length..).unwrap_or_default();
        let full_at = room.len();
        let mut to = OutBuffer::around(room);
        let result = frames.run(&mut from, &mut to);
        let (used, made) = (from.pos(), to.pos());
        input.consume(used);
        length = length.saturating_add(made);
        let left = match result {
            Ok(left) => left,
            Err(error) => {
                output.send(buffer, length);
                return Err(Some(failure(&error.to_string(), input.position())));
            }
        };
        if left == 0 {
            output.send(buffer, length);
            return Ok(());
        }
        if made == full_at {
            output.send(buffer, length);
            buffer = output.buffer();
            length = 0;
        } else if at_end && made == 0 {
            output.send(buffer, length);
            truncated(input, decoded);
            return Err(None);
        }
    }
}

fn failure(said: &str, position: u64) -> Reason {
    let id = if said.contains("checksum") {
        Finding::ZstdChecksum
    } else {
        Finding::ZstdDamaged
    };
    Reason::new(id, format!("zstd says: {said}")).at(Place::File(position))
}

fn truncated(input: &Stream, decoded: &mut Decoded) -> End {
    if !input.is_broken() {
        decoded.findings.push(
            Reason::new(Finding::ZstdTruncated, "the file ends inside a zstd frame")
                .at(Place::File(input.position())),
        );
    }
    End::Broken
}
