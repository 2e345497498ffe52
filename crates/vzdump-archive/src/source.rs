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
/// What is read at once at most.
const PIECE: usize = 1 << 20;
/// A request for more at once is cut short by the kernel to what it reads ahead by default.
const REQUEST: u64 = 128 << 10;

/// A stretch of the file that was asked for and is not yet behind us.
#[derive(Debug)]
struct Asked {
    start: u64,
    /// Whether it was not in the page cache before.
    is_ours: bool,
}

/// A file, and what the page cache holds of it.
pub(crate) trait Cached: Read {
    /// Whether a place of the file is in the page cache. To ask may bring this place in, so a
    /// stretch is asked about before it is asked for.
    fn holds(&self, offset: u64) -> Result<bool, Errno>;

    /// Says what will be read and what will not. Advice is not needed for a right result, so a
    /// refusal is none either.
    fn advise(&self, offset: u64, length: Option<NonZeroU64>, advice: Advice);
}

impl Cached for &File {
    /// Reading without waiting says so.
    fn holds(&self, offset: u64) -> Result<bool, Errno> {
        let mut byte = [0];
        let mut buffers = [IoSliceMut::new(&mut byte)];
        match preadv2(self, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn advise(&self, offset: u64, length: Option<NonZeroU64>, advice: Advice) {
        fadvise(self, offset, length, advice).ok();
    }
}

/// The file and how far it was read.
#[derive(Debug)]
pub(crate) struct Source<F: Cached> {
    file: F,
    position: u64,
    asked_to: u64,
    length: u64,
    asked: VecDeque<Asked>,
    /// Whether the file system tells what is in the page cache.
    tells: bool,
}

impl<F: Cached> Source<F> {
    /// A file of this length, at its beginning.
    pub(crate) fn new(file: F, length: u64) -> Self {
        // Where the cache can be looked into, the kernel must not read ahead by itself: then it
        // would be found there, and nobody could tell who brought it.
        file.advise(0, None, Advice::Random);
        let first = file.holds(0);
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
                source.file.advise(0, None, Advice::Sequential);
            }
        }
        source
    }

    fn look_ahead(&mut self) {
        let end = self.position.saturating_add(AHEAD).min(self.length);
        while self.asked_to < end {
            // What cannot be told is left alone: it may be somebody's.
            let was_cached = self.tells && self.file.holds(self.asked_to).unwrap_or(true);
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
                self.file
                    .advise(at, NonZeroU64::new(REQUEST), Advice::WillNeed);
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
                self.file
                    .advise(asked.start, NonZeroU64::new(UNIT), Advice::DontNeed);
            }
            self.asked.pop_front();
        }
    }
}

impl<F: Cached> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.look_ahead();
        // What is read must have been asked for: a larger piece would be found in the page cache
        // by the next look, as if it were somebody else's.
        let most = buffer.len().min(PIECE);
        let count = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.position = self
            .position
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        self.drop_behind(self.position);
        Ok(count)
    }
}

impl<F: Cached> Drop for Source<F> {
    fn drop(&mut self) {
        self.drop_behind(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::{Seek as _, Write as _};
    use std::os::unix::fs::FileExt as _;
    use std::rc::Rc;

    use super::*;

    const PAGE: u64 = 4096;

    /// A file of zeros whose page cache does what it is told. What the kernel does with advice is
    /// its own affair; what is asked of it is ours.
    struct Obedient {
        pages: Rc<RefCell<BTreeSet<u64>>>,
        length: u64,
        at: u64,
        tells: bool,
    }

    impl Read for Obedient {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let wanted = u64::try_from(buffer.len()).unwrap();
            let end = self.length.min(self.at + wanted);
            self.pages
                .borrow_mut()
                .extend(self.at / PAGE..end.div_ceil(PAGE));
            let count = usize::try_from(end - self.at).unwrap();
            self.at = end;
            buffer[..count].fill(0);
            Ok(count)
        }
    }

    impl Cached for Obedient {
        fn holds(&self, offset: u64) -> Result<bool, Errno> {
            if !self.tells {
                return Err(Errno::OPNOTSUPP);
            }
            Ok(!self.pages.borrow_mut().insert(offset / PAGE))
        }

        fn advise(&self, offset: u64, length: Option<NonZeroU64>, advice: Advice) {
            let end = length.map_or(u64::MAX, |length| offset + length.get());
            let range = offset / PAGE..end.min(self.length).div_ceil(PAGE);
            let mut pages = self.pages.borrow_mut();
            match advice {
                Advice::WillNeed => {
                    assert!(end - offset <= REQUEST);
                    pages.extend(range);
                }
                Advice::DontNeed => pages.retain(|page| !range.contains(page)),
                _ => {}
            }
        }
    }

    /// How many pages of each unit are in the cache when so much of a file was read.
    fn held_after(
        before: impl IntoIterator<Item = u64>,
        length: u64,
        read: u64,
        tells: bool,
    ) -> BTreeMap<u64, usize> {
        let pages = Rc::new(RefCell::new(before.into_iter().collect::<BTreeSet<_>>()));
        let known = pages.borrow().len();
        let file = Obedient {
            pages: Rc::clone(&pages),
            length,
            at: 0,
            tells,
        };
        let mut source = Source::new(file, length);
        let mut buffer = vec![0; usize::try_from(read).unwrap()];
        source.read_exact(&mut buffer).unwrap();
        let most = usize::try_from((AHEAD + 2 * UNIT) / PAGE).unwrap();
        assert!(!tells || pages.borrow().len() <= known + most);
        drop(source);
        let mut held = BTreeMap::new();
        for page in pages.take() {
            *held.entry(page * PAGE / UNIT).or_default() += 1;
        }
        held
    }

    #[test]
    fn what_was_not_in_the_page_cache_is_dropped() {
        let unit = UNIT / PAGE;
        let length = 20 * UNIT + 77;
        let held = held_after(5 * unit..6 * unit, length, length, true);
        assert_eq!(held, BTreeMap::from([(5, 256)]));
        assert_eq!(held_after([], length, 3 * UNIT, true), BTreeMap::new());
        assert_eq!(held_after([0], length, 10, true), BTreeMap::from([(0, 1)]));
    }

    #[test]
    fn what_cannot_be_told_is_left_alone() {
        let held = held_after([], 3 * UNIT, 3 * UNIT, false);
        assert_eq!(held, BTreeMap::from([(0, 256), (1, 256), (2, 256)]));
    }

    fn evicted(units: u64) -> (tempfile::NamedTempFile, Vec<u8>) {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        let data: Vec<u8> = (0..units * UNIT)
            .map(|at| u8::try_from(at / PAGE % 251).unwrap())
            .collect();
        named.write_all(&data).unwrap();
        named.as_file().sync_all().unwrap();
        fadvise(named.as_file(), 0, None, Advice::DontNeed).unwrap();
        (named, data)
    }

    /// Which units are in the page cache, or nothing on a file system that does not tell.
    fn cached(file: &File, units: u64, place: u64) -> Option<Vec<u64>> {
        let mut held = Vec::new();
        for unit in 0..units {
            if <&File as Cached>::holds(&file, unit * UNIT + place).ok()? {
                held.push(unit);
            }
        }
        Some(held)
    }

    /// Advice is no promise, the kernel may keep pages for reasons of its own. It does not do so
    /// each time.
    #[test]
    fn the_kernel_takes_the_advice() {
        let mut seen = Vec::new();
        for _ in 0..20 {
            let (named, data) = evicted(20);
            let file = File::open(named.path()).unwrap();
            fadvise(&file, 0, None, Advice::Random).unwrap();
            // Each look brings a page in, so the places differ.
            let Some(before) = cached(&file, 20, UNIT / 4) else {
                return;
            };
            let mut kept = vec![0; usize::try_from(UNIT).unwrap()];
            file.read_exact_at(&mut kept, 5 * UNIT).unwrap();
            let opened = File::open(named.path()).unwrap();
            let mut read = Vec::new();
            Source::new(&opened, 20 * UNIT)
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, data);
            let after = cached(&file, 20, UNIT / 2).unwrap();
            if before.is_empty() && after == [5] {
                return;
            }
            seen.push((before, after));
        }
        // A file system in memory has all of it in the cache, always.
        assert!(
            seen.iter().all(|(before, _)| before.len() == 20),
            "{seen:?}"
        );
    }

    #[test]
    fn a_file_that_is_longer_or_shorter_than_it_was_is_read_to_its_end() {
        let (named, data) = evicted(2);
        let opened = File::open(named.path()).unwrap();
        for length in [0, UNIT / 2, 9 * UNIT] {
            let mut read = Vec::new();
            let mut file = &opened;
            file.rewind().unwrap();
            Source::new(&opened, length).read_to_end(&mut read).unwrap();
            assert_eq!(read, data, "{length}");
        }
    }
}
