//! Which files there are: those that were named, and those in the folders of storages.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use module_kit::{Exit, Failure};
use pve_types::{NodeName, StorageId};
use vzdump_archive::FileName;
use vzdump_archive::checksum::Checksums;
use vzdump_archive::folder::{self, Candidate, Leftover, Scan};

use crate::sharing::ReadBy;
use crate::spec::Spec;

/// The folder of a storage that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) storage: StorageId,
    pub(crate) node: NodeName,
    pub(crate) path: PathBuf,
    pub(crate) read_by: ReadBy,
}

/// A file to read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) candidate: Candidate,
    pub(crate) checksums: Checksums,
    /// The storage whose folder it is in; nothing for one that was named.
    pub(crate) on: Option<(StorageId, NodeName)>,
    /// Who reads it.
    pub(crate) read_by: ReadBy,
}

/// Everything that is read, and what unfinished backups left beside it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) to_read: Vec<File>,
    pub(crate) leftovers: Vec<Leftover>,
    /// The folders that were listed completely.
    pub(crate) listed: Vec<PathBuf>,
    /// Those of them that are read here for other nodes, and this node.
    pub(crate) shared: Vec<(PathBuf, NodeName)>,
    seen: BTreeSet<PathBuf>,
}

impl Files {
    /// Adds a file or a folder that was named. That nothing is there is an error: somebody
    /// expected something.
    pub(crate) fn add_path(&mut self, path: &Path, spec: &Spec) -> Result<(), Failure> {
        let metadata = fs::metadata(path).map_err(|error| missing(path, &error))?;
        if !metadata.is_dir() {
            if self.seen.insert(path.to_owned()) {
                self.to_read.push(File {
                    candidate: candidate(path, metadata.len()),
                    checksums: beside(path),
                    on: None,
                    read_by: ReadBy::Here,
                });
            }
            return Ok(());
        }
        let scan = folder::scan(path).map_err(|error| missing(path, &error))?;
        if scan.candidates.is_empty() && scan.leftovers.is_empty() {
            return Err(Failure::new(
                Exit::NothingFound,
                format!("`{}` holds no archive of vzdump and no dump", path.display()),
            )
            .hint("Archives lie in the folder `dump` of a storage, such as /var/lib/vz/dump. Nothing was verified."));
        }
        self.add_scan(path, scan, spec, None);
        Ok(())
    }

    /// Adds the folder of a storage. It may be empty; an error says why it cannot be listed.
    pub(crate) fn add_folder(&mut self, folder: &Folder, spec: &Spec) -> Result<(), io::Error> {
        let scan = folder::scan(&folder.path)?;
        if let ReadBy::HereForAll(node) = &folder.read_by {
            self.shared.push((folder.path.clone(), node.clone()));
        }
        self.add_scan(&folder.path, scan, spec, Some(folder));
        Ok(())
    }

    /// Adds archives of a storage that were made just now, and nothing else of its folder. Whoever
    /// made them reads them, also where another node reads the rest.
    pub(crate) fn add_made(&mut self, folder: &Folder, names: &[&str]) -> Result<(), io::Error> {
        let scan = folder::scan(&folder.path)?;
        if let ReadBy::HereForAll(node) = &folder.read_by {
            self.shared.push((folder.path.clone(), node.clone()));
        }
        for name in names {
            let path = folder.path.join(name);
            let there = scan.candidates.iter().find(|found| found.path == path);
            if self.seen.insert(path.clone()) {
                self.to_read.push(File {
                    // One that is not there is told by the reading.
                    candidate: there.cloned().unwrap_or_else(|| candidate(&path, 0)),
                    checksums: scan.checksums.clone(),
                    on: Some((folder.storage.clone(), folder.node.clone())),
                    read_by: ReadBy::Here,
                });
            }
        }
        Ok(())
    }

    fn add_scan(&mut self, path: &Path, scan: Scan, spec: &Spec, folder: Option<&Folder>) {
        self.listed.push(path.to_owned());
        for candidate in scan.candidates {
            if spec.wants(candidate.name.vmid) && self.seen.insert(candidate.path.clone()) {
                self.to_read.push(File {
                    candidate,
                    checksums: scan.checksums.clone(),
                    on: folder.map(|folder| (folder.storage.clone(), folder.node.clone())),
                    read_by: folder.map_or(ReadBy::Here, |folder| folder.read_by.clone()),
                });
            }
        }
        for left in scan.leftovers {
            if spec.wants(Some(left.vmid)) && self.seen.insert(left.path.clone()) {
                self.leftovers.push(left);
            }
        }
    }
}

/// A file that was named, whatever it is called.
fn candidate(path: &Path, size: u64) -> Candidate {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let protected = path.with_file_name(format!("{name}.protected"));
    Candidate {
        path: path.to_owned(),
        name: FileName::new(&name),
        size,
        protected: protected.exists(),
        notes: None,
    }
}

/// The checksum files beside a file that was named. That the folder cannot be listed takes nothing
/// from the file itself.
fn beside(path: &Path) -> Checksums {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    folder::scan(folder).map_or_else(|_| Checksums::default(), |scan| scan.checksums)
}

fn missing(path: &Path, error: &io::Error) -> Failure {
    let exit = if error.kind() == io::ErrorKind::NotFound {
        Exit::NothingFound
    } else {
        Exit::Failed
    };
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "Is the storage mounted on this machine?",
        io::ErrorKind::PermissionDenied => {
            "Run it as a user that may read the folder, on a node as root."
        }
        _ => "Nothing was verified.",
    };
    Failure::new(exit, format!("cannot read `{}`: {error}", path.display())).hint(hint)
}
