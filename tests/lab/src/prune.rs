//! Retention: which backups of a group a set of `keep-*` numbers keeps.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The numbers of a `prune-backups` setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) all: bool,
    pub(crate) last: u64,
    pub(crate) hourly: u64,
    pub(crate) daily: u64,
    pub(crate) weekly: u64,
    pub(crate) monthly: u64,
    pub(crate) yearly: u64,
}

impl Keep {
    /// From the keys of the property string.
    pub(crate) fn from_values<'values>(
        values: impl IntoIterator<Item = (&'values str, &'values str)>,
    ) -> Self {
        let mut keep = Self::default();
        for (name, value) in values {
            let number = value.parse().unwrap_or(0);
            match name {
                "keep-all" => keep.all = number != 0,
                "keep-last" => keep.last = number,
                "keep-hourly" => keep.hourly = number,
                "keep-daily" => keep.daily = number,
                "keep-weekly" => keep.weekly = number,
                "keep-monthly" => keep.monthly = number,
                "keep-yearly" => keep.yearly = number,
                _ => {}
            }
        }
        keep
    }

    /// How many backups it can keep at most; 0 when there is no limit.
    pub(crate) fn total(&self) -> u64 {
        if self.all {
            return 0;
        }
        self.last + self.hourly + self.daily + self.weekly + self.monthly + self.yearly
    }

    fn keeps_everything(&self) -> bool {
        self.all || *self == Self::default()
    }
}

/// What becomes of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Keep,
    Remove,
    Protected,
    Renamed,
}

impl Mark {
    /// The word of PVE for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
            Self::Renamed => "renamed",
        }
    }
}

/// Marks the backups of one guest. `entries` are times of creation and whether the backup is
/// protected; protected ones are left alone and count for nothing.
pub(crate) fn mark(entries: &[(i64, bool)], keep: &Keep, zone: &TimeZone) -> Vec<Mark> {
    let mut marks: Vec<Option<Mark>> = entries
        .iter()
        .map(|(_, protected)| protected.then_some(Mark::Protected))
        .collect();
    if keep.keeps_everything() {
        return marks
            .into_iter()
            .map(|mark| mark.unwrap_or(Mark::Keep))
            .collect();
    }
    let mut newest_first: Vec<usize> = (0..entries.len()).collect();
    newest_first.sort_by_key(|index| std::cmp::Reverse(entries.get(*index).map(|(time, _)| *time)));
    newest_first.retain(|index| marks.get(*index).is_some_and(Option::is_none));
    let rules = [
        (keep.last, "%s"),
        (keep.hourly, "%Y/%m/%d/%H"),
        (keep.daily, "%Y/%m/%d"),
        (keep.weekly, "%G/%V"),
        (keep.monthly, "%Y/%m"),
        (keep.yearly, "%Y"),
    ];
    for (count, format) in rules {
        let period = |index: usize| {
            let time = entries.get(index).map_or(0, |(time, _)| *time);
            Timestamp::from_second(time)
                .map(|time| time.to_zoned(zone.clone()).strftime(format).to_string())
                .unwrap_or_default()
        };
        apply(&newest_first, count, &period, &mut marks);
    }
    marks
        .into_iter()
        .map(|mark| mark.unwrap_or(Mark::Remove))
        .collect()
}

// One rule: a period that has a kept backup already is passed by and costs nothing.
fn apply(
    newest_first: &[usize],
    count: u64,
    period: &dyn Fn(usize) -> String,
    marks: &mut [Option<Mark>],
) {
    if count == 0 {
        return;
    }
    let covered: BTreeSet<String> = newest_first
        .iter()
        .filter(|index| marks.get(**index) == Some(&Some(Mark::Keep)))
        .map(|index| period(*index))
        .collect();
    let mut taken = BTreeSet::new();
    for index in newest_first {
        let Some(mark) = marks.get_mut(*index).filter(|mark| mark.is_none()) else {
            continue;
        };
        let period = period(*index);
        if covered.contains(&period) {
            continue;
        }
        if taken.contains(&period) {
            *mark = Some(Mark::Remove);
            continue;
        }
        if u64::try_from(taken.len()).is_ok_and(|taken| taken >= count) {
            return;
        }
        taken.insert(period);
        *mark = Some(Mark::Keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_with_a_kept_backup_costs_nothing() {
        let time = |text: &str| {
            let time: jiff::civil::DateTime = text.parse().unwrap();
            (
                time.to_zoned(TimeZone::UTC)
                    .unwrap()
                    .timestamp()
                    .as_second(),
                false,
            )
        };
        let mut entries: Vec<_> = (0..6)
            .map(|hour| time(&format!("2026-11-20T{hour:02}:00")))
            .collect();
        for day in [19, 18, 14, 10, 5, 1] {
            entries.push(time(&format!("2026-11-{day:02}T02:00")));
        }
        let keep = Keep {
            daily: 2,
            weekly: 1,
            monthly: 1,
            ..Keep::default()
        };
        let marks = mark(&entries, &keep, &TimeZone::UTC);
        let kept: Vec<_> = (0..entries.len())
            .filter(|index| marks[*index] == Mark::Keep)
            .collect();
        assert_eq!(kept, [5, 6, 8]);
    }
}
