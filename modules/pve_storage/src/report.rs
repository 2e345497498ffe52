//! The result.

use module_kit::Progress;
use pve_client::Known;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::observe::{Observed, Present};
use crate::spec::Spec;

/// What `pve_storage` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The id of the storage.
    #[schemars(extend("returned" = "success", "examples" = ["local-backup"]))]
    pub storage_id: String,
    /// The storage as Proxmox VE has it, with its names. In check mode it is what is there before the
    /// change. Null when there is none.
    #[schemars(extend("returned" = "success", "examples" = [{"storage": "local-backup", "type": "dir", "path": "/var/lib/reprise-backup", "content": ["backup"]}]))]
    pub storage: Option<Map<String, Value>>,
    /// The folder in which a node finds its archives (`dump` below it), for kinds that have one.
    #[schemars(extend("returned" = "success", "examples" = ["/var/lib/reprise-backup"]))]
    pub path: Option<String>,
}

pub(crate) fn report(
    spec: &Spec,
    observed: &Observed,
    progress: &Progress<'_, Option<Present>>,
) -> Report {
    let before = || match &observed.present {
        Known::Known(present) => present.as_ref(),
        Known::Unknown(_) => None,
    };
    let present = match progress {
        Progress::Predicted => before(),
        Progress::Applied(done) => done.last().map_or_else(before, Option::as_ref),
    };
    Report {
        storage_id: spec.storage().to_string(),
        storage: present.and_then(|present| match serde_json::to_value(&present.storage) {
            Ok(Value::Object(map)) => Some(map),
            _ => None,
        }),
        path: present.and_then(|present| present.storage.path.clone()),
    }
}

pub(crate) fn render(report: &Report) -> String {
    match (&report.storage, &report.path) {
        (None, _) => format!("Storage {}: not there.\n", report.storage_id),
        (Some(_), None) => format!("Storage {}: there.\n", report.storage_id),
        (Some(_), Some(path)) => format!(
            "Storage {}: there, archives in {path}/dump.\n",
            report.storage_id
        ),
    }
}
