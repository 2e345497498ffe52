//! VMA, the archive format of virtual machines.

use std::io::{self, Read, Write};

use md5::{Digest as _, Md5};

const BLOCK: usize = 4096;
const CLUSTER: usize = 16 * BLOCK;
const FIXED_HEADER: usize = 12_288;
const EXTENT_HEADER: usize = 512;
/// The writer leaves the 59th place of an extent empty.
const CLUSTERS_PER_EXTENT: usize = 58;
const CONFIG_NAMES: usize = 2044;
const CONFIG_DATA: usize = 3068;
const DEVICES: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// A disk to be archived.
pub(crate) struct Device {
    /// `drive-scsi0`
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) data: Box<dyn Read>,
}

/// What went into an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes of all disks.
    pub(crate) total: u64,
    /// Of them bytes that are zero and were left out.
    pub(crate) zero: u64,
}

/// Writes an archive.
///
/// # Errors
/// When reading a disk or writing fails.
pub(crate) fn write(
    out: &mut dyn Write,
    uuid: [u8; 16],
    created: i64,
    configs: &[(&str, &[u8])],
    devices: &mut [Device],
) -> io::Result<Written> {
    out.write_all(&header(uuid, created, configs, devices)?)?;
    let mut extent = Extent::new(uuid);
    let mut written = Written::default();
    for (index, device) in devices.iter_mut().enumerate() {
        let id = u8::try_from(index + 1).map_err(io::Error::other)?;
        let clusters = device.size.div_ceil(CLUSTER as u64);
        let mut left = device.size;
        for number in 0..clusters {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(CLUSTER);
            let mut cluster = vec![0; length];
            device.data.read_exact(&mut cluster)?;
            left -= length as u64;
            written.total += length as u64;
            let number = u32::try_from(number).map_err(io::Error::other)?;
            let stored = extent.add(id, number, &cluster);
            written.zero += (length as u64).saturating_sub(stored as u64);
            if extent.is_full() {
                extent.flush(out)?;
            }
        }
    }
    if devices.is_empty() || !extent.is_empty() {
        extent.flush(out)?;
    }
    Ok(written)
}

fn header(
    uuid: [u8; 16],
    created: i64,
    configs: &[(&str, &[u8])],
    devices: &[Device],
) -> io::Result<Vec<u8>> {
    // Byte 0 of the blobs is padding: offset 0 means none.
    let mut blobs = vec![0_u8];
    let mut blob = |data: &[u8]| -> io::Result<u32> {
        let offset = u32::try_from(blobs.len()).map_err(io::Error::other)?;
        let length = u16::try_from(data.len()).map_err(io::Error::other)?;
        blobs.extend(length.to_le_bytes());
        blobs.extend(data);
        Ok(offset)
    };
    let mut head = vec![0; FIXED_HEADER];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = head.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, b"VMA\0");
    put(4, &1_u32.to_be_bytes());
    put(8, &uuid);
    put(24, &created.to_be_bytes());
    for (index, (name, data)) in configs.iter().enumerate() {
        let name = blob(&terminated(name))?;
        put(CONFIG_NAMES + index * 4, &name.to_be_bytes());
        put(CONFIG_DATA + index * 4, &blob(data)?.to_be_bytes());
    }
    for (index, device) in devices.iter().enumerate() {
        let at = DEVICES + (index + 1) * 32;
        put(at, &blob(&terminated(&device.name))?.to_be_bytes());
        put(at + 8, &device.size.to_be_bytes());
    }
    let used = u32::try_from(blobs.len()).map_err(io::Error::other)?;
    let size = FIXED_HEADER + blobs.len().next_multiple_of(512);
    let offset = u32::try_from(FIXED_HEADER).map_err(io::Error::other)?;
    put(48, &offset.to_be_bytes());
    put(52, &used.to_be_bytes());
    put(
        56,
        &u32::try_from(size).map_err(io::Error::other)?.to_be_bytes(),
    );
    head.extend(blobs);
    head.resize(size, 0);
    let sum = Md5::digest(&head);
    if let Some(place) = head.get_mut(32..48) {
        place.copy_from_slice(&sum);
    }
    Ok(head)
}

fn terminated(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

#[derive(Debug)]
struct Extent {
    uuid: [u8; 16],
    places: Vec<u64>,
    blocks: Vec<u8>,
}

impl Extent {
    fn new(uuid: [u8; 16]) -> Self {
        Self {
            uuid,
            places: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.places.len() == CLUSTERS_PER_EXTENT
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    // Gives back how many bytes were stored.
    fn add(&mut self, device: u8, number: u32, cluster: &[u8]) -> usize {
        let mut mask = 0_u64;
        for (index, block) in cluster.chunks(BLOCK).enumerate() {
            if ZEROS.starts_with(block) {
                continue;
            }
            mask |= 1 << index;
            self.blocks.extend(block);
            // The last block of a disk is filled up.
            self.blocks
                .resize(self.blocks.len().next_multiple_of(BLOCK), 0);
        }
        self.places
            .push((mask << 48) | (u64::from(device) << 32) | u64::from(number));
        mask.count_ones() as usize * BLOCK
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut head = vec![0; EXTENT_HEADER];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = head.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        let count = u16::try_from(self.blocks.len() / BLOCK).map_err(io::Error::other)?;
        put(0, b"VMAE");
        put(6, &count.to_be_bytes());
        put(8, &self.uuid);
        for (index, place) in self.places.iter().enumerate() {
            put(40 + index * 8, &place.to_be_bytes());
        }
        let sum = Md5::digest(&head);
        if let Some(place) = head.get_mut(24..40) {
            place.copy_from_slice(&sum);
        }
        out.write_all(&head)?;
        out.write_all(&self.blocks)?;
        self.places.clear();
        self.blocks.clear();
        Ok(())
    }
}

/// A device of an archive that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArchivedDevice {
    pub(crate) id: u8,
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// The head of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// Unix time.
    pub(crate) created: i64,
    pub(crate) configs: Vec<(String, Vec<u8>)>,
    pub(crate) devices: Vec<ArchivedDevice>,
    uuid: [u8; 16],
}

impl Head {
    /// One of the files beside the disks.
    pub(crate) fn config(&self, name: &str) -> Option<&[u8]> {
        let found = self.configs.iter().find(|(known, _)| known == name);
        found.map(|(_, data)| data.as_slice())
    }
}

fn damaged(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

// What the decompressor says goes before what follows from it.
fn no_header(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return damaged("can't read vma header - got EOF");
    }
    error
}

fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> [u8; SIZE] {
    bytes
        .get(at..at + SIZE)
        .and_then(|bytes| bytes.try_into().ok())
        .unwrap_or([0; SIZE])
}

/// Reads the head; the reader then stands at the first extent.
///
/// # Errors
/// With the words of PVE's own reader.
pub(crate) fn read_head(input: &mut dyn Read) -> io::Result<Head> {
    let mut head = vec![0; FIXED_HEADER];
    input.read_exact(&mut head).map_err(no_header)?;
    if !head.starts_with(b"VMA\0") {
        return Err(damaged("not a vma file - wrong magic number"));
    }
    let size = u32::from_be_bytes(number(&head, 56)) as usize;
    if size <= FIXED_HEADER || size > 64 << 20 {
        return Err(damaged("wrong vma header size"));
    }
    head.resize(size, 0);
    if let Some(rest) = head.get_mut(FIXED_HEADER..) {
        input.read_exact(rest).map_err(no_header)?;
    }
    let sum: [u8; 16] = number(&head, 32);
    if let Some(place) = head.get_mut(32..48) {
        place.fill(0);
    }
    if Md5::digest(&head).as_slice() != sum {
        return Err(damaged("wrong vma header chechsum"));
    }
    let blob = |offset: [u8; 4]| -> Option<Vec<u8>> {
        let offset = u32::from_be_bytes(offset) as usize;
        let at = FIXED_HEADER + offset;
        let length = usize::from(u16::from_le_bytes(number(&head, at)));
        let data = head.get(at + 2..at + 2 + length)?;
        (offset > 0).then(|| data.to_vec())
    };
    let name = |offset: [u8; 4]| -> Option<String> {
        let text = String::from_utf8(blob(offset)?).ok()?;
        Some(text.strip_suffix('\0')?.to_owned())
    };
    let configs = (0..256_usize).filter_map(|index| {
        let data = blob(number(&head, CONFIG_DATA + index * 4))?;
        Some((name(number(&head, CONFIG_NAMES + index * 4))?, data))
    });
    let devices = (1..255_u8).filter_map(|id| {
        let at = DEVICES + usize::from(id) * 32;
        let size = u64::from_be_bytes(number(&head, at + 8));
        let name = name(number(&head, at)).filter(|_| size > 0)?;
        Some(ArchivedDevice { id, name, size })
    });
    Ok(Head {
        created: i64::from_be_bytes(number(&head, 24)),
        configs: configs.collect(),
        devices: devices.collect(),
        uuid: number(&head, 8),
    })
}

/// Bytes in a cluster.
pub(crate) const CLUSTER_SIZE: u64 = CLUSTER as u64;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadCount {
    pub(crate) clusters: u64,
    /// Bytes that were zero and not stored.
    pub(crate) zero: u64,
    /// Of them bytes in clusters of which something was stored.
    pub(crate) partly_zero: u64,
}

/// Takes a block: device, offset, data.
pub(crate) type Store<'store> = dyn FnMut(u8, u64, &[u8]) -> io::Result<()> + 'store;

/// Reads the extents and hands every stored block to `store` with device and offset; `progress`
/// hears how many clusters came by.
///
/// # Errors
/// With the words of PVE's own reader; a missing cluster is found at the end only.
pub(crate) fn read_extents(
    input: &mut dyn Read,
    head: &Head,
    store: &mut Store<'_>,
    progress: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<ReadCount> {
    let mut read = ReadCount::default();
    let mut seen: Vec<(u8, u32)> = Vec::new();
    while let Some(extent) = next_extent_head(input)? {
        if !extent.starts_with(b"VMAE") {
            return Err(damaged("wrong vma extent header magic"));
        }
        let count = usize::from(u16::from_be_bytes(number(&extent, 6)));
        if number::<16>(&extent, 8) != head.uuid {
            return Err(damaged("wrong vma extent uuid"));
        }
        let mut data = vec![0; count * BLOCK];
        let got = read_up_to(input, &mut data)?;
        if got < data.len() {
            let (got, want) = (got + EXTENT_HEADER, data.len() + EXTENT_HEADER);
            return Err(damaged(format!("short vma extent ({got} < {want})")));
        }
        let mut blocks = data.chunks(BLOCK);
        for place in 0..59 {
            let info = u64::from_be_bytes(number(&extent, 40 + place * 8));
            let [_, _, _, device, ..] = info.to_be_bytes();
            if device == 0 {
                continue;
            }
            let number = u32::try_from(info & 0xffff_ffff).map_err(io::Error::other)?;
            seen.push((device, number));
            let stored = u64::from((info >> 48).count_ones());
            let zero = (16 - stored) * BLOCK as u64;
            read.clusters += 1;
            read.zero += zero;
            read.partly_zero += if stored > 0 { zero } else { 0 };
            for bit in (0..16_u64).filter(|bit| info >> (48 + bit) & 1 == 1) {
                let block = blocks
                    .next()
                    .ok_or_else(|| damaged("got wrong block count"))?;
                let offset = u64::from(number) * CLUSTER as u64 + bit * BLOCK as u64;
                let size = head.devices.iter().find(|known| known.id == device);
                let left = size.map_or(0, |known| known.size.saturating_sub(offset));
                let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
                let block = block.get(..length).unwrap_or(block);
                store(device, offset, block)?;
            }
            progress(read.clusters)?;
        }
    }
    seen.sort_unstable();
    for device in &head.devices {
        let clusters = u32::try_from(device.size.div_ceil(CLUSTER as u64)).unwrap_or(u32::MAX);
        let missing =
            (0..clusters).find(|number| seen.binary_search(&(device.id, *number)).is_err());
        if let Some(number) = missing {
            let name = &device.name;
            return Err(damaged(format!(
                "detected missing cluster {number} for stream {name}"
            )));
        }
    }
    Ok(read)
}

fn next_extent_head(input: &mut dyn Read) -> io::Result<Option<Vec<u8>>> {
    let mut extent = vec![0; EXTENT_HEADER];
    match read_up_to(input, &mut extent)? {
        0 => return Ok(None),
        EXTENT_HEADER => {}
        got => {
            return Err(damaged(format!(
                "short vma extent ({got} < {EXTENT_HEADER})"
            )));
        }
    }
    let sum: [u8; 16] = number(&extent, 24);
    if let Some(place) = extent.get_mut(24..40) {
        place.fill(0);
    }
    if Md5::digest(&extent).as_slice() != sum {
        return Err(damaged("wrong vma extent header chechsum"));
    }
    Ok(Some(extent))
}

fn read_up_to(input: &mut dyn Read, target: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = target.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(size: usize) -> (Vec<u8>, Vec<u8>) {
        let mut disk = vec![0_u8; size];
        disk[70_000] = 1;
        *disk.last_mut().unwrap() = 2;
        let mut devices = [Device {
            name: "drive-scsi0".to_owned(),
            size: size as u64,
            data: Box::new(io::Cursor::new(disk.clone())),
        }];
        let mut out = Vec::new();
        let configs: [(&str, &[u8]); 1] = [("qemu-server.conf", b"name: a\n")];
        let written = write(&mut out, [9; 16], 77, &configs, &mut devices).unwrap();
        assert_eq!(written.total, size as u64);
        (out, disk)
    }

    #[test]
    fn what_was_written_is_read_again() {
        let size = 60 * CLUSTER + 1536;
        let (out, disk) = archive(size);
        let mut input = &out[..];
        let head = read_head(&mut input).unwrap();
        assert_eq!(head.created, 77);
        assert_eq!(head.config("qemu-server.conf"), Some(&b"name: a\n"[..]));
        let mut again = vec![0; size];
        read_extents(
            &mut input,
            &head,
            &mut |_, offset, data| {
                let offset = usize::try_from(offset).unwrap();
                again[offset..offset + data.len()].copy_from_slice(data);
                Ok(())
            },
            &mut |_| Ok(()),
        )
        .unwrap();
        assert!(again == disk);
    }

    #[test]
    fn a_cut_archive_is_refused_with_the_words_of_pve() {
        let (out, _) = archive(3 * CLUSTER);
        let mut input = &out[..out.len() - 100];
        let head = read_head(&mut input).unwrap();
        let error =
            read_extents(&mut input, &head, &mut |_, _, _| Ok(()), &mut |_| Ok(())).unwrap_err();
        assert!(
            error.to_string().starts_with("short vma extent ("),
            "{error}"
        );
        let end = out.len() - 512 - 2 * BLOCK;
        let mut input = &out[..end];
        let head = read_head(&mut input).unwrap();
        let error =
            read_extents(&mut input, &head, &mut |_, _, _| Ok(()), &mut |_| Ok(())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "detected missing cluster 0 for stream drive-scsi0"
        );
    }
}
