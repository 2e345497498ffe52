//! vzdump_job.
