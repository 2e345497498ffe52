//! A flip of each sampled byte and a cut at each sampled length: nothing panics, and what can be
//! seen is seen. The stride keeps the run short; it is odd, so that it meets every kind of field.

use std::io::Read as _;

use reprise_archives::make::{machine, members, pack, tree};
use vzdump_archive::{Codec, Verdict};

use super::damage::examined;

const SAMPLES: usize = 150;

/// The lengths to which it may be cut unseen, and the bytes that may be flipped unseen.
fn sweep(name: &str, data: &[u8]) -> (Vec<usize>, Vec<usize>) {
    let stride = (data.len() / SAMPLES) | 1;
    let (mut cuts, mut flips) = (Vec::new(), Vec::new());
    for at in (0..data.len()).step_by(stride) {
        if examined(name, &data[..at]).verdict == Verdict::Ok {
            cuts.push(at);
        }
        let mut flipped = data.to_vec();
        flipped[at] ^= 1 << (at % 8);
        if examined(name, &flipped).verdict == Verdict::Ok {
            flips.push(at);
        }
    }
    (cuts, flips)
}

/// What another program would make of it.
fn unpacked(codec: Codec, mut packed: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    match codec {
        Codec::Zstd => return zstd::decode_all(packed).ok(),
        Codec::Gzip => flate2::read::MultiGzDecoder::new(packed)
            .read_to_end(&mut data)
            .ok()?,
        Codec::Bzip2 => bzip2::read::MultiBzDecoder::new(packed)
            .read_to_end(&mut data)
            .ok()?,
        // Behind the header and the head of the only block, before the end mark.
        Codec::Lzo => {
            let block = packed.get(50..packed.len() - 4)?;
            return lzokay_native::decompress_all(block, None).ok();
        }
        Codec::None => packed.read_to_end(&mut data).ok()?,
    };
    Some(data)
}

#[test]
fn every_cut_is_seen_and_flips_where_there_is_a_checksum() {
    let machine = machine().unwrap().bytes;
    let tree = tree(&members());
    for (codec, ending) in [
        (Codec::Zstd, ".zst"),
        (Codec::Gzip, ".gz"),
        (Codec::Lzo, ".lzo"),
        (Codec::Bzip2, ".bz2"),
    ] {
        for (name, data) in [
            ("vzdump-qemu-100-a.vma", &machine),
            ("vzdump-lxc-200-a.tar", &tree),
        ] {
            let name = format!("{name}{ending}");
            let packed = pack(codec, data).unwrap();
            let (cuts, mut flips) = sweep(&name, &packed);
            assert_eq!(cuts, Vec::<usize>::new(), "{name}");
            let length = packed.len();
            // What was flipped unseen, such as the time in the header of gzip, or a reference to
            // another place where the same bytes stand, must leave the content as it was.
            flips.retain(|at| {
                let mut flipped = packed.clone();
                flipped[*at] ^= 1 << (at % 8);
                unpacked(codec, &flipped).as_ref() != Some(data)
            });
            assert_eq!(flips, Vec::<usize>::new(), "{name} of {length} bytes");
        }
    }
}

#[test]
fn plain_archives_lose_no_byte_unseen() {
    let (cuts, _) = sweep("vzdump-qemu-100-a.vma", &machine().unwrap().bytes);
    assert_eq!(cuts, Vec::<usize>::new());
    let (cuts, _) = sweep("vzdump-lxc-200-a.tar", &tree(&members()));
    assert_eq!(cuts, Vec::<usize>::new());
}
