//! Archives for tests.
//!
//! | file | what it knows |
//! |---|---|
//! | `corpus` | a folder of archives with a manifest of the truth, and how far we are from it |
//! | `image` | a large guest for benchmarks |
//! | `make` | small sound archives under every compression |
//! | `manifest` | that manifest |
//! | `truth` | what a restore would give: the digests of disks and files |
#![expect(clippy::print_stdout, reason = "the terminal is where a check reports")]

pub mod corpus;
pub mod image;
pub mod make;
pub mod manifest;
pub mod truth;

pub use vzdump_archive::Codec;
