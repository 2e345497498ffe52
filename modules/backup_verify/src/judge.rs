//! What the archives of one guest mean for each other.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pve_types::{LocalStamp, Vmid, is_safety_copy};

use crate::observe::{Listed, Verified};

/// A sound archive of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound<'a> {
    pub(crate) vmid: Vmid,
    pub(crate) stamp: LocalStamp,
    pub(crate) name: Cow<'a, str>,
    /// It was made before a restore: something to go back to, and no backup.
    is_copy: bool,
}

/// The sound archives that tell guest and time, the newest last: those that were read, and the
/// snapshots that a backup server vouches for. `zone` is the local time of the node.
pub(crate) fn sound<'a>(
    archives: &'a [Verified],
    listed: &'a [Listed],
    zone: &TimeZone,
) -> Vec<Sound<'a>> {
    let read = archives
        .iter()
        .filter(|verified| verified.examination.verdict.is_sound())
        .filter_map(|verified| {
            let candidate = &verified.candidate;
            let standard = candidate.name.standard.as_ref()?;
            Some(Sound {
                vmid: standard.vmid(),
                stamp: standard.stamp(),
                name: Cow::Borrowed(candidate.name.name.as_str()),
                is_copy: is_safety_copy(candidate.notes.as_deref()),
            })
        });
    let vouched = listed
        .iter()
        .filter(|listed| listed.verdict.is_sound())
        .filter_map(|listed| {
            Some(Sound {
                vmid: listed.archive.vmid?,
                stamp: local(listed.archive.ctime?, zone)?,
                name: Cow::Owned(listed.archive.volid.to_string()),
                is_copy: is_safety_copy(listed.archive.notes.as_deref()),
            })
        });
    let mut sound: Vec<Sound<'_>> = read.chain(vouched).collect();
    sound.sort_by_key(|sound| (sound.vmid, sound.stamp));
    sound
}

fn local(at: i64, zone: &TimeZone) -> Option<LocalStamp> {
    let time = Timestamp::from_second(at).ok()?.to_zoned(zone.clone());
    Some(LocalStamp {
        year: u16::try_from(time.year()).ok()?,
        month: u8::try_from(time.month()).ok()?,
        day: u8::try_from(time.day()).ok()?,
        hour: u8::try_from(time.hour()).ok()?,
        minute: u8::try_from(time.minute()).ok()?,
        second: u8::try_from(time.second()).ok()?,
    })
}

/// The newest sound archive of a guest that is a backup.
pub(crate) fn newest<'a>(sound: &'a [Sound<'a>], vmid: Vmid) -> Option<&'a Sound<'a>> {
    let end = sound.partition_point(|sound| sound.vmid <= vmid);
    sound
        .get(..end)?
        .iter()
        .rev()
        .take_while(|sound| sound.vmid == vmid)
        .find(|sound| !sound.is_copy)
}

/// The newest sound archive of a guest before this time.
pub(crate) fn older<'a>(
    sound: &'a [Sound<'a>],
    vmid: Vmid,
    stamp: LocalStamp,
) -> Option<&'a Sound<'a>> {
    let end = sound.partition_point(|sound| (sound.vmid, sound.stamp) < (vmid, stamp));
    let last = sound.get(..end)?.last()?;
    (last.vmid == vmid).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u8) -> LocalStamp {
        LocalStamp {
            year: 2026,
            month: 1,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        }
    }

    #[test]
    fn a_copy_is_something_to_go_back_to_and_no_backup() {
        let vmid = |number: u64| Vmid::new(number).unwrap();
        let one = |number, day, name: &'static str, is_copy| Sound {
            vmid: vmid(number),
            stamp: at(day),
            name: Cow::Borrowed(name),
            is_copy,
        };
        let sound = [
            one(100, 9, "other", false),
            one(101, 1, "first", false),
            one(101, 3, "second", false),
            one(101, 5, "copy", true),
            one(102, 2, "next", false),
        ];
        let newest_of = |number| newest(&sound, vmid(number)).map(|sound| &*sound.name);
        assert_eq!(newest_of(101), Some("second"));
        assert_eq!(newest_of(99 + 4), None);
        let older_than = |day| older(&sound, vmid(101), at(day)).map(|sound| &*sound.name);
        assert_eq!(
            [older_than(1), older_than(3), older_than(4), older_than(9)],
            [None, Some("first"), Some("second"), Some("copy")]
        );
    }
}
