//! Sizes and places of the format. Numbers are big-endian, except the length of a blob.

/// The first bytes of an archive.
pub(crate) const MAGIC: [u8; 4] = *b"VMA\0";
/// The first bytes of an extent.
pub(super) const EXTENT_MAGIC: [u8; 4] = *b"VMAE";
/// The only version there is.
pub(super) const VERSION: u32 = 1;

pub(super) const BLOCK: u64 = 4096;
pub(super) const CLUSTER: u64 = 65_536;
pub(super) const BLOCKS_PER_CLUSTER: u64 = 16;
pub(super) const SECTOR: u64 = 512;

/// The part of the header that is always there.
pub(super) const FIXED_HEADER: usize = 12_288;
/// Longer headers are refused: the writer makes none over 512 KiB, and the largest that could mean
/// anything, 256 configurations of 64 KiB, is this long.
pub(super) const LARGEST_HEADER: u64 = 17 << 20;

pub(super) mod at {
    //! Places in the header.
    pub(in crate::vma) const VERSION: usize = 4;
    pub(in crate::vma) const UUID: usize = 8;
    pub(in crate::vma) const CREATED: usize = 24;
    pub(in crate::vma) const MD5: usize = 32;
    pub(in crate::vma) const BLOB_OFFSET: usize = 48;
    pub(in crate::vma) const BLOB_SIZE: usize = 52;
    pub(in crate::vma) const HEADER_SIZE: usize = 56;
    /// From here on, up to the names, nothing is used.
    pub(in crate::vma) const RESERVED: usize = 60;
    pub(in crate::vma) const CONFIG_NAMES: usize = 2044;
    pub(in crate::vma) const CONFIG_DATA: usize = 3068;
    /// Four bytes that nothing uses.
    pub(in crate::vma) const RESERVED_1: usize = 4092;
    pub(in crate::vma) const DEVICES: usize = 4096;
}

pub(super) const CONFIGS: usize = 256;
pub(super) const DEVICES: usize = 256;
pub(super) const DEVICE_ENTRY: usize = 32;
/// Ids that readers look at.
pub(super) const DEVICE_IDS: std::ops::RangeInclusive<u8> = 1..=254;

pub(super) mod extent_at {
    //! Places in the header of an extent.
    pub(in crate::vma) const RESERVED: usize = 4;
    pub(in crate::vma) const BLOCK_COUNT: usize = 6;
    pub(in crate::vma) const UUID: usize = 8;
    pub(in crate::vma) const MD5: usize = 24;
    pub(in crate::vma) const SLOTS: usize = 40;
}

pub(super) const EXTENT_HEADER: usize = 512;
pub(super) const SLOTS: usize = 59;
pub(super) const SLOT: usize = 8;
/// `SLOTS` clusters of 16 blocks.
pub(super) const MOST_BLOCKS: u16 = 944;

/// The device that holds the memory of a machine.
pub(super) const VMSTATE: &str = "vmstate";
