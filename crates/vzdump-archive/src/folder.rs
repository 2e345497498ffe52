//! What lies in a folder of archives: archives, dumps, and what backups that did not finish left.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use pve_types::{ArchiveName, LocalStamp, Vmid};

use crate::checksum::Checksums;
use crate::{FileName, Finding, Reason, file};

/// What is read of the end of a log.
const LOG_END: u64 = 64 << 10;

/// A file to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// What its name says.
    pub name: FileName,
    /// Its size when the folder was listed.
    pub size: u64,
    /// Whether pruning must not remove it.
    pub protected: bool,
    /// The first line of its notes.
    pub notes: Option<String>,
}

/// What a backup that did not finish left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// The guest.
    pub vmid: Vmid,
    /// When the backup began.
    pub stamp: LocalStamp,
    /// What it is: the finding that it makes while nothing newer is sound.
    pub finding: Finding,
    /// Its size; of a folder or log nothing.
    pub size: u64,
    /// What a log says of the failure.
    pub said: Option<String>,
}

/// What lies in a folder.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Archives and dumps, by name.
    pub candidates: Vec<Candidate>,
    /// What interrupted and failed backups left, by name.
    pub leftovers: Vec<Leftover>,
    /// What checksum files say.
    pub checksums: Checksums,
}

/// Lists a folder.
///
/// # Errors
/// When it cannot be listed: nothing is then known of it.
pub fn scan(folder: &Path) -> io::Result<Scan> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        // A name that is no text is none that vzdump makes.
        if let Ok(name) = entry?.file_name().into_string() {
            names.insert(name);
        }
    }
    let mut scan = Scan::default();
    for name in &names {
        let path = folder.join(name);
        let file_name = FileName::new(name);
        if file_name.is_archive() || file_name.is_dump() {
            scan.candidates.push(Candidate {
                // One that is gone again is found out when it is opened.
                size: fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len()),
                protected: names.contains(&format!("{name}.protected")),
                notes: notes(&folder.join(format!("{name}.notes"))),
                path,
                name: file_name,
            });
        } else if Checksums::is_one(name) {
            // What cannot be read proves nothing, and the archive is verified all the same.
            scan.checksums.read(folder, name).ok();
        } else if let Some(leftover) = leftover(&path, name, &names) {
            scan.leftovers.push(leftover);
        }
    }
    Ok(scan)
}

fn notes(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    file::open_file(path)
        .ok()?
        .0
        .take(4096)
        .read_to_end(&mut bytes)
        .ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().next().map(str::to_owned)
}

/// The guest and time of a name without its ending.
fn stem(text: &str) -> Option<ArchiveName> {
    format!("{text}.vma").parse().ok()
}

fn leftover(path: &Path, name: &str, names: &BTreeSet<String>) -> Option<Leftover> {
    let (base, ending) = name.rsplit_once('.')?;
    let (finding, archive, said) = match ending {
        "dat" => {
            let base = base
                .strip_suffix(".vma")
                .or_else(|| base.strip_suffix(".tar"))
                .unwrap_or(base);
            (Finding::BackupInterrupted, stem(base)?, None)
        }
        "tmp" => (Finding::WorkFolderLeft, stem(base)?, None),
        "log" => {
            let archive = stem(base)?;
            let has_archive = names
                .range(format!("{base}.")..)
                .take_while(|name| name.starts_with(base))
                .any(|name| FileName::new(name).is_archive());
            if has_archive {
                return None;
            }
            (Finding::BackupFailed, archive, Some(failure(path)?))
        }
        _ => return None,
    };
    let size = match finding {
        Finding::BackupInterrupted => {
            fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
        }
        _ => 0,
    };
    Some(Leftover {
        path: path.to_owned(),
        vmid: archive.vmid(),
        stamp: archive.stamp(),
        finding,
        size,
        said,
    })
}

/// What a log says of the failure of its backup; nothing when it did not fail.
fn failure(path: &Path) -> Option<String> {
    let (mut file, metadata) = file::open_file(path).ok()?;
    let length = metadata.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_END)))
        .ok()?;
    let mut bytes = Vec::new();
    file.take(LOG_END).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().rev().find_map(|line| {
        let (_, said) = line.split_once("ERROR: ")?;
        (said.starts_with("Backup of ") && said.contains(" failed")).then(|| said.to_owned())
    })
}

impl Leftover {
    /// What it means, given the newest sound archive of its guest.
    pub fn judge(&self, is_running: bool, newest_sound: Option<LocalStamp>) -> Reason {
        if is_running {
            return Reason::new(Finding::BackupRunning, "a backup writes this file now");
        }
        if newest_sound.is_some_and(|newest| newest > self.stamp) {
            return Reason::new(
                Finding::LeftoverSuperseded,
                format!(
                    "it is left from {}, and a newer archive is sound",
                    self.stamp
                ),
            );
        }
        let text = match (self.finding, &self.said) {
            (_, Some(said)) => format!("the log says: {said}"),
            (Finding::WorkFolderLeft, _) => {
                format!("the backup of {} left its work folder", self.stamp)
            }
            _ => format!(
                "the backup of {} was interrupted after {} bytes",
                self.stamp, self.size
            ),
        };
        Reason::new(self.finding, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEM: &str = "vzdump-qemu-100-2026_01_10-03_00_00";

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Scan) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let scan = scan(folder.path()).unwrap();
        (folder, scan)
    }

    #[test]
    fn archives_have_companions() {
        let (_folder, scan) = folder(&[
            (&format!("{STEM}.vma.zst"), "x"),
            (&format!("{STEM}.vma.zst.notes"), "first\nsecond"),
            (&format!("{STEM}.vma.zst.protected"), ""),
            (
                &format!("{STEM}.log"),
                "ERROR: Backup of VM 100 failed - no",
            ),
            ("db.sql.gz", ""),
            ("notes.txt", ""),
            ("vzdump-qemu-100-mine.vma", ""),
        ]);
        let names: Vec<_> = scan
            .candidates
            .iter()
            .map(|file| file.name.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "db.sql.gz",
                &format!("{STEM}.vma.zst"),
                "vzdump-qemu-100-mine.vma"
            ]
        );
        let archive = &scan.candidates[1];
        assert!(archive.protected);
        assert_eq!(archive.notes.as_deref(), Some("first"));
        // Its log tells of a failure, but there is an archive: that one is judged itself.
        assert_eq!(scan.leftovers, []);
    }

    #[test]
    fn what_unfinished_backups_leave() {
        let (folder, scan) = folder(&[
            (&format!("{STEM}.vma.dat"), "abc"),
            ("vzdump-lxc-101-2026_01_10-03_00_00.dat", ""),
            (
                "vzdump-lxc-102-2026_01_10-03_00_00.log",
                "2026-01-10 03:00:01 ERROR: Backup of CT 102 failed - no space left\n",
            ),
            (
                "vzdump-lxc-103-2026_01_10-03_00_00.log",
                "INFO: Finished Backup of CT 103 (00:00:03)\n",
            ),
            ("other.dat", ""),
        ]);
        let found: Vec<_> = scan
            .leftovers
            .iter()
            .map(|left| (left.vmid.get(), left.finding))
            .collect();
        assert_eq!(
            found,
            [
                (101, Finding::BackupInterrupted),
                (102, Finding::BackupFailed),
                (100, Finding::BackupInterrupted)
            ]
        );
        assert!(
            scan.leftovers[1]
                .judge(false, None)
                .text
                .contains("no space left")
        );
        fs::create_dir(folder.path().join(format!("{STEM}.tmp"))).unwrap();
        assert_eq!(super::scan(folder.path()).unwrap().leftovers.len(), 4);
    }

    #[test]
    fn a_leftover_counts_while_nothing_newer_is_sound() {
        let (_folder, scan) = folder(&[(&format!("{STEM}.vma.dat"), "abc")]);
        let left = &scan.leftovers[0];
        let newer = "vzdump-qemu-100-2026_01_11-03_00_00.vma"
            .parse::<ArchiveName>()
            .unwrap();
        let older = "vzdump-qemu-100-2026_01_09-03_00_00.vma"
            .parse::<ArchiveName>()
            .unwrap();
        assert_eq!(left.judge(false, None).id, Finding::BackupInterrupted);
        assert_eq!(
            left.judge(false, Some(older.stamp())).id,
            Finding::BackupInterrupted
        );
        assert_eq!(
            left.judge(false, Some(newer.stamp())).id,
            Finding::LeftoverSuperseded
        );
        assert_eq!(
            left.judge(true, Some(newer.stamp())).id,
            Finding::BackupRunning
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(scan(Path::new("/nonexistent/dump")).is_err());
    }
}
