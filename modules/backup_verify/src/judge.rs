//! What the archives of one guest mean for each other.

use pve_types::{LocalStamp, Vmid};

use crate::observe::Verified;

/// A sound archive of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sound<'a> {
    pub(crate) vmid: Vmid,
    pub(crate) stamp: LocalStamp,
    pub(crate) name: &'a str,
}

/// The sound archives whose names tell guest and time, the newest last.
pub(crate) fn sound(archives: &[Verified]) -> Vec<Sound<'_>> {
    let mut sound: Vec<Sound<'_>> = archives
        .iter()
        .filter(|verified| verified.examination.verdict.is_sound())
        .filter_map(|verified| {
            let candidate = &verified.candidate;
            let standard = candidate.name.standard.as_ref()?;
            Some(Sound {
                vmid: standard.vmid(),
                stamp: standard.stamp(),
                name: &candidate.name.name,
            })
        })
        .collect();
    sound.sort_by_key(|sound| (sound.vmid, sound.stamp));
    sound
}

/// The newest sound archive of a guest.
pub(crate) fn newest<'a>(sound: &'a [Sound<'a>], vmid: Vmid) -> Option<&'a Sound<'a>> {
    of_guest(sound, vmid).last()
}

/// The newest sound archive of a guest before this time.
pub(crate) fn older<'a>(
    sound: &'a [Sound<'a>],
    vmid: Vmid,
    stamp: LocalStamp,
) -> Option<&'a Sound<'a>> {
    let of_guest = of_guest(sound, vmid);
    let older = of_guest.partition_point(|sound| sound.stamp < stamp);
    of_guest.get(..older)?.last()
}

/// Those of a guest. There may be tens of thousands in all, and each asks for its older ones.
fn of_guest<'a>(sound: &'a [Sound<'a>], vmid: Vmid) -> &'a [Sound<'a>] {
    let start = sound.partition_point(|sound| sound.vmid < vmid);
    let end = sound.partition_point(|sound| sound.vmid <= vmid);
    sound.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_same_guest_before_this_time() {
        let sound: Vec<Sound<'_>> = [(100, "a", 1), (100, "b", 3), (101, "c", 2), (103, "d", 1)]
            .map(|(vmid, name, day)| Sound {
                vmid: vmid.to_string().parse().unwrap(),
                stamp: stamp(day),
                name,
            })
            .into();
        let of = |vmid: u32| vmid.to_string().parse().unwrap();
        let older = |vmid, day| older(&sound, of(vmid), stamp(day)).map(|sound| sound.name);
        assert_eq!(older(100, 1), None);
        assert_eq!(older(100, 2), Some("a"));
        assert_eq!(older(100, 3), Some("a"));
        assert_eq!(older(100, 9), Some("b"));
        assert_eq!(older(101, 9), Some("c"));
        assert_eq!(
            (older(99, 9), older(102, 9), older(104, 9)),
            (None, None, None)
        );
        assert_eq!(newest(&sound, of(100)).map(|sound| sound.name), Some("b"));
        assert_eq!(newest(&sound, of(102)), None);
    }

    fn stamp(day: u32) -> LocalStamp {
        let name = format!("vzdump-qemu-100-2026_01_0{day}-00_00_00.vma");
        name.parse::<pve_types::ArchiveName>().unwrap().stamp()
    }
}
