//! What is said of one archive.

use pve_types::{Vmid, is_safety_copy};
use vzdump_archive::folder::Leftover;
use vzdump_archive::{Codec, FileName, Integrity, Reason, Verdict};

use crate::judge::{self, Sound};
use crate::observe::{Listed, Verified};
use crate::report::{ArchiveResult, ReasonResult};

/// Of a file that was read, now or before.
pub(crate) fn read(verified: &Verified, sound: &[Sound<'_>]) -> ArchiveResult {
    let (candidate, examination) = (&verified.candidate, &verified.examination);
    let entry = verified.on.as_ref().and_then(|on| on.archive.as_ref());
    let mut result = unread(&candidate.name, &examination.reasons, sound);
    result.path = Some(candidate.path.display().to_string());
    if let Some(on) = &verified.on {
        result.storage = Some(on.storage.to_string());
        result.node = Some(on.node.to_string());
    }
    result.volid = entry.map(|archive| archive.volid.to_string());
    result.at = entry.and_then(|archive| archive.ctime);
    result.verdict = examination.verdict;
    result.reasons_left_out = examination.reasons_left_out;
    // A reading that failed proves nothing.
    if examination.verdict == Verdict::Unreadable {
        result.tried_at = verified.read_at;
    } else {
        result.proof_at = verified.read_at;
    }
    result.proof_by.clone_from(&verified.by);
    result.integrity = examination.integrity;
    result.format = examination.format;
    result.codec = examination.codec;
    result.size = examination.bytes.max(candidate.size);
    result.content_size = examination.content_bytes;
    result.sha256.clone_from(&examination.sha256);
    result.disks.clone_from(&examination.disks);
    result.configs.clone_from(&examination.configs);
    result.members = examination.members;
    result.protected = candidate.protected;
    result.notes.clone_from(&candidate.notes);
    result.safety_copy = is_safety_copy(result.notes.as_deref());
    result
}

/// Of an archive that Proxmox VE lists and that was not read here.
pub(crate) fn listed(listed: &Listed, sound: &[Sound<'_>]) -> ArchiveResult {
    let archive = &listed.archive;
    let file = archive.volid.backup_file();
    let mut result = unread(
        &FileName::new(file.unwrap_or_else(|| archive.volid.name())),
        listed.reason.as_slice(),
        sound,
    );
    result.volid = Some(archive.volid.to_string());
    result.storage = Some(listed.storage.to_string());
    result.node = Some(listed.node.to_string());
    result.vmid = archive.vmid.map(Vmid::get);
    result.at = archive.ctime;
    result.verdict = listed.verdict;
    result.proof_at = listed.read_at;
    result.proof_by.clone_from(&listed.by);
    result.size = archive.size.unwrap_or(0);
    result.protected = archive.protected;
    result.notes.clone_from(&archive.notes);
    result.safety_copy = is_safety_copy(result.notes.as_deref());
    result
}

/// Of what an unfinished backup left.
pub(crate) fn leftover(left: &Leftover, is_running: bool, sound: &[Sound<'_>]) -> ArchiveResult {
    let newest = judge::newest(sound, left.vmid).map(|sound| sound.stamp);
    let reason = left.judge(is_running, newest);
    let older = judge::older(sound, left.vmid, left.stamp).map(|sound| sound.name.to_string());
    let guest = Some(left.vmid.get());
    ArchiveResult {
        path: Some(left.path.display().to_string()),
        vmid: guest,
        time: Some(left.stamp.to_string()),
        verdict: reason.verdict,
        reasons: vec![ReasonResult {
            reason,
            guest,
            older_sound: older.clone(),
        }],
        size: left.size,
        older_sound: older,
        ..unread(&FileName::new(""), &[], sound)
    }
}

/// What a name and the reasons tell; the rest is nothing.
fn unread(name: &FileName, reasons: &[Reason], sound: &[Sound<'_>]) -> ArchiveResult {
    let stamp = name.standard.as_ref().map(pve_types::ArchiveName::stamp);
    let older = name
        .vmid
        .zip(stamp)
        .and_then(|(vmid, stamp)| judge::older(sound, vmid, stamp))
        .map(|sound| sound.name.to_string());
    let guest = name.vmid.map(Vmid::get);
    ArchiveResult {
        path: None,
        volid: None,
        storage: None,
        node: None,
        vmid: guest,
        time: stamp.map(|stamp| stamp.to_string()),
        at: None,
        verdict: Verdict::NotVerified,
        reasons: reasons
            .iter()
            .map(|reason| ReasonResult {
                reason: reason.clone(),
                guest,
                older_sound: older.clone(),
            })
            .collect(),
        reasons_left_out: 0,
        proof_at: None,
        tried_at: None,
        proof_by: None,
        next_prune: None,
        next_prune_why: None,
        safety_copy: false,
        integrity: Integrity::Unknown,
        format: name.format,
        codec: name.codec.unwrap_or(Codec::None),
        size: 0,
        content_size: 0,
        sha256: None,
        disks: Vec::new(),
        configs: Vec::new(),
        members: None,
        protected: false,
        notes: None,
        older_sound: older,
    }
}
