//! The archive itself: nothing in it depends on when, where or by whom it is written.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::manifest::{Collection, Kind};

/// Writes the tarball of a collection.
pub(super) fn write(staged: &Path, collection: &Collection) -> Result<Vec<u8>> {
    archive(collection).with_context(|| format!("could not pack {}", staged.display()))
}

fn archive(collection: &Collection) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [
        ("MANIFEST.json", &collection.manifest),
        ("FILES.json", &collection.files),
    ] {
        append(&mut archive, name, EntryType::Regular, 0o644, content)?;
    }
    for member in &collection.members {
        match &member.kind {
            Kind::Folder => append(&mut archive, &member.name, EntryType::Directory, 0o755, &[])?,
            Kind::File {
                content,
                executable,
            } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                append(
                    &mut archive,
                    &member.name,
                    EntryType::Regular,
                    mode,
                    content,
                )?;
            }
            Kind::Link { aim, .. } => {
                let mut header = header(EntryType::Symlink, 0o644, 0);
                archive.append_link(&mut header, &member.name, aim)?;
            }
        }
    }
    let plain = archive.into_inner()?;
    // No name and no time in the gzip header; the operating system byte is said, not guessed.
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    gzip.write_all(&plain)?;
    Ok(gzip.finish()?)
}

fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    name: &str,
    kind: EntryType,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    let mut header = header(kind, mode, u64::try_from(content.len())?);
    archive.append_data(&mut header, name, content)?;
    Ok(())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
