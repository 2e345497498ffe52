//! Storage definitions as `/etc/pve/storage.cfg` holds them, and their plugins' rules.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::job::typed;
use crate::parameters::{Parameters, split_list};
use crate::refusal::Refusal;
use crate::schema::{Endpoint, Schema};

/// How an option of a storage type may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Must be given once and never changes.
    RequiredFixed,
    /// May be given once and never changes.
    OptionalFixed,
    /// May be given, changed and removed.
    Optional,
}

/// What PVE knows about a storage type.
#[derive(Debug)]
pub(crate) struct Plugin {
    kind: &'static str,
    required: &'static [&'static str],
    fixed: &'static [&'static str],
    optional: &'static [&'static str],
    contents: &'static [&'static str],
    default_content: &'static str,
    shared: bool,
}

const FILE_CONTENTS: &[&str] = &[
    "backup", "images", "import", "iso", "none", "rootdir", "snippets", "vztmpl",
];
const COMMON: &[&str] = &[
    "bwlimit",
    "content",
    "disable",
    "max-protected-backups",
    "maxfiles",
    "nodes",
    "prune-backups",
];
const FILES: &[&str] = &[
    "content-dirs",
    "create-base-path",
    "create-subdirs",
    "format",
    "mkdir",
    "preallocation",
];

const PLUGINS: [Plugin; 4] = [
    Plugin {
        kind: "dir",
        required: &["path"],
        fixed: &[],
        optional: &["is_mountpoint", "shared"],
        contents: FILE_CONTENTS,
        default_content: "images,rootdir",
        shared: false,
    },
    Plugin {
        kind: "nfs",
        required: &["export", "server"],
        fixed: &["path"],
        optional: &["options"],
        contents: FILE_CONTENTS,
        default_content: "images",
        shared: true,
    },
    Plugin {
        kind: "cifs",
        required: &["server", "share"],
        fixed: &["path"],
        optional: &[
            "domain",
            "options",
            "password",
            "smbversion",
            "subdir",
            "username",
        ],
        contents: FILE_CONTENTS,
        default_content: "images",
        shared: true,
    },
    Plugin {
        kind: "pbs",
        required: &["datastore", "server"],
        fixed: &[],
        optional: &[
            "encryption-key",
            "fingerprint",
            "master-pubkey",
            "namespace",
            "password",
            "port",
            "skip-cert-verification",
            "username",
        ],
        contents: &["backup", "none"],
        default_content: "backup",
        shared: true,
    },
];

/// Options that PVE keeps in files of their own and never shows.
const SECRETS: [&str; 3] = ["password", "encryption-key", "master-pubkey"];

impl Plugin {
    /// The rules of a storage type.
    ///
    /// # Errors
    /// For types that the lab has not built.
    pub(crate) fn of(kind: &str) -> Result<&'static Self, Refusal> {
        PLUGINS
            .iter()
            .find(|plugin| plugin.kind == kind)
            .ok_or_else(|| Refusal::failure(format!("the lab has no storages of type '{kind}'")))
    }

    fn rule(&self, option: &str) -> Option<Rule> {
        if self.required.contains(&option) {
            return Some(Rule::RequiredFixed);
        }
        if self.fixed.contains(&option) {
            return Some(Rule::OptionalFixed);
        }
        let files = self.kind != "pbs" && FILES.contains(&option);
        (COMMON.contains(&option) || files || self.optional.contains(&option))
            .then_some(Rule::Optional)
    }

    /// Checks the options of a new storage and fills in what PVE fills in.
    ///
    /// # Errors
    /// The first wrong or missing option.
    pub(crate) fn create(&self, id: &str, parameters: &Parameters) -> Result<Storage, Refusal> {
        let options = self.options(parameters)?;
        if let Some(missing) = self
            .required
            .iter()
            .find(|name| !options.contains_key(**name))
        {
            return Err(Refusal::failure(format!(
                "missing value for required option '{missing}'"
            )));
        }
        let mut storage = Storage {
            id: id.to_owned(),
            kind: self.kind,
            options,
            reported_at: 0,
        };
        if self.fixed.contains(&"path") {
            let path = || format!("/mnt/pve/{id}");
            storage
                .options
                .entry("path".to_owned())
                .or_insert_with(path);
        }
        storage
            .options
            .retain(|name, value| name != "nodes" || !value.is_empty());
        Ok(storage)
    }

    /// Checks the options that a change sets.
    ///
    /// # Errors
    /// The first option that is unknown or may not change.
    pub(crate) fn change(
        &self,
        parameters: &Parameters,
    ) -> Result<BTreeMap<String, String>, Refusal> {
        let options = self.options(parameters)?;
        let fixed = options
            .keys()
            .find(|name| self.rule(name) != Some(Rule::Optional));
        match fixed {
            Some(name) => Err(Refusal::failure(format!(
                "can't change value of fixed parameter '{name}'"
            ))),
            None => Ok(options),
        }
    }

    /// Checks an option that is to be removed.
    ///
    /// # Errors
    /// When it is unknown or cannot be removed.
    pub(crate) fn check_delete(&self, name: &str) -> Result<(), Refusal> {
        match self.rule(name) {
            Some(Rule::Optional) => Ok(()),
            Some(Rule::RequiredFixed) => Err(Refusal::failure(format!(
                "unable to delete required option '{name}'"
            ))),
            Some(Rule::OptionalFixed) => Err(Refusal::failure(format!(
                "unable to delete fixed option '{name}'"
            ))),
            None => Err(Refusal::failure(format!("no such option '{name}'"))),
        }
    }

    fn options(&self, parameters: &Parameters) -> Result<BTreeMap<String, String>, Refusal> {
        let mut options = BTreeMap::new();
        for (name, value) in parameters.iter() {
            if ["storage", "type", "delete", "digest"].contains(&name) {
                continue;
            }
            if self.rule(name).is_none() {
                return Err(Refusal::failure(format!("unexpected property '{name}'")));
            }
            let text = value.as_text().unwrap_or_default();
            if name == "content"
                && let Some(wrong) = split_list(text).find(|part| !self.contents.contains(part))
            {
                return Err(Refusal::failure(format!(
                    "storage does not support content type '{wrong}'"
                )));
            }
            options.insert(name.to_owned(), text.to_owned());
        }
        Ok(options)
    }
}

/// One storage.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    /// Options as text.
    pub(crate) options: BTreeMap<String, String>,
    /// Unix time from which the status daemon has told the cluster about it.
    pub(crate) reported_at: i64,
}

impl Storage {
    /// Lets the status daemon find it so much later.
    pub(crate) fn report_after(&mut self, delay: Duration, now: i64) {
        let delay = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
        self.reported_at = now.saturating_add(delay);
    }

    /// Whether the status daemon has told the cluster about it.
    pub(crate) const fn is_reported(&self, now: i64) -> bool {
        now >= self.reported_at
    }

    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The folder, as PVE names it. PBS has none.
    pub(crate) fn path(&self) -> Option<&str> {
        self.option("path")
    }

    /// What it may hold.
    pub(crate) fn content(&self) -> &str {
        let default = PLUGINS.iter().find(|plugin| plugin.kind == self.kind);
        self.option("content")
            .or_else(|| default.map(|plugin| plugin.default_content))
            .unwrap_or_default()
    }

    /// Whether it may hold this.
    pub(crate) fn holds(&self, content: &str) -> bool {
        split_list(self.content()).any(|part| part == content)
    }

    /// Whether it was switched off.
    pub(crate) fn is_disabled(&self) -> bool {
        self.option("disable").is_some_and(|value| value == "1")
    }

    /// Whether several nodes see the same files.
    pub(crate) fn is_shared(&self) -> bool {
        PLUGINS
            .iter()
            .any(|plugin| plugin.kind == self.kind && plugin.shared)
            || self.option("shared").is_some_and(|value| value == "1")
    }

    /// Whether a node may use it.
    pub(crate) fn serves(&self, node: &str) -> bool {
        self.option("nodes")
            .is_none_or(|nodes| split_list(nodes).any(|name| name == node))
    }

    /// The definition as GET shows it.
    pub(crate) fn to_json(&self, schema: &Schema, digest: &str) -> Value {
        let properties = schema.endpoint("POST /storage").map(Endpoint::properties);
        let mut object = Map::new();
        object.insert("storage".to_owned(), self.id.clone().into());
        object.insert("type".to_owned(), self.kind.into());
        object.insert("digest".to_owned(), digest.into());
        object.insert("content".to_owned(), self.content().into());
        if self.is_shared() {
            object.insert("shared".to_owned(), 1.into());
        }
        for (name, text) in &self.options {
            if SECRETS.contains(&name.as_str()) || name == "content" {
                continue;
            }
            let property = properties.and_then(|properties| properties.get(name));
            let kind = property.and_then(|property| property.kind.as_deref());
            object.insert(name.clone(), typed(kind, text));
        }
        Value::Object(object)
    }
}

/// The storages in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct StorageTable {
    storages: Vec<Storage>,
}

impl StorageTable {
    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Storage> {
        self.storages.iter()
    }

    /// One of them.
    pub(crate) fn find(&self, id: &str) -> Option<&Storage> {
        self.storages.iter().find(|storage| storage.id == id)
    }

    /// One of them, or PVE's failure.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn get(&self, id: &str) -> Result<&Storage, Refusal> {
        let missing = || Refusal::failure(format!("storage '{id}' does not exist"));
        self.find(id).ok_or_else(missing)
    }

    /// Writes one: in its place, or at the end.
    pub(crate) fn put(&mut self, storage: Storage) {
        match self
            .storages
            .iter_mut()
            .find(|present| present.id == storage.id)
        {
            Some(present) => *present = storage,
            None => self.storages.push(storage),
        }
    }

    /// Takes one away.
    pub(crate) fn remove(&mut self, id: &str) {
        self.storages.retain(|storage| storage.id != id);
    }

    /// Changes with every change of the file; 40 hex digits as PVE's.
    pub(crate) fn digest(&self) -> String {
        let lines: Vec<_> = self
            .storages
            .iter()
            .map(|storage| format!("{}: {} {:?}", storage.kind, storage.id, storage.options))
            .collect();
        short_digest(&lines.join("\n"))
    }
}

/// 40 hex digits that follow from a text.
pub(crate) fn short_digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    let pairs: Vec<_> = digest
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    pairs.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, value) in pairs {
            parameters.append(name, (*value).to_owned());
        }
        parameters
    }

    fn failure(kind: &str, pairs: &[(&str, &str)]) -> String {
        let refusal = Plugin::of(kind)
            .unwrap()
            .create("s1", &parameters(pairs))
            .unwrap_err();
        refusal.reason().to_owned()
    }

    #[test]
    fn types_ask_for_their_options() {
        assert_eq!(
            failure("dir", &[]),
            "missing value for required option 'path'"
        );
        assert_eq!(
            failure("nfs", &[("server", "a")]),
            "missing value for required option 'export'"
        );
        assert_eq!(
            failure("pbs", &[("server", "a")]),
            "missing value for required option 'datastore'"
        );
        assert_eq!(
            failure("cifs", &[("export", "/x")]),
            "unexpected property 'export'"
        );
        assert_eq!(
            failure(
                "pbs",
                &[("server", "a"), ("datastore", "d"), ("content", "images")]
            ),
            "storage does not support content type 'images'"
        );
    }

    #[test]
    fn defaults_are_filled_in_and_secrets_stay_inside() {
        let nfs = parameters(&[("server", "10.0.0.1"), ("export", "/x")]);
        let nfs = Plugin::of("nfs").unwrap().create("n1", &nfs).unwrap();
        assert_eq!(nfs.path(), Some("/mnt/pve/n1"));
        assert_eq!(nfs.content(), "images");
        let cifs = parameters(&[("server", "a"), ("share", "b"), ("password", "geheim")]);
        let cifs = Plugin::of("cifs").unwrap().create("c1", &cifs).unwrap();
        let json = cifs.to_json(Schema::of(crate::config::Release::Eight).unwrap(), "0");
        assert_eq!(json.get("password"), None);
        assert_eq!(json["shared"], 1);
    }

    #[test]
    fn fixed_options_do_not_change() {
        let nfs = Plugin::of("nfs").unwrap();
        let refusal = nfs.change(&parameters(&[("server", "b")])).unwrap_err();
        assert_eq!(
            refusal.reason(),
            "can't change value of fixed parameter 'server'"
        );
        assert_eq!(
            nfs.check_delete("foo").unwrap_err().reason(),
            "no such option 'foo'"
        );
        assert_eq!(
            nfs.check_delete("export").unwrap_err().reason(),
            "unable to delete required option 'export'"
        );
    }
}
