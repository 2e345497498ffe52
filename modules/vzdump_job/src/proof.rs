//! Reads what a run made: the earlier a digest is known, the less can have happened to the archive.

use std::num::NonZeroU64;

use backup_verify::{Made, Place, verify_fresh};
use module_kit::Context;
use module_kit::settings::Settings;

use crate::job::key;
use crate::run_now::GuestResult;

/// Reads the archives of these guests and notes with each what came of it; what the user should
/// know of it. That it cannot be done takes nothing from the backup.
pub(crate) fn prove(
    guests: &mut [GuestResult],
    ledger: &Place,
    job: &Settings,
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
    let fresh = verify_fresh(&made, ledger, rate(job), context);
    for (at, archive) in which.into_iter().zip(fresh.archives) {
        if let Some(guest) = guests.get_mut(at) {
            guest.proof = Some(archive);
        }
    }
    fresh.warnings
}

/// How many bytes in a second the job may move. Whoever limits its backups does so for the storage
/// and the network, which reading them uses as well.
fn rate(job: &Settings) -> Option<NonZeroU64> {
    let kibibytes: u64 = job.get_text(key::BWLIMIT)?.parse().ok()?;
    NonZeroU64::new(kibibytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use pve_client::api::Job;
    use serde_json::json;

    use super::*;

    #[test]
    fn reading_is_as_slow_as_the_backup_itself() {
        let of = |bwlimit| {
            let job = json!({"id": "a", "all": 1, "schedule": "daily", "bwlimit": bwlimit});
            let job: Job = serde_json::from_value(job).unwrap();
            rate(&crate::job::settings(&job)).map(NonZeroU64::get)
        };
        assert_eq!(of(json!(5)), Some(5120));
        assert_eq!(of(json!("5")), Some(5120));
        for none in [json!(0), json!(null)] {
            assert_eq!(of(none), None);
        }
    }
}
