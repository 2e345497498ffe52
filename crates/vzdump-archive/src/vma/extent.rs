//! The header of an extent: which clusters follow, and which blocks of each.

use md5::{Digest as _, Md5};

use super::layout::{EXTENT_HEADER, EXTENT_MAGIC, MOST_BLOCKS, SLOT, SLOTS, extent_at};
use crate::number::{be16, be64, field};
use crate::{Finding, Place, Reason};

/// One cluster of an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) device: u8,
    pub(super) cluster: u32,
    /// Bit 0 is the first block; a block that is not stored is zero.
    pub(super) mask: u16,
}

/// What the header says.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) blocks: u16,
    pub(super) slots: Vec<Slot>,
    /// Whether a bit is set that means nothing.
    pub(super) reserved: bool,
}

/// Checks the header and reads it, in the order of the real reader.
pub(super) fn parse(
    bytes: &[u8; EXTENT_HEADER],
    uuid: &[u8; 16],
    start: u64,
) -> Result<Extent, Reason> {
    let refuse = |id: Finding, text: &str| Reason::new(id, text).at(Place::Decoded(start));
    let magic: [u8; 4] = field(bytes, 0);
    if magic != EXTENT_MAGIC {
        return Err(if bytes.iter().all(|byte| *byte == 0) {
            refuse(
                Finding::VmaTrailing,
                "where the next extent should begin there are zeros",
            )
        } else {
            refuse(
                Finding::VmaExtentMagic,
                "where an extent should begin there is none",
            )
        });
    }
    let wanted: [u8; 16] = field(bytes, extent_at::MD5);
    let end = extent_at::MD5.saturating_add(16);
    let sum = Md5::new()
        .chain_update(bytes.get(..extent_at::MD5).unwrap_or_default())
        .chain_update([0; 16])
        .chain_update(bytes.get(end..).unwrap_or_default())
        .finalize();
    if sum.as_slice() != wanted {
        return Err(refuse(
            Finding::VmaExtentChecksum,
            "the header of an extent has another MD5 than was written",
        ));
    }
    if field::<16>(bytes, extent_at::UUID) != *uuid {
        return Err(refuse(
            Finding::VmaExtentUuid,
            "an extent belongs to another archive",
        ));
    }
    if be16(bytes, extent_at::RESERVED) != 0 {
        return Err(refuse(
            Finding::VmaExtentMagic,
            "the two bytes behind the magic number of an extent are not zero",
        ));
    }
    let blocks = be16(bytes, extent_at::BLOCK_COUNT);
    if blocks > MOST_BLOCKS {
        return Err(refuse(
            Finding::VmaBlockCount,
            &format!("an extent claims {blocks} blocks, more than fit into one"),
        ));
    }
    Ok(slots(bytes, blocks))
}

fn slots(bytes: &[u8; EXTENT_HEADER], blocks: u16) -> Extent {
    let mut slots = Vec::with_capacity(SLOTS);
    let mut reserved = false;
    for index in 0..SLOTS {
        let at = extent_at::SLOTS.saturating_add(index.saturating_mul(SLOT));
        let info = be64(bytes, at);
        let [mask_high, mask_low, unused, device, cluster @ ..] = info.to_be_bytes();
        if device == 0 {
            reserved |= info != 0;
            continue;
        }
        reserved |= unused != 0;
        slots.push(Slot {
            device,
            cluster: u32::from_be_bytes(cluster),
            mask: u16::from_be_bytes([mask_high, mask_low]),
        });
    }
    Extent {
        blocks,
        slots,
        reserved,
    }
}
