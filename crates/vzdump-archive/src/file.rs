//! One file of a folder, examined where it lies.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::source::Source;
use crate::{Examination, FileName, Finding, Options, Place, Reason, Sink, examine};

/// What must not change while a file is read.
fn identity(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// Opens a regular file. What else lies under a name is not even opened: a named pipe would wait
/// for its writer, and a device may do something.
///
/// # Errors
/// When it cannot be opened, or is no file: then of the kind `InvalidInput`.
pub fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
    let refuse = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(refuse());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata))
    } else {
        Err(refuse())
    }
}

/// Examines a file. That it cannot be opened, or changes meanwhile, is a finding too.
pub fn examine_file(path: &Path, sink: &mut dyn Sink, options: Options<'_>) -> Examination {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = FileName::new(&name);
    let (file, before) = match open_file(path) {
        Ok(opened) => opened,
        Err(error) => return Examination::unread(unopened(path, &error)),
    };
    let mut source = Source::new(&file, before.len());
    let examination = examine(&mut source, &name, sink, options);
    drop(source);
    let after = file.metadata();
    let changed = after
        .as_ref()
        .map_or(true, |after| identity(after) != identity(&before))
        || examination.sha256.is_some() && examination.bytes != before.len();
    if changed {
        // What was read is a mixture: neither good nor bad news of it counts.
        let reason = Reason::new(
            Finding::ChangedWhileRead,
            format!(
                "the file had {} bytes and changed while {} were read",
                before.len(),
                examination.bytes
            ),
        )
        .at(Place::File(examination.bytes));
        return Examination {
            bytes: examination.bytes,
            ..Examination::unread(reason)
        };
    }
    examination
}

fn unopened(path: &Path, error: &io::Error) -> Reason {
    let is_link = || std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match error.kind() {
        io::ErrorKind::InvalidInput => Reason::new(
            Finding::NotAFile,
            "it is a folder, a named pipe or a device, not a file",
        ),
        io::ErrorKind::PermissionDenied => {
            Reason::new(Finding::PermissionDenied, error.to_string())
        }
        io::ErrorKind::NotFound if is_link() => Reason::new(
            Finding::Vanished,
            "it is a link, and what it leads to is not there",
        ),
        io::ErrorKind::NotFound => Reason::new(Finding::Vanished, error.to_string()),
        _ => Reason::new(Finding::ReadError, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{Discard, Verdict};

    const NAME: &str = "vzdump-qemu-100-a.vma";

    fn found(path: &Path) -> (Verdict, Vec<Finding>) {
        let examination = examine_file(path, &mut Discard, Options::default());
        let ids = examination.reasons.iter().map(|reason| reason.id);
        (examination.verdict, ids.collect())
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let absent = (Verdict::Unreadable, vec![Finding::Vanished]);
        assert_eq!(found(&path), absent);
        symlink(folder.path().join("nothing"), &path).unwrap();
        assert_eq!(found(&path), absent);
        fs::remove_file(&path).unwrap();
        symlink(&path, &path).unwrap();
        assert_eq!(
            found(&path),
            (Verdict::Unreadable, vec![Finding::ReadError])
        );
        fs::remove_file(&path).unwrap();
        let other = (Verdict::Unreadable, vec![Finding::NotAFile]);
        fs::create_dir(&path).unwrap();
        assert_eq!(found(&path), other);
        // A character device, behind a link.
        fs::remove_dir(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert_eq!(found(&path), other);
    }
}
