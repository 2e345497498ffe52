//! Writes the lines; the checksum of what they were made from is sent along.

use module_kit::{Context, Exit, Failure};
use pve_client::Changes;

use crate::observe::{Configs, Observed, read};
use crate::plan::FlagAction;

pub(crate) fn apply(
    action: &FlagAction,
    observed: &Observed,
    context: &Context<'_>,
) -> Result<Configs, Failure> {
    let FlagAction::Write {
        vmid,
        lines,
        digest,
    } = action;
    let client = context.client()?;
    let mut changes = Changes::default();
    for (key, line) in lines {
        changes.set.set(key, line.as_str());
    }
    // PVE refuses the change when the configuration was changed since it was read.
    if let Some(digest) = digest {
        changes.set.set("digest", digest.as_str());
    }
    client.update_guest_config(&observed.guest, &changes)?;
    let now = read(client, &observed.guest).map_err(|failure| Failure {
        exit: Exit::NeedsAHand,
        ..failure
    })?;
    for (key, line) in lines {
        let kind = observed.guest.kind;
        let is = now.pending.entries.get(key);
        if is.map(|value| crate::disk::flag(kind, value)) != Some(crate::disk::flag(kind, line)) {
            return Err(Failure::new(
                Exit::NeedsAHand,
                format!(
                    "`{key}` of guest {vmid} was written, but Proxmox VE made `{}` of it",
                    is.map_or("nothing", String::as_str)
                ),
            )
            .hint("Compare it with what was written (`qm config` or `pct config` on the node), then run again."));
        }
    }
    Ok(now)
}
