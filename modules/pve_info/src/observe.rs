//! The present: version, nodes, storages, guests. Changes nothing.

use module_kit::{Context, Failure, joined};
use pve_client::api::{Resources, Version};

/// What is there.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Which Proxmox VE answers.
    pub version: Version,
    /// What it has, as far as it can be seen.
    pub resources: Resources,
}

pub(crate) fn observe(context: &Context<'_>) -> Result<Observed, Failure> {
    let client = context.client()?;
    let (version, resources) = std::thread::scope(|scope| {
        let version = scope.spawn(|| client.version());
        let resources = client.resources();
        (joined(version), resources)
    });
    Ok(Observed {
        version: version?,
        resources: resources?,
    })
}
