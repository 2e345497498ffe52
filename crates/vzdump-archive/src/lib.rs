//! Reads the archives of vzdump to the last byte, in one pass and in bounded memory, and says what
//! is wrong in them.
//!
//! | file | what it knows |
//! |---|---|
//! | `examine` | the pass: reading, hashing, decompressing and parsing beside each other |
//! | `source`, `pace` | how a file comes from the disk: ahead of time, out of the way of others, not faster than allowed |
//! | `stream` | the bounded pipes between these |
//! | `codec/…` | zstd, gzip, lzop and bzip2, each with its container and its checksums |
//! | `vma/…`, `tar/…` | the two formats of archives |
//! | `guest_config` | the configuration of a guest, as far as a restore depends on it |
//! | `dump/…` | dumps of databases |
//! | `checksum` | checksum files beside an archive |
//! | `name`, `file`, `folder` | what names say, one file, and what lies in a folder |
//! | `reason`, `verdict` | what can be wrong, and what follows |
//! | `sink` | who gets configurations, disks and files as they come by: a restore |
//!
//! The input is hostile: nothing here panics, allocates by a number that the file claims, or
//! trusts a name.

#![cfg_attr(
    not(test),
    warn(clippy::arithmetic_side_effects, clippy::as_conversions)
)]

pub mod checksum;
mod codec;
mod dump;
mod examine;
mod file;
pub mod folder;
mod guest_config;
mod name;
mod number;
mod pace;
mod reason;
mod sink;
mod source;
mod stream;
mod tar;
mod verdict;
mod vma;

pub use codec::Codec;
pub use examine::{ConfigFile, Disk, Examination, Integrity, Options, examine};
pub use file::{examine_file, open_file};
pub use name::{FileName, Format};
pub use pace::Pace;
pub use reason::{Finding, Findings, Layer, Place, Reason, Stretch};
pub use sink::{Discard, Member, MemberKind, Sink};
pub use verdict::Verdict;
