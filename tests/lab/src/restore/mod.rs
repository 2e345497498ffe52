//! Restoring guests from archives, with everything that is lost on the way.

pub(crate) mod container;
mod digits;
mod early;
pub(crate) mod machine;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::http::tls;
use crate::task::worker::Failure;

/// What a restore is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) vmid: u32,
    /// The volume id of the archive.
    pub(crate) volume: String,
    pub(crate) file: PathBuf,
    /// The path of the archive as the node sees it.
    pub(crate) shown: String,
    /// Where volumes are to lie; else where the archive says.
    pub(crate) storage: Option<String>,
    /// Keys that replace those of the archive.
    pub(crate) overrides: BTreeMap<String, String>,
    pub(crate) pool: Option<String>,
    pub(crate) unique: bool,
    pub(crate) start: bool,
    /// Whether the guest is to run while its data arrive.
    pub(crate) live: bool,
    /// Whether the guest was there before.
    pub(crate) replaces: bool,
}

fn random_uuid() -> Result<String, Failure> {
    tls::random_uuid().map_err(|error| Failure::new(error.to_string()))
}

/// A hardware address in Proxmox's range.
pub(crate) fn random_mac() -> Result<String, Failure> {
    let bytes: [u8; 3] = tls::random().map_err(|error| Failure::new(error.to_string()))?;
    let [a, b, c] = bytes;
    Ok(format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}"))
}
