//! Dumps of databases: as SQL to the end mark of their tool, in the custom format of `pg_dump` to
//! the last block of its table of contents.

mod custom;
mod marks;
mod sql;

pub(crate) use custom::{check as check_custom, is_custom};
pub(crate) use sql::check as check_sql;

/// Whether a dump begins as text: SQL under the ending of another format, or what a program wrote
/// when it failed.
pub(crate) fn is_text(start: &[u8]) -> bool {
    start
        .iter()
        .all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}
