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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture::{archive, guest, on_node};

    const KEEP_7: &str = "keep-last=7";

    fn said(archives: &[Archive], fill: &[StorageOnNode]) -> Vec<String> {
        let guests = [guest(100, "pve1", json!({})), guest(101, "pve2", json!({}))];
        warnings(&guests, &KEEP_7.parse().unwrap(), fill, archives)
    }

    fn percent(archives: &[Archive], used: u64) -> Option<String> {
        let said = said(archives, &[on_node("pve1", used, json!({"shared": 1}))]);
        let (_, rest) = said.first()?.split_once("will be ")?;
        Some(rest.split(" full").next()?.to_owned())
    }

    #[test]
    fn the_limit_is_above_eighty() {
        assert_eq!(percent(&[], 80), None);
        // A byte more is more than 80 %, and is not rounded back to it.
        let mut fill = on_node("pve1", 80, json!({}));
        fill.disk = fill.disk.map(|bytes| bytes + 1);
        assert!(said(&[], &[fill])[0].contains("will be 81 % full"));
    }

    #[test]
    fn only_the_newest_archives_tell_the_size() {
        let archives: Vec<Archive> = [(1, 90), (2, 3), (3, 6), (4, 12)]
            .map(|(day, gib)| archive(100, day, gib, json!({})))
            .to_vec();
        // 111 in use, all of them the guest's: 7 × (3 + 6 + 12) / 3 = 49.
        assert_eq!(percent(&archives, 111), None);
        assert_eq!(percent(&archives, 111 + 32).as_deref(), Some("81 %"));
    }

    #[test]
    fn safety_copies_protected_and_renamed_archives_stay_as_they_are() {
        let copy = archive(
            100,
            1,
            40,
            json!({"notes": "reprise: safety copy before run 7"}),
        );
        assert_eq!(percent(std::slice::from_ref(&copy), 60), None);
        let ours = archive(100, 2, 2, json!({}));
        // 60 in use: 40 the copy, 2 ours, 18 others; then 40 + 18 + 14.
        assert_eq!(percent(&[copy, ours.clone()], 60), None);
        let protected = archive(100, 1, 2, json!({"protected": 1}));
        // 79 in use, 2 of them pruned; then 77 + 14.
        assert_eq!(
            percent(&[protected, ours.clone()], 79).as_deref(),
            Some("91 %")
        );
        let renamed = archive(
            100,
            1,
            2,
            json!({"volid": "backups:backup/keep-me.vma.zst"}),
        );
        assert_eq!(percent(&[renamed, ours], 79).as_deref(), Some("91 %"));
    }

    #[test]
    fn a_storage_of_its_own_on_each_node_counts_its_own_guests() {
        let archives = [
            archive(100, 1, 10, json!({})),
            archive(101, 1, 1, json!({})),
        ];
        let fill = [
            on_node("pve1", 30, json!({})),
            on_node("pve2", 30, json!({})),
        ];
        let said = said(&archives, &fill);
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("node `pve1` will be 90 % full"),
            "{said:?}"
        );
    }

    #[test]
    fn a_shared_storage_is_told_once_by_a_node_that_has_reported() {
        let archives = [archive(100, 1, 10, json!({}))];
        let fill = [
            on_node(
                "pve0",
                0,
                json!({"shared": 1, "disk": null, "maxdisk": null}),
            ),
            on_node("pve1", 30, json!({"shared": 1})),
            on_node("pve2", 30, json!({"shared": 1})),
        ];
        assert_eq!(said(&archives, &fill).len(), 1);
        assert_eq!(
            said(&archives, &[on_node("pve1", 0, json!({"maxdisk": 0}))]),
            [""; 0]
        );
    }

    #[test]
    fn sizes_beyond_all_numbers_do_not_overflow() {
        let huge = archive(100, 1, 1, json!({"size": u64::MAX}));
        assert_eq!(said(&[huge], &[on_node("pve1", 1, json!({}))]).len(), 1);
    }

    #[test]
    fn gibibytes_have_one_decimal() {
        assert_eq!(gibibytes(0), "0.0 GiB");
        assert_eq!(gibibytes((1 << 30) + (1 << 29)), "1.5 GiB");
        assert_eq!(gibibytes(u64::MAX), "17179869183.9 GiB");
    }
}
