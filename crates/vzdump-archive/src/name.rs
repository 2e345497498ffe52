//! What the name of a file says of its content.

use pve_types::{ArchiveName, GuestTag, Vmid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Codec;

/// What is in a file, once decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The archive of a virtual machine.
    Vma,
    /// The archive of a container.
    Tar,
    /// The dump of a database, as SQL.
    Sql,
    /// The dump of a database, in the custom format of `pg_dump`.
    PgCustom,
}

impl Format {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vma => "vma",
            Self::Tar => "tar",
            Self::Sql => "sql",
            Self::PgCustom => "pg_custom",
        }
    }
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The name itself, without its folder.
    pub name: String,
    /// What shall be in it; none when the name does not say.
    pub format: Option<Format>,
    /// How it shall be compressed; none when the name does not say.
    pub codec: Option<Codec>,
    /// The word for the guest, in names that begin as vzdump's.
    pub tag: Option<GuestTag>,
    /// The guest.
    pub vmid: Option<Vmid>,
    /// The name in all its parts, if it is one that vzdump makes.
    pub standard: Option<ArchiveName>,
}

/// Endings of archives and dumps, with what they mean.
const ENDINGS: [(&str, Format, Codec); 20] = [
    (".vma", Format::Vma, Codec::None),
    (".vma.gz", Format::Vma, Codec::Gzip),
    (".vma.lzo", Format::Vma, Codec::Lzo),
    (".vma.zst", Format::Vma, Codec::Zstd),
    (".vma.bz2", Format::Vma, Codec::Bzip2),
    (".tar", Format::Tar, Codec::None),
    (".tar.gz", Format::Tar, Codec::Gzip),
    (".tar.lzo", Format::Tar, Codec::Lzo),
    (".tar.zst", Format::Tar, Codec::Zstd),
    (".tar.bz2", Format::Tar, Codec::Bzip2),
    (".tgz", Format::Tar, Codec::Gzip),
    (".sql", Format::Sql, Codec::None),
    (".sql.gz", Format::Sql, Codec::Gzip),
    (".sql.zst", Format::Sql, Codec::Zstd),
    (".sql.bz2", Format::Sql, Codec::Bzip2),
    (".dump", Format::PgCustom, Codec::None),
    (".dump.gz", Format::PgCustom, Codec::Gzip),
    (".dump.zst", Format::PgCustom, Codec::Zstd),
    (".pgdump", Format::PgCustom, Codec::None),
    (".pgc", Format::PgCustom, Codec::None),
];

impl FileName {
    /// Takes a name apart. Every name is one; what it does not say stays open.
    pub fn new(name: &str) -> Self {
        let ending = ENDINGS
            .iter()
            .filter(|(ending, _, _)| name.ends_with(ending) && name.len() > ending.len())
            .max_by_key(|(ending, _, _)| ending.len());
        let standard = name.parse::<ArchiveName>().ok();
        let (tag, vmid) = standard.as_ref().map_or_else(
            || guest(name),
            |standard| (Some(standard.tag()), Some(standard.vmid())),
        );
        Self {
            name: name.to_owned(),
            format: ending.map(|(_, format, _)| *format),
            codec: ending.map(|(_, _, codec)| *codec),
            tag,
            vmid,
            standard,
        }
    }

    /// Whether Proxmox VE lists it as an archive.
    pub fn is_archive(&self) -> bool {
        matches!(self.format, Some(Format::Vma | Format::Tar)) && self.tag.is_some()
    }

    /// Whether it is a dump of a database.
    pub const fn is_dump(&self) -> bool {
        matches!(self.format, Some(Format::Sql | Format::PgCustom))
    }
}

/// The guest of a name that somebody has changed: `vzdump-qemu-100-before-upgrade.vma.zst`.
fn guest(name: &str) -> (Option<GuestTag>, Option<Vmid>) {
    let Some(rest) = name.strip_prefix("vzdump-") else {
        return (None, None);
    };
    let Some((tag, rest)) = rest.split_once('-') else {
        return (None, None);
    };
    let tag = match tag {
        "qemu" => GuestTag::Qemu,
        "lxc" => GuestTag::Lxc,
        "openvz" => GuestTag::Openvz,
        _ => return (None, None),
    };
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    (Some(tag), digits.and_then(|digits| digits.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_hold() {
        let name = FileName::new("vzdump-lxc-200-2026_01_10-03_03_12.tar.zst");
        assert_eq!(
            (name.format, name.codec),
            (Some(Format::Tar), Some(Codec::Zstd))
        );
        assert!(name.is_archive() && name.standard.is_some());
        let name = FileName::new("vzdump-qemu-100-before-upgrade.vma.lzo");
        assert!(name.is_archive() && name.standard.is_none());
        assert_eq!(name.vmid.map(Vmid::get), Some(100));
        let name = FileName::new("vzdump-openvz-101.tgz");
        assert_eq!(
            (name.format, name.codec),
            (Some(Format::Tar), Some(Codec::Gzip))
        );
        for dump in ["db.sql.gz", "db.dump", "db.dump.gz"] {
            assert!(FileName::new(dump).is_dump(), "{dump}");
        }
        assert!(!FileName::new("backup.tar.zst").is_archive());
        assert_eq!(FileName::new(".vma").format, None);
        assert_eq!(
            FileName::new("vzdump-qemu-100-2026_01_10-03_03_12.vma.zst.notes").format,
            None
        );
    }
}
