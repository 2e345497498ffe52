//! codegen.

fn main() {}
