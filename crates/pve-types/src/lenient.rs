//! Reading values that PVE writes now as a number, now as a string.
//!
//! Use with `#[serde(default, deserialize_with = "pve_types::lenient::…")]`; null and an absent
//! key both give `None`.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::{PropertyString, Retention};

/// A scalar as text: numbers and booleans are printed the way PVE would (`1`/`0` for booleans).
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    optional_text(deserializer)?.ok_or_else(|| D::Error::custom("a value is missing"))
}

/// A scalar as text, or nothing.
pub fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(Scalar)
}

/// A number that is not negative.
pub fn optional_u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    number(deserializer, "a number of 0 or more")
}

/// A number.
pub fn optional_i64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    number(deserializer, "a number")
}

/// A number with a fraction.
pub fn optional_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    number(deserializer, "a number")
}

/// A boolean: `0`/`1` as number or string, or a JSON boolean. An empty string is false, as in Perl.
pub fn optional_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match optional_text(deserializer)? {
        None => Ok(None),
        Some(text) => match text.as_str() {
            "1" => Ok(Some(true)),
            "0" | "" => Ok(Some(false)),
            other => Err(D::Error::custom(format!("`{other}` is not 0 or 1"))),
        },
    }
}

/// A boolean that is false when absent; for keys that PVE only writes when they are set.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(optional_bool(deserializer)?.unwrap_or(false))
}

/// A list: an array, or one string with `,`, `;` or blanks between the items.
pub fn optional_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    deserializer.deserialize_any(List)
}

/// An array of texts taken as they are, for items in which commas and blanks are allowed
/// (`exclude-path`); a single string is one item.
pub fn optional_array<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    deserializer.deserialize_any(Array)
}

/// A retention from a string or an object; null and the empty string are nothing.
pub fn optional_retention<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Retention>, D::Error> {
    crate::retention::optional(deserializer)
}

/// A property string, from a string or an object; null is nothing. `default_key` as in
/// [`PropertyString::parse`].
pub fn optional_properties<'de, D: Deserializer<'de>>(
    deserializer: D,
    default_key: Option<&'static str>,
) -> Result<Option<PropertyString>, D::Error> {
    crate::property::optional_properties(deserializer, default_key)
}

/// The items of a list string, with comma, semicolon or blanks between them.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace())
        .filter(|item| !item.is_empty())
}

fn number<'de, D, N>(deserializer: D, expected: &str) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: std::str::FromStr,
{
    match optional_text(deserializer)? {
        None => Ok(None),
        Some(text) => text
            .trim()
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom(format!("`{text}` is not {expected}"))),
    }
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a string")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(if value { "1" } else { "0" }.to_owned()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(value))
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
}

/// One item of an array, by way of [`text`].
struct Item(String);

impl<'de> serde::Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

fn items<'de, A: SeqAccess<'de>>(mut sequence: A) -> Result<Option<Vec<String>>, A::Error> {
    let mut list = Vec::new();
    while let Some(Item(item)) = sequence.next_element()? {
        list.push(item);
    }
    Ok(Some(list))
}

/// The part that [`List`] and [`Array`] share: everything that is not an array is a scalar first.
macro_rules! scalar_or_array {
    ($type:ident, $one:expr) => {
        struct $type;

        impl<'de> Visitor<'de> for $type {
            type Value = Option<Vec<String>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, as an array or as one string")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Some(vec![value.to_string()]))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Some(vec![value.to_string()]))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                let one: fn(&str) -> Vec<String> = $one;
                Ok(Some(one(value)))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_some<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
                items(sequence)
            }
        }
    };
}

scalar_or_array!(List, |value| split_list(value).map(str::to_owned).collect());
scalar_or_array!(Array, |value| vec![value.to_owned()]);

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Answer {
        #[serde(deserialize_with = "optional_text")]
        text: Option<String>,
        #[serde(deserialize_with = "optional_u64")]
        natural: Option<u64>,
        #[serde(deserialize_with = "optional_i64")]
        integer: Option<i64>,
        #[serde(deserialize_with = "optional_f64")]
        fraction: Option<f64>,
        #[serde(deserialize_with = "optional_bool")]
        boolean: Option<bool>,
        #[serde(deserialize_with = "flag")]
        flag: bool,
        #[serde(deserialize_with = "optional_list")]
        list: Option<Vec<String>>,
        #[serde(deserialize_with = "optional_array")]
        array: Option<Vec<String>>,
    }

    fn read(json: &str) -> Result<Answer, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_strings_are_the_same() {
        let numbers =
            read(r#"{"natural":3,"integer":-3,"boolean":1,"flag":1,"text":5,"fraction":0.5}"#);
        let strings = read(
            r#"{"natural":"3","integer":"-3","boolean":"1","flag":"1","text":"5","fraction":"0.5"}"#,
        );
        assert_eq!(numbers, strings);
        assert_eq!(numbers.unwrap().natural, Some(3));
        assert_eq!(read(r#"{"boolean":false}"#).unwrap().boolean, Some(false));
        assert_eq!(read(r#"{"boolean":""}"#).unwrap().boolean, Some(false));
    }

    #[test]
    fn null_and_absent_are_nothing() {
        let nulls = r#"{"text":null,"natural":null,"integer":null,"fraction":null,"boolean":null,"flag":null,"list":null,"array":null}"#;
        assert_eq!(read(nulls).unwrap(), Answer::default());
        assert_eq!(read("{}").unwrap(), Answer::default());
    }

    #[test]
    fn lists_in_every_form() {
        let want = Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        assert_eq!(read(r#"{"list":"a,b;c"}"#).unwrap().list, want);
        assert_eq!(read(r#"{"list":"a b  c"}"#).unwrap().list, want);
        assert_eq!(read(r#"{"list":["a","b","c"]}"#).unwrap().list, want);
        assert_eq!(
            read(r#"{"list":5}"#).unwrap().list,
            Some(vec!["5".to_owned()])
        );
        assert_eq!(read(r#"{"list":""}"#).unwrap().list, Some(vec![]));
        let paths = Some(vec!["/a b,c".to_owned()]);
        assert_eq!(read(r#"{"array":["/a b,c"]}"#).unwrap().array, paths);
        assert_eq!(read(r#"{"array":"/a b,c"}"#).unwrap().array, paths);
    }

    #[test]
    fn nonsense_is_named() {
        assert!(
            read(r#"{"natural":"x"}"#)
                .unwrap_err()
                .contains("`x` is not a number of 0 or more")
        );
        assert!(read(r#"{"natural":-1}"#).is_err());
        assert!(
            read(r#"{"boolean":"maybe"}"#)
                .unwrap_err()
                .contains("`maybe` is not 0 or 1")
        );
        assert!(read(r#"{"natural":{}}"#).is_err());
    }
}
