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
    sound.iter().rfind(|sound| sound.vmid == vmid)
}

/// The newest sound archive of a guest before this time.
pub(crate) fn older<'a>(
    sound: &'a [Sound<'a>],
    vmid: Vmid,
    stamp: LocalStamp,
) -> Option<&'a Sound<'a>> {
    sound
        .iter()
        .rfind(|sound| sound.vmid == vmid && sound.stamp < stamp)
}
