//! `--on root@node`: a module's command, done by the same program on other machines.
//!
//! | file | what it does |
//! |---|---|
//! | `wire` | a request, its events and its result, as both sides know them |
//! | `near` | the command here: asks every machine at once |
//! | `events` | what a machine says meanwhile, and its end |
//! | `agree` | one question for all machines |
//! | `console` | what the user sees of several machines |
//! | `far` | the program there: finds the run of a request, or starts it |
//! | `detached` | the run itself, which outlives the connection |

mod agree;
mod console;
mod detached;
mod events;
mod far;
mod near;
mod wire;

pub use detached::run as detached_run;
pub use far::run as serve;
pub use near::FLAGS;
pub(crate) use near::{flags, run, targets};
pub use on_node::{DETACHED, SERVE};

use crate::Failure;
use crate::exit::Exit;

impl From<on_node::Error> for Failure {
    fn from(error: on_node::Error) -> Self {
        let exit = match error.kind {
            on_node::Kind::Usage => Exit::Usage,
            on_node::Kind::Interrupted => Exit::Interrupted,
            // What was asked for may be done: only somebody who looks can tell.
            on_node::Kind::LostAfter => Exit::NeedsAHand,
            on_node::Kind::NotReached
            | on_node::Kind::NotPlaced
            | on_node::Kind::LostBefore
            | on_node::Kind::State => Exit::Failed,
        };
        Self {
            hint: error.hint,
            ..Self::new(exit, error.message)
        }
    }
}

/// A time as a person reads it.
fn shown_time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s"), |time| time.to_string())
}
