//! What a line of a guest's configuration says about backups.

use pve_types::GuestKind;

use crate::spec::Wanted;

/// What can be said about a key of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Its flag decides.
    Free,
    /// It is saved whatever a flag says.
    Always,
    /// It is never saved.
    Never,
    /// A volume that no key of a disk names: no backup has it.
    Unused,
}

/// What `key: value` is for backups; `None` when it is no disk.
pub(crate) fn choice(kind: GuestKind, key: &str, value: &str) -> Option<Choice> {
    let digits = key.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let name = key.strip_suffix(digits)?;
    let numbered = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match (kind, name) {
        (_, "unused") if numbered => Some(Choice::Unused),
        (GuestKind::Qemu, "ide" | "sata" | "scsi" | "virtio") if numbered => Some(
            if part(value, "media") == Some("cdrom") || matches!(volume(value), "none" | "cdrom") {
                Choice::Never
            } else {
                Choice::Free
            },
        ),
        (GuestKind::Qemu, "efidisk" | "tpmstate") if numbered => Some(Choice::Always),
        (GuestKind::Lxc, "rootfs") => Some(Choice::Always),
        (GuestKind::Lxc, "mp") if numbered => Some(if volume(value).starts_with('/') {
            Choice::Never
        } else {
            Choice::Free
        }),
        _ => None,
    }
}

/// Whether backups take it along, by its flag or by the default of its kind.
pub(crate) fn flag(kind: GuestKind, value: &str) -> Wanted {
    let on = match part(value, "backup") {
        Some(text) => matches!(text, "1" | "yes" | "on" | "true"),
        None => kind == GuestKind::Qemu,
    };
    if on { Wanted::Saved } else { Wanted::LeftOut }
}

/// The same line with this flag, and everything else in its place.
pub(crate) fn with_flag(value: &str, wanted: Wanted) -> String {
    let flag = match wanted {
        Wanted::Saved => "backup=1",
        Wanted::LeftOut => "backup=0",
    };
    let mut parts: Vec<&str> = value.split(',').collect();
    match parts.iter_mut().find(|part| part.starts_with("backup=")) {
        Some(part) => *part = flag,
        None => parts.push(flag),
    }
    parts.join(",")
}

/// The volume, which stands first, mostly without its name.
pub(crate) fn volume(value: &str) -> &str {
    let first = value.split(',').next().unwrap_or_default();
    ["file=", "volume="]
        .iter()
        .find_map(|name| first.strip_prefix(name))
        .unwrap_or(first)
}

fn part<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value
        .split(',')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let vm = GuestKind::Qemu;
        let ct = GuestKind::Lxc;
        for (kind, key, value, expected) in [
            (vm, "scsi0", "local:1/a.raw,size=1G", Some(Choice::Free)),
            (vm, "virtio12", "file=local:1/a.raw", Some(Choice::Free)),
            (
                vm,
                "ide2",
                "local:iso/a.iso,media=cdrom",
                Some(Choice::Never),
            ),
            (vm, "ide2", "none,media=cdrom", Some(Choice::Never)),
            (vm, "efidisk0", "local:1/b.raw", Some(Choice::Always)),
            (vm, "unused0", "local:1/c.raw", Some(Choice::Unused)),
            (vm, "scsihw", "virtio-scsi-pci", None),
            (vm, "net0", "virtio=AA", None),
            (vm, "mp0", "local:1/a.raw", None),
            (ct, "rootfs", "local:1/a.raw", Some(Choice::Always)),
            (ct, "mp3", "local:1/a.raw,mp=/srv", Some(Choice::Free)),
            (ct, "mp0", "/srv/data,mp=/srv", Some(Choice::Never)),
            (ct, "scsi0", "local:1/a.raw", None),
            (ct, "mp", "x", None),
        ] {
            assert_eq!(choice(kind, key, value), expected, "{key}: {value}");
        }
    }

    #[test]
    fn a_flag_is_read_with_the_default_of_its_kind() {
        for (kind, value, expected) in [
            (GuestKind::Qemu, "a:1", Wanted::Saved),
            (GuestKind::Qemu, "a:1,backup=0", Wanted::LeftOut),
            (GuestKind::Lxc, "a:1,mp=/x", Wanted::LeftOut),
            (GuestKind::Lxc, "a:1,mp=/x,backup=1", Wanted::Saved),
            (GuestKind::Lxc, "a:1,backup=yes,mp=/x", Wanted::Saved),
        ] {
            assert_eq!(flag(kind, value), expected, "{value}");
        }
    }

    #[test]
    fn only_the_flag_is_written() {
        for (before, wanted, after) in [
            ("a:1,size=1G", Wanted::LeftOut, "a:1,size=1G,backup=0"),
            (
                "a:1,backup=0,size=1G",
                Wanted::Saved,
                "a:1,backup=1,size=1G",
            ),
            (
                "file=a:1,x=backup",
                Wanted::Saved,
                "file=a:1,x=backup,backup=1",
            ),
        ] {
            let written = with_flag(before, wanted);
            assert_eq!(written, after);
            assert_eq!(flag(GuestKind::Qemu, &written), wanted);
            assert_eq!(with_flag(&written, wanted), written);
        }
    }
}
