//! Each class of damage under each compression, and the finding that names it.

use reprise_archives::make::{Machine, machine, members, pack, sign_extent, sign_header, tree};
use vzdump_archive::{Codec, Discard, Examination, FileName, Finding, Options, Verdict, examine};

pub(crate) const CODECS: [(Codec, &str); 5] = [
    (Codec::None, ""),
    (Codec::Zstd, ".zst"),
    (Codec::Gzip, ".gz"),
    (Codec::Lzo, ".lzo"),
    (Codec::Bzip2, ".bz2"),
];

pub(crate) fn examined(name: &str, mut data: &[u8]) -> Examination {
    examine(
        &mut data,
        &FileName::new(name),
        &mut Discard,
        Options::default(),
    )
}

pub(crate) fn vma_name(ending: &str) -> String {
    format!("vzdump-qemu-100-2026_01_02-03_04_05.vma{ending}")
}

pub(crate) fn tar_name(ending: &str) -> String {
    format!("vzdump-lxc-200-2026_01_02-03_04_05.tar{ending}")
}

fn ids(examination: &Examination) -> Vec<Finding> {
    examination.reasons.iter().map(|reason| reason.id).collect()
}

pub(crate) fn check(what: &str, name: &str, data: &[u8], codec: Codec, expected: Finding) {
    let examination = examined(name, &pack(codec, data).unwrap());
    let found = ids(&examination);
    assert!(
        found.contains(&expected),
        "{what} in {name}: {found:?}, not {expected}"
    );
    assert!(
        examination.verdict >= expected.verdict(),
        "{what} in {name}"
    );
}

#[test]
fn sound_archives_are_ok_under_every_compression() {
    for (codec, ending) in CODECS {
        let machine = examined(
            &vma_name(ending),
            &pack(codec, &machine().unwrap().bytes).unwrap(),
        );
        assert_eq!(
            (machine.verdict, ids(&machine)),
            (Verdict::Ok, vec![]),
            "{ending}"
        );
        assert_eq!(machine.disks.len(), 2);
        let tree = examined(&tar_name(ending), &pack(codec, &tree(&members())).unwrap());
        assert_eq!(
            (tree.verdict, ids(&tree)),
            (Verdict::Ok, vec![]),
            "{ending}"
        );
        assert_eq!(tree.members, Some(12));
    }
}

type Damage<T> = (&'static str, fn(&mut T), Finding);

/// Changes a place and signs the header again.
fn header(machine: &mut Machine, at: usize, data: &[u8]) {
    machine.bytes[at..at + data.len()].copy_from_slice(data);
    sign_header(&mut machine.bytes);
}

/// Changes a place of the second extent and signs it again.
fn extent(machine: &mut Machine, at: usize, data: &[u8]) {
    let start = machine.extents[1];
    machine.bytes[start + at..start + at + data.len()].copy_from_slice(data);
    sign_extent(&mut machine.bytes, start);
}

fn cut(machine: &mut Machine, from: usize, to: usize) {
    machine.bytes.drain(from..to);
}

#[test]
fn each_damage_of_a_machine_is_named() {
    let damages: &[Damage<Machine>] = &[
        ("magic", |m| m.bytes[0] = b'X', Finding::VmaMagic),
        (
            "cut header",
            |m| m.bytes.truncate(5000),
            Finding::VmaHeaderTruncated,
        ),
        (
            "header size 0",
            |m| header(m, 56, &[0; 4]),
            Finding::VmaHeaderSize,
        ),
        (
            "header size huge",
            |m| header(m, 56, &[0xff; 4]),
            Finding::VmaHeaderSize,
        ),
        (
            "header bit",
            |m| m.bytes[12_300] ^= 1,
            Finding::VmaHeaderChecksum,
        ),
        ("version", |m| header(m, 7, &[2]), Finding::VmaVersion),
        (
            "blob area",
            |m| header(m, 48, &[0, 0, 0, 1]),
            Finding::VmaBlobArea,
        ),
        (
            "blob size",
            |m| header(m, 52, &[0, 1, 0, 0]),
            Finding::VmaBlobArea,
        ),
        (
            "config pointer",
            |m| header(m, 3068, &[0, 0, 0, 3]),
            Finding::VmaConfigPointer,
        ),
        (
            "half config",
            |m| header(m, 3072, &[0, 0, 0, 1]),
            Finding::VmaConfigHalf,
        ),
        (
            "no config",
            |m| {
                header(m, 2044, &[0; 4]);
                header(m, 3068, &[0; 4]);
            },
            Finding::ConfigMissing,
        ),
        (
            "config is a path",
            |m| header(m, 12_288 + 3, b"../"),
            Finding::VmaConfigName,
        ),
        (
            "device without name",
            |m| header(m, 4096 + 32, &[0; 4]),
            Finding::VmaDeviceName,
        ),
        (
            "device without size",
            |m| header(m, 4096 + 40, &[0; 8]),
            Finding::VmaDeviceWithoutSize,
        ),
        (
            "device unmapped",
            |m| {
                let at = position(&m.bytes, b"map:scsi1:drive-scsi1");
                header(m, at + 20, b"2");
            },
            Finding::ConfigDeviceWithoutMap,
        ),
        (
            "map without device",
            |m| {
                let at = position(&m.bytes, b"map:scsi1:drive-scsi1");
                header(m, at + 20, b"2");
            },
            Finding::ConfigMapWithoutDevice,
        ),
        (
            "device grown",
            |m| header(m, 4096 + 64 + 13, &[0x09]),
            Finding::VmaMissingClusters,
        ),
        (
            "device shrunk",
            |m| header(m, 4096 + 64 + 13, &[0x07]),
            Finding::VmaClusterBeyondEnd,
        ),
        (
            "reserved of header",
            |m| header(m, 100, &[1]),
            Finding::VmaReserved,
        ),
        (
            "reserved of device",
            |m| header(m, 4096 + 32 + 4, &[1]),
            Finding::VmaReserved,
        ),
        (
            "odd size",
            |m| header(m, 4096 + 32 + 15, &[1]),
            Finding::VmaDeviceSize,
        ),
        (
            "cut at an extent",
            |m| {
                let at = m.extents[2];
                m.bytes.truncate(at);
            },
            Finding::VmaMissingClusters,
        ),
        (
            "header only",
            |m| {
                let at = m.extents[0];
                m.bytes.truncate(at);
            },
            Finding::VmaMissingClusters,
        ),
        (
            "cut in data",
            |m| {
                let at = m.extents[2] + 3000;
                m.bytes.truncate(at);
            },
            Finding::VmaExtentTruncated,
        ),
        (
            "cut in an extent header",
            |m| {
                let at = m.extents[2] + 100;
                m.bytes.truncate(at);
            },
            Finding::VmaTrailing,
        ),
        (
            "extent missing",
            |m| {
                let (a, b) = (m.extents[1], m.extents[2]);
                cut(m, a, b);
            },
            Finding::VmaMissingClusters,
        ),
        (
            "extent twice",
            |m| {
                let copy = m.bytes[m.extents[1]..m.extents[2]].to_vec();
                m.bytes.extend(copy);
            },
            Finding::VmaDuplicateCluster,
        ),
        (
            "byte lost",
            |m| {
                let at = m.extents[0] + 1000;
                cut(m, at, at + 1);
            },
            Finding::VmaExtentMagic,
        ),
        (
            "garbage behind",
            |m| m.bytes.extend([7; 100]),
            Finding::VmaTrailing,
        ),
        (
            "zeros behind",
            |m| m.bytes.extend([0; 65_536]),
            Finding::VmaTrailing,
        ),
        (
            "extent magic",
            |m| extent(m, 0, b"X"),
            Finding::VmaExtentMagic,
        ),
        (
            "extent reserved",
            |m| extent(m, 5, &[1]),
            Finding::VmaExtentMagic,
        ),
        (
            "extent bit",
            |m| {
                let at = m.extents[1] + 50;
                m.bytes[at] ^= 1;
            },
            Finding::VmaExtentChecksum,
        ),
        (
            "foreign extent",
            |m| extent(m, 8, b"X"),
            Finding::VmaExtentUuid,
        ),
        (
            "block count low",
            |m| {
                let at = m.extents[1] + 7;
                let count = m.bytes[at] - 1;
                extent(m, 7, &[count]);
            },
            Finding::VmaBlockCount,
        ),
        (
            "block count huge",
            |m| extent(m, 6, &[0xff, 0xff]),
            Finding::VmaBlockCount,
        ),
        (
            "unknown device",
            |m| extent(m, 43, &[9]),
            Finding::VmaUnknownDevice,
        ),
        (
            "cluster twice",
            |m| extent(m, 47, &[2]),
            Finding::VmaDuplicateCluster,
        ),
        (
            "cluster far beyond",
            |m| extent(m, 44, &[0xff; 4]),
            Finding::VmaClusterBeyondEnd,
        ),
        (
            "slot reserved",
            |m| extent(m, 42, &[1]),
            Finding::VmaReserved,
        ),
        (
            "zeroed block",
            |m| {
                let at = m.extents[1] + 512;
                m.bytes[at..at + 4096].fill(0);
            },
            Finding::VmaZeroBlock,
        ),
    ];
    for (what, damage, expected) in damages {
        let mut machine = machine().unwrap();
        damage(&mut machine);
        for (codec, ending) in CODECS {
            check(what, &vma_name(ending), &machine.bytes, codec, *expected);
        }
    }
}

fn position(bytes: &[u8], text: &[u8]) -> usize {
    bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap()
}

#[test]
fn each_damage_of_a_compression_is_named() {
    let plain = machine().unwrap().bytes;
    for (codec, ending, short, flip, behind) in [
        (
            Codec::Zstd,
            ".zst",
            Finding::ZstdTruncated,
            Verdict::Corrupt,
            Finding::ZstdTrailing,
        ),
        (
            Codec::Gzip,
            ".gz",
            Finding::GzipTruncated,
            Verdict::Corrupt,
            Finding::GzipTrailing,
        ),
        (
            Codec::Lzo,
            ".lzo",
            Finding::LzopTruncated,
            Verdict::Corrupt,
            Finding::LzopTrailing,
        ),
        (
            Codec::Bzip2,
            ".bz2",
            Finding::Bzip2Truncated,
            Verdict::Corrupt,
            Finding::Bzip2Trailing,
        ),
    ] {
        let name = vma_name(ending);
        let packed = pack(codec, &plain).unwrap();
        for length in [packed.len() - 1, packed.len() - 4, packed.len() / 2, 20] {
            let examination = examined(&name, &packed[..length]);
            assert!(
                ids(&examination).contains(&short),
                "{name} cut to {length}: {:?}",
                ids(&examination)
            );
        }
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0x10;
        assert_eq!(examined(&name, &damaged).verdict, flip, "{name}");
        let trailing = examined(&name, &[packed.as_slice(), b"garbage"].concat());
        assert_eq!(ids(&trailing), [behind], "{name}");
        // Two in a row are one content, so the second machine is data behind the first.
        let halves = plain.split_at(plain.len() / 2);
        let two = [
            pack(codec, halves.0).unwrap(),
            pack(codec, halves.1).unwrap(),
        ]
        .concat();
        // What it unpacks ends with an error at the second of two files of lzop.
        let told: &[Finding] = match codec {
            Codec::Lzo => &[Finding::LzopSeveral],
            _ => &[],
        };
        assert_eq!(ids(&examined(&name, &two)), told, "{name} in two parts");
        // Under another name the program of that name would refuse it.
        let other = examined(&vma_name(""), &packed);
        assert_eq!(ids(&other), [Finding::NameCodec], "{name} without ending");
        assert_eq!(ids(&examined(&name, b"")), [Finding::EmptyFile]);
        assert_eq!(examined(&name, b"some text").verdict, Verdict::Corrupt);
    }
}

#[test]
fn what_a_damaged_block_unpacks_to_is_not_judged() {
    let plain = machine().unwrap().bytes;
    for (codec, ending) in CODECS
        .into_iter()
        .filter(|(codec, _)| *codec != Codec::None)
    {
        let name = vma_name(ending);
        let packed = pack(codec, &plain).unwrap();
        for at in (20..packed.len()).step_by(packed.len() / 40) {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            let examination = examined(&name, &damaged);
            assert!(
                examination
                    .reasons
                    .iter()
                    .all(|reason| reason.id != Finding::VmaMagic),
                "{name} at {at}: {:?}",
                examination.reasons
            );
        }
    }
}

#[test]
fn a_container_under_the_name_of_a_machine_is_told() {
    let name = "vzdump-qemu-100-2026_01_02-03_04_05.tar";
    let examination = examined(name, &tree(&members()));
    let ids: Vec<_> = examination.reasons.iter().map(|reason| reason.id).collect();
    assert_eq!(ids, [Finding::NameGuest]);
    assert_eq!(examination.verdict, Verdict::Corrupt);
}
