//! The calls, one file per family: what is asked, and what the answer means.

mod access;
mod backup;
mod coverage;
mod guest;
mod guest_config;
mod job;
mod node;
mod other;
mod pool;
mod resources;
mod schedule;
mod storage;
mod storage_config;
mod storage_content;
mod task;
mod version;

pub use access::Permissions;
pub(crate) use access::Remembered;
pub use backup::NO_TASK;
pub use coverage::{IncludedGuest, IncludedVolume, UncoveredGuest};
pub use guest::{Guest, GuestStatus};
pub use guest_config::{ConfigView, GuestConfig};
pub use job::{Fleecing, Job, Performance};
pub use node::{Node, NodeStatus};
pub use pool::{Pool, PoolMember};
pub use resources::{Resources, StorageOnNode};
pub use schedule::ScheduleEvents;
pub use storage::StorageStatus;
pub use storage_config::Storage;
pub use storage_content::{Archive, PruneEntry, PruneMark, Verification};
pub use task::{EndedTask, LogLine, Outcome, TaskStatus, Wait};
pub use version::Version;
