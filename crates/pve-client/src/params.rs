//! Parameters of API calls.

use std::fmt;

use percent_encoding::percent_encode;
use pve_types::{
    JobId, NodeName, PoolId, PropertyString, Retention, StorageId, Vmid, VmidList, VolumeId,
};

use crate::path::ESCAPED;
use crate::secret::{MASK, Secret};

/// The value of one parameter.
#[derive(Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// One text.
    Text(String),
    /// Several texts; sent by repeating the name.
    List(Vec<String>),
    /// A text that must not be shown.
    Secret(Secret),
}

impl fmt::Debug for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::List(list) => fmt::Debug::fmt(list, f),
            Self::Secret(_) => f.write_str(MASK),
        }
    }
}

impl From<bool> for ParamValue {
    /// `1` or `0`, the only words PVE takes in a form.
    fn from(value: bool) -> Self {
        Self::Text(u8::from(value).to_string())
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ParamValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<String>> for ParamValue {
    fn from(list: Vec<String>) -> Self {
        Self::List(list)
    }
}

impl From<Secret> for ParamValue {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

/// What prints itself as PVE reads it.
macro_rules! printed {
    ($($type:ty),+) => {$(
        impl From<$type> for ParamValue {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        }
    )+};
}

printed!(
    u8, u16, u32, u64, i32, i64, &String, Vmid, Retention, &Retention
);
printed!(
    &JobId,
    &NodeName,
    &PoolId,
    &PropertyString,
    &StorageId,
    &VmidList,
    &VolumeId
);

/// Parameters in the order in which they are sent.
///
/// No name stands twice: PVE refuses a repeated scalar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, ParamValue)>,
}

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Sets a parameter; the later value of a name wins.
    pub fn set(&mut self, name: &str, value: impl Into<ParamValue>) {
        let value = value.into();
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }

    /// The same with a parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        self.set(name, value);
        self
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParamValue)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The texts that must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.pairs.iter().filter_map(|(_, value)| match value {
            ParamValue::Secret(secret) => Some(secret),
            ParamValue::Text(_) | ParamValue::List(_) => None,
        })
    }

    /// As `application/x-www-form-urlencoded`; also the form of a query.
    pub fn encoded(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            if !text.is_empty() {
                text.push('&');
            }
            text.extend(percent_encode(name.as_bytes(), ESCAPED));
            text.push('=');
            text.extend(percent_encode(value.as_bytes(), ESCAPED));
        };
        for (name, value) in self.iter() {
            match value {
                ParamValue::Text(value) => add(name, value),
                ParamValue::List(values) => values.iter().for_each(|value| add(name, value)),
                ParamValue::Secret(value) => add(name, value.expose()),
            }
        }
        text
    }
}

/// What a PUT changes: values to set, and settings to return to PVE's default.
///
/// Used for a POST too, where nothing can be deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Parameters to set, in order.
    pub set: Params,
    /// Names to delete.
    pub delete: Vec<String>,
}

/// What is set and deleted in a backup job.
pub type JobParams = Changes;

/// What is set and deleted in a storage.
pub type StorageParams = Changes;

impl Changes {
    /// Is there nothing to do? PVE refuses an empty PUT.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// As the parameters of a PUT.
    ///
    /// A name that is both set and deleted is only set, which is also what PVE makes of it.
    pub fn for_update(&self) -> Params {
        let mut params = self.set.clone();
        let delete: Vec<&str> = self
            .delete
            .iter()
            .map(String::as_str)
            .filter(|name| self.set.get(name).is_none())
            .collect();
        if !delete.is_empty() {
            params.set("delete", delete.join(","));
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_as_pve_reads_it() {
        let params = Params::new()
            .with("schedule", "mon..fri 21:00")
            .with("comment", "ä&=+%")
            .with("enabled", true)
            .with("remove", false)
            .with("exclude-path", vec!["/a b".to_owned(), "/c".to_owned()]);
        assert_eq!(
            params.encoded(),
            "schedule=mon..fri%2021%3A00&comment=%C3%A4%26%3D%2B%25&enabled=1&remove=0&exclude-path=%2Fa%20b&exclude-path=%2Fc"
        );
    }

    #[test]
    fn a_name_stands_once() {
        let params = Params::new().with("a", 1).with("b", 2).with("a", 3);
        assert_eq!(params.encoded(), "a=3&b=2");
    }

    #[test]
    fn debug_hides_secrets() {
        let mut params = Params::new().with("username", "root@pam");
        params.set("password", Secret::new("hunter2"));
        let shown = format!("{params:?}");
        assert!(
            !shown.contains("hunter2") && shown.contains(MASK),
            "{shown}"
        );
        assert!(params.encoded().ends_with("password=hunter2"));
    }

    #[test]
    fn set_wins_over_delete() {
        let changes = Changes {
            set: Params::new().with("mode", "stop"),
            delete: vec!["mode".to_owned(), "comment".to_owned(), "node".to_owned()],
        };
        assert_eq!(
            changes.for_update().encoded(),
            "mode=stop&delete=comment%2Cnode"
        );
        assert!(Changes::default().is_empty());
        assert!(!changes.is_empty());
    }
}
