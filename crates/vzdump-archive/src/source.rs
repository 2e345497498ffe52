//! A file that is read once, from its beginning to its end: asked for ahead of time, and without
//! pushing out of the page cache what the machine works with.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSliceMut, Read};
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// What is asked for, looked at and dropped at once.
const UNIT: u64 = 1 << 20;
/// How far ahead of the reading the disk works.
const AHEAD: u64 = 8 * UNIT;
/// A request for more at once is cut short by the kernel to what it reads ahead by default.
const REQUEST: u64 = 128 << 10;

/// A stretch of the file that was asked for and is not yet behind us.
#[derive(Debug)]
struct Asked {
    start: u64,
    /// Whether it was not in the page cache before.
    is_ours: bool,
}

/// The file and how far it was read.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    file: &'a File,
    position: u64,
    asked_to: u64,
    length: u64,
    asked: VecDeque<Asked>,
    /// Whether the file system tells what is in the page cache.
    tells: bool,
}

impl<'a> Source<'a> {
    /// A file of this length, at its beginning.
    pub(crate) fn new(file: &'a File, length: u64) -> Self {
        // Where the cache can be looked into, the kernel must not read ahead by itself: then it
        // would be found there, and nobody could tell who brought it.
        // Advice is not needed for a right result, so a refusal is none either.
        fadvise(file, 0, None, Advice::Random).ok();
        let first = is_cached(file, 0);
        let mut source = Self {
            file,
            position: 0,
            asked_to: 0,
            length,
            asked: VecDeque::new(),
            tells: first.is_ok(),
        };
        match first {
            // A place is looked at once: looking brings it in.
            Ok(was_cached) => source.ask(was_cached),
            Err(_) => {
                fadvise(file, 0, None, Advice::Sequential).ok();
            }
        }
        source
    }

    fn look_ahead(&mut self) {
        let end = self.position.saturating_add(AHEAD).min(self.length);
        while self.asked_to < end {
            // What cannot be told is left alone: it may be somebody's.
            let was_cached = self.tells && is_cached(self.file, self.asked_to).unwrap_or(true);
            self.ask(was_cached);
        }
    }

    /// Asks for the next stretch.
    fn ask(&mut self, was_cached: bool) {
        let start = self.asked_to;
        self.asked_to = start.saturating_add(UNIT);
        if !was_cached {
            let mut at = start;
            while at < self.asked_to {
                fadvise(self.file, at, NonZeroU64::new(REQUEST), Advice::WillNeed).ok();
                at = at.saturating_add(REQUEST);
            }
        }
        self.asked.push_back(Asked {
            start,
            is_ours: self.tells && !was_cached,
        });
    }

    /// Drops what was read up to here and was not there before.
    fn drop_behind(&mut self, position: u64) {
        while let Some(asked) = self.asked.front() {
            if asked.start.saturating_add(UNIT) > position {
                break;
            }
            if asked.is_ours {
                let unit = NonZeroU64::new(UNIT);
                fadvise(self.file, asked.start, unit, Advice::DontNeed).ok();
            }
            self.asked.pop_front();
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.look_ahead();
        let count = self.file.read(buffer)?;
        self.position = self
            .position
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.drop_behind(self.position);
        Ok(count)
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        self.drop_behind(u64::MAX);
    }
}

/// Whether a place of the file is in the page cache: reading it without waiting says so. This
/// brings one page in, so a stretch is asked about before it is asked for.
fn is_cached(file: &File, offset: u64) -> Result<bool, Errno> {
    let mut byte = [0];
    let mut buffers = [IoSliceMut::new(&mut byte)];
    match preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
        Ok(_) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    use super::*;

    fn evicted(units: u64) -> (tempfile::NamedTempFile, Vec<u8>) {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        let data: Vec<u8> = (0..units * UNIT)
            .map(|at| u8::try_from(at / 4096 % 251).unwrap())
            .collect();
        named.write_all(&data).unwrap();
        named.as_file().sync_all().unwrap();
        fadvise(named.as_file(), 0, None, Advice::DontNeed).unwrap();
        (named, data)
    }

    #[test]
    fn what_was_not_in_the_page_cache_is_not_there_after() {
        let (named, data) = evicted(20);
        let file = File::open(named.path()).unwrap();
        fadvise(&file, 0, None, Advice::Random).unwrap();
        let probe = |unit: u64| is_cached(&file, unit * UNIT + UNIT / 2);
        if probe(19) != Ok(false) {
            // A file system in memory, or one that does not tell: nothing to be seen here.
            return;
        }
        let mut kept = vec![0; usize::try_from(UNIT).unwrap()];
        file.read_exact_at(&mut kept, 5 * UNIT).unwrap();
        let length = file.metadata().unwrap().len();
        let mut read = Vec::new();
        let opened = File::open(named.path()).unwrap();
        Source::new(&opened, length).read_to_end(&mut read).unwrap();
        assert_eq!(read, data);
        let cached: Vec<u64> = (0..20).filter(|unit| probe(*unit) == Ok(true)).collect();
        assert_eq!(cached, [5]);
    }

    #[test]
    fn a_reader_that_stops_leaves_nothing_behind() {
        let (named, _) = evicted(12);
        let file = File::open(named.path()).unwrap();
        fadvise(&file, 0, None, Advice::Random).unwrap();
        let probe = |unit: u64| is_cached(&file, unit * UNIT + UNIT / 2);
        if probe(11) != Ok(false) {
            return;
        }
        let opened = File::open(named.path()).unwrap();
        let mut source = Source::new(&opened, 12 * UNIT);
        let mut buffer = vec![0; 3 << 20];
        source.read_exact(&mut buffer).unwrap();
        drop(source);
        for unit in 0..3 {
            assert_eq!(probe(unit), Ok(false), "{unit}");
        }
    }

    #[test]
    fn a_file_that_is_longer_or_shorter_than_it_was_is_read_to_its_end() {
        let (named, data) = evicted(2);
        let opened = File::open(named.path()).unwrap();
        for length in [0, UNIT / 2, 9 * UNIT] {
            let mut read = Vec::new();
            let mut file = &opened;
            io::Seek::rewind(&mut file).unwrap();
            Source::new(&opened, length).read_to_end(&mut read).unwrap();
            assert_eq!(read, data, "{length}");
        }
    }
}
