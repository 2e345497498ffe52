//! `mountpoint` of a node.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;

use crate::files::MOUNTED;

/// What util-linux ends with when a folder is no mount point.
const NO_MOUNT: u8 = 32;

/// Says of one folder whether something is mounted there, by the exit code.
pub(super) fn main(arguments: &[String]) -> ExitCode {
    let folders: Vec<_> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    match folders.as_slice() {
        [folder] if is_mounted(Path::new(folder)) => ExitCode::SUCCESS,
        [_] => ExitCode::from(NO_MOUNT),
        _ => ExitCode::FAILURE,
    }
}

/// As the lab's storages understand it, or because it really is a mount.
fn is_mounted(folder: &Path) -> bool {
    if folder.join(MOUNTED).exists() {
        return true;
    }
    match (fs::metadata(folder), fs::metadata(folder.join(".."))) {
        (Ok(own), Ok(above)) => own.dev() != above.dev() || own.ino() == above.ino(),
        _ => false,
    }
}
