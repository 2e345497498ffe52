//! Which guests and disks are really protected.
//!
//! Proxmox VE counts disabled jobs as covering and hides what a caller may not see. Here a guest
//! is protected when an enabled job saves it, its newest archive is young enough, and that archive
//! was read and found sound; what cannot be seen is unknown, with the privilege that would show
//! it. Nothing here does IO: everything is worked out from [`Evidence`].
//!
//! | file | what it knows |
//! |---|---|
//! | `evidence` | what is worked from |
//! | `selection` | whether a job saves a guest |
//! | `policy` | how old the newest archive may be, who needs none |
//! | `prune` | what the next prune would keep, as Proxmox VE marks it |
//! | `archives` | what the next prune makes of each archive |
//! | `saving` | what the jobs do for a guest |
//! | `found` | which of its archives is the newest that counts |
//! | `evaluate` | the state of each guest |
//! | `task_log` | what the log of vzdump says of each guest |
//! | `result` | what is said of guests, disks and archives |

mod archives;
mod evaluate;
mod evidence;
mod found;
mod policy;
mod prune;
mod result;
mod saving;
mod selection;
pub mod task_log;

pub use evaluate::evaluate;
pub use evidence::{Evidence, LastBackup, Proof, ProofState, Sight, StorageContent, Target};
pub use policy::{Matcher, Policies, PolicyGuest, Rpo};
pub use prune::{Candidate, Mark, Marked, Why, marks};
pub use result::{
    ArchiveCoverage, Coverage, CoverageSummary, DiskCoverage, GuestCoverage, GuestState,
    JobCoverage,
};
pub use selection::{Selection, jobs_to_ask, selection};
