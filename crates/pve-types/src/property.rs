//! Property strings: `key=value,key2=value2`, sometimes with one value without key first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::ParseError;

/// A property string as its pairs, in the order read. No key stands twice.
///
/// PVE takes these as strings, but gives some of them back as objects (`prune-backups` and
/// `fleecing` of a job); both are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyString {
    pairs: Vec<(String, String)>,
}

impl PropertyString {
    /// No pairs.
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Reads the text. A value without key belongs to `default_key`; without a default key it is
    /// an error.
    pub fn parse(text: &str, default_key: Option<&str>) -> Result<Self, ParseError> {
        let error = |reason: String| ParseError::new("property string", text, reason);
        let mut properties = Self::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = match (part.split_once('='), default_key) {
                (Some((key, value)), _) => (key.trim(), value),
                (None, Some(key)) => (key, part),
                (None, None) => return Err(error(format!("`{part}` has no `=`"))),
            };
            if key.is_empty() {
                return Err(error(format!("`{part}` has no name before `=`")));
            }
            if properties.get(key).is_some() {
                return Err(error(format!("`{key}` is given twice")));
            }
            properties
                .pairs
                .push((key.to_owned(), value.trim().to_owned()));
        }
        Ok(properties)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Sets a key: in place when it is there, else at the end.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        match self.pairs.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((key.to_owned(), value)),
        }
    }

    /// The pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Are there no pairs?
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

/// A scalar of any kind as text.
struct ScalarText(Option<String>);

impl<'de> Deserialize<'de> for ScalarText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::lenient::optional_text(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for PropertyString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(optional_properties(deserializer, None)?.unwrap_or_default())
    }
}

/// Reads a property string from a string or an object; null is nothing. `default_key` as in
/// [`PropertyString::parse`].
pub(crate) fn optional_properties<'de, D: Deserializer<'de>>(
    deserializer: D,
    default_key: Option<&'static str>,
) -> Result<Option<PropertyString>, D::Error> {
    deserializer.deserialize_any(Properties { default_key })
}

struct Properties {
    default_key: Option<&'static str>,
}

impl<'de> Visitor<'de> for Properties {
    type Value = Option<PropertyString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property string or an object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        PropertyString::parse(text, self.default_key)
            .map(Some)
            .map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut properties = PropertyString::new();
        while let Some((key, ScalarText(value))) = map.next_entry::<String, ScalarText>()? {
            if let Some(value) = value {
                properties.set(&key, value);
            }
        }
        Ok(Some(properties))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_without_key_takes_the_default_key() {
        let properties = PropertyString::parse("1,storage=local", Some("enabled")).unwrap();
        assert_eq!(properties.get("enabled"), Some("1"));
        assert_eq!(properties.to_string(), "enabled=1,storage=local");
        assert!(PropertyString::parse("1,storage=local", None).is_err());
    }

    #[test]
    fn mistakes_are_named() {
        let twice = PropertyString::parse("keep-last=1,keep-last=2", None).unwrap_err();
        assert!(
            twice.to_string().contains("`keep-last` is given twice"),
            "{twice}"
        );
        assert!(PropertyString::parse("=1", None).is_err());
        assert!(PropertyString::parse("", None).unwrap().is_empty());
    }

    #[test]
    fn objects_and_strings_are_the_same() {
        let object: PropertyString = serde_json::from_str(r#"{"max-workers":4,"x":"y"}"#).unwrap();
        let string: PropertyString = serde_json::from_str(r#""max-workers=4,x=y""#).unwrap();
        assert_eq!(object, string);
        assert!(serde_json::from_str::<PropertyString>("5").is_err());
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(
            pairs in proptest::collection::btree_map("[a-z][a-z-]{0,8}", "[!-+./-~]{0,8}", 0..6)
        ) {
            let mut properties = PropertyString::new();
            for (key, value) in &pairs {
                properties.set(key, value.clone());
            }
            prop_assert_eq!(PropertyString::parse(&properties.to_string(), None).unwrap(), properties);
        }
    }
}
