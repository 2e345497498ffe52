//! What vzdump's task log says about each guest. No call of the API returns it.

use pve_types::{GuestKind, StorageId, Vmid, VolumeId};

/// How many of the last lines of a guest are kept to explain a failure.
const TAIL: usize = 12;

/// What became of one guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestRun {
    /// The guest.
    pub vmid: Vmid,
    /// Virtual machine or container; unknown when vzdump did not come that far.
    pub kind: Option<GuestKind>,
    /// The file, or the snapshot on a Proxmox Backup Server, that was written.
    pub archive: Option<String>,
    /// How it ended.
    pub end: End,
    /// The last lines about it.
    pub tail: Vec<String>,
}

/// How the backup of a guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is finished, after this many seconds.
    Finished(u64),
    /// It failed, and this is why.
    Failed(String),
    /// The log ends while it runs.
    Open,
}

impl GuestRun {
    fn new(vmid: Vmid) -> Self {
        Self {
            vmid,
            kind: None,
            archive: None,
            end: End::Open,
            tail: Vec::new(),
        }
    }

    /// The volume of the archive on the storage of the job.
    pub fn volume(&self, storage: &StorageId) -> Option<VolumeId> {
        let archive = self.archive.as_deref()?;
        let name = match archive.rsplit_once("/dump/") {
            Some((_, file)) => format!("backup/{file}"),
            // A Proxmox Backup Server names the snapshot: `ct/100/2026-11-22T19:14:04Z`.
            None => format!("backup/{archive}"),
        };
        VolumeId::new(storage.clone(), &name).ok()
    }
}

/// The guests of a log, in its order.
pub fn guests<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<GuestRun> {
    let mut guests: Vec<GuestRun> = Vec::new();
    for line in lines {
        if let Some((vmid, kind)) = started(line) {
            guests.push(GuestRun {
                kind,
                ..GuestRun::new(vmid)
            });
        } else if let Some((vmid, why)) = failed(line) {
            // A guest that does not exist fails without having been started.
            if !matches!(guests.last(), Some(last) if last.vmid == vmid) {
                guests.push(GuestRun::new(vmid));
            }
            if let Some(guest) = guests.last_mut() {
                guest.end = End::Failed(why.to_owned());
            }
        }
        let Some(guest) = guests.last_mut() else {
            continue;
        };
        if let Some(archive) = archive(line) {
            guest.archive = Some(archive.to_owned());
        }
        if let Some((vmid, seconds)) = finished(line)
            && vmid == guest.vmid
        {
            guest.end = End::Finished(seconds);
        }
        if !line.starts_with("TASK ") {
            guest.tail.push(line.to_owned());
            guest.tail.drain(..guest.tail.len().saturating_sub(TAIL));
        }
    }
    guests
}

/// `INFO: Starting Backup of VM 100 (qemu)`.
fn started(line: &str) -> Option<(Vmid, Option<GuestKind>)> {
    let (vmid, kind) = line
        .strip_prefix("INFO: Starting Backup of VM ")?
        .split_once(" (")?;
    Some((vmid.parse().ok()?, kind.trim_end_matches(')').parse().ok()))
}

/// `ERROR: Backup of VM 999 failed - unable to find VM '999'`.
fn failed(line: &str) -> Option<(Vmid, &str)> {
    let (vmid, why) = line
        .strip_prefix("ERROR: Backup of VM ")?
        .split_once(" failed - ")?;
    Some((vmid.parse().ok()?, why))
}

/// `INFO: Finished Backup of VM 100 (00:00:03)`.
fn finished(line: &str) -> Option<(Vmid, u64)> {
    let (vmid, time) = line
        .strip_prefix("INFO: Finished Backup of VM ")?
        .split_once(" (")?;
    let seconds = time
        .trim_end_matches(')')
        .split(':')
        .try_fold(0_u64, |sum, part| {
            sum.checked_mul(60)?.checked_add(part.parse().ok()?)
        });
    Some((vmid.parse().ok()?, seconds?))
}

/// `INFO: creating vzdump archive '/…/dump/vzdump-….vma.zst'`, or the snapshot of a backup server.
fn archive(line: &str) -> Option<&str> {
    line.strip_prefix("INFO: creating vzdump archive '")
        .or_else(|| line.strip_prefix("INFO: creating Proxmox Backup Server archive '"))?
        .strip_suffix('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    // The wording of a log of Proxmox VE 8.4, with a guest of each kind and one that is not there.
    const LOG: &str = "\
INFO: starting new backup job: vzdump 100 200 999 --storage backups --compress zstd
INFO: Starting Backup of VM 100 (qemu)
INFO: Backup started at 2026-11-22 19:14:01
INFO: creating vzdump archive '/var/lib/vz2/dump/vzdump-qemu-100-2026_11_22-19_14_01.vma.zst'
INFO: archive file size: 197KB
INFO: Finished Backup of VM 100 (01:02:03)
INFO: Starting Backup of VM 200 (lxc)
INFO: creating vzdump archive '/var/lib/vz2/dump/vzdump-lxc-200-2026_11_22-19_14_04.tar.zst'
ERROR: Backup of VM 200 failed - command 'set -o pipefail && lxc-usernsexec' failed: exit code 2
INFO: Failed at 2026-11-22 19:14:05
ERROR: Backup of VM 999 failed - unable to find VM '999'
INFO: Backup job finished with errors
TASK ERROR: job errors";

    #[test]
    fn one_failing_guest_does_not_hide_the_others() {
        let guests = guests(LOG.lines());
        let ends: Vec<(u32, &End)> = guests
            .iter()
            .map(|guest| (guest.vmid.get(), &guest.end))
            .collect();
        assert_eq!(
            ends,
            [
                (100, &End::Finished(3723)),
                (
                    200,
                    &End::Failed(
                        "command 'set -o pipefail && lxc-usernsexec' failed: exit code 2".into()
                    )
                ),
                (999, &End::Failed("unable to find VM '999'".into())),
            ]
        );
        assert_eq!(guests[0].kind, Some(GuestKind::Qemu));
        assert_eq!(guests[2].kind, None);
        assert!(
            guests[1]
                .tail
                .iter()
                .any(|line| line.starts_with("INFO: Failed at"))
        );
    }

    #[test]
    fn the_archive_is_a_volume_of_the_storage() {
        let storage: StorageId = "backups".parse().unwrap();
        let guests = guests(LOG.lines());
        assert_eq!(
            guests[0].volume(&storage).unwrap().to_string(),
            "backups:backup/vzdump-qemu-100-2026_11_22-19_14_01.vma.zst"
        );
        assert_eq!(guests[2].volume(&storage), None);
    }

    #[test]
    fn a_log_that_ends_early_leaves_its_guest_open() {
        let guests = guests(LOG.lines().take(4));
        assert_eq!(guests.len(), 1);
        assert_eq!(guests[0].end, End::Open);
    }
}
