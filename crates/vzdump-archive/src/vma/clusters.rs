//! Which clusters of a disk have come. Backups write nearly in order, so full stretches cost next
//! to nothing; what is in disorder has a limit.

use std::collections::BTreeMap;

/// Clusters of one page: 2 GiB of disk.
const PAGE_BITS: u32 = 15;
const WORDS: usize = 512;
/// Above so many, bits are smaller than a list.
const MOST_LISTED: usize = 1024;
/// What a page costs beside its content, roughly.
const OVERHEAD: usize = 64;

/// Memory for all disks of one archive.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// Enough for some hundred gigabytes written ahead of their turn.
    pub(super) const STANDARD: usize = 20 << 20;

    pub(super) const fn new(bytes: usize) -> Self {
        Self { left: bytes }
    }

    const fn spend(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    const fn give_back(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes);
    }
}

#[derive(Debug)]
enum Page {
    Full,
    Listed(Vec<u16>),
    Bits(Box<[u64; WORDS]>, u32),
}

/// What became of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    New,
    Twice,
    /// The memory is used up, so nobody can tell.
    Unknown,
}

/// The clusters of one disk.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    pages: BTreeMap<u32, Page>,
    count: u64,
    unknown: bool,
}

impl Clusters {
    /// How many have come.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Whether the memory was not enough.
    pub(super) const fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Marks one.
    pub(super) fn mark(&mut self, number: u32, budget: &mut Budget) -> Mark {
        if self.unknown {
            self.count = self.count.saturating_add(1);
            return Mark::Unknown;
        }
        let page_number = number >> PAGE_BITS;
        let index = u16::try_from(number & ((1 << PAGE_BITS) - 1)).unwrap_or(u16::MAX);
        let mark = self.mark_in_page(page_number, index, budget);
        match mark {
            Mark::New => self.count = self.count.saturating_add(1),
            Mark::Twice => {}
            Mark::Unknown => {
                self.count = self.count.saturating_add(1);
                self.unknown = true;
                self.pages.clear();
            }
        }
        mark
    }

    fn mark_in_page(&mut self, number: u32, index: u16, budget: &mut Budget) -> Mark {
        let page = match self.pages.entry(number) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                if !budget.spend(OVERHEAD) {
                    return Mark::Unknown;
                }
                entry.insert(Page::Listed(Vec::new()))
            }
        };
        match page {
            Page::Full => Mark::Twice,
            Page::Listed(list) => {
                let place = match list.last() {
                    Some(newest) if *newest >= index => match list.binary_search(&index) {
                        Ok(_) => return Mark::Twice,
                        Err(place) => place,
                    },
                    _ => list.len(),
                };
                if list.len() < MOST_LISTED {
                    if !budget.spend(2) {
                        return Mark::Unknown;
                    }
                    list.insert(place, index);
                    return Mark::New;
                }
                budget.give_back(list.len().saturating_mul(2));
                if !budget.spend(WORDS.saturating_mul(8)) {
                    return Mark::Unknown;
                }
                let mut bits = Box::new([0; WORDS]);
                for known in list.iter().chain([&index]) {
                    set(&mut bits, *known);
                }
                let count = u32::try_from(list.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1);
                *page = Page::Bits(bits, count);
                Mark::New
            }
            Page::Bits(bits, count) => {
                if set(bits, index) {
                    return Mark::Twice;
                }
                *count = count.saturating_add(1);
                if *count == 1 << PAGE_BITS {
                    *page = Page::Full;
                    budget.give_back(WORDS.saturating_mul(8));
                }
                Mark::New
            }
        }
    }

    /// The first of these clusters that has not come.
    pub(super) fn first_missing(&self, expected: u64) -> Option<u64> {
        let mut page: u32 = 0;
        loop {
            let first = u64::from(page) << PAGE_BITS;
            if first >= expected {
                return None;
            }
            let absent = match self.pages.get(&page) {
                Some(Page::Full) => None,
                None => Some(0),
                Some(Page::Listed(list)) => (0..=u16::MAX)
                    .zip(list.iter().map(Some).chain(std::iter::repeat(None)))
                    .find(|(index, known)| *known != Some(index))
                    .map(|(index, _)| u64::from(index)),
                Some(Page::Bits(bits, _)) => (0_u64..).zip(bits.iter()).find_map(|(word, bits)| {
                    (*bits != u64::MAX)
                        .then(|| (word << 6).saturating_add(u64::from(bits.trailing_ones())))
                }),
            };
            if let Some(absent) = absent {
                let number = first.saturating_add(absent);
                return (number < expected).then_some(number);
            }
            page = page.checked_add(1)?;
        }
    }
}

/// Sets a bit and says whether it was set.
fn set(bits: &mut [u64; WORDS], index: u16) -> bool {
    let Some(word) = bits.get_mut(usize::from(index >> 6)) else {
        return false;
    };
    let bit = 1_u64 << (index & 63);
    let was = *word & bit != 0;
    *word |= bit;
    was
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_disk_in_order_costs_one_page() {
        let mut budget = Budget::new(8192);
        let mut clusters = Clusters::default();
        for number in 0..300_000 {
            assert_eq!(clusters.mark(number, &mut budget), Mark::New);
        }
        assert_eq!(clusters.mark(299_999, &mut budget), Mark::Twice);
        assert_eq!(clusters.mark(5, &mut budget), Mark::Twice);
        assert_eq!(clusters.first_missing(300_000), None);
        assert_eq!(clusters.first_missing(300_001), Some(300_000));
    }

    #[test]
    fn disorder_has_a_limit() {
        let mut budget = Budget::new(1 << 20);
        let mut clusters = Clusters::default();
        let mut marks = (0..u32::MAX >> PAGE_BITS).map(|page| page << PAGE_BITS);
        assert!(marks.any(|number| clusters.mark(number, &mut budget) == Mark::Unknown));
        assert!(clusters.is_unknown());
    }

    #[test]
    fn a_disk_larger_than_can_be_numbered() {
        let clusters = Clusters::default();
        assert_eq!(clusters.first_missing(u64::MAX), Some(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(0_u32..70_000, 0..5000)) {
            let mut budget = Budget::new(Budget::STANDARD);
            let mut clusters = Clusters::default();
            let mut set = BTreeSet::new();
            for number in numbers {
                let mark = clusters.mark(number, &mut budget);
                prop_assert_eq!(mark == Mark::New, set.insert(number));
            }
            prop_assert_eq!(clusters.count(), u64::try_from(set.len()).unwrap());
            let missing = (0..70_001).find(|number| !set.contains(number)).map(u64::from);
            prop_assert_eq!(clusters.first_missing(70_001), missing);
        }

        #[test]
        fn nearly_full_pages_are_told_apart(holes in prop::collection::btree_set(0_u32..65_536, 0..4)) {
            let mut budget = Budget::new(Budget::STANDARD);
            let mut clusters = Clusters::default();
            for number in (0..65_536).filter(|number| !holes.contains(number)) {
                clusters.mark(number, &mut budget);
            }
            prop_assert_eq!(clusters.first_missing(65_536), holes.first().map(|hole| u64::from(*hole)));
        }
    }
}
