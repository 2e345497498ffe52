//! How many archives are kept: `prune-backups`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::property::{PropertyString, optional_properties};
use crate::{ParseError, lenient};

/// The counts of a retention, as a plain record to build one from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
pub struct RetentionParts {
    /// Keep everything; excludes every count.
    pub keep_all: bool,
    /// Keep the newest N.
    pub last: Option<u64>,
    /// Keep the newest of each of N hours.
    pub hourly: Option<u64>,
    /// Keep the newest of each of N days.
    pub daily: Option<u64>,
    /// Keep the newest of each of N weeks (ISO weeks).
    pub weekly: Option<u64>,
    /// Keep the newest of each of N months.
    pub monthly: Option<u64>,
    /// Keep the newest of each of N years.
    pub yearly: Option<u64>,
}

/// A retention: which archives of one guest a prune keeps.
///
/// Read from PVE's string (`keep-last=3,keep-daily=7`) or from the object with strings or numbers
/// that a job has; printed in a fixed order, since PVE gives it back in none. `keep-all=0` is the
/// same as leaving it out; counts of 0 are kept as they were given, but mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Retention(RetentionParts);

impl Retention {
    /// Keep everything.
    pub const KEEP_ALL: Self = Self(RetentionParts {
        keep_all: true,
        last: None,
        hourly: None,
        daily: None,
        weekly: None,
        monthly: None,
        yearly: None,
    });

    /// Checks that "keep all" stands alone.
    pub fn new(parts: RetentionParts) -> Result<Self, ParseError> {
        let retention = Self(parts);
        if parts.keep_all && retention.counts().any(|(_, count)| count.is_some()) {
            return Err(ParseError::new(
                "retention",
                retention.to_string(),
                "keep-all cannot stand together with other options",
            ));
        }
        Ok(retention)
    }

    /// The counts.
    pub const fn parts(&self) -> RetentionParts {
        self.0
    }

    /// Is everything kept? So it is with `keep-all`, and also when no count is above 0: that is
    /// how PVE prunes.
    pub fn is_keep_all(&self) -> bool {
        self.0.keep_all || self.counts().all(|(_, count)| count.unwrap_or(0) == 0)
    }

    /// Does it say nothing at all? PVE stores an empty retention as none.
    pub fn is_empty(&self) -> bool {
        !self.0.keep_all && self.counts().all(|(_, count)| count.is_none())
    }

    /// At most this many archives of one guest are kept, protected ones not counted; `None` means
    /// no limit.
    pub fn most_kept(&self) -> Option<u64> {
        if self.is_keep_all() {
            return None;
        }
        Some(self.counts().fold(0_u64, |sum, (_, count)| {
            sum.saturating_add(count.unwrap_or(0))
        }))
    }

    /// The same retention without counts of 0: two retentions that mean the same are equal in
    /// this form.
    #[must_use]
    pub fn normalized(&self) -> Self {
        if self.is_keep_all() {
            return Self::KEEP_ALL;
        }
        let some = |count: Option<u64>| count.filter(|count| *count > 0);
        Self(RetentionParts {
            keep_all: false,
            last: some(self.0.last),
            hourly: some(self.0.hourly),
            daily: some(self.0.daily),
            weekly: some(self.0.weekly),
            monthly: some(self.0.monthly),
            yearly: some(self.0.yearly),
        })
    }

    /// The six counts with PVE's names, in the order in which PVE applies them.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        [
            ("keep-last", self.0.last),
            ("keep-hourly", self.0.hourly),
            ("keep-daily", self.0.daily),
            ("keep-weekly", self.0.weekly),
            ("keep-monthly", self.0.monthly),
            ("keep-yearly", self.0.yearly),
        ]
        .into_iter()
    }

    fn from_properties(properties: &PropertyString) -> Result<Self, ParseError> {
        let text = properties.to_string();
        let error = |reason: String| ParseError::new("retention", text.as_str(), reason);
        let mut parts = RetentionParts::default();
        for (key, value) in properties.iter() {
            let number = value
                .parse::<u64>()
                .map_err(|_| error(format!("`{key}` must be a number of 0 or more")))?;
            match key {
                "keep-all" => parts.keep_all = number != 0,
                "keep-last" => parts.last = Some(number),
                "keep-hourly" => parts.hourly = Some(number),
                "keep-daily" => parts.daily = Some(number),
                "keep-weekly" => parts.weekly = Some(number),
                "keep-monthly" => parts.monthly = Some(number),
                "keep-yearly" => parts.yearly = Some(number),
                _ => return Err(error(format!("`{key}` is not known"))),
            }
        }
        Self::new(parts)
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut properties = PropertyString::new();
        if self.0.keep_all {
            properties.set("keep-all", "1");
        }
        for (key, count) in self.counts() {
            if let Some(count) = count {
                properties.set(key, count.to_string());
            }
        }
        properties.fmt(f)
    }
}

impl FromStr for Retention {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        PropertyString::parse(text, None).and_then(|properties| Self::from_properties(&properties))
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::optional_retention(deserializer).map(Option::unwrap_or_default)
    }
}

/// Reads a retention from a string or an object; null and the empty string are nothing.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Retention>, D::Error> {
    match optional_properties(deserializer, None)? {
        Some(properties) if !properties.is_empty() => Retention::from_properties(&properties)
            .map(Some)
            .map_err(serde::de::Error::custom),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn string_and_object_of_strings_or_numbers_are_the_same() {
        let want: Retention = "keep-last=3,keep-daily=7".parse().unwrap();
        for json in [
            r#""keep-daily=7,keep-last=3""#,
            r#"{"keep-daily":"7","keep-last":"3"}"#,
            r#"{"keep-last":3,"keep-daily":7}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<Retention>(json).unwrap(),
                want,
                "{json}"
            );
        }
        assert_eq!(
            serde_json::to_string(&want).unwrap(),
            r#""keep-last=3,keep-daily=7""#
        );
    }

    #[test]
    fn keep_all_stands_alone() {
        assert!("keep-all=1".parse::<Retention>().unwrap().is_keep_all());
        assert_eq!(
            "keep-all=0".parse::<Retention>().unwrap(),
            Retention::default()
        );
        let error = "keep-all=1,keep-last=2".parse::<Retention>().unwrap_err();
        assert!(
            error.to_string().contains("keep-all cannot stand together"),
            "{error}"
        );
        assert!("keep-all=0,keep-last=2".parse::<Retention>().is_ok());
    }

    #[test]
    fn zeros_keep_everything_as_in_pve() {
        let zeros: Retention = "keep-last=0,keep-daily=0".parse().unwrap();
        assert!(zeros.is_keep_all());
        assert!(!zeros.is_empty());
        assert_eq!(zeros.normalized(), Retention::KEEP_ALL);
        assert_eq!(zeros.to_string(), "keep-last=0,keep-daily=0");
        let some: Retention = "keep-last=2,keep-daily=0".parse().unwrap();
        assert!(!some.is_keep_all());
        assert_eq!(some.normalized().to_string(), "keep-last=2");
        assert_eq!(some.most_kept(), Some(2));
        assert!(Retention::default().is_empty());
        assert_eq!(Retention::default().most_kept(), None);
    }

    #[test]
    fn mistakes_are_refused() {
        for text in [
            "keep-last=x",
            "keep-last=-1",
            "keep-last",
            "keep-fortnightly=1",
            "keep-last=1,keep-last=2",
        ] {
            assert!(text.parse::<Retention>().is_err(), "{text}");
        }
    }

    prop_compose! {
        fn any_parts()(
            keep_all in any::<bool>(),
            counts in proptest::array::uniform6(proptest::option::of(0_u64..1000)),
        ) -> RetentionParts {
            let [last, hourly, daily, weekly, monthly, yearly] = counts;
            if keep_all {
                RetentionParts { keep_all, ..RetentionParts::default() }
            } else {
                RetentionParts { keep_all, last, hourly, daily, weekly, monthly, yearly }
            }
        }
    }

    proptest! {
        #[test]
        fn display_and_from_str_are_inverse(parts in any_parts()) {
            let retention = Retention::new(parts).unwrap();
            prop_assert_eq!(retention.to_string().parse::<Retention>().unwrap(), retention);
        }

        #[test]
        fn the_normal_form_means_the_same(parts in any_parts()) {
            let retention = Retention::new(parts).unwrap();
            let normal = retention.normalized();
            prop_assert_eq!(normal.is_keep_all(), retention.is_keep_all());
            prop_assert_eq!(normal.most_kept(), retention.most_kept());
            prop_assert_eq!(normal.normalized(), normal);
        }
    }
}
