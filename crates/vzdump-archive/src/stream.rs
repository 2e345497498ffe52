//! Bounded pipes between the threads of an examination, and reading from their end.
//!
//! Buffers travel forward full and backward empty, so that a pass over any size of file works in
//! the same few of them.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::number::{narrow, wide};

/// The length of a buffer: small enough to stay in the cache from the decoder to the parser.
pub(crate) const CHUNK: usize = 256 << 10;
/// Buffers that may wait in a pipe.
const DEPTH: usize = 4;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it came.
    Complete,
    /// What fed it failed and has said so: what is missing follows from that.
    Broken,
}

enum Message {
    Data(Vec<u8>, usize),
    End(End),
}

/// The end of a pipe into which data goes.
pub(crate) struct Feeder {
    data: SyncSender<Message>,
    spare: Receiver<Vec<u8>>,
}

/// The end of a pipe from which data comes.
pub(crate) struct Stream {
    data: Receiver<Message>,
    spare: Sender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    length: usize,
    position: u64,
    end: Option<End>,
}

/// A new pipe.
pub(crate) fn pipe() -> (Feeder, Stream) {
    let (data, received) = sync_channel(DEPTH);
    let (spare, returned) = channel();
    let feeder = Feeder {
        data,
        spare: returned,
    };
    let stream = Stream {
        data: received,
        spare,
        current: Vec::new(),
        at: 0,
        length: 0,
        position: 0,
        end: None,
    };
    (feeder, stream)
}

impl Feeder {
    /// A buffer of [`CHUNK`] bytes; what stands in it is old.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.spare
            .try_recv()
            .ok()
            .filter(|buffer| buffer.len() == CHUNK)
            .unwrap_or_else(|| vec![0; CHUNK])
    }

    /// Sends the first bytes of a buffer. Nobody may be there any more; that is no concern of the
    /// sender, who goes on for the sake of the checksums.
    pub(crate) fn send(&self, buffer: Vec<u8>, length: usize) {
        if length > 0 {
            self.data.send(Message::Data(buffer, length)).ok();
        }
    }

    /// Says how it ended.
    pub(crate) fn end(&self, end: End) {
        self.data.send(Message::End(end)).ok();
    }
}

impl Stream {
    /// How many bytes were taken so far.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything came; only known once nothing is left.
    pub(crate) fn is_broken(&self) -> bool {
        self.end == Some(End::Broken)
    }

    /// What lies ready, at least one byte unless the stream is at its end.
    pub(crate) fn ready(&mut self) -> &[u8] {
        while self.at >= self.length && self.next() {}
        self.current.get(self.at..self.length).unwrap_or_default()
    }

    /// Whether nothing is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.ready().is_empty()
    }

    /// Takes some of what lies ready.
    pub(crate) fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.length);
        self.position = self.position.saturating_add(wide(count));
    }

    /// Takes a piece of at most this length; an empty one is the end.
    pub(crate) fn piece(&mut self, most: u64) -> &[u8] {
        let start = {
            self.ready();
            self.at
        };
        let count = self.length.saturating_sub(start).min(narrow(most));
        self.consume(count);
        self.current.get(start..self.at).unwrap_or_default()
    }

    /// Fills the target, as far as the stream reaches.
    pub(crate) fn read(&mut self, target: &mut [u8]) -> usize {
        let mut filled: usize = 0;
        while let Some(rest) = target.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let piece = self.piece(wide(rest.len()));
            if piece.is_empty() {
                break;
            }
            let count = piece.len();
            if let Some(place) = rest.get_mut(..count) {
                place.copy_from_slice(piece);
            }
            filled = filled.saturating_add(count);
        }
        filled
    }

    /// Takes exactly this many bytes, or none are left before.
    pub(crate) fn array<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        (self.read(&mut bytes) == SIZE).then_some(bytes)
    }

    /// Takes up to this many bytes; the memory grows as they come.
    pub(crate) fn take(&mut self, count: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.take_into(count, &mut bytes);
        bytes
    }

    /// Takes up to this many bytes behind those that are there; the memory grows as they come.
    pub(crate) fn take_into(&mut self, count: u64, bytes: &mut Vec<u8>) {
        let mut left = count;
        while left > 0 {
            let piece = self.piece(left);
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(piece);
            left = left.saturating_sub(wide(piece.len()));
        }
    }

    /// Passes over bytes and says how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> u64 {
        let mut left = count;
        while left > 0 {
            let passed = self.piece(left).len();
            if passed == 0 {
                break;
            }
            left = left.saturating_sub(wide(passed));
        }
        count.saturating_sub(left)
    }

    /// Passes over everything.
    pub(crate) fn drain(&mut self) {
        while !self.piece(u64::MAX).is_empty() {}
    }

    /// The next bytes without taking them, fewer at the end.
    pub(crate) fn peek(&mut self, count: usize) -> &[u8] {
        while self.length.saturating_sub(self.at) < count && self.join() {}
        let end = self.at.saturating_add(count).min(self.length);
        self.current.get(self.at..end).unwrap_or_default()
    }

    /// Whether a failure left fewer bytes than these: nothing can be said of them.
    pub(crate) fn is_cut_off(&mut self, count: usize) -> bool {
        self.peek(count).len() < count && self.is_broken()
    }

    /// Gets the next buffer in place of the current one.
    fn next(&mut self) -> bool {
        let Some((buffer, length)) = self.receive() else {
            return false;
        };
        let old = std::mem::replace(&mut self.current, buffer);
        if !old.is_empty() {
            self.spare.send(old).ok();
        }
        self.at = 0;
        self.length = length;
        true
    }

    /// Gets the next buffer behind what is left of the current one.
    fn join(&mut self) -> bool {
        let Some((buffer, length)) = self.receive() else {
            return false;
        };
        let rest = self.current.get(self.at..self.length).unwrap_or_default();
        let mut joined = Vec::with_capacity(rest.len().saturating_add(length));
        joined.extend_from_slice(rest);
        joined.extend_from_slice(buffer.get(..length).unwrap_or_default());
        self.spare.send(buffer).ok();
        self.at = 0;
        self.length = joined.len();
        self.current = joined;
        true
    }

    fn receive(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.end.is_some() {
            return None;
        }
        match self.data.recv() {
            Ok(Message::Data(buffer, length)) => {
                let length = length.min(buffer.len());
                Some((buffer, length))
            }
            Ok(Message::End(end)) => {
                self.end = Some(end);
                None
            }
            // A feeder that went away without a word did not finish.
            Err(_) => {
                self.end = Some(End::Broken);
                None
            }
        }
    }
}

/// A stream of these bytes in pieces of this length, for tests.
#[cfg(test)]
pub(crate) fn of(data: &[u8], pieces: usize) -> Stream {
    let (feeder, stream) = pipe();
    let data = data.to_vec();
    std::thread::spawn(move || {
        for piece in data.chunks(pieces) {
            feeder.send(piece.to_vec(), piece.len());
        }
        feeder.end(End::Complete);
    });
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_does_not_depend_on_the_buffers() {
        let data: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for pieces in [1, 7, 512, 5000] {
            let mut stream = of(&data, pieces);
            assert_eq!(stream.peek(20), &data[..20]);
            assert_eq!(stream.array::<10>().unwrap(), data[..10]);
            assert_eq!(stream.take(90), &data[10..100]);
            assert_eq!(stream.skip(900), 900);
            assert_eq!(stream.position(), 1000);
            assert_eq!(stream.peek(5000), &data[1000..]);
            assert_eq!(stream.take(u64::MAX), &data[1000..]);
            assert!(stream.is_at_end() && !stream.is_broken());
            assert_eq!(stream.array::<1>(), None);
        }
    }

    #[test]
    fn a_feeder_that_vanishes_did_not_finish() {
        let (feeder, mut stream) = pipe();
        feeder.send(vec![1, 2], 2);
        drop(feeder);
        stream.drain();
        assert!(stream.is_broken());
        assert_eq!(stream.position(), 2);
    }
}
