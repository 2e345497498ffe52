//! reprise.

fn main() {}
