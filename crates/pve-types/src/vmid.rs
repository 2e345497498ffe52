//! Guest numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ParseError;
use crate::lenient;
use crate::text::by_text;

/// The number of a guest, 100 to 999999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vmid(u32);

impl Vmid {
    /// The smallest number a guest may have.
    pub const MIN: Self = Self(100);
    /// The largest number a guest may have.
    pub const MAX: Self = Self(999_999_999);

    /// Checks the range.
    pub fn new(number: u64) -> Result<Self, ParseError> {
        match u32::try_from(number) {
            Ok(small) if (Self::MIN.0..=Self::MAX.0).contains(&small) => Ok(Self(small)),
            _ => Err(out_of_range(&number.to_string())),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

fn out_of_range(text: &str) -> ParseError {
    ParseError::new(
        "guest id",
        text,
        "it must be a number from 100 to 999999999",
    )
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Vmid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // PVE's own pattern: no sign, no leading zero.
        if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(out_of_range(text));
        }
        text.parse()
            .map_err(|_| out_of_range(text))
            .and_then(Self::new)
            .map_err(|_| out_of_range(text))
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> Self {
        vmid.0
    }
}

impl Serialize for Vmid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for Vmid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = lenient::text(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A list of guests as PVE writes it in one string.
///
/// Read with comma, semicolon or blanks between the numbers, printed with commas; the order and
/// repetitions are kept, since PVE gives the string back verbatim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VmidList(Vec<Vmid>);

impl VmidList {
    /// The guests in the order given.
    pub fn as_slice(&self) -> &[Vmid] {
        &self.0
    }

    /// The same guests sorted and each once: what the list means.
    pub fn sorted(&self) -> Vec<Vmid> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.dedup();
        sorted
    }

    /// Is the guest in the list?
    pub fn contains(&self, vmid: Vmid) -> bool {
        self.0.contains(&vmid)
    }

    /// Is the list empty?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The guests one by one.
    pub fn iter(&self) -> std::iter::Copied<std::slice::Iter<'_, Vmid>> {
        self.0.iter().copied()
    }
}

impl<'a> IntoIterator for &'a VmidList {
    type Item = Vmid;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, Vmid>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Vmid> for VmidList {
    fn from_iter<I: IntoIterator<Item = Vmid>>(vmids: I) -> Self {
        Self(vmids.into_iter().collect())
    }
}

impl From<Vec<Vmid>> for VmidList {
    fn from(vmids: Vec<Vmid>) -> Self {
        Self(vmids)
    }
}

impl fmt::Display for VmidList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, vmid) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{vmid}")?;
        }
        Ok(())
    }
}

impl FromStr for VmidList {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        lenient::split_list(text)
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

by_text!(VmidList);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn range_and_form() {
        for good in ["100", "999999999"] {
            assert_eq!(good.parse::<Vmid>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "99",
            "1000000000",
            "0100",
            "+100",
            "-100",
            "1e3",
            " 100",
            "100 ",
            "99999999999999999999999",
        ] {
            let error = bad.parse::<Vmid>().unwrap_err();
            assert_eq!(error.value, bad);
        }
    }

    #[test]
    fn number_or_string_in_json() {
        assert_eq!(serde_json::from_str::<Vmid>("100").unwrap().get(), 100);
        assert_eq!(serde_json::from_str::<Vmid>("\"100\"").unwrap().get(), 100);
        assert!(serde_json::from_str::<Vmid>("100.5").is_err());
        assert!(serde_json::from_str::<Vmid>("5").is_err());
        assert_eq!(serde_json::to_string(&Vmid::MIN).unwrap(), "100");
    }

    #[test]
    fn lists_with_every_separator_that_pve_keeps() {
        let list: VmidList = "100;101 102, 100".parse().unwrap();
        assert_eq!(list.to_string(), "100,101,102,100");
        assert_eq!(list.sorted().len(), 3);
        assert!("".parse::<VmidList>().unwrap().is_empty());
        assert!("100,x".parse::<VmidList>().is_err());
    }

    proptest! {
        #[test]
        fn display_and_from_str_are_inverse(number in 100_u64..=999_999_999) {
            let vmid = Vmid::new(number).unwrap();
            prop_assert_eq!(vmid.to_string().parse::<Vmid>().unwrap(), vmid);
        }

        #[test]
        fn lists_survive_printing(numbers in proptest::collection::vec(100_u64..=999_999_999, 0..20)) {
            let list: VmidList = numbers.into_iter().map(|n| Vmid::new(n).unwrap()).collect();
            prop_assert_eq!(list.to_string().parse::<VmidList>().unwrap(), list);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            if let Ok(vmid) = text.parse::<Vmid>() {
                prop_assert_eq!(vmid.to_string(), text);
            }
        }
    }
}
