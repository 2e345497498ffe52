//! Names of archives: which files PVE lists as backups, and what it reads from their names.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex_lite::Regex;

const EXTENSION: &str = r"(tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?)";

/// What a file name in a dump folder says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArchiveName {
    /// `vma.zst`, `tar.gz`, `tgz`.
    pub(crate) format: String,
    /// qemu, lxc, openvz or unknown.
    pub(crate) subtype: String,
    /// The guest.
    pub(crate) vmid: Option<u32>,
    /// The time in the name, in the zone of the node; absent when the name is not standard.
    pub(crate) time: Option<DateTime>,
}

impl ArchiveName {
    /// Reads a name; `None` for files that PVE does not list as backups.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let format = capture(name, &format!(r"^.+\.{EXTENSION}$"))?;
        let standard = Regex::new(&format!(
            r"^vzdump-(lxc|openvz|qemu)-([1-9][0-9]{{2,8}})-(\d{{4}})_(\d\d)_(\d\d)-(\d\d)_(\d\d)_(\d\d)\.{EXTENSION}$"
        ))
        .ok()?;
        if let Some(captures) = standard.captures(name) {
            let part = |position: usize| captures.get(position).map_or("", |group| group.as_str());
            let number = |position: usize| part(position).parse::<i8>().unwrap_or(-1);
            let year = part(3).parse().unwrap_or(0);
            let time = DateTime::new(
                year,
                number(4),
                number(5),
                number(6),
                number(7),
                number(8),
                0,
            );
            let vmid = part(2).parse().ok();
            // A standard name with an impossible date is no name of vzdump's.
            let subtype = if time.is_ok() { part(1) } else { "unknown" }.to_owned();
            return Some(Self {
                format,
                subtype,
                vmid,
                time: time.ok(),
            });
        }
        let subtype = capture(name, r"^vzdump-(lxc|openvz|qemu)-").unwrap_or("unknown".to_owned());
        let vmid = capture(name, r"-([1-9][0-9]{2,8})-").and_then(|text| text.parse().ok());
        Some(Self {
            format,
            subtype,
            vmid,
            time: None,
        })
    }

    /// Whether vzdump could have given this name.
    pub(crate) fn is_standard(&self) -> bool {
        self.time.is_some()
    }

    /// The time in the name as Unix seconds.
    pub(crate) fn created(&self, zone: &TimeZone) -> Option<i64> {
        Some(
            self.time?
                .to_zoned(zone.clone())
                .ok()?
                .timestamp()
                .as_second(),
        )
    }
}

fn capture(text: &str, pattern: &str) -> Option<String> {
    let regex = Regex::new(pattern).ok()?;
    Some(regex.captures(text)?.get(1)?.as_str().to_owned())
}

/// The guest that the name of a volume belongs to, as PVE's own parser of volume names sees it.
pub(crate) fn owner(name: &str) -> Option<u32> {
    capture(name, r"^vzdump-(?:lxc|openvz|qemu)-([0-9]+)-.+").and_then(|text| text.parse().ok())
}

/// The log of an archive lies beside it without the extension.
pub(crate) fn stem(name: &str) -> String {
    capture(name, &format!(r"^(.+)\.{EXTENSION}$")).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> (String, String, Option<u32>, bool) {
        let archive = ArchiveName::parse(name).unwrap();
        let standard = archive.is_standard();
        (archive.format, archive.subtype, archive.vmid, standard)
    }

    #[test]
    fn names_are_read_as_pve_reads_them() {
        for (name, format, subtype, vmid, standard) in [
            (
                "vzdump-qemu-100-2026_11_20-01_00_00.vma.zst",
                "vma.zst",
                "qemu",
                Some(100),
                true,
            ),
            (
                "vzdump-openvz-102-2026_11_19-03_00_00.tgz",
                "tgz",
                "openvz",
                Some(102),
                true,
            ),
            (
                "vzdump-qemu-100-renamed.vma.zst",
                "vma.zst",
                "qemu",
                Some(100),
                false,
            ),
            (
                "my-vzdump-qemu-100-2026_11_20-01_00_00.vma.zst",
                "vma.zst",
                "unknown",
                Some(100),
                false,
            ),
            (
                "vzdump-lxc-101-2026_11_20-03_00_00-keep.tar.zst",
                "tar.zst",
                "lxc",
                Some(101),
                false,
            ),
            (
                "vzdump-qemu-103-2026_13_40-04_00_00.vma.gz",
                "vma.gz",
                "unknown",
                Some(103),
                false,
            ),
            ("random.tar.zst", "tar.zst", "unknown", None, false),
        ] {
            assert_eq!(
                read(name),
                (format.to_owned(), subtype.to_owned(), vmid, standard),
                "{name}"
            );
        }
        for name in [
            "vzdump-lxc-103-2026_11_20-03_00_00.tar.xz",
            "a.dat",
            "a.vma.tmp",
            "a.log",
        ] {
            assert_eq!(ArchiveName::parse(name), None, "{name}");
        }
        assert_eq!(stem("vzdump-lxc-1-x.tar.zst"), "vzdump-lxc-1-x");
    }

    #[test]
    fn the_time_is_local() {
        let archive = ArchiveName::parse("vzdump-lxc-101-2026_07_01-02_00_00.tar").unwrap();
        let vienna = TimeZone::get("Europe/Vienna").unwrap();
        assert_eq!(archive.created(&TimeZone::UTC), Some(1_782_871_200));
        assert_eq!(archive.created(&vienna), Some(1_782_871_200 - 7200));
    }
}
