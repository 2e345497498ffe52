//! Reads what a run made: the earlier a digest is known, the less can have happened to the archive.

use backup_verify::{Made, Place, verify_fresh};
use module_kit::Context;

use crate::run_now::GuestResult;

/// Reads the archives of these guests and notes with each what came of it; what the user should
/// know of it. That it cannot be done takes nothing from the backup.
pub(crate) fn prove(
    guests: &mut [GuestResult],
    ledger: &Place,
    context: &Context<'_>,
) -> Vec<String> {
    let (which, made): (Vec<usize>, Vec<Made>) = guests
        .iter()
        .enumerate()
        .filter_map(|(at, guest)| {
            let made = Made {
                volume: guest.archive.clone()?,
                vmid: guest.vmid,
                node: guest.node.clone(),
            };
            Some((at, made))
        })
        .unzip();
    if made.is_empty() {
        return Vec::new();
    }
    let fresh = verify_fresh(&made, ledger, context);
    for (at, archive) in which.into_iter().zip(fresh.archives) {
        if let Some(guest) = guests.get_mut(at) {
            guest.proof = Some(archive);
        }
    }
    fresh.warnings
}
