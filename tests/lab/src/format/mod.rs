//! Archives as a node writes and reads them: compression, VMA, tar.

pub(crate) mod codec;
mod lzop;
pub(crate) mod tarball;
pub(crate) mod vma;
