//! PVE's own description of its API: which paths and methods exist, what they accept, and which
//! privileges they ask for.
//!
//! `schema/schema-8.4.json` is the schema of pve-manager 8.4.21 without its descriptions and
//! return types, `schema/changes-9.json` what the parameters of pve-manager 9.2.11 have otherwise. A
//! path that stands in it but has no handler yet answers 501, as an unknown one.

mod format;
pub(crate) mod property_string;
pub(crate) mod validate;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Release;

const TEXT: &str = include_str!("../../schema/schema-8.4.json");
/// Paths and parameters that the committed schema lacks: it was stripped of everything called
/// `description`, parameters included.
const MORE: &str = include_str!("../../schema/more-8.4.json");
/// What the parameters of the next release have otherwise.
const CHANGES_9: &str = include_str!("../../schema/changes-9.json");

/// Properties by name.
pub(crate) type Properties = BTreeMap<String, Property>;

/// One parameter, or one key of a property string.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Property {
    /// boolean, integer, number, string, array.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    optional: Option<Value>,
    /// A named format, or the keys of a property string.
    pub(crate) format: Option<Format>,
    /// Accepted values.
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<String>>,
    /// A Perl pattern for the whole value.
    pub(crate) pattern: Option<String>,
    minimum: Option<Value>,
    maximum: Option<Value>,
    /// Shortest text.
    #[serde(rename = "minLength")]
    pub(crate) min_length: Option<usize>,
    /// Longest text, in characters.
    #[serde(rename = "maxLength")]
    pub(crate) max_length: Option<usize>,
    requires: Option<Value>,
    /// What an array holds.
    pub(crate) items: Option<Box<Self>>,
    default_key: Option<Value>,
    /// In property strings: the key that is meant.
    pub(crate) alias: Option<String>,
}

/// The format of a string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Format {
    /// One of the named formats.
    Named(String),
    /// A property string with these keys.
    Inline(Properties),
}

impl Property {
    /// Whether it may be left out.
    pub(crate) fn is_optional(&self) -> bool {
        self.alias.is_some() || truth(self.optional.as_ref())
    }

    /// Whether a value without key in a property string is meant for it.
    pub(crate) fn is_default_key(&self) -> bool {
        truth(self.default_key.as_ref())
    }

    /// The smallest value.
    pub(crate) fn minimum(&self) -> Option<f64> {
        number(self.minimum.as_ref())
    }

    /// The largest value.
    pub(crate) fn maximum(&self) -> Option<f64> {
        number(self.maximum.as_ref())
    }

    /// The parameter that must be given with this one.
    pub(crate) fn requires(&self) -> Option<&str> {
        self.requires.as_ref().and_then(Value::as_str)
    }

    /// Whether the text is a list, which may also come as a repeated key.
    pub(crate) fn is_list(&self) -> bool {
        matches!(&self.format, Some(Format::Named(name)) if name.ends_with("-list"))
    }
}

// The schema writes booleans as 0 and 1, once or twice as text.
fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::String(text)) => text != "0" && !text.is_empty(),
        _ => false,
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ParameterTable {
    properties: Properties,
    #[serde(rename = "additionalProperties")]
    additional: Option<Value>,
}

/// One method of one path.
#[derive(Debug, Deserialize)]
pub(crate) struct Endpoint {
    parameters: ParameterTable,
    /// The privilege rule as PVE writes it; absent means root@pam only.
    #[serde(default)]
    pub(crate) permissions: Option<Value>,
    #[serde(default)]
    protected: Option<Value>,
    #[serde(default)]
    proxyto: Option<Value>,
}

impl Endpoint {
    /// The parameters by name.
    pub(crate) fn properties(&self) -> &Properties {
        &self.parameters.properties
    }

    /// One parameter; `scsi3` is found under `scsi[0-30]`.
    pub(crate) fn property(&self, name: &str) -> Option<&Property> {
        let properties = self.properties();
        properties.get(name).or_else(|| {
            let (stem, number) = numbered(name)?;
            let range = |key: &String| {
                let (bus, range) = key.strip_suffix(']')?.split_once('[')?;
                let last: u32 = range.split_once('-')?.1.parse().ok()?;
                (bus == stem && number <= last).then_some(())
            };
            let mut found = properties.iter().filter(|(key, _)| range(key).is_some());
            found.next().map(|(_, property)| property)
        })
    }

    /// Whether parameters outside the schema are let through.
    pub(crate) fn accepts_additional(&self) -> bool {
        self.parameters
            .additional
            .as_ref()
            .is_none_or(|value| truth(Some(value)))
    }

    /// Whether the root daemon answers it, to which requests travel as a form.
    pub(crate) fn is_protected(&self) -> bool {
        truth(self.protected.as_ref())
    }

    /// Whether the `node` of the path is looked up before anything else.
    pub(crate) fn is_proxied(&self) -> bool {
        self.proxyto.is_some()
    }
}

/// `scsi3` as `scsi` and 3.
pub(crate) fn numbered(name: &str) -> Option<(&str, u32)> {
    let at = name.find(|letter: char| letter.is_ascii_digit())?;
    let (stem, number) = name.split_at_checked(at)?;
    Some((stem, number.parse().ok()?))
}

#[derive(Debug, Deserialize)]
struct More {
    endpoints: BTreeMap<String, Endpoint>,
    properties: BTreeMap<String, Properties>,
}

/// What another release has otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    endpoints: BTreeMap<String, ParameterChanges>,
    formats: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterChanges {
    #[serde(default)]
    removed: Vec<String>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Debug, Deserialize)]
struct Document {
    endpoints: BTreeMap<String, Endpoint>,
    formats: BTreeMap<String, Value>,
}

impl Document {
    fn change(&mut self, changes: Changes) -> anyhow::Result<()> {
        for (key, change) in changes.endpoints {
            let endpoint = self.endpoints.get_mut(&key);
            let endpoint = endpoint.with_context(|| format!("{key} is not in the schema"))?;
            let properties = &mut endpoint.parameters.properties;
            for name in change.removed {
                let removed = properties.remove(&name);
                removed.with_context(|| format!("{key} has no parameter {name}"))?;
            }
            properties.extend(change.properties);
        }
        self.formats.extend(changes.formats);
        Ok(())
    }
}

/// The whole schema.
#[derive(Debug)]
pub(crate) struct Schema {
    endpoints: BTreeMap<String, Endpoint>,
    formats: BTreeMap<String, Properties>,
}

/// A path that the schema knows: its key, its endpoint and the values of the placeholders.
#[derive(Debug)]
pub(crate) struct Found<'schema> {
    /// `METHOD /path/{with}/placeholders`.
    pub(crate) key: &'schema str,
    /// What the schema says about it.
    pub(crate) endpoint: &'schema Endpoint,
    /// The placeholders' values.
    pub(crate) path_values: Vec<(String, String)>,
}

impl Schema {
    /// The schema of a release.
    ///
    /// # Errors
    /// When a committed file is damaged.
    pub(crate) fn of(release: Release) -> anyhow::Result<&'static Self> {
        static EIGHT: OnceLock<Schema> = OnceLock::new();
        static NINE: OnceLock<Schema> = OnceLock::new();
        let place = match release {
            Release::Eight => &EIGHT,
            Release::Nine => &NINE,
        };
        if let Some(schema) = place.get() {
            return Ok(schema);
        }
        let schema = Self::parse(release).context("cannot read the schema of the PVE API")?;
        Ok(place.get_or_init(|| schema))
    }

    fn parse(release: Release) -> anyhow::Result<Self> {
        let mut document: Document = serde_json::from_str(TEXT)?;
        if release == Release::Nine {
            document.change(serde_json::from_str(CHANGES_9)?)?;
        }
        let more: More = serde_json::from_str(MORE)?;
        document.endpoints.extend(more.endpoints);
        for (key, properties) in more.properties {
            if let Some(endpoint) = document.endpoints.get_mut(&key) {
                endpoint.parameters.properties.extend(properties);
            }
        }
        let mut formats = BTreeMap::new();
        for (name, value) in document.formats {
            // Formats that PVE checks by code stand in `format.rs`.
            if value.is_object() {
                let properties = serde_json::from_value(value)
                    .with_context(|| format!("format {name} is not a property string"))?;
                formats.insert(name, properties);
            }
        }
        Ok(Self {
            endpoints: document.endpoints,
            formats,
        })
    }

    /// The keys of a named property string.
    pub(crate) fn property_string(&self, name: &str) -> Option<&Properties> {
        self.formats.get(name)
    }

    /// All keys, `METHOD /path`, in alphabetical order.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.endpoints.keys().map(String::as_str)
    }

    /// The endpoint of a key such as `GET /version`.
    pub(crate) fn endpoint(&self, key: &str) -> Option<&Endpoint> {
        self.endpoints.get(key)
    }

    /// Finds the endpoint of a request. `segments` are the decoded parts of the path.
    pub(crate) fn find(&self, method: &str, segments: &[String]) -> Option<Found<'_>> {
        let mut best: Option<(usize, Found<'_>)> = None;
        for (key, endpoint) in &self.endpoints {
            let Some((verb, template)) = key.split_once(' ') else {
                continue;
            };
            if verb != method {
                continue;
            }
            let Some(path_values) = match_template(template, segments) else {
                continue;
            };
            // A literal segment beats a placeholder.
            let placeholders = path_values.len();
            if best
                .as_ref()
                .is_none_or(|(fewest, _)| placeholders < *fewest)
            {
                best = Some((
                    placeholders,
                    Found {
                        key,
                        endpoint,
                        path_values,
                    },
                ));
            }
        }
        best.map(|(_, found)| found)
    }
}

fn match_template(template: &str, segments: &[String]) -> Option<Vec<(String, String)>> {
    let names: Vec<&str> = template
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let mut values = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let last = position + 1 == names.len();
        let placeholder = name
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match placeholder {
            // The slash in a volume's name may stand raw in the path.
            Some("volume") if last => {
                let rest = segments.get(position..).filter(|rest| !rest.is_empty())?;
                values.push(("volume".to_owned(), rest.join("/")));
                return Some(values);
            }
            Some(placeholder) => {
                values.push((placeholder.to_owned(), segments.get(position)?.clone()));
            }
            None if segments
                .get(position)
                .is_some_and(|segment| segment == name) => {}
            None => return None,
        }
    }
    (names.len() == segments.len()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn placeholders_take_their_values_from_the_path() {
        let schema = Schema::of(Release::Eight).unwrap();
        let found = schema
            .find("PUT", &segments("/cluster/backup/nightly"))
            .unwrap();
        assert_eq!(found.key, "PUT /cluster/backup/{id}");
        assert_eq!(found.path_values, [("id".to_owned(), "nightly".to_owned())]);
        assert!(
            schema
                .find("POST", &segments("/cluster/backup/nightly"))
                .is_none()
        );
        assert!(schema.find("GET", &segments("/foo/bar")).is_none());
    }

    #[test]
    fn the_next_release_has_other_parameters() {
        let has = |release, key, name| {
            let schema = Schema::of(release).unwrap();
            schema.endpoint(key).unwrap().property(name).is_some()
        };
        for (key, name) in [
            ("POST /cluster/backup", "maxfiles"),
            ("PUT /cluster/backup/{id}", "notification-target"),
            ("POST /nodes/{node}/vzdump", "notification-policy"),
            ("PUT /storage/{storage}", "transport"),
        ] {
            assert!(has(Release::Eight, key, name), "{key} {name}");
            assert!(!has(Release::Nine, key, name), "{key} {name}");
        }
        for (key, name) in [
            ("POST /storage", "snapshot-as-volume-chain"),
            ("POST /nodes/{node}/qemu", "ha-managed"),
            ("PUT /nodes/{node}/lxc/{vmid}/config", "env"),
        ] {
            assert!(!has(Release::Eight, key, name), "{key} {name}");
            assert!(has(Release::Nine, key, name), "{key} {name}");
        }
        // What was lost with its name for being called `description` is in both.
        assert!(has(
            Release::Nine,
            "PUT /nodes/{node}/lxc/{vmid}/config",
            "description"
        ));
    }

    #[test]
    fn a_volume_takes_the_rest_of_the_path() {
        let schema = Schema::of(Release::Eight).unwrap();
        let path = segments("/nodes/a/storage/b/content/b:backup/x.tar");
        let found = schema.find("GET", &path).unwrap();
        let volume = found
            .path_values
            .iter()
            .find(|(name, _)| name == "volume")
            .unwrap();
        assert_eq!(volume.1, "b:backup/x.tar");
    }
}
