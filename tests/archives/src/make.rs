//! Small sound archives, made here so that every byte of them is known, and signing them again
//! after they were changed.

use std::io::{self, Write as _};

use md5::{Digest as _, Md5};
use vzdump_archive::Codec;

const UUID: [u8; 16] = *b"reprise-archives";
const CONFIG: &str = "cores: 2\nscsi0: local:vm-100-disk-0,size=130K\nscsi1: local:vm-100-disk-1,size=528K\n#qmdump#map:scsi0:drive-scsi0:local:raw:\n#qmdump#map:scsi1:drive-scsi1:local:raw:\n";
/// Disks: one ends inside a block, one is no whole number of clusters.
const DISKS: [(&str, u64); 2] = [("drive-scsi0", 132_608), ("drive-scsi1", 540_672)];
const CLUSTERS_PER_EXTENT: usize = 4;

/// The length of the header of an extent.
pub const EXTENT_HEADER: usize = 512;
/// How many clusters an extent holds at the most, and does in real archives.
pub const EXTENT_CLUSTERS: usize = 59;

/// An archive of a virtual machine, and where its parts begin.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The archive.
    pub bytes: Vec<u8>,
    /// Where each extent begins.
    pub extents: Vec<usize>,
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + data.len()) {
        place.copy_from_slice(data);
    }
}

/// The header of an archive of a machine.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// What its extents name, too.
    pub uuid: [u8; 16],
    /// Names and contents of the configuration files.
    pub configs: &'a [(&'a str, &'a str)],
    /// Names and sizes of the disks, whose ids count from 1.
    pub disks: &'a [(&'a str, u64)],
    /// When the machine was saved, in Unix seconds.
    pub created: i64,
    /// So many bytes more than needed are left for what is pointed to.
    pub room: usize,
}

impl Header<'_> {
    /// The header with everything it points to, signed.
    ///
    /// # Errors
    /// When there is more than a header can hold.
    pub fn bytes(&self) -> Result<Vec<u8>, std::num::TryFromIntError> {
        let mut blobs = vec![0];
        let mut blob = |data: &[u8]| -> Result<[u8; 4], std::num::TryFromIntError> {
            let start = u32::try_from(blobs.len())?;
            blobs.extend(u16::try_from(data.len())?.to_le_bytes());
            blobs.extend(data);
            Ok(start.to_be_bytes())
        };
        let mut bytes = vec![0; 12_288];
        put(&mut bytes, 0, b"VMA\0\0\0\0\x01");
        put(&mut bytes, 8, &self.uuid);
        put(&mut bytes, 24, &self.created.to_be_bytes());
        for (index, (name, text)) in self.configs.iter().enumerate() {
            let at = 4 * index;
            put(
                &mut bytes,
                2044 + at,
                &blob(format!("{name}\0").as_bytes())?,
            );
            put(&mut bytes, 3068 + at, &blob(text.as_bytes())?);
        }
        for (index, (name, size)) in self.disks.iter().enumerate() {
            let at = 4096 + 32 * (index + 1);
            put(&mut bytes, at, &blob(format!("{name}\0").as_bytes())?);
            put(&mut bytes, at + 8, &size.to_be_bytes());
        }
        let size = 12_288 + (blobs.len() + self.room).next_multiple_of(512);
        put(&mut bytes, 48, &12_288_u32.to_be_bytes());
        put(&mut bytes, 52, &u32::try_from(blobs.len())?.to_be_bytes());
        put(&mut bytes, 56, &u32::try_from(size)?.to_be_bytes());
        bytes.extend(blobs);
        bytes.resize(size, 0);
        sign_header(&mut bytes);
        Ok(bytes)
    }
}

/// The header of a machine with this configuration and these disks, signed.
///
/// # Errors
/// When there is more than a header can hold.
pub fn header(config: &str, disks: &[(&str, u64)]) -> Result<Vec<u8>, std::num::TryFromIntError> {
    Header {
        uuid: UUID,
        configs: &[("qemu-server.conf", config)],
        disks,
        created: 0,
        room: 0,
    }
    .bytes()
}

/// The header of an extent with these clusters and so many blocks, signed.
///
/// # Errors
/// When there are more blocks than can be counted.
pub fn extent_header(
    slots: &[u64],
    blocks: usize,
) -> Result<[u8; EXTENT_HEADER], std::num::TryFromIntError> {
    let mut head = [0; EXTENT_HEADER];
    put(&mut head, 0, b"VMAE");
    put(&mut head, 6, &u16::try_from(blocks)?.to_be_bytes());
    put(&mut head, 8, &UUID);
    for (index, slot) in slots.iter().enumerate() {
        put(&mut head, 40 + 8 * index, &slot.to_be_bytes());
    }
    sign_extent(&mut head, 0);
    Ok(head)
}

/// A sound archive with two disks, a few of whose blocks are zero.
///
/// # Errors
/// Never, in practice: numbers are converted.
pub fn machine() -> Result<Machine, std::num::TryFromIntError> {
    let bytes = header(CONFIG, &DISKS)?;
    let mut machine = Machine {
        bytes,
        extents: Vec::new(),
    };
    let mut slots: Vec<u64> = Vec::new();
    let mut data: Vec<u8> = Vec::new();
    let mut noise = 1_u32;
    for (device, (_, size)) in (1_u64..).zip(DISKS) {
        for cluster in 0..size.div_ceil(65_536) {
            let mut mask = 0_u64;
            for block in 0..16 {
                let offset = cluster * 65_536 + block * 4096;
                // Some blocks are zero, and so is what lies behind the end.
                if offset >= size || (cluster + block) % 3 == 0 {
                    continue;
                }
                mask |= 1 << block;
                let inside = usize::try_from((size - offset).min(4096))?;
                let start = data.len();
                for _ in 0..inside {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let [high, ..] = noise.to_be_bytes();
                    // Half of it is plain, so that compression has something to do.
                    data.push(if offset % 8192 == 0 {
                        high
                    } else {
                        b'a' + (high & 3)
                    });
                }
                data.resize(start + 4096, 0);
            }
            slots.push(mask << 48 | device << 32 | cluster);
            if slots.len() == CLUSTERS_PER_EXTENT {
                flush(&mut machine, &mut slots, &mut data)?;
            }
        }
    }
    if !slots.is_empty() {
        flush(&mut machine, &mut slots, &mut data)?;
    }
    Ok(machine)
}

fn flush(
    machine: &mut Machine,
    slots: &mut Vec<u64>,
    data: &mut Vec<u8>,
) -> Result<(), std::num::TryFromIntError> {
    let at = machine.bytes.len();
    machine.extents.push(at);
    let head = extent_header(slots, data.len() / 4096)?;
    slots.clear();
    machine.bytes.extend(head);
    machine.bytes.append(data);
    Ok(())
}

fn sign(bytes: &mut [u8], from: usize, length: usize, at: usize) {
    put(bytes, at, &[0; 16]);
    let sum = Md5::digest(bytes.get(from..from + length).unwrap_or_default());
    put(bytes, at, &sum);
}

/// Makes the MD5 of the header right again.
pub fn sign_header(bytes: &mut [u8]) {
    let size = bytes.get(56..60).and_then(|size| size.try_into().ok());
    let size = size.map_or(0, u32::from_be_bytes);
    sign(bytes, 0, usize::try_from(size).unwrap_or(0), 32);
}

/// Makes the MD5 of the extent at this place right again.
pub fn sign_extent(bytes: &mut [u8], at: usize) {
    sign(bytes, at, 512, at + 24);
}

/// One member of a tar archive.
pub fn member(name: &str, kind: u8, link: &str, data: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    put(&mut head, 0, name.as_bytes());
    put(&mut head, 100, b"0000644\0");
    put(&mut head, 124, format!("{:011o}\0", data.len()).as_bytes());
    put(&mut head, 136, b"00000000000\0");
    put(&mut head, 156, &[kind]);
    put(&mut head, 157, link.as_bytes());
    put(&mut head, 257, b"ustar\x0000");
    sign_member(&mut head, 0);
    head.extend(data);
    head.resize(head.len().next_multiple_of(512), 0);
    head
}

/// Makes the checksum of the member header at this place right again.
pub fn sign_member(bytes: &mut [u8], at: usize) {
    put(bytes, at + 148, b"        ");
    let head = bytes.get(at..at + 512).unwrap_or_default();
    let sum: u32 = head.iter().copied().map(u32::from).sum();
    put(bytes, at + 148, format!("{sum:06o}\0 ").as_bytes());
}

/// The members of a sound container: configuration, folders, files, links.
pub fn members() -> Vec<Vec<u8>> {
    let config = b"arch: amd64\nhostname: ct\nrootfs: local:vm-200-disk-0,size=1G\n";
    let mut members = vec![
        member("./etc/vzdump/pct.conf", b'0', "", config),
        member("./", b'5', "", b""),
        member("./sbin/", b'5', "", b""),
        member("./sbin/init", b'0', "", &[b'i'; 3000]),
        member("./sbin/telinit", b'1', "./sbin/init", b""),
        member("./bin", b'2', "usr/bin", b""),
    ];
    members
        .extend((0..6).map(|number| member(&format!("./file-{number}"), b'0', "", &[b'x'; 700])));
    members
}

/// An archive of these members, with end mark and filled up.
pub fn tree(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes.resize(bytes.len().next_multiple_of(10_240), 0);
    bytes
}

/// Compresses as vzdump does.
///
/// # Errors
/// What the compression says.
pub fn pack(codec: Codec, data: &[u8]) -> io::Result<Vec<u8>> {
    match codec {
        Codec::None => Ok(data.to_vec()),
        Codec::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
            encoder.include_checksum(true)?;
            encoder.write_all(data)?;
            encoder.finish()
        }
        Codec::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data)?;
            encoder.finish()
        }
        Codec::Bzip2 => {
            let mut encoder =
                bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(data)?;
            encoder.finish()
        }
        Codec::Lzo => lzop(data),
    }
}

/// The data of one block of lzop.
///
/// # Errors
/// What the compression says.
pub fn compress_lzo(block: &[u8]) -> io::Result<Vec<u8>> {
    lzokay_native::compress(block).map_err(|error| io::Error::other(format!("{error:?}")))
}

/// The checksum of a block of lzop.
pub fn adler32(block: &[u8]) -> u32 {
    simd_adler32::adler32(&block)
}

/// Makes the checksum of the first header of a lzop file right again.
pub fn sign_lzop(bytes: &mut [u8]) {
    const HEAD: usize = 9;
    let Some(name) = bytes.get(HEAD + 24).copied() else {
        return;
    };
    let end = HEAD + 25 + usize::from(name);
    if let Some(sum) = bytes
        .get(HEAD..end)
        .map(|head| simd_adler32::adler32(&head))
    {
        put(bytes, end, &sum.to_be_bytes());
    }
}

fn lzop(data: &[u8]) -> io::Result<Vec<u8>> {
    // What a pipe leaves: no name, Adler-32 of the content.
    crate::packings::lzop(data, 0x0300_000d, b"", 256 << 10)
}
