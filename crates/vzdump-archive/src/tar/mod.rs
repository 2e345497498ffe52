//! tar, the archive format of containers: POSIX with extended headers, as GNU tar writes it, and
//! the older GNU forms.

mod header;
mod judge;
mod names;
mod pax;
mod sparse;
mod walk;

pub(crate) use header::is_header;
pub(crate) use walk::walk;
