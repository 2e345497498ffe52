//! The same program on another machine, over the user's own ssh.
//!
//! The near side connects, has the program under its content hash on the other side (puts it there
//! when it is not), starts it and exchanges lines of JSON with it. The far side keeps a folder for
//! each run: a run is a process of its own that outlives every connection, and the next call finds
//! it there.
//!
//! | file | side | what it knows |
//! |---|---|---|
//! | `target` | near | what may be named after `--on` |
//! | `program` | near | which binary goes to which machine |
//! | `script` | far, sent by near | the few lines of shell that find and place the program |
//! | `session` | near | one ssh connection |
//! | `explain` | near | what ssh says, in words that help |
//! | `call` | near | a request, its events, its end |
//! | `interrupt` | near | Ctrl-C while something is waited for |
//! | `key` | far | what makes two requests the same |
//! | `place` | far | where state is, which old programs go |
//! | `runs`, `follow` | far | the folders of the runs, found again, followed |
//! | `detached` | far | a process that outlives the connection |
//!
//! It knows no module and no option: a request and its events are JSON to it.

mod call;
pub mod detached;
mod error;
mod explain;
mod follow;
mod interrupt;
mod key;
mod place;
mod program;
mod runs;
mod script;
mod session;
mod target;

pub use call::{Line, call};
pub use error::{Error, Kind};
pub use follow::{Ended, follow};
pub use interrupt::interruptible;
pub use key::key;
pub use place::{prune_programs, state_folder};
pub use program::{Arch, Programs};
pub use runs::{About, Found, Locked, Run, Store};
pub use session::Settings;
pub use target::Target;

/// The version of what is said between the two sides. A program that speaks another one is never
/// met: both sides are the same file. It stands in what is kept on disk, which may be older.
pub const PROTOCOL: u32 = 1;

/// The word that starts the far side.
pub const SERVE: &str = "serve";

/// The word that starts a run there.
pub const DETACHED: &str = "detached-run";
