//! Metrics for the textfile collector of `node_exporter`.
//!
//! The names are an interface: dashboards and alerts of users have them. They are declared here
//! once, and `docs/reference/metrics.md` is made from this table. Times are Unix seconds, never
//! ages: an age would be wrong as soon as the timer stops.

mod write;

pub(crate) use write::text;

/// One metric. All are gauges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// Of a guest: `qemu/100`, as the exporter of Proxmox VE writes it.
const GUEST: &[&str] = &["id"];

macro_rules! metrics {
    ($($constant:ident $name:literal $labels:expr, $help:literal;)*) => {
        $(pub(crate) const $constant: Metric = Metric { name: $name, help: $help, labels: $labels };)*
        /// All of them, in the order of the file.
        pub const METRICS: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    BUILD_INFO "reprise_build_info" &["version"], "Always 1. The version that wrote the metrics.";
    LAST_RUN "reprise_verify_last_run_timestamp_seconds" &[], "When backups were last verified.";
    DURATION "reprise_verify_last_run_duration_seconds" &[], "How long that took.";
    SUCCESS "reprise_verify_last_run_success" &[], "1 when it found nothing that counts as failed (fail_on), else 0.";
    READ "reprise_verify_last_run_read_bytes" &[], "How many bytes were read.";
    CYCLE_END "reprise_verify_cycle_end_timestamp_seconds" &[], "When every archive has been read again, with a run every day. Missing without a ledger.";
    UNSEEN "reprise_verify_unseen" &[], "How many things could not be seen for want of rights or access.";
    ARCHIVES "reprise_verify_archives" &["verdict"], "How many archives there are of each verdict.";
    GUESTS "reprise_guests" &["state"], "How many guests there are of each state. Missing when Proxmox VE was not asked.";
    STATE "reprise_guest_state" &["id", "state"], "1 for the state of the guest, 0 for the others. Missing when Proxmox VE was not asked.";
    RPO "reprise_guest_rpo_seconds" GUEST, "How old the newest archive of the guest may be.";
    DISKS "reprise_guest_disks_not_saved" GUEST, "How many disks or mount points of the guest are in no backup.";
    NEXT_RUN "reprise_guest_next_run_timestamp_seconds" GUEST, "When an enabled job saves the guest next. Missing when none does.";
    LAST_SUCCESS "reprise_guest_last_success_timestamp_seconds" GUEST, "When the newest archive of the guest was begun that counts and is not known to be damaged. Missing when there is none.";
    SIZE "reprise_guest_last_success_size_bytes" GUEST, "The size of that archive.";
    VERDICT "reprise_guest_newest_archive_verdict" &["id", "verdict"], "1 for the verdict on the newest archive of the guest, 0 for the others.";
    PROOF "reprise_guest_proof_timestamp_seconds" GUEST, "When the newest archive of the guest was last read to its end. Missing when nobody read it.";
    ENDED "reprise_guest_last_backup_end_timestamp_seconds" GUEST, "When the last backup of the guest ended, by the task log, whether it succeeded or not.";
    TOOK "reprise_guest_last_backup_duration_seconds" GUEST, "How long that backup took. Missing when the task log does not tell.";
    FAILED "reprise_guest_last_backup_failed" GUEST, "1 when that backup failed, else 0.";
}

#[cfg(test)]
mod tests;
