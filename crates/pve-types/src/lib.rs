//! Identifiers, names and property strings of Proxmox VE (PVE) as checked types.
//!
//! Nothing here does IO. Every identifier has a private field and one checked constructor
//! ([`std::str::FromStr`], also used by serde); its `Display` prints exactly what PVE reads.
//! What PVE answers is lenient about numbers and strings, so [`lenient`] reads both.
//!
//! | file | what it knows |
//! |---|---|
//! | `name` | ids of storages, nodes, jobs, pools; privileges |
//! | `vmid` | guest numbers and lists of them |
//! | `guest` | the two kinds of guests |
//! | `upid` | ids of tasks |
//! | `volume`, `archive_name` | volumes, and the names vzdump gives to archives |
//! | `property` | property strings (`key=value,…`) |
//! | `retention` | `prune-backups` |
//! | `lenient` | serde helpers for values that come as number or string |

mod archive_name;
mod error;
mod guest;
pub mod lenient;
mod name;
mod notes;
mod property;
mod retention;
mod text;
mod upid;
mod vmid;
mod volume;

pub use archive_name::{ArchiveFormat, ArchiveName, Compression, GuestTag, LocalStamp};
pub use error::ParseError;
pub use guest::GuestKind;
pub use name::{JobId, NodeName, PoolId, Privilege, StorageId};
pub use notes::{SAFETY_COPY_NOTE, is_safety_copy};
pub use property::PropertyString;
pub use retention::{Retention, RetentionParts};
pub use upid::Upid;
pub use vmid::{Vmid, VmidList};
pub use volume::VolumeId;
