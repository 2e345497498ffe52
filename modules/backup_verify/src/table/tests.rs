use serde_json::json;

use super::*;
use crate::asked_tests::world;

/// What a person sees, to the letter.
#[test]
fn guests_come_first_and_the_worst_of_them() {
    let report = world(json!({}));
    let text = render(&report);
    let expected = "\
STATE            GUEST  NAME  NEWEST                  AGE/RPO  NEXT RUN          WHY
unprotected        101  mail  -                        -/26 h  -                 in no backup job
protected          100  web   2026-11-18 10:36       0 h/26 h  2026-11-18 12:06  newest archive read and sound
             disk scsi1 is not saved: backup=no
             the last backup failed (2026-11-18 11:05): the server is full
             verified by Proxmox Backup Server of storage `pbs`
2 guests: 1 protected, 0 excluded, 0 unverified, 0 stale, 0 corrupt, 1 unprotected, 0 unknown; 1 disks not saved

VERDICT          GUEST       SIZE  NEXT PRUNE  FILE
ok                 100     1000 B  keep        pbs:backup/vm/100/2026-11-18T10:13:20Z
             verified by Proxmox Backup Server of storage `pbs`
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.ends_with(
            "Not seen:\n  the archives on storage `local` of node `pve2` could not be listed: the node is offline\n"
        ),
        "{text}"
    );
}
