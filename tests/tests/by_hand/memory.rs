//! What reading an archive takes of memory, whatever the archive claims: the promise of the
//! reference of `backup_verify`, measured at the program itself.

use std::fs;

use anyhow::{Context as _, Result};
use reprise_archives::make::{self, member, pack, sign_header, sign_member};
use reprise_archives::{Codec, image};
use reprise_tests::process::Watch;
use reprise_tests::program::Program;

const MEBIBYTE: u64 = 1 << 20;
/// What an archive may take beside the window that zstd announces.
const MOST: u64 = 64 * MEBIBYTE;
/// The largest window that is accepted.
const WINDOW: u64 = 128 * MEBIBYTE;

const MACHINE: &str = "vzdump-qemu-100-2026_01_01-00_00_00.vma";
const CONTAINER: &str = "vzdump-lxc-200-2026_01_01-00_00_00.tar";

/// Reads a file and looks at the most memory that was held. The finding is one that must be told;
/// without one the archive must be sound.
fn stays_below(limit: u64, name: &str, bytes: &[u8], finding: Option<&str>) -> Result<()> {
    let program = Program::under_test()?;
    let path = program.home().join(name);
    fs::write(&path, bytes)?;
    let path = path.to_str().context("a path of this test is no text")?;
    let words = ["backup_verify", "--json", "--path", path];
    let ended = program.by_hand_watched(words, Watch::Memory)?;
    let result = ended.json()?;
    let archive = &result["archives"][0];
    let told: Vec<&str> = archive["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reason| reason["id"].as_str())
        .collect();
    match finding {
        Some(finding) => assert!(told.contains(&finding), "{name}: {archive}"),
        None => assert_eq!(archive["verdict"], "ok", "{name}: {archive}"),
    }
    assert!(
        ended.peak_memory > MEBIBYTE,
        "{name}: the memory was not seen"
    );
    assert!(
        ended.peak_memory < limit,
        "{name} ({finding:?}) took {} KiB, allowed are {}",
        ended.peak_memory >> 10,
        limit >> 10
    );
    Ok(())
}

/// A frame of zstd that announces a window and holds one byte over and over: four bytes of
/// archive for each 128 KiB of content.
fn repeated(byte: u8, window_log: u8, mebibytes: u32) -> Vec<u8> {
    const LONGEST_BLOCK: u32 = 128 << 10;
    const REPEAT: u32 = 1 << 1;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    let blocks = mebibytes * 8;
    for number in 1..=blocks {
        let header = LONGEST_BLOCK << 3 | REPEAT | u32::from(number == blocks);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(byte);
    }
    frame
}

#[test]
fn a_window_of_zstd_is_allowed_up_to_a_limit() -> Result<()> {
    let name = format!("{MACHINE}.zst");
    let large = repeated(b'a', 27, 400);
    stays_below(MOST + WINDOW, &name, &large, Some("vma-magic"))?;
    // The usual window leaves the usual limit.
    let usual = repeated(b'a', 21, 64);
    stays_below(MOST, &name, &usual, Some("vma-magic"))?;
    for log in [28, 31] {
        stays_below(MOST, &name, &repeated(0, log, 1), Some("zstd-window"))?;
    }
    stays_below(
        MOST,
        "dump.sql.zst",
        &repeated(b'a', 21, 64),
        Some("dump-error-page"),
    )
}

#[test]
fn blocks_of_lzop_are_not_believed() -> Result<()> {
    let name = format!("{MACHINE}.lzo");
    // The header of an empty file ends before the end mark.
    let empty = pack(Codec::Lzo, b"")?;
    let header = &empty[..empty.len() - 4];
    let claims = [
        header,
        &(64_u32 << 20).to_be_bytes(),
        &[0, 0, 0, 9],
        &[0; 64],
    ]
    .concat();
    stays_below(MOST, &name, &claims, Some("lzop-block"))?;
    // The largest that are accepted, one after the other.
    let block = block_of_lzop(8 << 20)?;
    let mut many = header.to_vec();
    for _ in 0..40 {
        many.extend(&block);
    }
    many.extend([0; 4]);
    stays_below(MOST, &name, &many, Some("vma-magic"))
}

fn block_of_lzop(length: usize) -> Result<Vec<u8>> {
    let content = vec![b'a'; length];
    let packed = make::compress_lzo(&content)?;
    let mut block = Vec::new();
    for number in [content.len(), packed.len()] {
        block.extend(u32::try_from(number)?.to_be_bytes());
    }
    block.extend(make::adler32(&content).to_be_bytes());
    block.extend(packed);
    Ok(block)
}

#[test]
fn a_header_of_gzip_may_be_long_and_is_not_kept() -> Result<()> {
    let mut bytes = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    bytes.resize(100 << 20, b'n');
    stays_below(
        MOST,
        &format!("{MACHINE}.gz"),
        &bytes,
        Some("gzip-truncated"),
    )
}

#[test]
fn a_header_of_vma_is_not_believed() -> Result<()> {
    let huge = u64::MAX >> 1;
    let names: Vec<String> = (1..=254)
        .map(|number| format!("drive-scsi{number}"))
        .collect();
    let disks: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), huge)).collect();
    let header = make::header("cores: 1\n", &disks)?;
    let mut claims = header.clone();
    claims[56..60].copy_from_slice(&u32::MAX.to_be_bytes());
    stays_below(MOST, MACHINE, &claims, Some("vma-header-size"))?;
    stays_below(MOST, MACHINE, &blobs(&[])?, Some("vma-missing-clusters"))?;
    let many: Vec<Vec<u8>> = (0..254)
        .flat_map(|number| [format!("{number}.conf\0").into_bytes(), vec![b'x'; 65_535]])
        .collect();
    stays_below(MOST, MACHINE, &blobs(&many)?, Some("vma-missing-clusters"))?;
    // Clusters of all disks in the worst order: each on a page of its own, then again beside it.
    let mut scattered = header;
    let mut number: u64 = 0;
    for _ in 0..60_000 {
        let mut slots = Vec::new();
        for _ in 0..make::EXTENT_CLUSTERS {
            let cluster = (number << 15 & 0xffff_ffff) + (number >> 17);
            slots.push((1 + number % 254) << 32 | cluster);
            number += 1;
        }
        scattered.extend(make::extent_header(&slots, 0)?);
    }
    stays_below(MOST, MACHINE, &scattered, Some("vma-missing-clusters"))
}

/// The largest header, with these blobs as names and contents of configurations in turn, and
/// with empty ones in the rest of it.
fn blobs(configs: &[Vec<u8>]) -> Result<Vec<u8>> {
    const HEADER: usize = 17 << 20;
    const FIXED: usize = 12_288;
    let mut bytes = make::header("cores: 1\n", &[("drive-scsi0", 65_536)])?;
    let used = u32::from_be_bytes(bytes[52..56].try_into()?);
    bytes.truncate(FIXED + usize::try_from(used)?);
    for (number, blob) in configs.iter().enumerate() {
        let place = 2044 + 1024 * (number % 2) + 4 * (number / 2 + 1);
        let start = u32::try_from(bytes.len() - FIXED)?;
        bytes[place..place + 4].copy_from_slice(&start.to_be_bytes());
        bytes.extend(u16::try_from(blob.len())?.to_le_bytes());
        bytes.extend(blob);
    }
    bytes.resize(HEADER, 0);
    bytes[52..56].copy_from_slice(&u32::try_from(HEADER - FIXED)?.to_be_bytes());
    bytes[56..60].copy_from_slice(&u32::try_from(HEADER)?.to_be_bytes());
    sign_header(&mut bytes);
    Ok(bytes)
}

fn long(kind: u8, mebibytes: usize) -> Vec<u8> {
    member("././@LongLink", kind, "", &vec![b'n'; mebibytes << 20])
}

/// A record of an extended header: its length counts itself.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

#[test]
fn names_and_maps_of_tar_have_limits() -> Result<()> {
    let config = make::members().swap_remove(0);
    let mut claims = member("././@LongLink", b'L', "", b"");
    claims[124..136].copy_from_slice(b"77777777777\0");
    sign_member(&mut claims, 0);
    let too_long = make::tree(&[config.clone(), claims]);
    stays_below(MOST, CONTAINER, &too_long, Some("tar-pax"))?;
    for (kind, mebibytes) in [(b'L', 2), (b'x', 5)] {
        let too_long = make::tree(&[config.clone(), long(kind, mebibytes)]);
        stays_below(MOST, CONTAINER, &too_long, Some("tar-pax"))?;
    }
    // Everything that is kept for the next member at once, each as long as it may be.
    let path = record("path", &vec![b'p'; (4 << 20) - 64]);
    let all = [
        config.clone(),
        long(b'L', 1),
        long(b'K', 1),
        member("./PaxHeaders/x", b'x', "", &path),
        member("./x", b'2', "y", b""),
    ];
    let name = format!("{CONTAINER}.zst");
    stays_below(
        MOST,
        &name,
        &pack(Codec::Zstd, &make::tree(&all))?,
        Some("tar-few-members"),
    )?;
    let mut map = b"0,0,".repeat((1 << 20) - 32);
    map.pop();
    let sparse = [
        record("GNU.sparse.map", &map),
        record("GNU.sparse.size", b"0"),
    ];
    let all = [
        config,
        member("./PaxHeaders/x", b'x', "", &sparse.concat()),
        member("./x", b'0', "", b""),
    ];
    stays_below(
        MOST,
        &name,
        &pack(Codec::Zstd, &make::tree(&all))?,
        Some("tar-few-members"),
    )
}

#[test]
fn many_members_are_not_kept() -> Result<()> {
    const MEMBERS: usize = 600_000;
    let mut bytes = make::members().concat();
    let template = member("./link-000000", b'2', "somewhere", b"");
    bytes.reserve(MEMBERS * template.len() + 20_480);
    for number in 0..MEMBERS {
        let at = bytes.len();
        bytes.extend(&template);
        bytes[at + 7..at + 13].copy_from_slice(format!("{number:06}").as_bytes());
        sign_member(&mut bytes, at);
    }
    let name = format!("{CONTAINER}.zst");
    stays_below(
        MOST,
        &name,
        &pack(Codec::Zstd, &make::tree(&[bytes]))?,
        None,
    )
}

#[test]
fn a_sound_archive_of_some_size_takes_no_more() -> Result<()> {
    let folder = tempfile::tempdir()?;
    image::run(folder.path(), 64 * MEBIBYTE)?;
    let machine = fs::read(folder.path().join("disk.vma"))?;
    for (codec, ending) in [
        (Codec::None, ""),
        (Codec::Zstd, ".zst"),
        (Codec::Gzip, ".gz"),
        (Codec::Lzo, ".lzo"),
    ] {
        let name = format!("{MACHINE}{ending}");
        let packed = pack(codec, &machine)?;
        let program = Program::under_test()?;
        let path = program.home().join(&name);
        fs::write(&path, &packed)?;
        let path = path.to_str().context("a path of this test is no text")?;
        let words = ["backup_verify", "--json", "--path", path];
        let ended = program.by_hand_watched(words, Watch::Memory)?;
        let verdict = &ended.json()?["archives"][0]["verdict"];
        // Without a checksum nothing is proven, which is no fault of a plain archive.
        assert_eq!(verdict, "ok", "{name}: {}", ended.output());
        assert!(ended.peak_memory < MOST, "{name}: {}", ended.peak_memory);
    }
    Ok(())
}
