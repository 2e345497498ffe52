//! What a prune with a retention would do, as Proxmox VE marks it.
//!
//! The rules run in a fixed order over the archives of one guest, newest first, in local time. A
//! period that an earlier rule kept something of is passed by and does not use up a count.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pve_types::Retention;
use schemars::JsonSchema;
use serde::Serialize;

/// An archive that a prune looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// When it was made, in Unix seconds.
    pub ctime: i64,
    /// What keeps it out of the rules, if anything does.
    pub apart: Option<Mark>,
}

/// What a prune does with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is kept.
    Keep,
    /// It is removed.
    Remove,
    /// It is protected: kept, and not counted.
    Protected,
    /// Its name is not one of vzdump: kept, and not counted.
    Renamed,
}

impl Mark {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
            Self::Renamed => "renamed",
        }
    }
}

/// A mark and what led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// The mark.
    pub mark: Mark,
    /// Why.
    pub why: Why,
}

/// Why an archive is kept or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Everything is kept.
    KeepAll,
    /// This rule keeps it.
    Rule(&'static str),
    /// A newer archive of the same period is kept by this rule.
    SamePeriod(&'static str),
    /// No rule reaches back to it.
    Beyond,
    /// It is protected.
    Protected,
    /// Its name is not one of vzdump.
    Renamed,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeepAll => f.write_str("everything is kept"),
            Self::Rule(rule) => write!(f, "kept by {rule}"),
            Self::SamePeriod(rule) => write!(f, "a newer one of its period is kept by {rule}"),
            Self::Beyond => f.write_str("older than all that the retention keeps"),
            Self::Protected => f.write_str("protected"),
            Self::Renamed => f.write_str("no name of vzdump, which no prune touches"),
        }
    }
}

/// Marks the archives of one guest of one kind on one storage; the marks are in their order.
pub fn marks(archives: &[Candidate], retention: &Retention, zone: &TimeZone) -> Vec<Marked> {
    let mut marked: Vec<Option<Marked>> = archives
        .iter()
        .map(|archive| archive.apart.map(apart))
        .collect();
    let rest = if retention.is_keep_all() {
        (Mark::Keep, Why::KeepAll)
    } else {
        let mut newest_first: Vec<(usize, i64)> = archives
            .iter()
            .enumerate()
            .filter(|(_, archive)| archive.apart.is_none())
            .map(|(at, archive)| (at, archive.ctime))
            .collect();
        newest_first.sort_by_key(|(_, ctime)| std::cmp::Reverse(*ctime));
        for (rule, count) in retention.counts() {
            apply(rule, count.unwrap_or(0), &newest_first, zone, &mut marked);
        }
        (Mark::Remove, Why::Beyond)
    };
    marked
        .into_iter()
        .map(|marked| {
            marked.unwrap_or(Marked {
                mark: rest.0,
                why: rest.1,
            })
        })
        .collect()
}

const fn apart(mark: Mark) -> Marked {
    let why = match mark {
        Mark::Renamed => Why::Renamed,
        Mark::Protected | Mark::Keep | Mark::Remove => Why::Protected,
    };
    Marked { mark, why }
}

fn apply(
    rule: &'static str,
    count: u64,
    newest_first: &[(usize, i64)],
    zone: &TimeZone,
    marked: &mut [Option<Marked>],
) {
    if count == 0 {
        return;
    }
    let is_kept = |at: usize, marked: &[Option<Marked>]| {
        marked
            .get(at)
            .copied()
            .flatten()
            .is_some_and(|marked| marked.mark == Mark::Keep)
    };
    let covered: BTreeSet<String> = newest_first
        .iter()
        .filter(|(at, _)| is_kept(*at, marked))
        .map(|(_, ctime)| period(rule, *ctime, zone))
        .collect();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (at, ctime) in newest_first {
        let Some(slot) = marked.get_mut(*at).filter(|slot| slot.is_none()) else {
            continue;
        };
        let period = period(rule, *ctime, zone);
        if covered.contains(&period) {
            continue;
        }
        let same = taken.contains(&period);
        if !same && u64::try_from(taken.len()).is_ok_and(|taken| taken >= count) {
            return;
        }
        *slot = Some(if same {
            Marked {
                mark: Mark::Remove,
                why: Why::SamePeriod(rule),
            }
        } else {
            taken.insert(period);
            Marked {
                mark: Mark::Keep,
                why: Why::Rule(rule),
            }
        });
    }
}

/// The period that a rule puts a time in, in words that are equal for equal periods.
fn period(rule: &str, ctime: i64, zone: &TimeZone) -> String {
    let format = match rule {
        "keep-hourly" => "%Y/%m/%d/%H",
        "keep-daily" => "%Y/%m/%d",
        "keep-weekly" => "%G/%V",
        "keep-monthly" => "%Y/%m",
        "keep-yearly" => "%Y",
        // Each second is one of its own.
        _ => return ctime.to_string(),
    };
    Timestamp::from_second(ctime).map_or_else(
        |_| ctime.to_string(),
        |time| time.to_zoned(zone.clone()).strftime(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What a real node marked: 700 groups of archives in many time zones.
    #[test]
    fn the_marks_are_those_of_proxmox_ve() {
        let recorded = include_bytes!("../../../tests/lab/fixtures/prune-vectors.jsonl.zst");
        let text = String::from_utf8(zstd::decode_all(&recorded[..]).unwrap()).unwrap();
        let mut checked = 0;
        for line in text.lines() {
            let vector: Value = serde_json::from_str(line).unwrap();
            let archives: Vec<Candidate> = vector["backups"]
                .as_array()
                .unwrap()
                .iter()
                .map(|backup| Candidate {
                    ctime: backup[0].as_i64().unwrap(),
                    apart: backup[1].as_bool().unwrap().then_some(Mark::Protected),
                })
                .collect();
            let retention: Retention = serde_json::from_value(vector["keep"].clone()).unwrap();
            let zone = TimeZone::get(vector["tz"].as_str().unwrap()).unwrap();
            let marks: Vec<Mark> = marks(&archives, &retention, &zone)
                .into_iter()
                .map(|marked| marked.mark)
                .collect();
            assert_eq!(
                serde_json::to_value(marks).unwrap(),
                vector["marks"],
                "{line}"
            );
            checked += 1;
        }
        assert!(checked > 100, "{checked}");
    }

    #[test]
    fn every_mark_says_why() {
        let at = |hour: i64, apart| Candidate {
            ctime: hour * 3600,
            apart,
        };
        let archives = [
            at(1, None),
            at(2, None),
            at(3, None),
            at(26, None),
            at(27, None),
            at(28, Some(Mark::Protected)),
            at(29, Some(Mark::Renamed)),
        ];
        let said = |retention: &str| -> Vec<String> {
            marks(&archives, &retention.parse().unwrap(), &TimeZone::UTC)
                .into_iter()
                .map(|marked| marked.why.to_string())
                .collect()
        };
        let newer = "a newer one of its period is kept by keep-daily";
        let beyond = "older than all that the retention keeps";
        assert_eq!(
            said("keep-last=1,keep-daily=1"),
            [
                newer,
                newer,
                "kept by keep-daily",
                beyond,
                "kept by keep-last",
                "protected",
                "no name of vzdump, which no prune touches"
            ]
        );
        assert_eq!(said("keep-all=1")[0], "everything is kept");
    }
}
