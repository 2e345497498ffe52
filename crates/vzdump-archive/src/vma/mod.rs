//! VMA, the archive format of virtual machines. `docs/formats/vma.md` describes it.

mod blobs;
mod clusters;
mod extent;
mod header;
mod layout;
mod walk;

pub(crate) use layout::MAGIC;
pub(crate) use walk::walk;
