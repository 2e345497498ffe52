//! An object of Proxmox VE (a backup job, a storage) as its parameters, in one form for what is
//! declared and for what is there, so that the two can be compared: what equals the default of
//! Proxmox VE is absent from both.

use std::collections::BTreeMap;

use pve_client::{Changes, Params};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// What is known of an object's parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    /// The value of a parameter that is left out, where Proxmox VE has one.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Parameters that cannot be deleted, only set: they return to their default by being set to it.
    pub undeletable: &'static [&'static str],
    /// Parameters that a call may only set when it also sets the second one, changed or not.
    pub requires: &'static [(&'static str, &'static str)],
}

impl Shape {
    fn default_of(&self, name: &str) -> Option<&'static str> {
        self.defaults
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, default)| *default)
    }
}

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Setting {
    /// A text, number or boolean (`0`, `1`).
    Text(String),
    /// A list whose order means nothing.
    List(Vec<String>),
}

/// The parameters of an object that differ from the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    shape: &'static Shape,
    values: BTreeMap<String, Setting>,
}

/// What has to be written so that one object becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Parameters to set.
    pub set: BTreeMap<String, Setting>,
    /// Parameters that return to their default.
    pub delete: Vec<String>,
    /// Parameters that stay as they are and are sent all the same, because Proxmox VE wants them
    /// beside one that is set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub along: BTreeMap<String, Setting>,
}

impl Settings {
    /// An object that has everything by default.
    pub const fn new(shape: &'static Shape) -> Self {
        Self {
            shape,
            values: BTreeMap::new(),
        }
    }

    /// The value of a parameter; `None` stands for the default.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.get(name)
    }

    /// The value of a parameter that is a text.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Setting::Text(text)) => Some(text),
            Some(Setting::List(_)) | None => None,
        }
    }

    /// Sets a text; an empty one and the default are the same as none.
    pub fn text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) if !value.is_empty() && self.shape.default_of(name) != Some(value) => {
                self.values
                    .insert(name.to_owned(), Setting::Text(value.to_owned()));
            }
            _ => {
                self.values.remove(name);
            }
        }
    }

    /// Sets a boolean.
    pub fn flag(&mut self, name: &str, value: Option<bool>) {
        self.text(name, value.map(|value| if value { "1" } else { "0" }));
    }

    /// Sets a number.
    pub fn number(&mut self, name: &str, value: Option<i64>) {
        self.text(name, value.map(|value| value.to_string()).as_deref());
    }

    /// Sets a parameter that is a list on the wire too.
    pub fn list(&mut self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) {
        let values = sorted(values);
        if values.is_empty() {
            self.values.remove(name);
        } else {
            self.values.insert(name.to_owned(), Setting::List(values));
        }
    }

    /// Sets a list that is stored as one text with commas.
    pub fn comma_list(&mut self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) {
        self.text(name, Some(&sorted(values).join(",")));
    }

    /// Takes all parameters of another object of this shape.
    pub fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Only the parameters of which this is true.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let values = self
            .values
            .iter()
            .filter(|(name, _)| keep(name))
            .map(|(name, setting)| (name.clone(), setting.clone()))
            .collect();
        Self {
            shape: self.shape,
            values,
        }
    }

    /// What has to be written so that this becomes `desired`; nothing when they are equal.
    ///
    /// Parameters of `together` are sent all when one of them differs: Proxmox VE changes
    /// some of them silently when another is set.
    pub fn change_to(&self, desired: &Self, together: &[&str]) -> Change {
        let regroup = together
            .iter()
            .any(|name| self.get(name) != desired.get(name));
        let mut change = Change {
            set: BTreeMap::new(),
            delete: Vec::new(),
            along: BTreeMap::new(),
        };
        for (name, setting) in &desired.values {
            if self.get(name) != Some(setting) {
                change.set.insert(name.clone(), setting.clone());
            } else if regroup && together.contains(&name.as_str()) {
                change.along.insert(name.clone(), setting.clone());
            }
        }
        for name in self
            .values
            .keys()
            .filter(|name| desired.get(name).is_none())
        {
            if !self.shape.undeletable.contains(&name.as_str()) {
                change.delete.push(name.clone());
            } else if let Some(default) = self.shape.default_of(name) {
                change
                    .set
                    .insert(name.clone(), Setting::Text(default.to_owned()));
            }
        }
        for (name, required) in self.shape.requires {
            if let Some(setting) = desired.get(required)
                && change.set.contains_key(*name)
                && !change.set.contains_key(*required)
            {
                change.along.insert((*required).to_owned(), setting.clone());
            }
        }
        change
    }

    /// As parameters of a call that makes the object.
    pub fn to_changes(&self) -> Changes {
        Changes {
            set: params_of(self.values.iter()),
            delete: Vec::new(),
        }
    }

    /// As an object, for a diff and a result.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl Change {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// As parameters of a call that changes the object.
    pub fn to_changes(&self) -> Changes {
        Changes {
            set: params_of(self.set.iter().chain(&self.along)),
            delete: self.delete.clone(),
        }
    }

    /// The object that comes of it when it is written to this one.
    #[must_use]
    pub fn applied_to(&self, before: &Settings) -> Settings {
        let mut after = before.filtered(|name| !self.delete.iter().any(|deleted| deleted == name));
        for (name, setting) in &self.set {
            match setting {
                Setting::Text(text) => after.text(name, Some(text)),
                Setting::List(list) => after.list(name, list.clone()),
            }
        }
        after
    }

    /// For a sentence: `set a, b; return c to the default`.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if !self.set.is_empty() {
            let names: Vec<&str> = self.set.keys().map(String::as_str).collect();
            parts.push(format!("set {}", names.join(", ")));
        }
        if !self.delete.is_empty() {
            parts.push(format!("return {} to the default", self.delete.join(", ")));
        }
        parts.join("; ")
    }
}

fn params_of<'a>(values: impl Iterator<Item = (&'a String, &'a Setting)>) -> Params {
    let mut params = Params::new();
    for (name, setting) in values {
        match setting {
            Setting::Text(text) => params.set(name, text.as_str()),
            Setting::List(list) => params.set(name, list.clone()),
        }
    }
    params
}

fn sorted(values: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHAPE: Shape = Shape {
        defaults: &[("enabled", "1"), ("mode", "snapshot")],
        undeletable: &["enabled", "schedule"],
        requires: &[("notes", "storage")],
    };

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::new(&SHAPE);
        for (name, value) in pairs {
            settings.text(name, Some(value));
        }
        settings
    }

    #[test]
    fn a_default_is_the_same_as_nothing() {
        assert_eq!(
            settings(&[("mode", "snapshot"), ("comment", "")]),
            settings(&[])
        );
    }

    #[test]
    fn what_is_no_longer_declared_is_deleted() {
        let change = settings(&[("mode", "stop"), ("pool", "a")])
            .change_to(&settings(&[("pool", "b")]), &[]);
        assert_eq!(change.delete, ["mode"]);
        assert_eq!(change.set.keys().collect::<Vec<_>>(), ["pool"]);
        assert_eq!(change.sentence(), "set pool; return mode to the default");
    }

    #[test]
    fn what_cannot_be_deleted_is_set_to_its_default() {
        let change = settings(&[("enabled", "0")]).change_to(&settings(&[]), &[]);
        assert_eq!(change.set.get("enabled"), Some(&Setting::Text("1".into())));
        assert!(change.delete.is_empty());
    }

    #[test]
    fn parameters_that_hang_together_are_written_together() {
        let before = settings(&[("all", "1"), ("exclude", "100")]);
        let after = settings(&[("all", "1"), ("exclude", "101")]);
        let change = before.change_to(&after, &["all", "exclude"]);
        assert_eq!(change.set.keys().collect::<Vec<_>>(), ["exclude"]);
        assert_eq!(change.along.keys().collect::<Vec<_>>(), ["all"]);
        assert_eq!(change.sentence(), "set exclude");
        let sent = change.to_changes();
        assert_eq!(sent.set.encoded(), "exclude=101&all=1");
        assert!(before.change_to(&before, &["all", "exclude"]).is_empty());
    }

    #[test]
    fn what_is_required_beside_another_is_sent_along() {
        let before = settings(&[("storage", "a")]);
        let after = settings(&[("storage", "a"), ("notes", "x")]);
        let change = before.change_to(&after, &[]);
        assert_eq!(change.to_changes().set.encoded(), "notes=x&storage=a");
        assert_eq!(change.sentence(), "set notes");
        assert_eq!(change.applied_to(&before), after);
        // Taking it away needs nothing beside it.
        let back = after.change_to(&before, &[]);
        assert!(back.along.is_empty() && back.delete == ["notes"]);
    }

    #[test]
    fn what_cannot_be_deleted_and_has_no_default_stays() {
        let change = settings(&[("schedule", "daily")]).change_to(&settings(&[]), &[]);
        assert!(change.is_empty());
    }

    #[test]
    fn a_change_leads_to_what_was_desired() {
        let mut before = settings(&[("mode", "stop"), ("enabled", "0"), ("a", "1")]);
        before.list("paths", ["/x"]);
        let mut after = settings(&[("b", "2")]);
        after.comma_list("mailto", ["b", "a", "b"]);
        let change = before.change_to(&after, &[]);
        assert_eq!(change.applied_to(&before), after);
        assert_eq!(after.get_text("mailto"), Some("a,b"));
        assert_eq!(before.get_text("paths"), None);
        assert_eq!(
            change.sentence(),
            "set b, enabled, mailto; return a, mode, paths to the default"
        );
    }

    #[test]
    fn a_list_is_sent_as_a_list() {
        let mut one = Settings::new(&SHAPE);
        one.list("paths", ["/b", "/a b"]);
        one.flag("flag", Some(true));
        one.number("number", Some(5));
        assert_eq!(
            one.to_changes().set.encoded(),
            "flag=1&number=5&paths=%2Fa%20b&paths=%2Fb"
        );
        assert_eq!(
            one.to_value(),
            serde_json::json!({"flag": "1", "number": "5", "paths": ["/a b", "/b"]})
        );
    }

    #[test]
    fn the_order_of_a_list_means_nothing() {
        let mut one = Settings::new(&SHAPE);
        one.list("exclude-path", ["/b", "/a"]);
        let mut other = Settings::new(&SHAPE);
        other.list("exclude-path", ["/a", "/b", "/a"]);
        assert!(one.change_to(&other, &[]).is_empty());
    }
}
