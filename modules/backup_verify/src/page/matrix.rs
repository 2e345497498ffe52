//! Guests × days: where on which day there is an archive, and where one is missing.
//!
//! A day without an archive is a hole when the newest archive before its end was older than the
//! guest's recovery point objective allows. Days that a prune may have thinned out, and those
//! before the first archive, are no holes: nobody knows whether there was a backup.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use pve_coverage::{GuestCoverage, GuestState, Mark};
use vzdump_archive::Verdict;

use crate::report::ArchiveResult;

/// So many days are shown at the most; what is older is counted.
pub(crate) const MOST_DAYS: usize = 60;

/// So many days are shown at the least.
const FEWEST_DAYS: usize = 7;

const HOUR: i64 = 3600;

/// What a day of a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Every archive of it was read and is sound.
    Sound,
    /// An archive of it can be restored, and something about it is unusual.
    Warn,
    /// A sound archive, and one that is not.
    Mixed,
    /// No archive of it can be relied on.
    Damaged,
    /// Its archive was not read.
    Unread,
    /// A backup runs.
    Running,
    /// No archive, and the one before it is too old.
    Hole,
    /// No archive can be seen, and some may be hidden.
    Unknown,
    /// No archive, and none had to be there.
    None,
}

impl Kind {
    /// All of them, as the legend has them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Sound,
        Self::Warn,
        Self::Mixed,
        Self::Damaged,
        Self::Unread,
        Self::Running,
        Self::Hole,
        Self::Unknown,
        Self::None,
    ];

    /// One character, so that nothing depends on color.
    pub(crate) const fn symbol(self) -> char {
        match self {
            Self::Sound => '✓',
            Self::Warn => '!',
            Self::Mixed => '◐',
            Self::Damaged => '✗',
            Self::Unread => '○',
            Self::Running => '…',
            Self::Hole => '▢',
            Self::Unknown => '?',
            Self::None => '·',
        }
    }

    /// What it means.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Sound => "read to the last byte and sound",
            Self::Warn => "can be restored, with a remark",
            Self::Mixed => "a sound archive and one that is not",
            Self::Damaged => "damaged, unreadable or incomplete",
            Self::Unread => "an archive that was not read",
            Self::Running => "a backup runs now",
            Self::Hole => "no archive, and one was due",
            Self::Unknown => "no archive can be seen, others may be hidden",
            Self::None => "no archive, and none was due or a prune may have removed it",
        }
    }
}

/// A day of a guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell<'a> {
    pub(crate) kind: Kind,
    pub(crate) archives: Vec<&'a ArchiveResult>,
}

/// A guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row<'a> {
    /// `qemu/100`, as other exporters and Proxmox VE itself write it.
    pub(crate) id: String,
    /// What is said of it; nothing when Proxmox VE was not asked or shows no such guest.
    pub(crate) guest: Option<&'a GuestCoverage>,
    /// Its days, the newest first.
    pub(crate) cells: Vec<Cell<'a>>,
    /// How many archives are older than the days that are shown.
    pub(crate) older: usize,
    /// All its archives, the newest first.
    pub(crate) archives: Vec<&'a ArchiveResult>,
}

/// Guests × days.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix<'a> {
    /// The newest first.
    pub(crate) days: Vec<Date>,
    /// Those with trouble first.
    pub(crate) rows: Vec<Row<'a>>,
}

/// Where a day ends and when now is.
struct Clock<'a> {
    now: i64,
    zone: &'a TimeZone,
}

pub(crate) fn matrix<'a>(
    guests: &'a [GuestCoverage],
    archives: &'a [ArchiveResult],
    now: i64,
    zone: &TimeZone,
) -> Matrix<'a> {
    let clock = Clock { now, zone };
    let days = days(archives, &clock);
    let mut rest: BTreeMap<String, Vec<&ArchiveResult>> = BTreeMap::new();
    for archive in archives {
        if let Some(id) = id(archive) {
            rest.entry(id).or_default().push(archive);
        }
    }
    let mut rows: Vec<Row<'a>> = Vec::new();
    for guest in guests {
        let id = format!("{}/{}", guest.kind, guest.vmid);
        let mut own = rest.remove(&id).unwrap_or_default();
        own.extend(
            rest.remove(&format!("?/{}", guest.vmid))
                .unwrap_or_default(),
        );
        rows.push(row(id, Some(guest), own, &days, &clock));
    }
    rows.sort_by_key(|row| row.guest.map(|guest| (urgency(guest.state), guest.vmid)));
    rows.extend(
        rest.into_iter()
            .map(|(id, own)| row(id, None, own, &days, &clock)),
    );
    Matrix { days, rows }
}

/// What needs a hand comes first.
pub(crate) const fn urgency(state: GuestState) -> u8 {
    match state {
        GuestState::Unprotected => 0,
        GuestState::Corrupt => 1,
        GuestState::Stale => 2,
        GuestState::Unknown => 3,
        GuestState::Unverified => 4,
        GuestState::Protected => 5,
        GuestState::Excluded => 6,
    }
}

/// The guest of an archive as `qemu/100`; `?/100` when nothing tells its kind.
pub(crate) fn id(archive: &ArchiveResult) -> Option<String> {
    let vmid = archive.vmid?;
    let name = archive.name();
    let file = super::words::base(name);
    let kind = if file.starts_with("vzdump-qemu-") || name.contains(":backup/vm/") {
        "qemu"
    } else if file.starts_with("vzdump-lxc-")
        || file.starts_with("vzdump-openvz-")
        || name.contains(":backup/ct/")
    {
        "lxc"
    } else {
        "?"
    };
    Some(format!("{kind}/{vmid}"))
}

/// When an archive was begun, in Unix seconds.
pub(crate) fn instant(archive: &ArchiveResult, zone: &TimeZone) -> Option<i64> {
    archive.at.or_else(|| {
        let stamp = archive.time.as_deref()?;
        let time = jiff::fmt::strtime::parse("%Y_%m_%d-%H_%M_%S", stamp).ok()?;
        let time = time.to_datetime().ok()?;
        Some(time.to_zoned(zone.clone()).ok()?.timestamp().as_second())
    })
}

/// The day of an archive: that of its name, which is local to the node that made it.
fn day(archive: &ArchiveResult, zone: &TimeZone) -> Option<Date> {
    let named = archive
        .time
        .as_deref()
        .and_then(|stamp| jiff::fmt::strtime::parse("%Y_%m_%d-%H_%M_%S", stamp).ok())
        .and_then(|time| time.to_date().ok());
    named.or_else(|| date(archive.at?, zone))
}

fn date(seconds: i64, zone: &TimeZone) -> Option<Date> {
    let time = Timestamp::from_second(seconds).ok()?;
    Some(time.to_zoned(zone.clone()).date())
}

fn days(archives: &[ArchiveResult], clock: &Clock<'_>) -> Vec<Date> {
    let Some(today) = date(clock.now, clock.zone) else {
        return Vec::new();
    };
    let oldest = archives
        .iter()
        .filter(|archive| archive.vmid.is_some() && !archive.safety_copy)
        .filter_map(|archive| day(archive, clock.zone))
        .min()
        .unwrap_or(today);
    let mut days = vec![today];
    let mut day = today;
    while days.len() < FEWEST_DAYS || (day > oldest && days.len() < MOST_DAYS) {
        let Ok(before) = day.yesterday() else { break };
        day = before;
        days.push(day);
    }
    days
}

fn row<'a>(
    id: String,
    guest: Option<&'a GuestCoverage>,
    mut archives: Vec<&'a ArchiveResult>,
    days: &[Date],
    clock: &Clock<'_>,
) -> Row<'a> {
    archives.sort_by_key(|archive| {
        let at = instant(archive, clock.zone);
        (std::cmp::Reverse(at), archive.name())
    });
    let mut by_day: BTreeMap<Date, Vec<&ArchiveResult>> = BTreeMap::new();
    let mut older = 0_usize;
    for archive in archives.iter().filter(|archive| !archive.safety_copy) {
        match day(archive, clock.zone) {
            Some(day) if days.last().is_some_and(|first| day < *first) => {
                older = older.saturating_add(1);
            }
            Some(day) => by_day.entry(day).or_default().push(archive),
            None => {}
        }
    }
    let due = Due::of(guest, &archives, clock);
    let cells = days
        .iter()
        .map(|day| {
            let archives = by_day.remove(day).unwrap_or_default();
            let kind = kind(&archives).unwrap_or_else(|| due.missing(*day, clock));
            Cell { kind, archives }
        })
        .collect();
    Row {
        id,
        guest,
        cells,
        older,
        archives,
    }
}

/// What the archives of a day make of it.
fn kind(archives: &[&ArchiveResult]) -> Option<Kind> {
    let has = |verdict: Verdict| archives.iter().any(|archive| archive.verdict == verdict);
    let bad = has(Verdict::Corrupt) || has(Verdict::Unreadable) || has(Verdict::Incomplete);
    let sound = has(Verdict::Ok) || has(Verdict::Warn);
    if bad {
        return Some(if sound { Kind::Mixed } else { Kind::Damaged });
    }
    if has(Verdict::Warn) {
        return Some(Kind::Warn);
    }
    if has(Verdict::Ok) {
        return Some(Kind::Sound);
    }
    if has(Verdict::NotVerified) {
        return Some(Kind::Unread);
    }
    has(Verdict::InProgress).then_some(Kind::Running)
}

/// When a guest should have had an archive.
struct Due {
    /// How old the newest one may be, in seconds; nothing when nobody said, and it cannot be seen.
    age: Option<i64>,
    /// The times of those that count, the oldest first.
    counted: Vec<i64>,
    /// The first day of which all are still there: later ones no prune has thinned out.
    whole_since: Option<Date>,
    /// What a day is when nothing else is known.
    otherwise: Kind,
}

impl Due {
    fn of(guest: Option<&GuestCoverage>, archives: &[&ArchiveResult], clock: &Clock<'_>) -> Self {
        let counts = |archive: &&&ArchiveResult| {
            !archive.safety_copy
                && matches!(
                    archive.verdict,
                    Verdict::Ok | Verdict::Warn | Verdict::NotVerified
                )
        };
        let mut counted: Vec<i64> = archives
            .iter()
            .filter(counts)
            .filter_map(|archive| instant(archive, clock.zone))
            .collect();
        counted.sort_unstable();
        let whole_since = archives
            .iter()
            .filter(counts)
            .filter(|archive| !is_thinned(archive))
            .filter_map(|archive| day(archive, clock.zone))
            .min();
        let age = match guest {
            Some(guest) => guest.rpo_hours.map(|hours| hours.saturating_mul(HOUR)),
            None => None,
        };
        let (age, otherwise) = match guest.map(|guest| guest.state) {
            Some(GuestState::Excluded) => (None, Kind::None),
            Some(GuestState::Unknown) => (None, Kind::Unknown),
            Some(GuestState::Unprotected) if counted.is_empty() => (Some(0), Kind::Hole),
            _ => (age.or_else(|| rhythm(&counted)), Kind::None),
        };
        Self {
            age,
            counted,
            whole_since,
            otherwise,
        }
    }

    /// What a day without an archive is.
    fn missing(&self, day: Date, clock: &Clock<'_>) -> Kind {
        let Some(age) = self.age else {
            return self.otherwise;
        };
        let end = day
            .checked_add(1.day())
            .ok()
            .and_then(|next| next.to_zoned(clock.zone.clone()).ok())
            .map_or(clock.now, |end| end.timestamp().as_second())
            .min(clock.now);
        let before = self.counted.iter().rfind(|at| **at < end);
        let Some(before) = before else {
            // Nothing is older: perhaps it did not exist yet.
            return self.otherwise;
        };
        let is_whole = self.whole_since.is_some_and(|since| day > since)
            || self.counted.last() == Some(before);
        if is_whole && end.saturating_sub(*before) > age {
            Kind::Hole
        } else {
            Kind::None
        }
    }
}

/// Whether an archive is one of few that a prune left of its time: those around it say nothing.
fn is_thinned(archive: &ArchiveResult) -> bool {
    let coarse = ["keep-weekly", "keep-monthly", "keep-yearly"];
    archive.protected
        || matches!(archive.next_prune, Some(Mark::Protected | Mark::Renamed))
        || archive
            .next_prune_why
            .as_deref()
            .is_some_and(|why| coarse.iter().any(|rule| why.contains(rule)))
}

/// How old the newest archive may be by the habit of the guest, when nobody said: half as much
/// again as the usual distance of its archives, and never less than a day and two hours.
fn rhythm(counted: &[i64]) -> Option<i64> {
    let mut distances: Vec<i64> = counted
        .iter()
        .zip(counted.iter().skip(1))
        .map(|(a, b)| b.saturating_sub(*a))
        .collect();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2)?;
    (distances.len() > 1).then(|| (usual.saturating_mul(3) / 2).max(26 * HOUR))
}

#[cfg(test)]
mod tests;
