//! What a fuzzer begins with: small sound archives of every kind.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use proof_ledger::{ArchiveKey, Digest, FileStamp, Naming, Reader, Reading, State, Verdict, judge};
use serde_json::json;
use vzdump_archive::{Codec, Format};

use crate::{sweep, trees};

/// In front of an input whose checksums are made right, whose lines are chained, or which is no
/// text; and of any other.
const SIGNED: u8 = 0;
const AS_IT_IS: u8 = 1;

/// For each target its seeds.
///
/// # Errors
/// When one cannot be made.
pub fn all() -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut seeds = vec![("ledger", ledger())];
    for subject in sweep::subjects()? {
        let format = vzdump_archive::FileName::new(&subject.name).format;
        let (target, first) = match (subject.codec, format) {
            (Codec::None, Some(Format::Vma)) => ("vma", SIGNED),
            (Codec::None, Some(Format::Tar)) => ("tar", SIGNED),
            (Codec::None, Some(Format::PgCustom)) => ("dump", SIGNED),
            (Codec::None, _) => ("dump", AS_IT_IS),
            _ => ("lzop", AS_IT_IS),
        };
        seeds.push((target, [vec![first], subject.bytes].concat()));
    }
    let trees = trees::every_kind();
    seeds.extend(
        trees
            .iter()
            .map(|tree| ("tar", [vec![SIGNED], tree.archive()].concat())),
    );
    Ok(seeds)
}

/// Two archives, one of them forgotten again.
fn ledger() -> Vec<u8> {
    let reading = Reading::Read {
        stamp: FileStamp {
            size: 1 << 30,
            mtime: 1_767_225_600,
            mtime_nanos: 5,
            inode: 42,
        },
        sha256: Some(Digest([7; 32])),
        verdict: Verdict {
            state: State::Corrupt,
            reasons: Vec::new(),
        },
        at: 1_767_225_700,
        millis: 1500,
        detail: json!({"disks": ["scsi0"]}),
    };
    let reader = Reader {
        program: "0.1.0",
        checks: 1,
    };
    let entry = judge(None, reading, Naming::Unique, reader);
    let keys = ["a", "b"].map(|name| ArchiveKey::new("/dump", name));
    let mut lines: Vec<String> = keys
        .iter()
        .map(|key| json!({"set": {"key": key, "entry": entry}}).to_string())
        .collect();
    lines.extend(keys.first().map(|key| json!({"forget": key}).to_string()));
    [vec![SIGNED], lines.join("\n").into_bytes()].concat()
}

/// Writes them into a folder for each target.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path) -> Result<ExitCode> {
    for (number, (target, seed)) in all()?.into_iter().enumerate() {
        let folder = folder.join(target);
        let path = folder.join(format!("seed-{number}"));
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, seed))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
