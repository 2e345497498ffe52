//! Dumps of databases: as SQL to the end mark of their tool, in the custom format of `pg_dump` to
//! the last block of its table of contents.

mod custom;
mod sql;

pub(crate) use custom::{check as check_custom, is_custom};
pub(crate) use sql::check as check_sql;
