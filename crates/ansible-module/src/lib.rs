//! What `AnsibleModule` does for a Python module, for a module that is a program.
pub mod args;
mod ascii;
mod check;
mod choice;
mod coerce;
mod constraint;
pub mod control;
mod mapping;
pub mod mask;
mod number;
pub mod option;
pub mod panic;
mod parse;
mod path;
mod place;
mod python;
pub mod result;
mod sub_option;
mod validate;

pub use args::{InputError, SELECTOR, Source, take_selector};
pub use check::check_spec;
pub use control::Control;
pub use mask::Secrets;
pub use parse::{ArgumentError, Parsed, parse};
pub use result::{Change, Deprecation, Diff, Output};

/// Gives the value of an environment variable. The crate never reads the environment itself.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;
