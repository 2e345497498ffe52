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

/// Examines a file. That it cannot be opened, or changes meanwhile, is a finding too.
pub fn examine_file(path: &Path, sink: &mut dyn Sink, options: Options<'_>) -> Examination {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = FileName::new(&name);
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        Ok((file, metadata))
    });
    let (file, before) = match opened {
        Ok((_, metadata)) if !metadata.is_file() => {
            return Examination::unread(Reason::new(
                Finding::NotAFile,
                "it is a folder or a device, not a file",
            ));
        }
        Ok(opened) => opened,
        Err(error) => return Examination::unread(unopened(&error)),
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

fn unopened(error: &io::Error) -> Reason {
    let id = match error.kind() {
        io::ErrorKind::PermissionDenied => Finding::PermissionDenied,
        io::ErrorKind::NotFound => Finding::Vanished,
        _ => Finding::ReadError,
    };
    Reason::new(id, error.to_string())
}
