//! A guest for benchmarks, the same for the same size: stretches of text, of tables as programs
//! keep them, of noise, of zeros, and holes. As the archive of a machine, and as a tree of files
//! for a container.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::make::{EXTENT_CLUSTERS, EXTENT_HEADER, extent_header, header};

const CLUSTER: usize = 65_536;
const BLOCK: usize = 4096;
/// As long as one kind of content goes on.
const STRETCH: u64 = 1 << 20;
const WORDS: u32 = 2048;

/// What a stretch of the disk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Table,
    Noise,
    Zeros,
    Hole,
}

/// The kinds in turn: most is compressible, a quarter is not, and a fifth is empty.
const TURN: [Kind; 16] = [
    Kind::Text,
    Kind::Table,
    Kind::Noise,
    Kind::Text,
    Kind::Hole,
    Kind::Table,
    Kind::Text,
    Kind::Noise,
    Kind::Zeros,
    Kind::Table,
    Kind::Text,
    Kind::Noise,
    Kind::Table,
    Kind::Hole,
    Kind::Text,
    Kind::Noise,
];

fn kind(stretch: u64) -> Kind {
    let turn = u64::try_from(TURN.len()).unwrap_or(1);
    usize::try_from(stretch % turn)
        .ok()
        .and_then(|at| TURN.get(at))
        .copied()
        .unwrap_or(Kind::Noise)
}

/// Numbers without a pattern, the same ones every time.
#[derive(Debug)]
struct Random(u64);

impl Random {
    const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below this one, small ones much more often.
    fn skewed(&mut self, below: u32) -> u32 {
        let number = self.next();
        let (first, second) = (number >> 32, number & u64::from(u32::MAX));
        let product = (first * second) >> 32;
        u32::try_from((product * u64::from(below)) >> 32).unwrap_or(0)
    }
}

/// Fills the buffer with what this stretch holds.
fn fill(stretch: u64, buffer: &mut Vec<u8>, length: usize) {
    buffer.clear();
    let mut random = Random::new(stretch + 1);
    match kind(stretch) {
        Kind::Text => {
            while buffer.len() < length {
                let word = random.skewed(WORDS);
                let letters = Random::new(u64::from(word)).next().to_le_bytes();
                let count = usize::try_from(word % 7).unwrap_or(0) + 2;
                buffer.extend(letters.iter().take(count).map(|byte| b'a' + byte % 26));
                buffer.push(if random.skewed(12) == 11 { b'\n' } else { b' ' });
            }
        }
        Kind::Table => {
            for row in 0_u64.. {
                if buffer.len() >= length {
                    break;
                }
                buffer.extend((stretch << 24 | row).to_le_bytes());
                buffer.extend(random.skewed(100_000).to_le_bytes());
                buffer.extend(random.skewed(64).to_le_bytes());
                buffer.extend([0; 12]);
                let [low, high, ..] = random.next().to_le_bytes();
                buffer.extend([low, high, 0, 0xff]);
            }
        }
        Kind::Noise => {
            while buffer.len() < length {
                buffer.extend(random.next().to_le_bytes());
            }
        }
        Kind::Zeros | Kind::Hole => {}
    }
    buffer.resize(length, 0);
}

/// Writes `FOLDER/disk.vma`, `FOLDER/config` and `FOLDER/tree`, of a guest whose disk has this
/// size. The configuration is apart because vzdump takes it from a folder of its own.
///
/// # Errors
/// When something cannot be written.
pub fn run(folder: &Path, size: u64) -> Result<()> {
    let cannot = || format!("cannot write below {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let file = File::create(folder.join("disk.vma")).with_context(cannot)?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    machine(&mut file, size).with_context(cannot)?;
    file.flush().with_context(cannot)?;
    config(&folder.join("config"), size).with_context(cannot)?;
    tree(&folder.join("tree"), size).with_context(cannot)
}

fn machine(output: &mut impl Write, size: u64) -> Result<()> {
    let config = format!(
        "cores: 2\nscsi0: local:vm-100-disk-0,size={}K\n#qmdump#map:scsi0:drive-scsi0:local:raw:\n",
        size / 1024
    );
    output.write_all(&header(&config, &[("drive-scsi0", size)])?)?;
    let mut slots: Vec<u64> = Vec::new();
    let mut data: Vec<u8> = Vec::with_capacity(EXTENT_CLUSTERS * CLUSTER);
    let mut buffer = Vec::new();
    let mut cluster = 0_u64;
    for stretch in 0..size.div_ceil(STRETCH) {
        let length = usize::try_from((size - stretch * STRETCH).min(STRETCH))?;
        fill(stretch, &mut buffer, length);
        // What lies behind the end of the disk is zero.
        buffer.resize(length.next_multiple_of(CLUSTER), 0);
        for content in buffer.chunks(CLUSTER) {
            let mut mask = 0_u64;
            for (number, block) in content.chunks(BLOCK).enumerate() {
                if block.iter().any(|byte| *byte != 0) {
                    mask |= 1 << number;
                    data.extend(block);
                }
            }
            slots.push(mask << 48 | 1 << 32 | cluster);
            cluster += 1;
            if slots.len() == EXTENT_CLUSTERS {
                extent(output, &mut slots, &mut data)?;
            }
        }
    }
    if !slots.is_empty() {
        extent(output, &mut slots, &mut data)?;
    }
    Ok(())
}

fn extent(output: &mut impl Write, slots: &mut Vec<u64>, data: &mut Vec<u8>) -> Result<()> {
    let head: [u8; EXTENT_HEADER] = extent_header(slots, data.len() / BLOCK)?;
    output.write_all(&head)?;
    output.write_all(data)?;
    slots.clear();
    data.clear();
    Ok(())
}

fn config(root: &Path, size: u64) -> io::Result<()> {
    let folder = root.join("etc/vzdump");
    fs::create_dir_all(&folder)?;
    let text = format!(
        "arch: amd64\nhostname: bench\nrootfs: local:vm-200-disk-0,size={}K\n",
        size / 1024
    );
    fs::write(folder.join("pct.conf"), text)
}

/// A large file with holes, and beside it many small files of the same contents.
fn tree(root: &Path, size: u64) -> Result<()> {
    for folder in ["sbin", "var/lib"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::write(root.join("sbin/init"), "init\n")?;
    let mut large = File::create(root.join("var/lib/large"))?;
    let mut buffer = Vec::new();
    let mut end = 0;
    for stretch in 0..size.div_ceil(STRETCH) {
        let length = usize::try_from((size - stretch * STRETCH).min(STRETCH))?;
        fill(stretch, &mut buffer, length);
        // Every fifth stretch comes as files, as a distribution has them.
        if stretch % 5 == 4 {
            small(root, stretch, &buffer)?;
        } else if kind(stretch) != Kind::Hole {
            large.seek(SeekFrom::Start(end))?;
            large.write_all(&buffer)?;
        }
        end += u64::try_from(length)?;
    }
    large.set_len(end)?;
    Ok(())
}

fn small(root: &Path, stretch: u64, content: &[u8]) -> io::Result<()> {
    let folder = root.join("usr/share").join(stretch.to_string());
    fs::create_dir_all(&folder)?;
    let mut random = Random::new(stretch);
    let mut rest = content;
    let mut number = 0;
    while !rest.is_empty() {
        let most = usize::try_from(random.skewed(60_000)).unwrap_or(0) + 1;
        let (data, behind) = rest.split_at(most.min(rest.len()));
        fs::write(folder.join(format!("file-{number}")), data)?;
        rest = behind;
        number += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use vzdump_archive::{Discard, FileName, Options, Verdict, examine};

    use super::*;

    #[test]
    fn the_machine_is_sound_and_the_same_every_time() {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        // Ends inside a cluster and inside an extent.
        let size = 17 * STRETCH + 20 * 1024;
        machine(&mut first, size).unwrap();
        machine(&mut second, size).unwrap();
        assert_eq!(first, second);
        let name = FileName::new("vzdump-qemu-100-2026_01_01-00_00_00.vma");
        let examination = examine(
            &mut first.as_slice(),
            &name,
            &mut Discard,
            Options::default(),
        );
        assert_eq!(
            examination.verdict,
            Verdict::Ok,
            "{:?}",
            examination.reasons
        );
        assert_eq!(examination.disks[0].clusters_present, 17 * 16 + 1);
        // What is empty is not stored.
        assert!(first.len() < 15 << 20, "{}", first.len());
    }

    #[test]
    fn the_tree_has_holes_and_small_files() {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path(), 16 * STRETCH).unwrap();
        let large = fs::metadata(folder.path().join("var/lib/large")).unwrap();
        assert_eq!(large.len(), 16 * STRETCH);
        let files = fs::read_dir(folder.path().join("usr/share/9")).unwrap();
        assert!(files.count() > 20);
    }
}
