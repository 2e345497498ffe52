//! The way through an archive: header, then extents to the end, and what must be true at the end.

use std::io;

use super::clusters::{Budget, Clusters, Mark};
use super::extent::{self, Extent, Slot};
use super::header::{self, Device, Header};
use super::layout::{BLOCK, BLOCKS_PER_CLUSTER, CLUSTER, EXTENT_HEADER, VMSTATE};
use crate::number::wide;
use crate::stream::Stream;
use crate::{Disk, Finding, Findings, Place, Reason, Sink};

/// What an archive held.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// When it was made, as its header says.
    pub(crate) created: Option<i64>,
    pub(crate) configs: Vec<(String, Vec<u8>)>,
    pub(crate) disks: Vec<Disk>,
}

/// A disk, and what of it has come.
struct Track {
    device: Device,
    clusters: Clusters,
    expected: u64,
    is_vmstate: bool,
    next: u64,
}

/// Zero blocks that were stored, which the writer never does.
#[derive(Default)]
struct Zeros {
    count: u64,
    first: Option<(u64, String)>,
}

struct Walk<'a> {
    input: &'a mut Stream,
    sink: &'a mut dyn Sink,
    findings: &'a mut Findings,
    /// By device id.
    tracks: Vec<Option<Track>>,
    budget: Budget,
    zeros: Zeros,
}

/// Reads an archive to its end.
///
/// # Errors
/// Those of the sink. What is wrong with the archive goes to the findings.
pub(crate) fn walk(
    input: &mut Stream,
    sink: &mut dyn Sink,
    findings: &mut Findings,
) -> io::Result<Machine> {
    let header = match header::read(input, findings) {
        Ok(header) => header,
        Err(reason) => {
            if let Some(reason) = reason {
                findings.push(reason);
            }
            return Ok(Machine::default());
        }
    };
    let Header {
        uuid,
        created,
        configs,
        devices,
    } = header;
    for (name, data) in &configs {
        sink.config(name, data)?;
    }
    let mut tracks: Vec<Option<Track>> = Vec::new();
    tracks.resize_with(256, || None);
    for device in devices {
        sink.disk(device.id, &device.name, device.size)?;
        if let Some(place) = tracks.get_mut(usize::from(device.id)) {
            *place = Some(Track {
                expected: device.size.div_ceil(CLUSTER),
                is_vmstate: device.name == VMSTATE,
                clusters: Clusters::default(),
                next: 0,
                device,
            });
        }
    }
    let mut walk = Walk {
        input,
        sink,
        findings,
        tracks,
        budget: Budget::new(Budget::STANDARD),
        zeros: Zeros::default(),
    };
    let whole = walk.extents(&uuid)?;
    let disks = walk.finish(whole);
    Ok(Machine {
        created: Some(created),
        configs,
        disks,
    })
}

impl Walk<'_> {
    /// Reads extents to the end and says whether it was reached in good order.
    fn extents(&mut self, uuid: &[u8; 16]) -> io::Result<bool> {
        let mut count: u64 = 0;
        loop {
            let start = self.input.position();
            let mut bytes = [0; EXTENT_HEADER];
            let length = self.input.read(&mut bytes);
            if length == 0 {
                break;
            }
            if length < EXTENT_HEADER {
                let text = format!("{length} bytes remain, which are no extent");
                self.cut(Finding::VmaTrailing, text, start);
                return Ok(false);
            }
            let extent = match extent::parse(&bytes, uuid, start) {
                Ok(extent) => extent,
                Err(reason) => {
                    self.findings.push(reason);
                    return Ok(false);
                }
            };
            if !self.extent(&extent, start)? {
                return Ok(false);
            }
            count = count.saturating_add(1);
        }
        if self.input.is_broken() {
            return Ok(false);
        }
        if count == 0 && self.tracks.iter().flatten().next().is_none() {
            self.findings.push(
                Reason::new(Finding::VmaNoExtent, "the archive has no extent")
                    .at(Place::Decoded(self.input.position())),
            );
        }
        Ok(true)
    }

    fn cut(&mut self, id: Finding, text: String, start: u64) {
        if !self.input.is_broken() {
            self.findings
                .push(Reason::new(id, text).at(Place::Decoded(start)));
        }
    }

    fn extent(&mut self, extent: &Extent, start: u64) -> io::Result<bool> {
        let place = Place::Decoded(start);
        if extent.reserved {
            self.findings.push(
                Reason::new(
                    Finding::VmaReserved,
                    "a bit of an extent that means nothing is set",
                )
                .at(place),
            );
        }
        let asked: u32 = extent
            .slots
            .iter()
            .map(|slot| slot.mask.count_ones())
            .fold(0, u32::saturating_add);
        if asked != u32::from(extent.blocks) {
            self.findings.push(
                Reason::new(
                    Finding::VmaBlockCount,
                    format!(
                        "an extent has {} blocks and its clusters ask for {asked}",
                        extent.blocks
                    ),
                )
                .at(place),
            );
        }
        let mut left = u64::from(extent.blocks);
        for slot in &extent.slots {
            if !self.cluster(*slot, &mut left, start)? {
                return Ok(false);
            }
        }
        let rest = left.saturating_mul(BLOCK);
        if self.input.skip(rest) < rest {
            self.truncated(start);
            return Ok(false);
        }
        Ok(true)
    }

    fn truncated(&mut self, start: u64) {
        let reached = self.input.position();
        let text = format!(
            "the archive ends at byte {reached} of its content, inside the extent that begins at {start}"
        );
        self.cut(Finding::VmaExtentTruncated, text, reached);
    }

    /// Checks one cluster, then reads its blocks.
    fn cluster(&mut self, slot: Slot, left: &mut u64, start: u64) -> io::Result<bool> {
        let known = self.register(slot, start);
        let base = u64::from(slot.cluster).saturating_mul(CLUSTER);
        for block in 0..BLOCKS_PER_CLUSTER {
            let offset = base.saturating_add(block.saturating_mul(BLOCK));
            let stored = slot
                .mask
                .checked_shr(u32::try_from(block).unwrap_or(0))
                .unwrap_or(0)
                & 1
                == 1;
            let size = known.then(|| self.size(slot.device)).flatten();
            if !stored {
                if let Some(size) = size {
                    let length = size.saturating_sub(offset).min(BLOCK);
                    if length > 0 {
                        self.sink.zeros(slot.device, offset, length)?;
                    }
                }
                continue;
            }
            if *left == 0 {
                continue;
            }
            *left = left.saturating_sub(1);
            if !self.block(slot.device, offset, size, start)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn size(&self, device: u8) -> Option<u64> {
        let track = self.tracks.get(usize::from(device))?.as_ref()?;
        Some(if track.is_vmstate {
            // The memory image is as long as it is.
            u64::MAX
        } else {
            track.device.size
        })
    }

    /// Whether the blocks of this cluster belong to a disk.
    fn register(&mut self, slot: Slot, start: u64) -> bool {
        let place = Place::Decoded(start);
        let track = self
            .tracks
            .get_mut(usize::from(slot.device))
            .and_then(Option::as_mut);
        let Some(track) = track else {
            self.findings.push(
                Reason::new(
                    Finding::VmaUnknownDevice,
                    format!(
                        "cluster {} belongs to device {}, which the header does not name",
                        slot.cluster, slot.device
                    ),
                )
                .at(place),
            );
            return false;
        };
        let number = u64::from(slot.cluster);
        let name = track.device.name.as_str();
        let problem = |id: Finding, text: String| Reason::new(id, text).at(place).on(name);
        if track.is_vmstate {
            if number != track.next {
                self.findings.push(problem(
                    Finding::VmaVmstateOrder,
                    format!(
                        "cluster {number} of the memory image comes where {} should",
                        track.next
                    ),
                ));
                return false;
            }
            track.next = number.saturating_add(1);
            track.clusters.mark(slot.cluster, &mut self.budget);
            return true;
        }
        if number >= track.expected {
            self.findings.push(problem(
                Finding::VmaClusterBeyondEnd,
                format!(
                    "cluster {number} lies beyond the {} clusters of the disk",
                    track.expected
                ),
            ));
            return false;
        }
        match track.clusters.mark(slot.cluster, &mut self.budget) {
            Mark::New | Mark::Unknown => true,
            Mark::Twice => {
                self.findings.push(problem(
                    Finding::VmaDuplicateCluster,
                    format!("cluster {number} is there twice"),
                ));
                false
            }
        }
    }

    /// Reads one block; without a size it belongs nowhere.
    fn block(
        &mut self,
        device: u8,
        offset: u64,
        size: Option<u64>,
        start: u64,
    ) -> io::Result<bool> {
        let position = self.input.position();
        let inside = size.map_or(0, |size| size.saturating_sub(offset).min(BLOCK));
        let mut done: u64 = 0;
        let mut zero = true;
        let mut tail_zero = true;
        while done < BLOCK {
            let piece = self.input.piece(BLOCK.saturating_sub(done));
            if piece.is_empty() {
                self.truncated(start);
                return Ok(false);
            }
            zero = zero && is_zero(piece);
            let keep = usize::try_from(inside.saturating_sub(done)).unwrap_or(usize::MAX);
            let (data, tail) = piece.split_at_checked(keep).unwrap_or((piece, &[]));
            tail_zero = tail_zero && is_zero(tail);
            if !data.is_empty() {
                self.sink.data(device, offset.saturating_add(done), data)?;
            }
            done = done.saturating_add(wide(piece.len()));
        }
        if size.is_some() {
            self.judge_block(device, offset, position, inside, zero, tail_zero);
        }
        Ok(true)
    }

    fn judge_block(
        &mut self,
        device: u8,
        offset: u64,
        position: u64,
        inside: u64,
        zero: bool,
        tail_zero: bool,
    ) {
        if !zero && inside > 0 && tail_zero {
            return;
        }
        let name = self
            .tracks
            .get(usize::from(device))
            .and_then(Option::as_ref)
            .map(|track| track.device.name.clone())
            .unwrap_or_default();
        let place = Place::Decoded(position);
        if inside == 0 {
            self.findings.push(
                Reason::new(
                    Finding::VmaClusterBeyondEnd,
                    format!("a block at {offset} lies beyond the end of the disk"),
                )
                .at(place)
                .on(name.as_str()),
            );
        } else if !tail_zero {
            self.findings.push(
                Reason::new(
                    Finding::VmaTailNotZero,
                    "behind the end of the disk, in its last block, there is data",
                )
                .at(place)
                .on(name.as_str()),
            );
        }
        if zero {
            self.zeros.count = self.zeros.count.saturating_add(1);
            self.zeros.first.get_or_insert((position, name));
        }
    }

    /// What must be true once everything was read.
    fn finish(self, whole: bool) -> Vec<Disk> {
        if let Some((position, disk)) = self.zeros.first {
            let count = self.zeros.count;
            self.findings.push(
                Reason::new(
                    Finding::VmaZeroBlock,
                    format!("{count} stored blocks of 4 KiB are all zero, as if data was lost; the first one is named"),
                )
                .at(Place::Decoded(position))
                .on(disk),
            );
        }
        let mut disks = Vec::new();
        for track in self.tracks.into_iter().flatten() {
            let have = track.clusters.count();
            let mut disk = Disk {
                name: track.device.name,
                size: track.device.size,
                clusters: track.expected,
                clusters_present: have,
                config_key: None,
            };
            if track.is_vmstate {
                disk.clusters = have;
                if whole && have < track.expected {
                    let text = format!(
                        "the memory image has {have} clusters, and the header has room for {}",
                        track.expected
                    );
                    self.findings
                        .push(Reason::new(Finding::VmaVmstateShort, text).on(disk.name.as_str()));
                }
            } else if whole {
                let missing = track.expected.saturating_sub(have);
                let name = disk.name.as_str();
                if missing > 0 {
                    let first = track.clusters.first_missing(track.expected).unwrap_or(0);
                    let text = format!(
                        "{missing} of {} clusters are missing, the first is {first} (byte {} of the disk)",
                        track.expected,
                        first.saturating_mul(CLUSTER)
                    );
                    self.findings
                        .push(Reason::new(Finding::VmaMissingClusters, text).on(name));
                } else if track.clusters.is_unknown() {
                    self.findings.push(
                        Reason::new(
                            Finding::VmaIndexLimit,
                            "as many clusters came as the disk has; whether each came once is not known",
                        )
                        .on(name),
                    );
                }
            }
            disks.push(disk);
        }
        disks
    }
}

/// Whether nothing but zeros is in it. Data differs from zero early, so this is cheap.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
