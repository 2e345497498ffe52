//! The names that vzdump gives to archives.

use std::fmt;
use std::str::FromStr;

use crate::text::by_text;
use crate::{GuestKind, ParseError, Vmid};

/// The name of an archive as vzdump makes it:
/// `vzdump-(qemu|lxc|openvz)-<vmid>-YYYY_MM_DD-HH_MM_SS.<extension>`.
///
/// The time is the node's local time, without zone. Names that people gave are not standard and
/// do not parse; PVE shows them, calls them `renamed` and never prunes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveName {
    tag: GuestTag,
    vmid: Vmid,
    stamp: LocalStamp,
    format: ArchiveFormat,
    compression: Option<Compression>,
    tgz: bool,
}

/// The word for the guest in the name of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GuestTag {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
    /// A container of PVE 3 and older.
    Openvz,
}

impl GuestTag {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
            Self::Openvz => "openvz",
        }
    }

    /// The kind of guest that a restore of the archive makes.
    pub const fn kind(self) -> GuestKind {
        match self {
            Self::Qemu => GuestKind::Qemu,
            Self::Lxc | Self::Openvz => GuestKind::Lxc,
        }
    }
}

/// Date and time of the name, in the local time of the node that made the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalStamp {
    /// Year, four digits.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 60.
    pub second: u8,
}

impl fmt::Display for LocalStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}_{:02}_{:02}-{:02}_{:02}_{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

/// The container format of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArchiveFormat {
    /// Disks and configuration of a virtual machine.
    Vma,
    /// The file tree of a container.
    Tar,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// gzip, `.gz` or `.tgz`.
    Gzip,
    /// lzo, `.lzo`.
    Lzo,
    /// zstd, `.zst`.
    Zstd,
    /// bzip2, `.bz2`; only made by other programs.
    Bzip2,
}

impl Compression {
    const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Lzo => ".lzo",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
        }
    }
}

impl ArchiveName {
    /// The word for the guest.
    pub const fn tag(&self) -> GuestTag {
        self.tag
    }

    /// The guest the archive was made of.
    pub const fn vmid(&self) -> Vmid {
        self.vmid
    }

    /// When it was made, local time of the node.
    pub const fn stamp(&self) -> LocalStamp {
        self.stamp
    }

    /// The container format.
    pub const fn format(&self) -> ArchiveFormat {
        self.format
    }

    /// The compression, `None` for a plain archive.
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The name without extension: the log file is `<stem>.log`, shared by two archives of the
    /// same guest and second.
    pub fn stem(&self) -> String {
        format!("vzdump-{}-{}-{}", self.tag.as_str(), self.vmid, self.stamp)
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stem())?;
        if self.tgz {
            return f.write_str(".tgz");
        }
        f.write_str(match self.format {
            ArchiveFormat::Vma => ".vma",
            ArchiveFormat::Tar => ".tar",
        })?;
        f.write_str(self.compression.map_or("", Compression::extension))
    }
}

impl FromStr for ArchiveName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| ParseError::new("archive name", text, reason))
    }
}

fn parse(text: &str) -> Result<ArchiveName, String> {
    let shape = || "it must look like `vzdump-qemu-100-2026_01_31-02_00_00.vma.zst`".to_owned();
    let rest = text.strip_prefix("vzdump-").ok_or_else(shape)?;
    let (tag, rest) = rest.split_once('-').ok_or_else(shape)?;
    let tag = match tag {
        "qemu" => GuestTag::Qemu,
        "lxc" => GuestTag::Lxc,
        "openvz" => GuestTag::Openvz,
        _ => return Err(shape()),
    };
    let (vmid, rest) = rest.split_once('-').ok_or_else(shape)?;
    let vmid = vmid.parse::<Vmid>().map_err(|error| error.to_string())?;
    let (stamp, extension) = rest.split_once('.').ok_or_else(shape)?;
    let stamp = stamp_of(stamp).ok_or_else(shape)?;
    let (format, compression, tgz) = extension_of(extension).ok_or_else(shape)?;
    Ok(ArchiveName {
        tag,
        vmid,
        stamp,
        format,
        compression,
        tgz,
    })
}

fn stamp_of(text: &str) -> Option<LocalStamp> {
    let (date, time) = text.split_once('-')?;
    let mut date = date.split('_');
    let mut time = time.split('_');
    let stamp = LocalStamp {
        year: digits(date.next()?, 4)?,
        month: u8::try_from(digits(date.next()?, 2)?).ok()?,
        day: u8::try_from(digits(date.next()?, 2)?).ok()?,
        hour: u8::try_from(digits(time.next()?, 2)?).ok()?,
        minute: u8::try_from(digits(time.next()?, 2)?).ok()?,
        second: u8::try_from(digits(time.next()?, 2)?).ok()?,
    };
    let whole = date.next().is_none() && time.next().is_none();
    let real = (1..=12).contains(&stamp.month)
        && (1..=31).contains(&stamp.day)
        && stamp.hour <= 23
        && stamp.minute <= 59
        && stamp.second <= 60;
    (whole && real).then_some(stamp)
}

fn digits(text: &str, length: usize) -> Option<u16> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn extension_of(text: &str) -> Option<(ArchiveFormat, Option<Compression>, bool)> {
    if text == "tgz" {
        return Some((ArchiveFormat::Tar, Some(Compression::Gzip), true));
    }
    let (format, compression) = match text.split_once('.') {
        Some((format, compression)) => (format, Some(compression)),
        None => (text, None),
    };
    let format = match format {
        "vma" => ArchiveFormat::Vma,
        "tar" => ArchiveFormat::Tar,
        _ => return None,
    };
    let compression = match compression {
        None => None,
        Some("gz") => Some(Compression::Gzip),
        Some("lzo") => Some(Compression::Lzo),
        Some("zst") => Some(Compression::Zstd),
        Some("bz2") => Some(Compression::Bzip2),
        Some(_) => return None,
    };
    Some((format, compression, false))
}

by_text!(ArchiveName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_of_a_name() {
        let name: ArchiveName = "vzdump-lxc-200-2026_01_10-03_03_12.tar.zst"
            .parse()
            .unwrap();
        assert_eq!(name.tag().kind(), GuestKind::Lxc);
        assert_eq!(name.vmid().get(), 200);
        assert_eq!(name.stamp().to_string(), "2026_01_10-03_03_12");
        assert_eq!(
            (name.format(), name.compression()),
            (ArchiveFormat::Tar, Some(Compression::Zstd))
        );
        assert_eq!(name.stem(), "vzdump-lxc-200-2026_01_10-03_03_12");
    }

    #[test]
    fn what_is_not_standard_is_refused() {
        for text in [
            "my-vzdump-qemu-100-2026_11_20-01_00_00.vma.zst",
            "vzdump-qemu-100-2026_11_20-01_00_00.vma.xz",
            "vzdump-qemu-100-2026_11_20-01_00_00.log",
            "vzdump-qemu-100-2026_11_20-01_00_00.vma.zst.notes",
            "vzdump-qemu-100-2026_11_20-01_00_00.vma.dat",
            "vzdump-qemu-99-2026_11_20-01_00_00.vma",
            "vzdump-qemu-100-2026_13_20-01_00_00.vma",
            "vzdump-qemu-100-2026_11_20-24_00_00.vma",
            "vzdump-qemu-100-2026_11_20.vma",
            "vzdump-xen-100-2026_11_20-01_00_00.vma",
            "random.tar.zst",
            "",
        ] {
            assert!(text.parse::<ArchiveName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_sort_by_guest_and_time() {
        let older: ArchiveName = "vzdump-qemu-100-2026_01_09-23_59_59.vma".parse().unwrap();
        let newer: ArchiveName = "vzdump-qemu-100-2026_01_10-00_00_00.vma".parse().unwrap();
        assert!(older < newer);
    }

    proptest! {
        #[test]
        fn display_and_from_str_are_inverse(
            tag in "qemu|lxc|openvz",
            vmid in 100_u32..=999_999_999,
            year in 1970_u16..2100,
            month in 1_u8..=12,
            day in 1_u8..=31,
            hour in 0_u8..=23,
            minute in 0_u8..=59,
            second in 0_u8..=59,
            extension in r"tgz|(vma|tar)(\.(gz|lzo|zst|bz2))?",
        ) {
            let text = format!(
                "vzdump-{tag}-{vmid}-{year:04}_{month:02}_{day:02}-{hour:02}_{minute:02}_{second:02}.{extension}"
            );
            prop_assert_eq!(text.parse::<ArchiveName>().unwrap().to_string(), text);
        }
    }
}
