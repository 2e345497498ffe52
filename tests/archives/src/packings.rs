//! What various writers of the same compression make of the same content.

use std::io::{self, Write as _};

use vzdump_archive::Codec;

use crate::make::pack;

/// A way to compress.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    /// What it is a case of.
    pub what: &'static str,
    /// What its files are read by.
    pub codec: Codec,
    /// Whether its content is covered by checksums.
    pub checked: bool,
    /// Compresses.
    pub pack: fn(&[u8]) -> io::Result<Vec<u8>>,
}

const fn packing(
    what: &'static str,
    codec: Codec,
    checked: bool,
    pack: fn(&[u8]) -> io::Result<Vec<u8>>,
) -> Packing {
    Packing {
        what,
        codec,
        checked,
        pack,
    }
}

/// One of each kind.
pub const fn every_kind() -> [Packing; 14] {
    [
        packing(
            "a frame for each 8 KiB, as pzstd",
            Codec::Zstd,
            true,
            |data| parts(data, |part| zstd(part, |_| Ok(()))),
        ),
        packing("frames to be skipped between", Codec::Zstd, true, |data| {
            parts(data, |part| {
                Ok([
                    &[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4],
                    &zstd(part, |_| Ok(()))?[..],
                ]
                .concat())
            })
        }),
        packing("a window of 128 MiB", Codec::Zstd, true, |data| {
            zstd(data, |encoder| {
                encoder.long_distance_matching(true)?;
                encoder.window_log(27)
            })
        }),
        packing("a size in its header", Codec::Zstd, true, |data| {
            zstd(data, |encoder| {
                encoder.set_pledged_src_size(Some(data.len() as u64))?;
                encoder.include_contentsize(true)
            })
        }),
        packing("no checksum", Codec::Zstd, false, |data| {
            zstd(data, |encoder| encoder.include_checksum(false))
        }),
        packing("an empty frame behind", Codec::Zstd, true, |data| {
            Ok([zstd(data, |_| Ok(()))?, zstd(&[], |_| Ok(()))?].concat())
        }),
        packing("several members", Codec::Gzip, true, |data| {
            parts(data, |part| pack(Codec::Gzip, part))
        }),
        packing(
            "name, comment, extra field, time",
            Codec::Gzip,
            true,
            |data| {
                let mut encoder = flate2::GzBuilder::new()
                    .filename("a.vma")
                    .comment("b")
                    .extra(vec![1, 2, 3])
                    .mtime(1_767_225_600)
                    .write(Vec::new(), flate2::Compression::best());
                encoder.write_all(data)?;
                encoder.finish()
            },
        ),
        packing("not compressed inside", Codec::Gzip, true, |data| {
            let level = flate2::Compression::none();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(data)?;
            encoder.finish()
        }),
        packing("several streams, as pbzip2", Codec::Bzip2, true, |data| {
            parts(data, |part| pack(Codec::Bzip2, part))
        }),
        packing(
            "a name in its header, as from a file",
            Codec::Lzo,
            true,
            |data| lzop(data, 0x0300_0001, b"archive.vma", 256 << 10),
        ),
        packing(
            "CRC-32 of content, data and header",
            Codec::Lzo,
            true,
            |data| lzop(data, 0x0300_1000 | 0x300, b"", 256 << 10),
        ),
        packing(
            "all four checksums, small blocks",
            Codec::Lzo,
            true,
            |data| lzop(data, 0x0300_0303, b"", 5000),
        ),
        packing("no checksums", Codec::Lzo, false, |data| {
            lzop(data, 0x0300_000c, b"", 256 << 10)
        }),
    ]
}

fn parts(data: &[u8], pack: impl Fn(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    let packed: io::Result<Vec<Vec<u8>>> = data.chunks(8 << 10).map(pack).collect();
    Ok(packed?.concat())
}

fn zstd(
    data: &[u8],
    set: impl Fn(&mut zstd::Encoder<'static, Vec<u8>>) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    encoder.include_checksum(true)?;
    set(&mut encoder)?;
    encoder.write_all(data)?;
    encoder.finish()
}

/// A lzop file with these flags, a name, and blocks of this length.
///
/// # Errors
/// What the compression says.
pub fn lzop(data: &[u8], flags: u32, name: &[u8], block: usize) -> io::Result<Vec<u8>> {
    let sum = |crc: bool, bytes: &[u8]| {
        if crc {
            let mut sum = flate2::Crc::new();
            sum.update(bytes);
            sum.sum()
        } else {
            simd_adler32::adler32(&bytes)
        }
        .to_be_bytes()
    };
    let number = |length: usize| u32::try_from(length).map_err(io::Error::other);
    let mut head = vec![0x10, 0x40, 0x20, 0xa0, 0x09, 0x40, 1, 5];
    for word in [flags, 0o100_644, 1_767_225_600, 0] {
        head.extend(word.to_be_bytes());
    }
    head.push(u8::try_from(name.len()).map_err(io::Error::other)?);
    head.extend(name);
    let mut out = vec![0x89, b'L', b'Z', b'O', 0, 0x0d, 0x0a, 0x1a, 0x0a];
    out.extend(&head);
    out.extend(sum(flags & 0x1000 != 0, &head));
    for part in data.chunks(block) {
        let packed = lzokay_native::compress(part)
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let is_stored = packed.len() >= part.len();
        let stored = if is_stored { part } else { &packed };
        out.extend(number(part.len())?.to_be_bytes());
        out.extend(number(stored.len())?.to_be_bytes());
        for (flag, crc) in [(1, false), (0x100, true)] {
            if flags & flag != 0 {
                out.extend(sum(crc, part));
            }
        }
        for (flag, crc) in [(2, false), (0x200, true)] {
            if flags & flag != 0 && !is_stored {
                out.extend(sum(crc, stored));
            }
        }
        out.extend(stored);
    }
    out.extend([0; 4]);
    Ok(out)
}
