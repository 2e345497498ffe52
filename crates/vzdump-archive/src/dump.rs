//! Dumps of databases.

use crate::Findings;
use crate::stream::Stream;

pub(crate) fn is_custom(start: &[u8]) -> bool {
    start.starts_with(b"PGDMP")
}

pub(crate) fn check_sql(input: &mut Stream, _findings: &mut Findings) {
    input.drain();
}

pub(crate) fn check_custom(input: &mut Stream, _findings: &mut Findings) {
    input.drain();
}
