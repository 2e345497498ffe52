//! lzop: a header, blocks with their checksums, an end mark. The blocks depend on nothing before
//! them, so they are unpacked beside each other.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Decoded;
use super::lzop_header::{self, FARTHEST, MAGIC, checksum, truncated};
use crate::number::wide;
use crate::stream::{CHUNK, End, Feeder, Stream};
use crate::{Finding, Place, Reason};

/// Every lzop writes blocks of 256 KiB, and reads any up to 64 MiB. We stop earlier, for the sake
/// of memory.
const LARGEST_BLOCK: u32 = 8 << 20;
/// A file that was split: the name of the rest is not known.
const SPLIT: u32 = u32::MAX;
/// Threads that unpack.
const MOST_WORKERS: usize = 4;

struct Job {
    packed: Vec<u8>,
    /// Where the result goes.
    target: Vec<u8>,
    unpacked: usize,
    stored: bool,
    filter: usize,
    start: u64,
    wanted: [Option<u32>; 4],
}

/// A block that was unpacked.
struct Block {
    data: Vec<u8>,
    length: usize,
    /// A buffer that is free again.
    spare: Vec<u8>,
}

type Unpacked = Result<Block, Reason>;

struct Worker {
    jobs: SyncSender<Job>,
    results: Receiver<Unpacked>,
}

pub(super) fn decode(input: &mut Stream, output: &Feeder, decoded: &mut Decoded) -> End {
    let count = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<Worker> = (0..count.clamp(1, MOST_WORKERS))
            .map(|_| {
                let (jobs, received) = sync_channel::<Job>(2);
                let (done, results) = sync_channel(2);
                scope.spawn(move || {
                    for job in received {
                        if done.send(unpack(job)).is_err() {
                            break;
                        }
                    }
                });
                Worker { jobs, results }
            })
            .collect();
        files(input, &mut Blocks::new(output, &workers), decoded)
    })
}

/// Hands blocks out in turn and takes the results back in the same order.
struct Blocks<'a> {
    output: &'a Feeder,
    workers: &'a [Worker],
    /// The lengths of those under way.
    waiting: VecDeque<usize>,
    bytes: usize,
    next: usize,
    oldest: usize,
    /// Buffers for compressed data that are free: nothing is allocated for each block.
    spare: Vec<Vec<u8>>,
    /// Behind a damaged block nothing is handed on: it would not be where it belongs.
    failed: bool,
}

impl<'a> Blocks<'a> {
    const fn new(output: &'a Feeder, workers: &'a [Worker]) -> Self {
        Self {
            output,
            workers,
            waiting: VecDeque::new(),
            bytes: 0,
            next: 0,
            oldest: 0,
            spare: Vec::new(),
            failed: false,
        }
    }

    fn worker(&self, number: usize) -> Option<&'a Worker> {
        number
            .checked_rem(self.workers.len())
            .and_then(|index| self.workers.get(index))
    }

    fn give(&mut self, job: Job) -> Result<(), Reason> {
        let most = self.workers.len().saturating_mul(2);
        let largest = CHUNK.saturating_mul(2 * MOST_WORKERS);
        while self.waiting.len() >= most || (self.bytes >= largest && !self.waiting.is_empty()) {
            self.take()?;
        }
        self.waiting.push_back(job.unpacked);
        self.bytes = self.bytes.saturating_add(job.unpacked);
        if let Some(worker) = self.worker(self.next) {
            worker.jobs.send(job).ok();
        }
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    fn take(&mut self) -> Result<(), Reason> {
        let Some(length) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.bytes = self.bytes.saturating_sub(length);
        let result = self
            .worker(self.oldest)
            .and_then(|worker| worker.results.recv().ok());
        self.oldest = self.oldest.wrapping_add(1);
        let lost = || Reason::new(Finding::LzopDamaged, "a block was given up while unpacked");
        let result = result.ok_or_else(lost).and_then(|result| result);
        let was_failed = self.failed;
        self.failed |= result.is_err();
        let Block {
            data,
            length,
            spare,
        } = result?;
        if spare.capacity() <= CHUNK.saturating_mul(2) {
            self.spare.push(spare);
        }
        if was_failed {
            return Ok(());
        }
        if data.len() <= CHUNK {
            self.output.send(data, length);
            return Ok(());
        }
        // A pipe counts its buffers: large ones would make it hold more than was agreed.
        for piece in data.get(..length).unwrap_or_default().chunks(CHUNK) {
            let mut buffer = self.output.buffer();
            if let Some(room) = buffer.get_mut(..piece.len()) {
                room.copy_from_slice(piece);
            }
            self.output.send(buffer, piece.len());
        }
        Ok(())
    }

    /// Takes everything back and gives the first failure.
    fn finish(&mut self) -> Result<(), Reason> {
        let mut result = Ok(());
        while !self.waiting.is_empty() {
            let taken = self.take();
            result = result.and(taken);
        }
        result
    }
}

fn files(input: &mut Stream, blocks: &mut Blocks<'_>, decoded: &mut Decoded) -> End {
    let mut first = true;
    let mut second = false;
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
            // A file cut inside its magic number is cut, not something else.
            let cut = first && MAGIC.starts_with(input.peek(MAGIC.len()));
            let (id, text, end) = match (first, cut) {
                (true, true) => (
                    Finding::LzopTruncated,
                    "the file ends inside its magic number",
                    End::Broken,
                ),
                (true, false) => (
                    Finding::LzopMagic,
                    "it does not begin with the magic number of lzop",
                    End::Broken,
                ),
                _ => (
                    Finding::LzopTrailing,
                    "behind the end mark there is something that is no lzop file",
                    End::Complete,
                ),
            };
            decoded
                .findings
                .push(Reason::new(id, text).at(Place::File(start)));
            return end;
        }
        if second {
            let text = "behind the end mark another lzop file begins";
            decoded
                .findings
                .push(Reason::new(Finding::LzopSeveral, text).at(Place::File(start)));
        }
        input.consume(MAGIC.len());
        let read = file(input, start, blocks, decoded);
        // What came before the damage is still handed on, unless it is damaged itself.
        let rest = blocks.finish();
        if let Some(reason) = rest.err().or(read.err()) {
            if !input.is_broken() || reason.id != Finding::LzopTruncated {
                decoded.findings.push(reason);
            }
            return End::Broken;
        }
        // Once is enough.
        second = first;
        first = false;
    }
}

fn file(
    input: &mut Stream,
    start: u64,
    blocks: &mut Blocks<'_>,
    decoded: &mut Decoded,
) -> Result<(), Reason> {
    let header = lzop_header::read(input, start)?;
    if !header.sums.covers_content() {
        decoded.checked = false;
        decoded.findings.push(
            Reason::new(
                Finding::LzopNoChecksum,
                "the file was written without checksums of its content: integrity not provable",
            )
            .at(Place::File(start)),
        );
    }
    while let Some(job) = block(input, header, blocks)? {
        blocks.give(job)?;
    }
    Ok(())
}

fn block(
    input: &mut Stream,
    header: lzop_header::Blocks,
    blocks: &mut Blocks<'_>,
) -> Result<Option<Job>, Reason> {
    let sums = header.sums;
    let start = input.position();
    let refuse = |text: String| Reason::new(Finding::LzopBlock, text).at(Place::File(start));
    let unpacked = word(input)?;
    if unpacked == 0 {
        return Ok(None);
    }
    if unpacked == SPLIT {
        return Err(refuse(
            "the file was split, and its rest is elsewhere".to_owned(),
        ));
    }
    let packed = word(input)?;
    if unpacked > LARGEST_BLOCK || packed == 0 || packed > unpacked {
        return Err(refuse(format!(
            "a block claims {packed} bytes for {unpacked}"
        )));
    }
    let stored = packed == unpacked;
    let mut sum =
        |present: bool| -> Result<Option<u32>, Reason> { present.then(|| word(input)).transpose() };
    let wanted = [
        sum(sums.adler_unpacked)?,
        sum(sums.crc_unpacked)?,
        sum(sums.adler_packed && !stored)?,
        sum(sums.crc_packed && !stored)?,
    ];
    let mut data = blocks
        .spare
        .pop()
        .unwrap_or_else(|| Vec::with_capacity(CHUNK));
    data.clear();
    input.take_into(u64::from(packed), &mut data);
    if wide(data.len()) < u64::from(packed) {
        return Err(truncated(input));
    }
    let unpacked = usize::try_from(unpacked).unwrap_or(usize::MAX);
    Ok(Some(Job {
        packed: data,
        target: if unpacked <= CHUNK {
            blocks.output.buffer()
        } else {
            Vec::new()
        },
        unpacked,
        stored,
        filter: header.filter,
        start,
        wanted,
    }))
}

fn word(input: &mut Stream) -> Result<u32, Reason> {
    input
        .array()
        .map(u32::from_be_bytes)
        .ok_or_else(|| truncated(input))
}

fn unpack(job: Job) -> Unpacked {
    let at = Place::File(job.start);
    let [adler, crc, adler_packed, crc_packed] = job.wanted;
    check("compressed data", adler_packed, crc_packed, &job.packed, at)?;
    if job.stored {
        let mut data = job.packed;
        add_differences(&mut data, job.filter);
        check("content", adler, crc, &data, at)?;
        return Ok(Block {
            length: data.len(),
            data,
            spare: job.target,
        });
    }
    let mut target = job.target;
    if target.len() < job.unpacked {
        target.resize(job.unpacked, 0);
    }
    let room = target.get_mut(..job.unpacked).unwrap_or_default();
    let length = lzokay::decompress::decompress(&job.packed, room)
        .map_err(|error| Reason::new(Finding::LzopDamaged, format!("lzo says: {error}")).at(at))?;
    if length != job.unpacked {
        return Err(Reason::new(
            Finding::LzopDamaged,
            format!(
                "a block unpacks to {length} bytes and claims {}",
                job.unpacked
            ),
        )
        .at(at));
    }
    add_differences(room, job.filter);
    check("content", adler, crc, room, at)?;
    Ok(Block {
        data: target,
        length,
        spare: job.packed,
    })
}

/// Undoes what `lzop --filter` does to a block before it is packed.
fn add_differences(data: &mut [u8], distance: usize) {
    if distance == 0 {
        return;
    }
    let mut before = [0_u8; FARTHEST];
    for group in data.chunks_mut(distance) {
        for (byte, before) in group.iter_mut().zip(&mut before) {
            *byte = byte.wrapping_add(*before);
            *before = *byte;
        }
    }
}

fn check(
    what: &str,
    adler: Option<u32>,
    crc: Option<u32>,
    data: &[u8],
    at: Place,
) -> Result<(), Reason> {
    for (wanted, is_crc) in [(adler, false), (crc, true)] {
        let Some(wanted) = wanted else { continue };
        let sum = checksum(is_crc, data);
        if sum != wanted {
            return Err(Reason::new(
                Finding::LzopChecksum,
                format!(
                    "the {what} of a block has the checksum {sum:08x}, written was {wanted:08x}"
                ),
            )
            .at(at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_added_up_again() {
        let plain: Vec<u8> = (0..=255_u8).map(|byte| byte.wrapping_mul(37)).collect();
        for distance in 0..=FARTHEST {
            // As `lzop --filter` makes them: each byte less the one so far before it.
            let mut data = plain.clone();
            if distance > 0 {
                for at in (distance..data.len()).rev() {
                    data[at] = data[at].wrapping_sub(data[at - distance]);
                }
            }
            add_differences(&mut data, distance);
            assert_eq!(data, plain, "{distance}");
        }
    }

    #[test]
    fn a_file_of_differences_is_read() {
        // What `lzop --filter=2` makes of the bytes 0, 10, … 250.
        let file = hex::decode(
            "894c5a4f000d0a1a0a104020a0095001050300080d00000002000000006b05d71f000000000031d602f00000001a0000001a725c0cb3000a14141414141414141414141414141414141414141414141400000000",
        )
        .unwrap();
        let (output, mut stream) = crate::stream::pipe();
        let decoded = super::super::Codec::Lzo.decode(&mut crate::stream::of(&file, 7), &output);
        assert_eq!(decoded.findings.verdict(), crate::Verdict::Ok);
        let plain: Vec<u8> = (0..26).map(|count| count * 10).collect();
        assert_eq!(stream.take(100), plain);
    }

    #[test]
    fn several_files_are_read_and_told_once() {
        // What lzop makes of the one byte `a`.
        let one = hex::decode(
            "894c5a4f000d0a1a0a104020a0094001050300000d000000006b05\
             df6f00000000002bfa032e0000000100000001006200626100000000",
        )
        .unwrap();
        let (output, mut stream) = crate::stream::pipe();
        let decoded =
            super::super::Codec::Lzo.decode(&mut crate::stream::of(&one.repeat(3), 7), &output);
        let (reasons, more) = decoded.findings.into_parts();
        let told: Vec<_> = reasons
            .iter()
            .map(|reason| (reason.id, reason.offset))
            .collect();
        assert_eq!(told, [(Finding::LzopSeveral, Some(wide(one.len())))]);
        assert_eq!(more, 0);
        assert_eq!(stream.take(100), b"aaa");
    }
}
