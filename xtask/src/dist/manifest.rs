//! MANIFEST.json and FILES.json, as `ansible-galaxy collection build` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::files;

/// The version of both formats.
const FORMAT: u8 = 1;

/// galaxy.yml: the keys that go into the manifest, in its order.
#[derive(Debug, Deserialize, Serialize)]
struct Galaxy {
    namespace: String,
    name: String,
    version: String,
    authors: Vec<String>,
    readme: String,
    #[serde(default)]
    tags: Vec<String>,
    description: Option<String>,
    #[serde(default)]
    license: Vec<String>,
    license_file: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
    repository: Option<String>,
    documentation: Option<String>,
    homepage: Option<String>,
    issues: Option<String>,
    /// For `ansible-galaxy` only: what we stage is what we ship.
    #[serde(default, rename = "build_ignore", skip_serializing)]
    _build_ignore: Vec<String>,
}

/// A member of the tarball.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path in the collection, without a slash at the end.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a member is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A link to a file of the collection.
    Link {
        /// Where it points, from the folder it is in.
        aim: PathBuf,
        /// The bytes of the file it points to.
        content: Vec<u8>,
    },
}

/// A collection ready to be written.
#[derive(Debug)]
pub(super) struct Collection {
    /// MANIFEST.json.
    pub(super) manifest: Vec<u8>,
    /// FILES.json.
    pub(super) files: Vec<u8>,
    /// All else, sorted by path.
    pub(super) members: Vec<Member>,
}

/// Reads a staged collection.
pub(super) fn read(staged: &Path) -> Result<Collection> {
    let galaxy = read_galaxy(&staged.join("galaxy.yml"))?;
    let mut members = Vec::new();
    walk(staged, "", &mut members)?;
    members.sort_by(|one, other| one.name.cmp(&other.name));
    let files = pretty(&files_json(&members))?;
    let manifest = pretty(&json!({
        "collection_info": galaxy,
        "file_manifest_file": {
            "name": "FILES.json",
            "ftype": "file",
            "chksum_type": "sha256",
            "chksum_sha256": files::sha256(&files),
            "format": FORMAT,
        },
        "format": FORMAT,
    }))?;
    Ok(Collection {
        manifest,
        files,
        members,
    })
}

fn read_galaxy(path: &Path) -> Result<Galaxy> {
    serde_saphyr::from_str(&files::read_text(path)?)
        .with_context(|| format!("{} is not as Galaxy wants it", path.display()))
}

fn pretty(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).context("could not write JSON")
}

fn files_json(members: &[Member]) -> Value {
    let root = entry(".", "dir", None);
    let rest = members.iter().map(|member| match &member.kind {
        Kind::Folder => entry(&member.name, "dir", None),
        // A link stands there as the file it leads to: that is what is checked after unpacking.
        Kind::File { content, .. } | Kind::Link { content, .. } => {
            entry(&member.name, "file", Some(&files::sha256(content)))
        }
    });
    let files: Vec<_> = std::iter::once(root).chain(rest).collect();
    json!({ "files": files, "format": FORMAT })
}

fn entry(name: &str, kind: &str, checksum: Option<&str>) -> Value {
    json!({
        "name": name,
        "ftype": kind,
        "chksum_type": checksum.map(|_| "sha256"),
        "chksum_sha256": checksum,
        "format": FORMAT,
    })
}

fn walk(staged: &Path, inside: &str, members: &mut Vec<Member>) -> Result<()> {
    for path in files::entries(&staged.join(inside))? {
        let base = files::name(&path);
        let name = if inside.is_empty() {
            base
        } else {
            format!("{inside}/{base}")
        };
        if ["galaxy.yml", "MANIFEST.json", "FILES.json"].contains(&name.as_str()) {
            continue;
        }
        let about =
            fs::symlink_metadata(&path).with_context(|| format!("could not look at {name}"))?;
        if about.is_dir() {
            members.push(Member {
                name: name.clone(),
                kind: Kind::Folder,
            });
            walk(staged, &name, members)?;
        } else if about.is_symlink() {
            let kind = link(staged, &path)
                .with_context(|| format!("the link {name} cannot be shipped"))?;
            members.push(Member { name, kind });
        } else {
            let executable = about.permissions().mode() & 0o100 != 0;
            let content = files::read(&path)?;
            members.push(Member {
                name,
                kind: Kind::File {
                    content,
                    executable,
                },
            });
        }
    }
    Ok(())
}

fn link(staged: &Path, path: &Path) -> Result<Kind> {
    let aim = fs::read_link(path)?;
    let staged = staged.canonicalize()?;
    let end = path.canonicalize().with_context(|| {
        format!(
            "it leaves the collection or leads nowhere ({})",
            aim.display()
        )
    })?;
    if aim.is_absolute() || !end.starts_with(&staged) {
        bail!("it leaves the collection ({})", aim.display());
    }
    if !end.is_file() {
        bail!("it does not lead to a file ({})", aim.display());
    }
    Ok(Kind::Link {
        aim,
        content: files::read(&end)?,
    })
}
