//! Configurations of guests.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Guest;
use crate::{ApiPath, Changes, Client, Error, Method, Params};

/// Which of two configurations: what a change of a running guest waits for is in one of them only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigView {
    /// As it will be after the next start.
    Pending,
    /// As it is now.
    Current,
}

/// The configuration of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestConfig {
    /// The checksum that guards a change.
    pub digest: Option<String>,
    /// Its keys and values, as PVE writes them.
    pub entries: BTreeMap<String, String>,
}

impl From<Map<String, Value>> for GuestConfig {
    fn from(answer: Map<String, Value>) -> Self {
        let mut config = Self::default();
        for (key, value) in answer {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                // `lxc` lists raw lines; nothing that is set by a key.
                _ => continue,
            };
            if key == "digest" {
                config.digest = Some(text);
            } else {
                config.entries.insert(key, text);
            }
        }
        config
    }
}

fn path(guest: &Guest) -> ApiPath {
    ApiPath::new("nodes")
        .join(&guest.node)
        .join(guest.kind.as_str())
        .join(guest.vmid.to_string())
        .join("config")
}

impl Client {
    /// The configuration of a guest. Needs `VM.Audit` on it.
    pub fn guest_config(&self, guest: &Guest, view: ConfigView) -> Result<GuestConfig, Error> {
        let mut params = Params::new();
        if view == ConfigView::Current {
            params.set("current", true);
        }
        let action = format!("read the configuration of guest {}", guest.vmid);
        self.get::<Map<String, Value>>(&path(guest), &params, action)
            .map(GuestConfig::from)
    }

    /// Changes the configuration of a guest; without a change nothing is sent.
    pub fn update_guest_config(&self, guest: &Guest, changes: &Changes) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        self.change(
            Method::Put,
            &path(guest),
            &changes.for_update(),
            format_args!("change the configuration of guest {}", guest.vmid),
        )
    }
}
