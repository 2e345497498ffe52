//! `cargo xtask dist`: the tarball for Galaxy. We write it ourselves, because
//! `ansible-galaxy collection build` takes times and order from the disk: no two are equal.

mod manifest;
mod tarball;

use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{build, files, stage};

/// Galaxy refuses 20 MB; the rest is room to grow.
const LARGEST_TARBALL: usize = 16_000_000;

/// Builds, stages and writes the tarball.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    build::run(workspace)?;
    write(workspace)
}

/// Stages what is built and writes the tarball.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    stage::run(workspace)?;
    let tarball = make(&workspace.staged())?;
    let path = workspace.tarball();
    files::write(&path, &tarball)?;
    println!(
        "{}: {}, sha256 {}",
        path.display(),
        files::megabytes(u64::try_from(tarball.len())?),
        files::sha256(&tarball)
    );
    if tarball.len() > LARGEST_TARBALL {
        bail!(
            "the tarball is larger than the {} allowed; see what grew in {}",
            files::megabytes(u64::try_from(LARGEST_TARBALL)?),
            workspace.staged().display()
        );
    }
    Ok(())
}

/// The tarball of a staged collection.
pub(crate) fn make(staged: &Path) -> Result<Vec<u8>> {
    let collection = manifest::read(staged)?;
    tarball::write(staged, &collection)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::make;
    use crate::files;

    const GALAXY: &str =
        "namespace: reprise\nname: pve\nversion: 0.1.0\nreadme: README.md\nauthors: [Someone]\n";

    /// The same collection, its files written in an order and with times of their own.
    fn collection(folder: &Path, names: &[&str], age: u64) {
        for name in names {
            let path = folder.join(name);
            files::write(&path, format!("content of {name}")).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + age);
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        files::write(&folder.join("galaxy.yml"), GALAXY).unwrap();
        files::set_mode(&folder.join("files/tool"), 0o755).unwrap();
        files::make_folder(&folder.join("plugins/modules")).unwrap();
        symlink("../../files/tool", folder.join("plugins/modules/tool")).unwrap();
    }

    #[test]
    fn same_input_makes_the_same_tarball() {
        let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        collection(first.path(), &["README.md", "files/tool", "a/b/c.yml"], 0);
        collection(
            second.path(),
            &["a/b/c.yml", "files/tool", "README.md"],
            5000,
        );
        files::set_mode(&second.path().join("README.md"), 0o600).unwrap();
        let (first, second) = (make(first.path()).unwrap(), make(second.path()).unwrap());
        assert_eq!(files::sha256(&first), files::sha256(&second));
    }

    #[test]
    fn other_content_makes_another_tarball() {
        let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        collection(first.path(), &["README.md", "files/tool"], 0);
        collection(second.path(), &["README.md", "files/tool"], 0);
        files::write(&second.path().join("README.md"), "changed").unwrap();
        assert_ne!(make(first.path()).unwrap(), make(second.path()).unwrap());
    }

    #[test]
    fn manifest_and_members_agree() {
        let folder = tempfile::tempdir().unwrap();
        collection(folder.path(), &["README.md", "files/tool"], 0);
        let tarball = make(folder.path()).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tarball.as_slice()));
        let mut members = Vec::new();
        let mut listed = Vec::new();
        let mut link = None;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry
                .path()
                .unwrap()
                .to_string_lossy()
                .trim_end_matches('/')
                .to_owned();
            if let Some(aim) = entry.link_name().unwrap() {
                link = Some((name.clone(), aim.to_string_lossy().into_owned()));
            }
            if name == "FILES.json" {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                let files: serde_json::Value = serde_json::from_str(&text).unwrap();
                for file in files["files"].as_array().unwrap() {
                    listed.push(file["name"].as_str().unwrap().to_owned());
                }
            }
            members.push(name);
        }
        let mut expected = vec!["MANIFEST.json".to_owned(), "FILES.json".to_owned()];
        expected.extend(listed.into_iter().filter(|name| name != "."));
        assert_eq!(members, expected);
        assert_eq!(
            members[2..],
            [
                "README.md",
                "files",
                "files/tool",
                "plugins",
                "plugins/modules",
                "plugins/modules/tool"
            ]
        );
        assert_eq!(
            link,
            Some((
                "plugins/modules/tool".to_owned(),
                "../../files/tool".to_owned()
            ))
        );
    }

    #[test]
    fn a_link_that_leaves_the_collection_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        collection(folder.path(), &["README.md", "files/tool"], 0);
        symlink("../../../etc/passwd", folder.path().join("files/out")).unwrap();
        let error = format!("{:#}", make(folder.path()).unwrap_err());
        assert!(
            error.contains("files/out") && error.contains("leaves the collection"),
            "{error}"
        );
    }
}
