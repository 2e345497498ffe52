//! What is active. It lies in /run, as what a real node knows does: a file, under a lock.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Node;
use super::units::Unit;

/// One unit that was started or stopped at least once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Active {
    /// `active`, `inactive`, `failed`.
    pub(super) state: String,
    /// `running`, `waiting`, `exited`, `dead`, `failed`.
    pub(super) sub: String,
    /// When it became so, in Unix seconds.
    pub(super) since: i64,
    /// The exit code of its last run.
    pub(super) status: i32,
    /// The digest of its files when they were last read.
    pub(super) loaded: String,
}

/// All of them; dropping it lets others in.
#[derive(Debug)]
pub(super) struct States {
    units: BTreeMap<String, Active>,
    path: PathBuf,
    _lock: File,
}

impl States {
    /// Reads them; waits for others to finish.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open(node: &Node) -> Result<Self> {
        let folder = node.lab()?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("units.lock"))
            .context("cannot open the lock of the units")?;
        lock.lock().context("cannot lock the units")?;
        let path = folder.join("units.json");
        let units = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} cannot be read", path.display()))?,
            Err(_) => BTreeMap::new(),
        };
        Ok(Self {
            units,
            path,
            _lock: lock,
        })
    }

    /// A unit's; inactive when nobody ever started it.
    pub(super) fn of(&self, name: &str) -> Active {
        self.units.get(name).cloned().unwrap_or_else(|| Active {
            state: "inactive".to_owned(),
            sub: "dead".to_owned(),
            ..Active::default()
        })
    }

    /// Whether its files are others than when they were read.
    pub(super) fn is_outdated(&self, unit: &Unit) -> bool {
        self.units
            .get(&unit.name)
            .is_some_and(|active| active.loaded != digest(unit))
    }

    /// Says what became of a unit.
    pub(super) fn set(&mut self, unit: &Unit, state: &str, sub: &str, status: i32) {
        // Files that changed are used from the next daemon-reload on.
        let before = self.units.remove(&unit.name);
        let active = Active {
            state: state.to_owned(),
            sub: sub.to_owned(),
            since: jiff::Timestamp::now().as_second(),
            status,
            loaded: before.map_or_else(|| digest(unit), |before| before.loaded),
        };
        self.units.insert(unit.name.clone(), active);
    }

    /// Reads all files again; units whose files are gone and that do nothing are forgotten.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn reload(&mut self, node: &Node) -> Result<()> {
        for (name, active) in &mut self.units {
            active.loaded = Unit::find(node, name)?
                .as_ref()
                .map_or_else(String::new, digest);
        }
        self.units
            .retain(|_, active| !active.loaded.is_empty() || active.state == "active");
        Ok(())
    }

    /// The names of all units that were ever started.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.units.keys()
    }

    /// Writes them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn save(&self) -> Result<()> {
        fs::write(&self.path, serde_json::to_vec_pretty(&self.units)?)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn digest(unit: &Unit) -> String {
    BASE64_STANDARD.encode(Sha256::digest(unit.text.as_bytes()))
}
