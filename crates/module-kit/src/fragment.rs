//! Options that several modules share, each declared once.

pub mod api;
pub mod retention;
