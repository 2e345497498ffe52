//! Files that go while a run is under way, as archives do when a backup job prunes. They are left
//! out, as if they had gone before: they protect nobody, and nothing is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pve_types::{NodeName, StorageId};

/// So many of them are named.
const NAMED: usize = 5;

/// An archive that was there when its folder was listed, and is gone.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) path: PathBuf,
    /// The storage whose folder it was in; nothing for a folder that was named.
    pub(crate) on: Option<(StorageId, NodeName)>,
}

impl Removed {
    /// The name of its file.
    pub(crate) fn name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }
}

/// A folder that was listed.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) folder: PathBuf,
    /// Which folder has this name; nothing when it could not be told.
    is: Option<(u64, u64)>,
}

impl Listing {
    /// A folder that is going to be listed.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            is: identity(folder).ok(),
        }
    }

    /// The names in it now. Nothing when another folder has its name, as when a file system is no
    /// longer mounted: its files may be as sound as ever.
    fn names(&self) -> Option<BTreeSet<OsString>> {
        let is_same = || identity(&self.folder).ok() == self.is;
        if self.is.is_none() || !is_same() {
            return None;
        }
        let entries = fs::read_dir(&self.folder).ok()?;
        let names: io::Result<BTreeSet<OsString>> = entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect();
        names.ok().filter(|_| is_same())
    }
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(folder).map(|found| (found.dev(), found.ino()))
}

/// Those of the files that are gone from their folders, which are still the ones that were listed.
pub(crate) fn gone<'a>(
    listings: &[Listing],
    files: impl Iterator<Item = &'a Path>,
) -> BTreeSet<PathBuf> {
    let names: BTreeMap<&Path, BTreeSet<OsString>> = listings
        .iter()
        .filter_map(|listing| Some((listing.folder.as_path(), listing.names()?)))
        .collect();
    let is_absent = |path: &Path| {
        let found = fs::symlink_metadata(path);
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    files
        .filter(|path| {
            let left = path.parent().and_then(|folder| names.get(folder));
            let name = path.file_name();
            let is_missing = left
                .zip(name)
                .is_some_and(|(left, name)| !left.contains(name));
            is_missing && is_absent(path)
        })
        .map(Path::to_path_buf)
        .collect()
}

/// What the user is told of them.
pub(crate) fn warning(names: &[String]) -> Option<String> {
    let (first, rest) = names.split_first()?;
    if rest.is_empty() {
        return Some(format!(
            "`{first}` was removed while this ran, and is left out."
        ));
    }
    let told: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{} archives were removed while this ran, and are left out: {}{more}.",
        names.len(),
        told.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_from_the_same_folder_was_removed() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("dump");
        fs::create_dir(&folder).unwrap();
        let [kept, removed, linked] = ["a", "b", "c"].map(|name| folder.join(name));
        for path in [&kept, &removed, &linked] {
            fs::write(path, "x").unwrap();
        }
        let listings = [Listing::of(&folder)];
        let other = place.path().join("elsewhere/d");
        let all = [&kept, &removed, &linked, &other];
        let gone = || gone(&listings, all.iter().map(|path| path.as_path()));
        assert_eq!(gone(), BTreeSet::new());
        fs::remove_file(&removed).unwrap();
        fs::remove_file(&linked).unwrap();
        // What a link leads to may come back.
        std::os::unix::fs::symlink("/nowhere/at/all", &linked).unwrap();
        assert_eq!(gone(), BTreeSet::from([removed.clone()]));
        // Another folder of this name says nothing of the files of the first, nor does none.
        let aside = place.path().join("aside");
        fs::rename(&folder, &aside).unwrap();
        assert_eq!(gone(), BTreeSet::new());
        fs::create_dir(&folder).unwrap();
        assert_eq!(gone(), BTreeSet::new());
        fs::remove_dir(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
        assert_eq!(gone(), BTreeSet::from([removed]));
    }

    #[test]
    fn all_are_told_at_once() {
        let names = |count: usize| -> Vec<String> {
            let names = (1..=count).map(|number| number.to_string());
            names.collect()
        };
        let said = |count| warning(&names(count));
        assert_eq!(said(0), None);
        assert_eq!(
            said(1).unwrap(),
            "`1` was removed while this ran, and is left out."
        );
        assert_eq!(
            said(2).unwrap(),
            "2 archives were removed while this ran, and are left out: `1`, `2`."
        );
        assert!(said(7).unwrap().ends_with("`5` and 2 more."));
    }
}
