//! How full a storage will be once the retention has filled it.

use std::collections::BTreeMap;

use pve_client::api::{Archive, Guest, StorageOnNode};
use pve_types::{Retention, Vmid, is_safety_copy};

/// The share of a storage above which a warning is due (A-CS-004).
const LIMIT_PERCENT: u64 = 80;

/// How many of a guest's newest archives say how large the next ones are.
const SAMPLE: usize = 3;

/// Warnings about storages that the retention will fill over the limit.
///
/// Of each covered guest it takes the mean size of its newest archives times the number that is
/// kept at the most. Other archives and other content stay as they are. Guests without an archive
/// are left out and counted in the text. Safety copies made before restores are not counted as a guest's size.
pub(crate) fn warnings(
    covered: &[Guest],
    retention: &Retention,
    fill: &[StorageOnNode],
    archives: &[Archive],
) -> Vec<String> {
    let Some(kept) = retention.most_kept() else {
        return Vec::new();
    };
    let shared = fill.iter().any(|on_node| on_node.shared);
    fill.iter()
        .take(if shared { 1 } else { usize::MAX })
        .filter_map(|on_node| {
            let guests: Vec<&Guest> = covered
                .iter()
                .filter(|guest| shared || guest.node == on_node.node)
                .collect();
            warning(&guests, kept, on_node, archives)
        })
        .collect()
}

fn warning(
    guests: &[&Guest],
    kept: u64,
    on_node: &StorageOnNode,
    archives: &[Archive],
) -> Option<String> {
    let total = on_node.maxdisk.filter(|total| *total > 0)?;
    let used = on_node.disk?;
    let sizes = sizes(archives);
    let mut now: u64 = 0;
    let mut then: u64 = 0;
    let mut unknown: usize = 0;
    for guest in guests {
        match sizes.get(&guest.vmid) {
            None => unknown = unknown.saturating_add(1),
            Some(newest_first) => {
                let sample: Vec<u64> = newest_first.iter().copied().take(SAMPLE).collect();
                let count = u64::try_from(sample.len()).unwrap_or(u64::MAX).max(1);
                let mean = sample
                    .iter()
                    .fold(0_u64, |sum, size| sum.saturating_add(*size))
                    / count;
                now = newest_first
                    .iter()
                    .fold(now, |sum, size| sum.saturating_add(*size));
                then = then.saturating_add(mean.saturating_mul(kept));
            }
        }
    }
    let forecast = used.saturating_sub(now).saturating_add(then);
    let percent = u128::from(forecast).saturating_mul(100) / u128::from(total);
    (percent > u128::from(LIMIT_PERCENT)).then(|| {
        let hidden = match unknown {
            0 => String::new(),
            1 => "; 1 guest has no archive yet and is not counted".to_owned(),
            more => format!("; {more} guests have no archive yet and are not counted"),
        };
        format!(
            "storage `{}` of node `{}` will be {percent} % full: the retention keeps up to {kept} archives of a guest, {} of {}{hidden}. Aim is below {LIMIT_PERCENT} %: keep fewer, or give it more room.",
            on_node.storage,
            on_node.node,
            gibibytes(forecast),
            gibibytes(total),
        )
    })
}

/// The sizes of the archives of each guest that a prune counts, newest first.
fn sizes(archives: &[Archive]) -> BTreeMap<Vmid, Vec<u64>> {
    let mut dated: BTreeMap<Vmid, Vec<(i64, u64)>> = BTreeMap::new();
    for archive in archives
        .iter()
        .filter(|archive| !is_safety_copy(archive.notes.as_deref()))
    {
        if let (Some(vmid), Some(size)) = (archive.vmid, archive.size) {
            dated
                .entry(vmid)
                .or_default()
                .push((archive.ctime.unwrap_or(0), size));
        }
    }
    dated
        .into_iter()
        .map(|(vmid, mut list)| {
            list.sort_unstable_by(|one, other| other.cmp(one));
            (vmid, list.into_iter().map(|(_, size)| size).collect())
        })
        .collect()
}

fn gibibytes(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    let tenths = u128::from(bytes).saturating_mul(10) / u128::from(GIB);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
