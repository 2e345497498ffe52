//! How each damage is made.

use std::io;

use vzdump_archive::Codec;

use crate::machines::{self, noise};
use crate::make::{self, Machine, members, pack, sign_extent, sign_header, sign_member, tree};

/// What is damaged, and how.
pub(super) enum Damage {
    /// Of a machine's archive, before it is compressed.
    Vma(fn(&mut Machine)),
    /// A container's archive, before it is compressed.
    Tar(fn() -> Vec<u8>),
    /// Of the compressed file.
    Packed(fn(&mut Vec<u8>)),
    /// The whole file.
    File(fn() -> io::Result<Vec<u8>>),
}

/// A damage.
pub(super) struct Row {
    pub(super) kind: &'static str,
    pub(super) words: &'static str,
    pub(super) damage: Damage,
}

const fn vma(kind: &'static str, words: &'static str, damage: fn(&mut Machine)) -> Row {
    let damage = Damage::Vma(damage);
    Row {
        kind,
        words,
        damage,
    }
}

const fn tar(kind: &'static str, words: &'static str, damage: fn() -> Vec<u8>) -> Row {
    let damage = Damage::Tar(damage);
    Row {
        kind,
        words,
        damage,
    }
}

const fn packed(kind: &'static str, words: &'static str, damage: fn(&mut Vec<u8>)) -> Row {
    let damage = Damage::Packed(damage);
    Row {
        kind,
        words,
        damage,
    }
}

const fn file(kind: &'static str, words: &'static str, damage: fn() -> io::Result<Vec<u8>>) -> Row {
    let damage = Damage::File(damage);
    Row {
        kind,
        words,
        damage,
    }
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + data.len()) {
        place.copy_from_slice(data);
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 0x10;
    }
}

fn at(machine: &Machine, extent: usize) -> usize {
    machine.extents.get(extent).copied().unwrap_or_default()
}

fn signed(machine: &mut Machine, offset: usize, data: &[u8]) {
    let extent = at(machine, 1);
    put(&mut machine.bytes, extent + offset, data);
    sign_extent(&mut machine.bytes, extent);
}

fn header(machine: &mut Machine, offset: usize, data: &[u8]) {
    put(&mut machine.bytes, offset, data);
    sign_header(&mut machine.bytes);
}

fn twice(machine: &mut Machine) {
    let extent = machine.bytes.get(at(machine, 1)..at(machine, 2));
    let extent = extent.unwrap_or_default().to_vec();
    machine.bytes.extend(extent);
}

fn without_config() -> Vec<u8> {
    tree(members().get(1..).unwrap_or_default())
}

fn two_halves(second: fn(&mut Vec<u8>)) -> io::Result<Vec<u8>> {
    let content = content()?;
    let (first, rest) = content.split_at(content.len() / 2);
    let mut rest = pack(Codec::Zstd, rest)?;
    second(&mut rest);
    Ok([pack(Codec::Zstd, first)?, rest].concat())
}

fn without_checksum(change: fn(&mut Vec<u8>)) -> io::Result<Vec<u8>> {
    let mut content = content()?;
    change(&mut content);
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    io::Write::write_all(&mut encoder, &content)?;
    encoder.finish()
}

pub(super) fn content() -> io::Result<Vec<u8>> {
    Ok(make::machine().map_err(io::Error::other)?.bytes)
}

fn mapped_elsewhere() -> io::Result<Vec<u8>> {
    let mut machine = machines::Machine::with("", vec![("scsi0", noise(1, 5000))]);
    for (name, _) in &mut machine.disks {
        "drive-scsi7".clone_into(name);
    }
    pack(Codec::Zstd, &machine.archive().map_err(io::Error::other)?)
}

/// Each kind of damage, in our words.
pub(super) const ROWS: &[Row] = &[
    vma(
        "vma-trunc-at-extent-boundary",
        "cut between two extents",
        |m| {
            let end = at(m, 2);
            m.bytes.truncate(end);
        },
    ),
    vma(
        "vma-trunc-mid-extent-data",
        "cut inside the data of an extent",
        |m| {
            let end = at(m, 2) + 3000;
            m.bytes.truncate(end);
        },
    ),
    vma("vma-trunc-mid-vma-header", "cut inside the header", |m| {
        m.bytes.truncate(6000);
    }),
    vma("vma-trunc-half", "second half missing", |m| {
        let end = m.bytes.len() / 2;
        m.bytes.truncate(end);
    }),
    vma("vma-flip-header-uuid", "a bit of the header's id", |m| {
        flip(&mut m.bytes, 10);
    }),
    vma(
        "vma-flip-header-config",
        "a bit of the configuration",
        |m| flip(&mut m.bytes, 12_330),
    ),
    vma(
        "vma-flip-extent-md5",
        "a bit of an extent's checksum",
        |m| {
            let place = at(m, 1) + 30;
            flip(&mut m.bytes, place);
        },
    ),
    vma(
        "vma-flip-extent-blockinfo",
        "a bit of an extent's table",
        |m| {
            let place = at(m, 1) + 45;
            flip(&mut m.bytes, place);
        },
    ),
    vma(
        "vma-flip-extent-block-count",
        "a bit of an extent's count of blocks",
        |m| {
            let place = at(m, 1) + 7;
            flip(&mut m.bytes, place);
        },
    ),
    vma("vma-flip-data-cluster", "a bit of a disk's data", |m| {
        let place = at(m, 1) + 600;
        flip(&mut m.bytes, place);
    }),
    vma(
        "vma-zero-page-data",
        "a block of a disk overwritten with zeros",
        |m| {
            let place = at(m, 1) + 512;
            put(&mut m.bytes, place, &[0; 4096]);
        },
    ),
    vma("vma-missing-extent", "an extent missing", |m| {
        let (from, to) = (at(m, 1), at(m, 2));
        m.bytes.drain(from..to);
    }),
    vma("vma-duplicate-extent", "an extent twice", twice),
    vma("vma-byte-lost", "a byte lost", |m| {
        let place = at(m, 0) + 1000;
        m.bytes.remove(place);
    }),
    vma(
        "vma-trailing-garbage-100",
        "100 bytes behind its end",
        |m| m.bytes.extend([7; 100]),
    ),
    vma(
        "vma-trailing-zeros-64k",
        "64 KiB of zeros behind its end",
        |m| {
            m.bytes.extend([0; 65_536]);
        },
    ),
    vma("vma-wrong-magic", "another magic number", |m| {
        put(&mut m.bytes, 0, b"VMB");
    }),
    vma(
        "vma-header-size-zero",
        "a header that claims no size",
        |m| put(&mut m.bytes, 56, &[0; 4]),
    ),
    vma(
        "vma-resigned-version-2",
        "another version, checksum made right",
        |m| {
            header(m, 7, &[2]);
        },
    ),
    vma(
        "vma-resigned-foreign-extent",
        "an extent of another archive",
        |m| signed(m, 8, b"X"),
    ),
    vma(
        "vma-resigned-block-count-low",
        "fewer blocks than its table asks for",
        |m| {
            signed(m, 7, &[1]);
        },
    ),
    vma(
        "vma-resigned-unknown-device",
        "a cluster of a disk that is not named",
        |m| {
            signed(m, 43, &[9]);
        },
    ),
    vma("vma-resigned-duplicate-cluster", "a cluster twice", |m| {
        signed(m, 47, &[2]);
    }),
    vma(
        "vma-resigned-device-grown",
        "a disk larger than what is stored",
        |m| {
            header(m, 4096 + 32 + 13, &[0x09]);
        },
    ),
    vma(
        "vma-resigned-config-pointer",
        "a configuration that points nowhere",
        |m| {
            header(m, 3068, &[0, 0, 0, 3]);
        },
    ),
    vma("vma-no-config", "no configuration of the guest", |m| {
        header(m, 2044, &[0; 4]);
        header(m, 3068, &[0; 4]);
    }),
    file(
        "vma-map-without-device",
        "configuration and disks do not agree",
        mapped_elsewhere,
    ),
    file("zero-length", "an empty file", || Ok(Vec::new())),
    file("text-garbage", "a text in place of the archive", || {
        Ok(b"504 Gateway Time-out\n".repeat(40))
    }),
    packed("zst-trunc-half", "second half missing", |p| {
        p.truncate(p.len() / 2);
    }),
    packed("zst-trunc-checksum", "checksum missing", |p| {
        p.truncate(p.len() - 4);
    }),
    packed(
        "zst-trunc-after-full-block",
        "cut between two blocks",
        |p| p.truncate(p.len() * 2 / 3),
    ),
    packed("zst-flip-payload", "a bit of the compressed data", |p| {
        flip(p, 2000);
    }),
    packed("zst-flip-checksum", "a bit of the checksum", |p| {
        let place = p.len() - 2;
        flip(p, place);
    }),
    packed("zst-flip-magic", "a bit of the magic number", |p| {
        flip(p, 1);
    }),
    packed(
        "zst-flip-last-block-flag",
        "the mark of the last block",
        |p| {
            if let Some(byte) = p.get_mut(6) {
                *byte ^= 1;
            }
        },
    ),
    packed("zst-zeroed-page", "4 KiB overwritten with zeros", |p| {
        put(p, 4096, &[0; 4096]);
    }),
    packed("zst-trailing-garbage", "something behind its end", |p| {
        p.extend([7; 100]);
    }),
    packed("gz-trunc-half", "second half missing", |p| {
        p.truncate(p.len() / 2);
    }),
    packed("gz-trunc-trailer", "checksum and length missing", |p| {
        p.truncate(p.len() - 8);
    }),
    packed("gz-flip-payload", "a bit of the compressed data", |p| {
        flip(p, 2000);
    }),
    packed("gz-flip-isize", "a bit of the length", |p| {
        let place = p.len() - 3;
        flip(p, place);
    }),
    packed("gz-trailing-garbage", "something behind its end", |p| {
        p.extend([7; 100]);
    }),
    packed("lzo-trunc-half", "second half missing", |p| {
        p.truncate(p.len() / 2);
    }),
    packed("lzo-trunc-eof-marker", "end mark missing", |p| {
        p.truncate(p.len() - 4);
    }),
    packed("lzo-flip-payload", "a bit of the compressed data", |p| {
        flip(p, 2000);
    }),
    packed("lzo-flip-header", "a bit of the header", |p| flip(p, 20)),
    file(
        "zst-multi-frame-second-truncated",
        "the second of two frames cut",
        || two_halves(|second| second.truncate(second.len() / 2)),
    ),
    file(
        "zst-multi-frame-second-missing",
        "the second of two frames missing",
        || two_halves(Vec::clear),
    ),
    file(
        "zst-nochecksum-flip-data",
        "no checksum, a bit of a disk's data",
        || without_checksum(|content| flip(content, 14_000)),
    ),
    file(
        "zst-nochecksum-flip-header",
        "no checksum, a bit of the header",
        || without_checksum(|content| flip(content, 12_330)),
    ),
    file(
        "ext-plain-named-zst",
        "not compressed, and the name says zstd",
        content,
    ),
    tar(
        "tar-flip-header-checksum",
        "a bit of a member's header",
        || {
            let mut bytes = tree(&members());
            flip(&mut bytes, 1029);
            bytes
        },
    ),
    tar("tar-flip-file-data", "a bit of a file's data", || {
        let mut bytes = tree(&members());
        flip(&mut bytes, 3000);
        bytes
    }),
    tar("tar-no-end-blocks", "end mark missing", || {
        members().concat()
    }),
    tar(
        "tar-no-record-padding",
        "not filled up behind the end mark",
        || [members().concat(), vec![0; 1024]].concat(),
    ),
    tar("tar-trunc-mid-file", "cut inside a file", || {
        let mut bytes = members().concat();
        bytes.truncate(bytes.len() - 200);
        bytes
    }),
    tar(
        "tar-trunc-member-boundary",
        "cut between two members",
        || members().get(..9).unwrap_or_default().concat(),
    ),
    tar(
        "tar-two-zero-blocks-inside",
        "an end mark in the middle",
        || {
            let members = members();
            let (first, rest) = members.split_at(5);
            [first.concat(), vec![0; 1024], tree(rest)].concat()
        },
    ),
    tar("tar-trailing-garbage", "something behind its end", || {
        [tree(&members()), vec![7; 3000]].concat()
    }),
    tar(
        "tar-resized-member",
        "a size too large, checksum made right",
        || {
            let mut members = members();
            // One block more than the file has: the header behind it is taken for its data.
            if let Some(file) = members.get_mut(6) {
                put(file, 124, b"00000002400\0");
                sign_member(file, 0);
            }
            tree(&members)
        },
    ),
    tar("tar-byte-lost", "a byte lost", || {
        let mut bytes = tree(&members());
        bytes.remove(3000);
        bytes
    }),
    tar(
        "tar-no-pct-conf",
        "no configuration of the guest",
        without_config,
    ),
];
