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
/// kept at the most. What no prune touches stays as it is: other content, protected and renamed
/// archives, safety copies made before restores, archives of guests that are not covered. Guests
/// without an archive are left out and counted in the text.
pub(crate) fn warnings(
    covered: &[Guest],
    retention: &Retention,
    fill: &[StorageOnNode],
    archives: &[Archive],
) -> Vec<String> {
    let Some(kept) = retention.most_kept() else {
        return Vec::new();
    };
    let sizes = sizes(archives);
    let shared = fill.iter().any(|on_node| on_node.shared);
    fill.iter()
        .filter_map(|on_node| {
            let total = on_node.maxdisk.filter(|total| *total > 0)?;
            Some((on_node, on_node.disk?, total))
        })
        .take(if shared { 1 } else { usize::MAX })
        .filter_map(|(on_node, used, total)| {
            let guests = covered
                .iter()
                .filter(|guest| shared || guest.node == on_node.node);
            let growth = growth(guests, kept, &sizes);
            let forecast = used.saturating_sub(growth.now).saturating_add(growth.then);
            sentence(on_node, forecast, total, kept, growth.unknown)
        })
        .collect()
}

/// What the archives of some guests take, that a prune counts.
#[derive(Default)]
struct Growth {
    now: u64,
    then: u64,
    /// Guests of which nothing is known.
    unknown: usize,
}

fn growth<'a>(
    guests: impl Iterator<Item = &'a Guest>,
    kept: u64,
    sizes: &BTreeMap<Vmid, Sizes>,
) -> Growth {
    let mut growth = Growth::default();
    for guest in guests {
        match sizes.get(&guest.vmid) {
            None => growth.unknown = growth.unknown.saturating_add(1),
            Some(sizes) => {
                growth.now = growth.now.saturating_add(sizes.pruned);
                growth.then = growth
                    .then
                    .saturating_add(sizes.mean().saturating_mul(kept));
            }
        }
    }
    growth
}

fn sentence(
    on_node: &StorageOnNode,
    forecast: u64,
    total: u64,
    kept: u64,
    unknown: usize,
) -> Option<String> {
    let hundredfold = u128::from(forecast).saturating_mul(100);
    (hundredfold > u128::from(total).saturating_mul(u128::from(LIMIT_PERCENT))).then(|| {
        let percent = hundredfold.div_ceil(u128::from(total));
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

/// The archives of one guest.
#[derive(Debug, Default)]
struct Sizes {
    /// Time and size of each archive that tells how large the next ones are.
    dated: Vec<(i64, u64)>,
    /// The bytes that a prune counts.
    pruned: u64,
}

impl Sizes {
    fn mean(&self) -> u64 {
        let newest = self.dated.iter().take(SAMPLE);
        let count = u64::try_from(newest.len()).unwrap_or(u64::MAX).max(1);
        newest.fold(0_u64, |sum, (_, size)| sum.saturating_add(*size)) / count
    }
}

fn sizes(archives: &[Archive]) -> BTreeMap<Vmid, Sizes> {
    let mut sizes: BTreeMap<Vmid, Sizes> = BTreeMap::new();
    for archive in archives
        .iter()
        .filter(|archive| !is_safety_copy(archive.notes.as_deref()))
    {
        if let (Some(vmid), Some(size)) = (archive.vmid, archive.size) {
            let of_guest = sizes.entry(vmid).or_default();
            of_guest.dated.push((archive.ctime.unwrap_or(0), size));
            if !archive.protected && archive.volid.archive_name().is_some() {
                of_guest.pruned = of_guest.pruned.saturating_add(size);
            }
        }
    }
    for of_guest in sizes.values_mut() {
        of_guest.dated.sort_unstable_by(|one, other| other.cmp(one));
    }
    sizes
}

fn gibibytes(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    let tenths = u128::from(bytes).saturating_mul(10) / u128::from(GIB);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
