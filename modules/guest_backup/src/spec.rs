//! What may be said, and what it means. No IO.

use module_kit::Failure;
use pve_types::Vmid;
use serde::Deserialize;

/// The options of a call, coerced.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    pub(crate) vmid: i64,
    pub(crate) disks: Option<Vec<String>>,
    pub(crate) backup_enabled: bool,
}

/// Which disks, and whether backups take them along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The guest.
    pub vmid: Vmid,
    /// The disks by their keys; all that can be chosen when absent.
    pub disks: Option<Vec<String>>,
    /// What is wanted of them.
    pub wanted: Wanted,
}

/// What backups shall do with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Take it along.
    Saved,
    /// Leave it out.
    LeftOut,
}

impl Spec {
    /// Understands the options.
    pub fn new(args: Args) -> Result<Self, Failure> {
        let vmid = args
            .vmid
            .to_string()
            .parse()
            .map_err(|error| Failure::usage(format!("vmid: {error}")))?;
        if args.disks.as_ref().is_some_and(Vec::is_empty) {
            return Err(
                Failure::usage("disks is an empty list: nothing would be set")
                    .hint("Leave disks out for every disk."),
            );
        }
        Ok(Self {
            vmid,
            disks: args.disks,
            wanted: if args.backup_enabled {
                Wanted::Saved
            } else {
                Wanted::LeftOut
            },
        })
    }
}
