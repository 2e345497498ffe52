//! The result.

use std::fmt::Write;

use module_kit::{Progress, Verdict};
use pve_types::GuestKind;
use schemars::JsonSchema;
use serde::Serialize;

use crate::disk::{Choice, choice, flag, volume};
use crate::observe::{Configs, Observed};
use crate::spec::Wanted;

/// What `guest_backup` returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The number of the guest.
    #[schemars(extend("returned" = "success", "examples" = [101]))]
    pub vmid: u32,
    /// Its name.
    #[schemars(extend("returned" = "success", "examples" = ["web"]))]
    pub name: Option<String>,
    /// `qemu` or `lxc`.
    #[serde(rename = "type")]
    #[schemars(extend("returned" = "success", "examples" = ["qemu"]))]
    pub kind: String,
    /// Its disks and mount points. In check mode as they are before the change.
    #[schemars(extend("returned" = "success"))]
    pub disks: Vec<DiskEntry>,
    /// Disks whose flag counts only from the next start of the guest.
    #[schemars(extend("returned" = "success", "examples" = [["mp0"]]))]
    pub waiting_for_start: Vec<String>,
}

/// A disk or mount point.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiskEntry {
    /// Its key in the configuration.
    #[schemars(extend("examples" = ["scsi0"]))]
    pub key: String,
    /// Its volume.
    #[schemars(extend("examples" = ["local-lvm:vm-101-disk-0"]))]
    pub volume: String,
    /// Whether backups take it along.
    pub backup_enabled: bool,
    /// Whether that can be chosen.
    pub selectable: bool,
}

pub(crate) fn report(observed: &Observed, progress: &Progress<'_, Configs>) -> Report {
    let configs = match progress {
        Progress::Predicted => &observed.configs,
        Progress::Applied(done) => done.last().unwrap_or(&observed.configs),
    };
    let kind = observed.guest.kind;
    let entries = &configs.pending.entries;
    let waiting_for_start = entries
        .iter()
        .filter(|(key, value)| {
            let now = configs.current.entries.get(*key);
            choice(kind, key, value) == Some(Choice::Free)
                && now.is_some_and(|now| flag(kind, now) != flag(kind, value))
        })
        .map(|(key, _)| key.clone())
        .collect();
    Report {
        vmid: observed.guest.vmid.get(),
        name: observed.guest.name.clone(),
        kind: kind.to_string(),
        disks: entries
            .iter()
            .filter_map(|(key, value)| entry(kind, key, value))
            .collect(),
        waiting_for_start,
    }
}

fn entry(kind: GuestKind, key: &str, value: &str) -> Option<DiskEntry> {
    let choice = choice(kind, key, value)?;
    Some(DiskEntry {
        key: key.to_owned(),
        volume: volume(value).to_owned(),
        backup_enabled: match choice {
            Choice::Free => flag(kind, value) == Wanted::Saved,
            Choice::Always => true,
            Choice::Never | Choice::Unused => false,
        },
        selectable: choice == Choice::Free,
    })
}

pub(crate) fn verdict(report: &Report) -> Verdict {
    let warnings = match report.waiting_for_start.as_slice() {
        [] => Vec::new(),
        keys => vec![format!(
            "guest {} runs: what is set for {} counts only from its next start.",
            report.vmid,
            keys.join(", ")
        )],
    };
    Verdict {
        failure: None,
        warnings,
    }
}

pub(crate) fn render(report: &Report) -> String {
    let mut text = format!(
        "Guest {} ({}):\n",
        report.vmid,
        report.name.as_deref().unwrap_or("no name")
    );
    for disk in &report.disks {
        let word = if disk.backup_enabled {
            "saved"
        } else {
            "not saved"
        };
        // Writing to a text does not fail.
        let _written = writeln!(text, "  {}: {word} ({})", disk.key, disk.volume);
    }
    text
}
