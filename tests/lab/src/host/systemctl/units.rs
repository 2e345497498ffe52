//! The units of a node: where their files are, and whether they are enabled.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Node;
use super::unit_file::UnitFile;

/// Where an administrator puts units, and links that enable them.
pub(super) const ETC: &str = "/etc/systemd/system";

/// Where unit files lie, the first winning. Those in /usr/lib belong to the machine, not the node.
const FOLDERS: [&str; 3] = [ETC, "/run/systemd/system", "/usr/local/lib/systemd/system"];

/// A unit whose file is there.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Its full name.
    pub(super) name: String,
    /// The path of its file, as the node sees it.
    pub(super) path: String,
    /// The paths of its drop-ins.
    pub(super) drop_ins: Vec<String>,
    pub(super) file: UnitFile,
    /// Everything that was read.
    pub(super) text: String,
    pub(super) masked: bool,
}

impl Unit {
    /// Finds a unit by its full name; `None` when it has no file.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn find(node: &Node, name: &str) -> Result<Option<Self>> {
        for folder in FOLDERS {
            for candidate in [Some(name.to_owned()), template(name)]
                .into_iter()
                .flatten()
            {
                let path = format!("{folder}/{candidate}");
                if node.at(&path).exists() || is_mask(&node.at(&path)) {
                    return Self::read(node, name, path).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn read(node: &Node, name: &str, path: String) -> Result<Self> {
        let masked = is_mask(&node.at(&path));
        let mut unit = Self {
            name: name.to_owned(),
            path,
            drop_ins: Vec::new(),
            file: UnitFile::default(),
            text: String::new(),
            masked,
        };
        if !masked {
            let main = unit.path.clone();
            unit.add(node, &main)?;
            for folder in FOLDERS {
                let folder = format!("{folder}/{name}.d");
                for file in names_in(&node.at(&folder)) {
                    if extension(&file) == "conf" {
                        let path = format!("{folder}/{file}");
                        unit.add(node, &path)?;
                        unit.drop_ins.push(path);
                    }
                }
            }
        }
        Ok(unit)
    }

    fn add(&mut self, node: &Node, path: &str) -> Result<()> {
        let text =
            fs::read_to_string(node.at(path)).with_context(|| format!("cannot read {path}"))?;
        self.file.add(&text);
        self.text.push_str(&text);
        Ok(())
    }

    /// The description, or the name when it has none.
    pub(super) fn description(&self) -> &str {
        self.file.last("Unit", "Description").unwrap_or(&self.name)
    }

    /// The kind: `service`, `timer`.
    pub(super) fn kind(&self) -> &str {
        extension(&self.name)
    }

    /// Whether it is a service that ends by itself.
    pub(super) fn is_oneshot(&self) -> bool {
        self.kind() == "service" && self.file.last("Service", "Type") == Some("oneshot")
    }

    /// What a timer starts.
    pub(super) fn activates(&self) -> Option<String> {
        (self.kind() == "timer").then(|| {
            let named = self.file.last("Timer", "Unit").map(str::to_owned);
            named.unwrap_or_else(|| self.name.replace(".timer", ".service"))
        })
    }

    /// Where its links belong: the folders `*.wants` and `*.requires`, and its other names.
    pub(super) fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for (key, suffix) in [("WantedBy", "wants"), ("RequiredBy", "requires")] {
            for target in self.file.words("Install", key) {
                links.push(format!("{ETC}/{target}.{suffix}/{}", self.name));
            }
        }
        for alias in self.file.words("Install", "Alias") {
            links.push(format!("{ETC}/{alias}"));
        }
        links
    }

    /// `enabled`, `disabled`, `static`, `masked` and so on.
    pub(super) fn enablement(&self, node: &Node) -> &'static str {
        if self.masked {
            "masked"
        } else if self.is_wanted(node) {
            "enabled"
        } else if node.at(&self.path).is_symlink() {
            "linked"
        } else if self.file.has_section("Install") {
            "disabled"
        } else {
            "static"
        }
    }

    // A link counts also when the file does not ask for it any more.
    fn is_wanted(&self, node: &Node) -> bool {
        !self.wanted_links(node).is_empty()
    }

    /// The links that enable it now.
    pub(super) fn wanted_links(&self, node: &Node) -> Vec<String> {
        let mut links: Vec<_> = names_in(&node.at(ETC))
            .into_iter()
            .filter(|name| matches!(extension(name), "wants" | "requires"))
            .map(|folder| format!("{ETC}/{folder}/{}", self.name))
            .collect();
        let aliases = self.file.words("Install", "Alias");
        links.extend(aliases.into_iter().map(|alias| format!("{ETC}/{alias}")));
        links.retain(|link| node.at(link).is_symlink());
        links
    }
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// `name@.service` of `name@instance.service`.
fn template(name: &str) -> Option<String> {
    let (before, after) = name.split_once('@')?;
    let (_, kind) = after.rsplit_once('.')?;
    Some(format!("{before}@.{kind}"))
}

fn is_mask(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

/// The names of all units that have a file, in alphabetical order.
pub(super) fn names(node: &Node) -> Vec<String> {
    let mut names = BTreeSet::new();
    for folder in FOLDERS {
        let folder: PathBuf = node.at(folder);
        let found = names_in(&folder).into_iter().filter(|name| {
            super::arguments::unit_name(name) == *name
                && (folder.join(name).is_file() || is_mask(&folder.join(name)))
        });
        names.extend(found);
    }
    names.into_iter().collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
