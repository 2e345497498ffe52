//! Mounts of a node: things of the machine, read-only down to the last mount below them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount,
};

use super::namespaces::ADVICE;

/// Keeps the mounts of this namespace from others.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn make_private() -> Result<()> {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", flags).with_context(|| format!("this machine refuses mounts; {ADVICE}"))
}

/// Shows a file or folder at another place, as it is.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn show(source: &Path, target: &Path) -> Result<()> {
    mount_bind(source, target).with_context(|| {
        format!(
            "cannot show {} at {}; {ADVICE}",
            source.display(),
            target.display()
        )
    })
}

/// Shows a file or folder with all that is mounted below it, read-only.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn show_read_only(source: &Path, target: &Path) -> Result<()> {
    let failed = || {
        format!(
            "cannot show {} read-only at {}; {ADVICE}",
            source.display(),
            target.display()
        )
    };
    mount_bind_recursive(source, target).with_context(failed)?;
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read mounts")?;
    for entry in table.lines().filter_map(Mount::parse) {
        if entry.point.starts_with(target) {
            let flags = entry.flags | MountFlags::BIND | MountFlags::RDONLY;
            mount_remount(&entry.point, flags, "").with_context(failed)?;
        }
    }
    Ok(())
}

/// A file system that lives in memory.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn memory(target: &Path, mode: &str) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let options = format!("mode={mode}");
    mount("tmpfs", target, "tmpfs", flags, Some(&*c_string(&options)?))
        .with_context(|| format!("cannot mount a tmpfs at {}; {ADVICE}", target.display()))
}

/// A file system that the kernel makes, with these options.
///
/// # Errors
/// When the machine refuses.
pub(crate) fn kernel(kind: &str, target: &Path, flags: MountFlags, options: &str) -> Result<()> {
    mount(kind, target, kind, flags, Some(&*c_string(options)?))
        .with_context(|| format!("cannot mount {kind} at {}; {ADVICE}", target.display()))
}

fn c_string(text: &str) -> Result<std::ffi::CString> {
    std::ffi::CString::new(text).context("an option of a mount has a zero byte")
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    point: PathBuf,
    /// What must be given again when it is remounted: a user namespace may not take it away.
    flags: MountFlags,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ').skip(4);
        let point = PathBuf::from(unescape(fields.next()?));
        let flags = fields
            .next()?
            .split(',')
            .map(|option| match option {
                "nosuid" => MountFlags::NOSUID,
                "nodev" => MountFlags::NODEV,
                "noexec" => MountFlags::NOEXEC,
                "noatime" => MountFlags::NOATIME,
                "nodiratime" => MountFlags::NODIRATIME,
                _ => MountFlags::empty(),
            })
            .fold(MountFlags::empty(), MountFlags::union);
        Some(Self { point, flags })
    }
}

// Blanks, tabs, line ends and backslashes stand there as three octal digits.
fn unescape(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        result.push_str(before);
        let digits = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        if let (Some(byte), Some(after)) = (digits, after.get(3..)) {
            result.push(char::from(byte));
            rest = after;
        } else {
            result.push('\\');
            rest = after;
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mounts_gives_its_place_and_what_may_not_be_taken_away() {
        let line = "36 35 98:0 / /a\\040b ro,nosuid,nodev,relatime shared:1 - tmpfs tmpfs rw";
        let mount = Mount::parse(line).unwrap();
        assert_eq!(mount.point, PathBuf::from("/a b"));
        assert_eq!(mount.flags, MountFlags::NOSUID | MountFlags::NODEV);
        assert_eq!(Mount::parse("36 35"), None);
    }

    #[test]
    fn escapes_of_the_kernel_are_taken_back() {
        assert_eq!(unescape("/a\\134b\\011c"), "/a\\b\tc");
        assert_eq!(unescape("/odd\\x"), "/odd\\x");
    }
}
