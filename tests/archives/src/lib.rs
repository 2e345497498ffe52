//! Archives for tests.
//!
//! | file | what it knows |
//! |---|---|
//! | `corpus` | a folder of archives with a manifest of the truth, and how far we are from it |
//! | `image` | a large guest for benchmarks |
//! | `dumps` | small sound dumps of databases |
//! | `figures` | what the full sweep counted, kept and compared |
//! | `fuzz` | what is asked of any bytes at all |
//! | `make` | small sound archives under every compression |
//! | `machines` | sound machines of every kind |
//! | `manifest` | that manifest |
//! | `matrix` | damage by damage, ours beside what real programs say |
//! | `page` | both tables, as a page of the documentation |
//! | `packings` | what various writers of a compression make |
//! | `seeds` | what a fuzzer begins with |
//! | `sweep` | each byte flipped, each length cut to |
//! | `trees` | sound containers of every kind |
//! | `truth` | what a restore would give: the digests of disks and files |
#![expect(clippy::print_stdout, reason = "the terminal is where a check reports")]

pub mod corpus;
pub mod dumps;
pub mod figures;
pub mod fuzz;
pub mod image;
pub mod machines;
pub mod make;
pub mod manifest;
pub mod matrix;
pub mod packings;
pub mod page;
pub mod seeds;
pub mod sweep;
pub mod trees;
pub mod truth;

pub use vzdump_archive::Codec;
