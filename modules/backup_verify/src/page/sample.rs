//! Guests and archives for tests.

use pve_coverage::{GuestCoverage, GuestState};
use vzdump_archive::{Codec, Integrity, Verdict};

use crate::report::ArchiveResult;

/// A guest with a job.
pub(crate) fn guest(kind: &str, vmid: u32, state: GuestState) -> GuestCoverage {
    GuestCoverage {
        vmid,
        kind: kind.to_owned(),
        name: Some(format!("name-{vmid}")),
        node: "pve1".to_owned(),
        state,
        why: format!("it is {}", state.as_str()),
        jobs: Vec::new(),
        next_run: None,
        disks: Vec::new(),
        newest: None,
        newest_at: None,
        newest_sound: None,
        proof_at: None,
        proof_by: None,
        rpo_hours: Some(26),
        last_backup_at: None,
        last_error: None,
        last_backup_seconds: None,
    }
}

/// An archive on the storage `local`.
pub(crate) fn archive(kind: &str, vmid: u32, time: &str, verdict: Verdict) -> ArchiveResult {
    let ending = if kind == "qemu" { "vma.zst" } else { "tar.zst" };
    let file = format!("vzdump-{kind}-{vmid}-{time}.{ending}");
    ArchiveResult {
        path: Some(format!("/var/lib/vz/dump/{file}")),
        volid: Some(format!("local:backup/{file}")),
        storage: Some("local".to_owned()),
        node: Some("pve1".to_owned()),
        vmid: Some(vmid),
        time: Some(time.to_owned()),
        at: None,
        verdict,
        reasons: Vec::new(),
        reasons_left_out: 0,
        proof_at: None,
        tried_at: None,
        proof_by: None,
        next_prune: None,
        next_prune_why: None,
        safety_copy: false,
        integrity: Integrity::Unknown,
        format: None,
        codec: Codec::None,
        size: 1 << 30,
        content_size: 0,
        sha256: None,
        disks: Vec::new(),
        configs: Vec::new(),
        members: None,
        protected: false,
        notes: None,
        older_sound: None,
    }
}
