//! The configuration of a guest, as far as a restore depends on it.

use crate::{Disk, Finding, Findings, Reason};

/// The name under which a virtual machine keeps it.
pub(crate) const MACHINE: &str = "qemu-server.conf";

const MAP: &str = "#qmdump#map:";
/// The device that holds memory is on no map.
const VMSTATE: &str = "vmstate";

/// A line that says which device of the archive is which disk.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    key: &'a str,
    device: &'a str,
}

/// `#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:`
fn mapping(line: &str) -> Option<Mapping<'_>> {
    let mut parts = line.strip_prefix(MAP)?.split(':');
    let (key, device) = (parts.next()?, parts.next()?);
    let (_storage, _format, last) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = !key.is_empty() && !device.is_empty() && last.is_empty() && parts.next().is_none();
    whole.then_some(Mapping { key, device })
}

/// Compares the configuration of a machine with the disks of its archive.
pub(crate) fn check_machine(
    configs: &[(String, Vec<u8>)],
    disks: &mut [Disk],
    findings: &mut Findings,
) {
    let Some((_, data)) = configs.iter().find(|(name, _)| name == MACHINE) else {
        let text = format!("the archive has no `{MACHINE}`");
        findings.push(Reason::new(Finding::ConfigMissing, text));
        return;
    };
    let Some(text) = text(MACHINE, data, findings) else {
        return;
    };
    let lines = lines(MACHINE, &text, findings);
    let mut mapped: Vec<&str> = Vec::new();
    // A restore takes such a line only if it ends with its colon: a carriage return is too much.
    for line in text.split('\n').filter(|line| line.starts_with(MAP)) {
        let Some(mapping) = mapping(line) else {
            findings.push(Reason::new(
                Finding::ConfigLine,
                format!("the line `{}` maps no disk", shown(line)),
            ));
            continue;
        };
        if !lines.is_empty() && !lines.iter().any(|(key, _)| *key == mapping.key) {
            findings.push(
                Reason::new(
                    Finding::ConfigMapWithoutDisk,
                    format!(
                        "the configuration maps {} to `{}`, and has no line for this disk",
                        shown(mapping.key),
                        shown(mapping.device)
                    ),
                )
                .on(mapping.device),
            );
        }
        mapped.push(mapping.key);
        match disks.iter_mut().find(|disk| disk.name == mapping.device) {
            Some(disk) => disk.config_key = Some(mapping.key.to_owned()),
            None => findings.push(
                Reason::new(
                    Finding::ConfigMapWithoutDevice,
                    format!(
                        "the configuration maps {} to `{}`, which the archive does not hold",
                        shown(mapping.key),
                        shown(mapping.device)
                    ),
                )
                .on(mapping.device),
            ),
        }
    }
    for disk in disks.iter() {
        if disk.config_key.is_none() && disk.name != VMSTATE {
            findings.push(
                Reason::new(
                    Finding::ConfigDeviceWithoutMap,
                    format!(
                        "the archive holds `{}`, and no line of the configuration maps it",
                        shown(&disk.name)
                    ),
                )
                .on(disk.name.as_str()),
            );
        }
    }
    for (key, value) in lines {
        if is_disk(key) && is_saved(value) && !mapped.contains(&key) {
            findings.push(
                Reason::new(
                    Finding::ConfigDiskNotArchived,
                    format!("{key} is a disk that is to be saved, and it is not in the archive"),
                )
                .on(key),
            );
        }
    }
}

/// Checks the configuration of a container.
pub(crate) fn check_container(name: &str, data: &[u8], findings: &mut Findings) {
    let Some(text) = text(name, data, findings) else {
        return;
    };
    // Of OpenVZ it is a script of another form, which nobody restores without changing it.
    if !name.ends_with("pct.conf") {
        return;
    }
    let lines = lines(name, &text, findings);
    if !lines.is_empty() && !lines.iter().any(|(key, _)| *key == "rootfs") {
        findings.push(Reason::new(
            Finding::ConfigNoRootfs,
            format!("`{name}` has no `rootfs`"),
        ));
    }
}

/// The configuration as text, if it is any.
fn text(name: &str, data: &[u8], findings: &mut Findings) -> Option<String> {
    if data.iter().all(u8::is_ascii_whitespace) {
        findings.push(Reason::new(
            Finding::ConfigEmpty,
            format!("`{name}` is empty"),
        ));
        return None;
    }
    if data.contains(&0) {
        findings.push(Reason::new(
            Finding::ConfigDamaged,
            format!("`{name}` holds zero bytes, so it is no text"),
        ));
        return None;
    }
    Some(String::from_utf8_lossy(data).into_owned())
}

/// The lines of the guest itself, without those of its snapshots.
fn lines<'a>(name: &str, text: &'a str, findings: &mut Findings) -> Vec<(&'a str, &'a str)> {
    let mut lines = Vec::new();
    let mut odd: Vec<&str> = Vec::new();
    let mut in_section = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            in_section = true;
            continue;
        }
        match key_and_value(line) {
            Some(pair) if !in_section => lines.push(pair),
            Some(_) => {}
            None => odd.push(line),
        }
    }
    if lines.is_empty() {
        let only_comments = odd.is_empty() && !in_section;
        let what = if only_comments {
            "holds only comments"
        } else {
            "has no line that can be understood"
        };
        findings.push(Reason::new(
            Finding::ConfigDamaged,
            format!("`{name}` {what}"),
        ));
        return lines;
    }
    for line in odd {
        findings.push(Reason::new(
            Finding::ConfigLine,
            format!("`{name}`: the line `{}` cannot be understood", shown(line)),
        ));
    }
    lines
}

/// `key: value`, or `lxc.key = value`.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let end = line.find([':', '='])?;
    let (key, rest) = line.split_at_checked(end)?;
    let is_raw = key.starts_with("lxc.");
    if rest.starts_with('=') && !is_raw {
        return None;
    }
    let key = key.trim_end();
    let known = key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (is_raw && byte == b'.')
        });
    let value = rest.get(1..)?.trim();
    known.then_some((key, value))
}

fn is_disk(key: &str) -> bool {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    name.len() < key.len()
        && matches!(
            name,
            "ide" | "sata" | "scsi" | "virtio" | "efidisk" | "tpmstate"
        )
}

/// Whether vzdump saves a drive: no medium that can be taken out, and not left out by its owner.
fn is_saved(value: &str) -> bool {
    let mut parts = value.split(',');
    parts
        .next()
        .is_some_and(|volume| volume != "none" && volume != "cdrom")
        && parts.all(|part| {
            let left_out = part
                .strip_prefix("backup=")
                .is_some_and(|value| matches!(value, "0" | "no" | "off" | "false"));
            part != "media=cdrom" && !left_out
        })
}

/// A piece of hostile text, short and printable.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    short.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str) -> Disk {
        Disk {
            name: name.to_owned(),
            size: 1,
            clusters: 1,
            clusters_present: 1,
            config_key: None,
        }
    }

    fn machine(config: &str, disks: &mut [Disk]) -> Vec<Finding> {
        let configs = [(MACHINE.to_owned(), config.as_bytes().to_vec())];
        let mut findings = Findings::default();
        check_machine(&configs, disks, &mut findings);
        findings
            .into_parts()
            .0
            .iter()
            .map(|reason| reason.id)
            .collect()
    }

    #[test]
    fn every_disk_is_mapped_and_every_map_has_its_disk() {
        let good = "scsi0: local-lvm:vm-1-disk-0,size=1G\nide2: none,media=cdrom\nsata0: a:b,backup=0\n#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:\n";
        let mut disks = [disk("drive-scsi0")];
        assert_eq!(machine(good, &mut disks), []);
        assert_eq!(disks[0].config_key.as_deref(), Some("scsi0"));
        assert_eq!(machine(good, &mut []), [Finding::ConfigMapWithoutDevice]);
        assert_eq!(
            machine(
                good,
                &mut [disk("drive-scsi0"), disk("drive-scsi1"), disk("vmstate")]
            ),
            [Finding::ConfigDeviceWithoutMap]
        );
        assert_eq!(
            machine(
                &good
                    .replace("scsi0: ", "#scsi0: ")
                    .replace("sata0", "cores: 2\nsata0"),
                &mut [disk("drive-scsi0")]
            ),
            [Finding::ConfigMapWithoutDisk]
        );
        assert_eq!(
            machine("virtio1: a:b,size=1G\n", &mut []),
            [Finding::ConfigDiskNotArchived]
        );
    }

    #[test]
    fn a_text_that_is_no_configuration() {
        assert_eq!(machine("", &mut []), [Finding::ConfigEmpty]);
        assert_eq!(machine(" \n", &mut []), [Finding::ConfigEmpty]);
        assert_eq!(machine("a\0b: c\n", &mut []), [Finding::ConfigDamaged]);
        assert_eq!(machine("#comment\n", &mut []), [Finding::ConfigDamaged]);
        assert_eq!(machine("%%%\n", &mut []), [Finding::ConfigDamaged]);
        assert_eq!(machine("cores: 2\n%%%\n", &mut []), [Finding::ConfigLine]);
        assert_eq!(
            machine("cores: 2\n[snap]\ncores: 1\nscsi0: a:b\n", &mut []),
            []
        );
        let mut findings = Findings::default();
        check_machine(&[], &mut [], &mut findings);
        assert!(findings.has(Finding::ConfigMissing));
    }

    #[test]
    fn a_container_has_a_root() {
        let check = |text: &str| {
            let mut findings = Findings::default();
            check_container("./etc/vzdump/pct.conf", text.as_bytes(), &mut findings);
            findings
                .into_parts()
                .0
                .iter()
                .map(|reason| reason.id)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            check("arch: amd64\nrootfs: a:b\nlxc.apparmor.profile = unconfined\nlxc.cap.drop:\n"),
            []
        );
        assert_eq!(check("arch: amd64\n"), [Finding::ConfigNoRootfs]);
        assert_eq!(check("\n"), [Finding::ConfigEmpty]);
        let mut findings = Findings::default();
        let openvz = b"ONBOOT=\"yes\"\n";
        check_container("./etc/vzdump/vps.conf", openvz, &mut findings);
        assert_eq!(findings.verdict(), crate::Verdict::Ok);
    }
}
