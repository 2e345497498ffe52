//! Names that came by: what a hard link may lead to, and which names are links.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::number::narrow;

/// A filter of fixed size: it may take a name for known that is not, once in a hundred thousand
/// for a million names, and never the other way round.
const BITS: u64 = 1 << 26;
/// A small archive touches few pages of it, and most archives are read beside others.
const PAGE: usize = 512;
const PAGES: usize = 1 << 11;
/// Above so many symbolic links the rest is not kept: their only use is a warning.
const MOST_LINKS: usize = 1 << 19;

/// The names of one archive.
pub(super) struct Names {
    seen: Vec<Option<Box<[u64; PAGE]>>>,
    links: HashSet<u64>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            seen: vec![None; PAGES],
            links: HashSet::new(),
        }
    }

    /// Remembers a name.
    pub(super) fn add(&mut self, name: &[u8]) {
        for bit in bits(name) {
            if let Some(word) = self.word(bit) {
                *word |= 1 << (bit & 63);
            }
        }
    }

    /// Remembers that a name is a symbolic link.
    pub(super) fn add_link(&mut self, name: &[u8]) {
        if self.links.len() < MOST_LINKS {
            self.links.insert(hash(plain(name), 0));
        }
    }

    /// Forgets that: the name is a folder now.
    pub(super) fn remove_link(&mut self, name: &[u8]) {
        self.links.remove(&hash(plain(name), 0));
    }

    /// Whether a name came by.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        bits(name).into_iter().all(|bit| {
            let (page, word) = place(bit);
            let page = self.seen.get(page).and_then(Option::as_ref);
            page.and_then(|page| page.get(word))
                .is_some_and(|word| *word & (1 << (bit & 63)) != 0)
        })
    }

    /// Whether a folder above this name is a symbolic link.
    pub(super) fn is_below_link(&self, name: &[u8]) -> bool {
        let name = plain(name);
        !self.links.is_empty()
            && name.iter().enumerate().any(|(index, byte)| {
                *byte == b'/'
                    && name
                        .get(..index)
                        .is_some_and(|folder| self.links.contains(&hash(folder, 0)))
            })
    }

    fn word(&mut self, bit: u64) -> Option<&mut u64> {
        let (page, word) = place(bit);
        let page = self.seen.get_mut(page)?;
        page.get_or_insert_with(|| Box::new([0; PAGE]))
            .get_mut(word)
    }
}

/// The page of a bit, and its word there.
fn place(bit: u64) -> (usize, usize) {
    let word = narrow(bit >> 6);
    (word >> PAGE.trailing_zeros(), word & PAGE.wrapping_sub(1))
}

/// The same name is written with and without `./` and a slash at the end.
fn plain(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    while let Some(rest) = name.strip_suffix(b"/") {
        name = rest;
    }
    name
}

fn bits(name: &[u8]) -> [u64; 4] {
    let name = plain(name);
    let (first, second) = (hash(name, 1), hash(name, 2));
    let step = |times: u64| first.wrapping_add(second.wrapping_mul(times)) & BITS.wrapping_sub(1);
    [step(0), step(1), step(2), step(3)]
}

fn hash(name: &[u8], seed: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_with_and_without_a_dot() {
        let mut names = Names::new();
        names.add(b"./usr/bin/bash");
        assert!(names.has(b"usr/bin/bash") && !names.has(b"usr/bin/zsh"));
        names.add_link(b"./bin");
        assert!(names.is_below_link(b"./bin/sh") && !names.is_below_link(b"./bin"));
        names.remove_link(b"bin/");
        assert!(!names.is_below_link(b"bin/sh"));
    }
}
