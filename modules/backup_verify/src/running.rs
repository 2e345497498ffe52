//! Which files are being written now: a process has them open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Those of the files that a process of this machine has open, as far as may be seen. A file that
/// another node of the cluster writes is not seen.
pub(crate) fn open_files<'a>(files: impl Iterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
    let wanted: Vec<(&Path, PathBuf)> = files
        .filter_map(|path| Some((path, fs::canonicalize(path).ok()?)))
        .collect();
    let mut open = BTreeSet::new();
    if wanted.is_empty() {
        return open;
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        // Only numbers have this folder; those of others may not be looked into.
        let descriptors = fs::read_dir(process.path().join("fd"));
        for descriptor in descriptors.into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else {
                continue;
            };
            let found = wanted.iter().filter(|(_, real)| *real == target);
            open.extend(found.map(|(path, _)| path.to_path_buf()));
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_open_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dat");
        let file = fs::File::create(&path).unwrap();
        let other = folder.path().join("b.dat");
        fs::write(&other, "").unwrap();
        let look = || open_files([path.as_path(), other.as_path()].into_iter());
        assert_eq!(look(), BTreeSet::from([path.clone()]));
        drop(file);
        assert_eq!(look(), BTreeSet::new());
    }
}
