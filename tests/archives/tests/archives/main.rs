//! What is said of archives, against what is true of them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::large_stack_arrays,
    reason = "a test may fail where it stands, and a table of damages is long"
)]

mod corpus;
mod damage;
mod failing;
mod fuzz;
mod sound;
mod sweep;
mod tools;
mod tree_damage;
